"""Files that the processes of a host share, in memory: no full disk reaches them.

Whoever writes to a mapped file for which the disk has no room is ended on the spot (SIGBUS).
"""

from __future__ import annotations

import os
from pathlib import Path


def make_in_memory(path: Path, size: int = 0) -> None:
    """Make a file of zeros that lies in memory, for as long as this process lives.

    Parameters
    ----------
    path
        What processes of the same user open it by: a symbolic link, which nothing follows once
        this process has ended.
    size
        Bytes it has at first.
    """
    descriptor = os.memfd_create(path.name)  # never closed: it is the file
    os.ftruncate(descriptor, size)
    path.symlink_to(f"/proc/{os.getpid()}/fd/{descriptor}")
