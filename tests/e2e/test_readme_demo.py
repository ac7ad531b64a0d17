"""The README's real output is what the demo prints on this commit."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIME = re.compile(r"\b\d[\d.,]* (s|seconds?)\b")  # what differs from run to run


def load_readme_tool():
    spec = importlib.util.spec_from_file_location("readme", ROOT / ".ci" / "tools" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_demo_prints_what_the_readme_shows():
    readme = load_readme_tool()
    shown = readme.block(readme.README.read_text(encoding="utf-8"), readme.DEMO)
    printed = f"$ {readme.DEMO}\n{readme.demo_output()}"
    assert TIME.sub("some time", printed) == TIME.sub("some time", shown), "run `make docs`"
