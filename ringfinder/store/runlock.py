"""Who may write rings: one rule for every store."""

from __future__ import annotations

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.store.protocol import RunLock


def taken_lock(
    holder: str,
    *,
    token: int,
    other: str | None,
    acquired_ms: int,
    expires_ms: int,
    now_ms: int,
    lease_ms: int,
    dead: str | None = None,
) -> RunLock:
    """Return the lock for a new holder.

    A lock whose beginning lies more than a lease in the future was taken before the clock
    was set back; it counts as expired. The token keeps two runs apart in any case.

    Parameters
    ----------
    holder
        Who wants it.
    token, other, acquired_ms, expires_ms
        Of the lock that was given last; `other` is None where it was given back.
    now_ms, lease_ms
        The time, and for how long it is wanted.
    dead
        How the names of holders end that are known to be no more: they keep nobody waiting.

    Raises
    ------
    StoreUnavailable
        While another run has it.
    """
    alive = other is not None and not (dead and other.endswith(dead))
    if alive and now_ms < expires_ms and now_ms > acquired_ms - lease_ms:
        raise StoreUnavailable(
            f"a run by {other} writes rings; its lock ends in {(expires_ms - now_ms) // 1000} s at "
            "the latest. Wait for it, or stop it and try again then"
        )
    return RunLock(token + 1, holder, now_ms + lease_ms)


def check_lock(run_id: str, lock: RunLock, token: int | None) -> None:
    """Raise a StoreError where another run has taken the lock since; `token`: the last one."""
    if token != lock.token:
        raise StoreError(
            f"run {run_id} has lost the lock to a later run: its rings were not written"
        )
