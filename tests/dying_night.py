"""A nightly run that is killed (SIGKILL, no clean-up) at a given point: ``HOME POINT [NIGHT]``.

A point is ``module.function``: the process kills itself when it is called; ``+`` behind it:
when it has returned; ``NAME=module.function`` waits there instead, once it has said so.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path

from nights import night, open_home


def main(home: str, point: str, number: str = "1") -> None:
    waits, after = point.startswith("wait="), point.endswith("+")
    module, _, name = point.removeprefix("wait=").removesuffix("+").rpartition(".")
    place = importlib.import_module(module)
    real = getattr(place, name)

    def dies(*args, **kwargs):
        if waits:
            print("waiting", flush=True)
            time.sleep(120)
        if after:
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, dies)
    night(open_home(Path(home)), int(number))
    print("not killed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
