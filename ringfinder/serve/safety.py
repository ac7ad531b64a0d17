"""What `serve` refuses to start with, and how to mend it."""

from __future__ import annotations

from ringfinder.config import Settings
from ringfinder.errors import InputError
from ringfinder.store.address import check_encrypted
from ringfinder.store.open import parse_address

_PLACEHOLDERS = ("changeme", "change-me", "change_me", "example", "password", "secret", "default")
_PASSWORDS = {"neo4j", "test", "admin", "ringfinder", "letmein", "12345678"}
DISTINCT = 8
"""Different characters that a random key of 32 has at the least."""


def check_safe(settings: Settings) -> None:
    """Raise an InputError where secrets are placeholders, or would cross a network in the clear.

    Raises
    ------
    InputError
        Naming the setting and what to do.
    """
    pepper = settings.read_pepper()
    if pepper is not None and _is_placeholder(pepper.decode("utf-8", "replace")):
        raise InputError(
            "The pepper is a placeholder that others know too, so pseudonyms made with it hide "
            "nothing: set RINGFINDER_PEPPER to what `openssl rand -hex 32` prints, or leave it "
            "unset and one is made."
        )
    address = parse_address(settings.store, data_dir=settings.data_dir)
    if address.uri is None:
        return
    password = settings.read_neo4j_password()
    if password is not None and (password in _PASSWORDS or password in _PLACEHOLDERS):
        raise InputError(
            "The password of the Neo4j is a default one: change it there "
            "(`ALTER CURRENT USER SET PASSWORD`), and set neo4j_password_file to the new one."
        )
    check_encrypted(address.uri, allow_plain=settings.neo4j_allow_plain)


def _is_placeholder(secret: str) -> bool:
    lower = secret.lower()
    in_order = "0123456789abcdef" in lower or "abcdefghijklmnop" in lower
    return in_order or len(set(lower)) < DISTINCT or any(word in lower for word in _PLACEHOLDERS)
