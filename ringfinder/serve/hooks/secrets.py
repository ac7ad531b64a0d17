"""The secrets that hooks are signed with: several each, so that they can be rotated."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from ringfinder.config import Settings
from ringfinder.errors import InputError

HOOKS = ("supabase", "auth0", "stripe", "webhook")
LEAST_BYTES = 24
"""Of a key, as the Standard Webhooks specification asks."""
MOST_SECRETS = 4


def read_secrets(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the secrets of each hook that has any.

    Raises
    ------
    InputError
        Naming the hook whose secret is unusable, or is set twice; never a secret.
    """
    in_file = _read_file(settings.hook_secrets_file) if settings.hook_secrets_file else {}
    found = {}
    for hook in HOOKS:
        secret: SecretStr | None = getattr(settings, f"hook_{hook}_secret")
        set_ = [] if secret is None else secret.get_secret_value().split()
        if set_ and hook in in_file:
            raise InputError(
                f"The secret of the hook {hook} is in hook_secrets_file and in "
                f"hook_{hook}_secret; keep one of them."
            )
        secrets = [_usable(hook, one) for one in [*set_, *in_file.get(hook, ())]]
        if len(secrets) > MOST_SECRETS:
            raise InputError(f"The hook {hook} has more than {MOST_SECRETS} secrets.")
        if secrets:
            found[hook] = tuple(secrets)
    return found


def _read_file(path: Path) -> Mapping[str, Sequence[str]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read hook_secrets_file {path}: {error.strerror}.") from None
    except ValueError:
        raise InputError(f'{path} is not TOML: expected lines `stripe = ["whsec_..."]`.') from None
    for hook, secrets in content.items():
        if hook not in HOOKS:
            raise InputError(f"{path} names a hook that there is not; expected {', '.join(HOOKS)}.")
        if not isinstance(secrets, list) or not all(isinstance(one, str) for one in secrets):
            raise InputError(f"{path}: {hook} is a list of secrets in quotes.")
    return content


def _usable(hook: str, secret: str) -> str:
    """Return a secret as it is signed with, or say that it is unusable."""
    if hook == "stripe":  # Stripe signs with the text as it is shown, prefix and all
        if len(secret) < LEAST_BYTES:
            raise _unusable(hook)
        return secret
    text = secret.removeprefix("v1,").removeprefix("whsec_")  # v1, is how Supabase shows it
    try:
        # What is no base64 must not be skipped: the key would be another one than the sender's.
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # a binascii.Error, or not ASCII
        raise _unusable(hook) from None
    if len(key) < LEAST_BYTES or len(set(key)) == 1:
        raise _unusable(hook)
    return "whsec_" + base64.b64encode(key).decode()


def _unusable(hook: str) -> InputError:
    return InputError(
        f"A secret of the hook {hook} is unusable: expected whsec_ and the base64 of at least "
        f"{LEAST_BYTES} random bytes."
    )
