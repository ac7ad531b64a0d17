"""Memory-mapped files pushed out of memory, as another program's hunger would."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_PIDFD_OPEN, _PROCESS_MADVISE, _PAGEOUT = 434, 440, 21


class _Range(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def push_out(pid: int, directory: Path) -> int | None:
    """Push out what a process maps of a directory's files; the bytes advised, None: not allowed."""
    system = ctypes.CDLL(None, use_errno=True)
    process = system.syscall(_PIDFD_OPEN, pid, 0)
    if process < 0:
        return None
    total = 0
    try:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if str(directory) in line:
                begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                one = _Range(begin, end - begin)
                done = system.syscall(_PROCESS_MADVISE, process, ctypes.byref(one), 1, _PAGEOUT, 0)
                if done < 0:
                    return None
                total += done
    finally:
        os.close(process)
    return total


def in_memory(pid: int, directory: Path) -> int:
    """Bytes of a directory's files that a process has mapped and in memory."""
    total, ours = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if "-" in line.split(maxsplit=1)[0]:
            ours = str(directory) in line
        elif ours and line.startswith("Rss:"):
            total += 1024 * int(line.split()[1])
    return total
