"""Pin the jars of the local Neo4j anew: ``python .ci/tools/neo4j_lock.py``.

Part of an upgrade: change the versions in ringfinder/local/jars.py, run this, read the
difference. Resolves with jgo, downloads, and writes names and SHA-256 of all jars.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "ringfinder" / "local" / "neo4j.lock"
HEAD = "# The jars of the local Neo4j and their SHA-256, written by .ci/tools/neo4j_lock.py.\n"


def name_of(jar: Path, cache: Path) -> str:
    """Return group:artifact:version[:classifier] of a file in a repository laid out as Maven's."""
    *group, artifact, version, file = jar.relative_to(cache).parts
    rest = file.removesuffix(".jar").removeprefix(f"{artifact}-{version}")
    return ":".join([".".join(group), artifact, version, *filter(None, [rest.removeprefix("-")])])


def main() -> None:
    """Write the lock file."""
    from ringfinder.local.jars import NEO4J, default_cache, resolve

    cache = default_cache()
    lines = [
        f"{name_of(jar, cache)} {hashlib.sha256(jar.read_bytes()).hexdigest()}\n"
        for jar in resolve(NEO4J, cache)
    ]
    LOCK.write_text(HEAD + "".join(sorted(lines)), encoding="ascii")
    print(f"{len(lines)} jars in {LOCK}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
