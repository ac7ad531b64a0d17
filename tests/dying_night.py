"""A nightly run that is killed (SIGKILL, no clean-up) at a given point: ``HOME POINT [NIGHT]``.

A point is ``module.function``: the process kills itself when it is called; ``+`` behind it:
when it has returned; ``#3`` behind it: when it is called for the third time;
``wait=module.function`` waits there instead, once it has said so.
"""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import sys
import time
from pathlib import Path

from nights import night, open_home


def main(home: str, point: str, number: str = "1") -> None:
    waits, after = point.startswith("wait="), point.endswith("+")
    function, _, call = point.removeprefix("wait=").removesuffix("+").partition("#")
    module, _, name = function.rpartition(".")
    place = importlib.import_module(module)
    real, calls = getattr(place, name), itertools.count(1)

    def dies(*args, **kwargs):
        if next(calls) < int(call or 1):
            return real(*args, **kwargs)
        if waits:
            print("waiting", flush=True)
            time.sleep(120)
        if after:
            real(*args, **kwargs)
        return os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, dies)
    night(open_home(Path(home)), int(number))
    print("not killed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
