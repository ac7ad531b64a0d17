"""Worlds on disk: made once, kept while neither their wish nor their maker changes.

The folder is `RINGFINDER_BENCH_WORLDS`, or `ringfinder-bench` among the temporary files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import ringfinder.simulate
from ringfinder.runs import AuditInputs
from ringfinder.simulate import preset, simulate, write_world
from tests.bench import otherworld
from tests.bench.otherworld.world import Wish, make_world

TABLES = ("usage", "payments", "logins", "labels")


@dataclass(frozen=True)
class Files:
    """One world on disk.

    Attributes
    ----------
    name
        What to call it in tables.
    folder
        Holds signups.*, truth.parquet, and what else there is.
    tables
        Which of the further tables an audit is given.
    columns, settings
        `--map` and the settings that the world needs.
    """

    name: str
    folder: Path
    tables: tuple[str, ...] = TABLES
    columns: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def truth(self) -> Path:
        return self.folder / "truth.parquet"

    def inputs(self) -> AuditInputs:
        given = {"signups": self._of("signups")}
        given |= {name: self._of(name) for name in self.tables}
        return AuditInputs(**given, columns=self.columns)

    def paths(self) -> list[Path]:
        return [Path(path) for paths in self.inputs().tables().values() for path in paths]

    def _of(self, table: str) -> tuple[str, ...]:
        return tuple(str(path) for path in sorted(self.folder.glob(f"{table}.*")))

    def signups_alone(self) -> Files:
        return replace(self, tables=())

    def info(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder / "world.json").read_text())
        return told


def simulated(name: str, of: str = "hard", **knobs: Any) -> Files:
    """A world of `ringfinder.simulate`: a preset, with some fields replaced."""
    spec = preset(of, **knobs)

    def make(folder: Path) -> None:
        write_world(simulate(spec), folder)

    wish, maker = dataclasses.asdict(spec), _source(ringfinder.simulate)
    return Files(name, cached("simulated", wish, maker, make))


def other(name: str, seed: int, accounts: int = 60_000, **knobs: Any) -> Files:
    """A world of the other generator."""
    wish = Wish(accounts=accounts, seed=seed, **knobs)

    def make(folder: Path) -> None:
        make_world(wish, folder)
        truth = pq.read_table(folder / "truth.parquet")
        names = ["group_id" if name == "cohort_id" else name for name in truth.column_names]
        pq.write_table(truth.rename_columns(names), folder / "truth.parquet")

    return Files(name, cached("other", dataclasses.asdict(wish), _source(otherworld), make))


def cached(kind: str, wish: dict[str, Any], maker: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of a world, making it if it is not there."""
    key = hashlib.sha256(json.dumps([kind, wish, maker], sort_keys=True, default=str).encode())
    root = Path(
        os.environ.get("RINGFINDER_BENCH_WORLDS")
        or Path(tempfile.gettempdir()) / "ringfinder-bench"
    )
    folder = root / f"{kind}-{key.hexdigest()[:16]}"
    if not folder.exists():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            made = Path(scratch) / "world"
            made.mkdir()
            make(made)
            made.rename(folder)
    return folder


def _source(package: Any) -> str:
    """Return a digest of the sources of a package: other sources, other worlds."""
    digest = hashlib.sha256()
    for path in sorted(Path(package.__file__).parent.rglob("*")):
        if path.suffix in {".py", ".json"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()
