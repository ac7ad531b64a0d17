"""One served installation for the tests that leave it as it was."""

from __future__ import annotations

import pytest
from served import serving


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A real `ringfinder serve` without a snapshot, in one worker."""
    with serving(tmp_path_factory.mktemp("served") / "home", key_rate=100_000) as served:
        yield served
