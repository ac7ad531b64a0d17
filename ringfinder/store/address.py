"""What the address of a server says about the way there."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from ringfinder.errors import InputError


def check_encrypted(uri: str, *, allow_plain: bool) -> None:
    """Check that password and graph cross no network in the clear, unless they may.

    Raises
    ------
    InputError
        If they would; the address, which may hold credentials, is not repeated.
    """
    if is_plain_remote(uri) and not allow_plain:
        raise InputError(
            "The Neo4j of the setting store is on another host and not encrypted: use neo4j+s:// "
            "or bolt+s://, or set neo4j_allow_plain if the network between is yours alone."
        )


def is_plain_remote(uri: str) -> bool:
    """Return whether what is sent there crosses a network unencrypted."""
    parts = urlsplit(uri)
    if parts.scheme.endswith(("+s", "+ssc")):
        return False
    host = parts.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
