"""Worlds to files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from ringfinder.simulate.spec import World


def write_world(world: World, directory: Path | str) -> dict[str, Path]:
    """Write a world's tables and `world.json`; return the paths by name."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for name, table in world.tables.items():
        paths[name] = folder / f"{name}.parquet"
        pq.write_table(table, paths[name], compression="zstd", row_group_size=1 << 20)
    paths["world"] = folder / "world.json"
    paths["world"].write_text(json.dumps(world.info, indent=1) + "\n")
    return paths
