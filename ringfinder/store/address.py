"""What the address of a server says about the way there."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


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
