"""How the process asks the system for memory."""

from __future__ import annotations

import ctypes
import platform

_ARENA_MAX, _MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -8, -4, -1, -2  # malloc.h of the GNU C library


def keep_freed_memory() -> bool:
    """Let freed arrays be used again instead of being handed back and asked for anew.

    An audit makes and drops arrays of a hundred megabytes by the hundred. glibc returns each
    to the kernel, which clears the pages again for the next: on a virtual machine a fifth of
    the time at a million accounts. One arena, so that threads reuse each other's.

    Returns
    -------
    bool
        Whether the C library is one that can be told; where not, nothing is changed.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wishes = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 1 << 26))
    return all(mallopt(name, value) for name, value in wishes)
