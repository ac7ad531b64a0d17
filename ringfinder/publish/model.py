"""The snapshot's arrays for scoring: written flat beside the tables, mapped into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.explain.build import Joined
from ringfinder.explain.reasons import AccountReasons
from ringfinder.publish.staging import Staging
from ringfinder.score.assess import Assessment


def write_model(
    stage: Staging,
    *,
    shared: Incidence,
    back: Background,
    judged: Assessment,
    run: Joined,
    reasons: AccountReasons,
    decision: list[str],
) -> None:
    """Write ``model-*`` files into a snapshot that is being staged, before `write_run`.

    Parameters
    ----------
    stage
        Where the snapshot is written.
    shared, back
        Incidence and background of the run.
    judged, run
        What `pipeline.audit._judge` returns.
    reasons, decision
        `explain.account_reasons` of the run, and `pipeline.judgement.decisions(judged)`.
    """
    raise NotImplementedError


def open_model(directory: Path, *, verify: bool = True) -> Any:
    """Map a snapshot's arrays into memory (read-only, shared between processes).

    Raises
    ------
    StoreError
        If a file is missing, truncated, damaged or of a later format.
    """
    raise NotImplementedError
