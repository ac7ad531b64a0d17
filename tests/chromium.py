"""The Chromium that tests open, and how: headless, and silent towards the network."""

import shutil

import pytest

PATH = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(PATH is None, reason="no Chromium on this machine"),
]
"""Marks of a module whose tests open it."""


def launch(playwright):
    """Open the browser."""
    return playwright.chromium.launch(executable_path=PATH, args=FLAGS)
