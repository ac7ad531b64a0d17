"""What is known of one account, and the erasure of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from ringfinder.score.policy import Action
from ringfinder.serve import accounts
from ringfinder.serve.access import GuardedRoute, needs
from ringfinder.serve.answers import AccountView, Erased
from ringfinder.serve.keys import KeyScope
from ringfinder.serve.lean import TheKey, TheService

router = APIRouter(route_class=GuardedRoute, tags=["accounts"])
AccountId = Annotated[str, Path(min_length=1, description="As the sign-up named it.")]


@router.get("/v1/accounts/{account_id:path}", response_model=AccountView)
@needs(KeyScope.RINGS)
async def get_account(
    service: TheService,
    account_id: AccountId,
    action: Annotated[
        Action | None,
        Query(description="What the account is about to do: `decision` is then the policy's."),
    ] = None,
) -> Any:
    """Show what is known of an account; one that was just accepted is there at once.

    Ask with an `action` before a payout, say: the rules of the policy for it decide.
    """
    return await accounts.view(service, account_id, action)


@router.delete("/v1/accounts/{account_id:path}/personal-data", response_model=Erased)
@needs(KeyScope.ADMIN)
async def erase_account(service: TheService, key: TheKey, account_id: AccountId) -> Any:
    """Erase an account: its events, its answers, and its place in the graph.

    That its events were received stays known, so that a repetition brings nothing back.
    Asking twice is safe.
    """
    return await accounts.erase(service, account_id, who=f"key:{key.id}")
