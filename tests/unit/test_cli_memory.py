"""Freed memory is kept for the next array."""

import platform
import subprocess
import sys

import pytest

from ringfinder.cli import memory

GLIBC = platform.libc_ver()[0] == "glibc"
FAULTS = """
import resource, numpy as np
{before}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
begun = faults()
for _ in range(20):
    np.ones(1 << 26, dtype=np.uint8)  # beyond what glibc keeps by itself
print(faults() - begun)
"""
KEEP = "from ringfinder.cli.memory import keep_freed_memory; assert keep_freed_memory()"


def page_faults(before: str) -> int:
    code = FAULTS.format(before=before)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(not GLIBC, reason="another C library")
def test_arrays_made_and_dropped_again_are_not_asked_of_the_kernel_each_time():
    assert page_faults(KEEP) < 0.5 * page_faults("import ringfinder.cli.memory")


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("musl", "1.2"))
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: pytest.fail("it was called"))
    assert memory.keep_freed_memory() is False
