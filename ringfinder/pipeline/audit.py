"""The audit, step by step. It is stateless: files in, files out, no store, no server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.config import Settings
from ringfinder.detect.lineage import ring_ids
from ringfinder.errors import InputError
from ringfinder.explain.build import build_run_view
from ringfinder.explain.view import RunView
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import Verdict
from ringfinder.normalise import NetworkLists, Pepper, Unread, normalise, prompt_bands
from ringfinder.pipeline.analyse import (
    Labels,
    Namer,
    detect,
    judge,
    last_labels,
    learn,
    write_tables,
)
from ringfinder.pipeline.record import (
    echo_sentences,
    few_families,
    run_facts,
    run_record,
    unread_sentences,
)
from ringfinder.pipeline.steps import Steps
from ringfinder.publish.report import write_report
from ringfinder.publish.staging import RESULTS, staged
from ringfinder.runs import AuditInputs, AuditSummary, Notice, Progress, RingLine
from ringfinder.score.assess import Assessment
from ringfinder.sources import (
    Inputs,
    ReadTelemetry,
    RejectsWriter,
    find_paths,
    read_telemetry,
)

STEPS = 7
SHOWN_SPARED = 10


def audit(
    inputs: AuditInputs,
    settings: Settings,
    out: Path,
    *,
    now_ms: int | None = None,
    progress: Progress = lambda name, done: None,
    notices: Notice = lambda sentence: None,
) -> AuditSummary:
    """Find rings in telemetry files and write accounts, rings, evidence and a report.

    Parameters
    ----------
    inputs
        The files.
    settings
        See `config.Settings`.
    out
        Directory to write to; all files appear together, or none.
    now_ms
        The present: rows more than a day after it are rejected. None: it is not asked.
    progress, notices
        Called with the step that begins, and with sentences worth telling.

    Returns
    -------
    AuditSummary
        The tables hold the same bytes for the same input, settings and seed.

    Raises
    ------
    InputError
        If a file, a column, a setting or the output directory is unusable.
    """
    steps = Steps(progress, STEPS)
    said: list[str] = []

    def notice(sentence: str) -> None:
        said.append(sentence)
        notices(sentence)

    previous = _previous(inputs.previous)
    _check_kept(inputs, out)
    with staged(out) as stage:
        with steps.step("read"), RejectsWriter(stage.path("rejects.jsonl")) as rejects:
            telemetry = _read(inputs, settings, rejects, now_ms, notice)
        with steps.step("normalise"):
            unread: list[Unread] = []
            graph = _normalise(telemetry, settings, unread.append)
            for sentence in unread_sentences(unread):
                notice(sentence)
            telemetry = replace(telemetry, sightings={})  # clear values, and half a gigabyte
        with steps.step("background"):
            population = learn(graph, seed=settings.seed)
            for sentence in echo_sentences(population.echoes):
                notice(sentence)
            heard = population.heard
            if (scarce := few_families(heard.kind[np.unique(heard.value)])) is not None:
                notice(scarce)
        with steps.step("detect"):
            found = detect(population, seed=settings.seed)
        with steps.step("judge"):
            labels = _labels(telemetry)
            done = judge(graph, population, found, labels, settings, _named(previous))
        with steps.step("write tables"):
            write_tables(stage, done, labels)
        with steps.step("report"):
            cleared = len(labels[1])
            facts = run_facts(telemetry, settings, found, said, steps.costs, cleared=cleared)
            view = build_run_view(done.run, facts)
            write_report(view, stage)
        record = run_record(telemetry, settings, found, done.judged, steps)
        stage.write_run(record)
    return _summary(view, telemetry, out, steps.seconds)


def _check_kept(inputs: AuditInputs, out: Path) -> None:
    """Raise InputError if a result would take the place of a file that is read."""
    results = [out / name for name in RESULTS if (out / name).is_file()]
    for given in inputs.tables().values():
        for path in find_paths(given):
            if any(path.samefile(result) for result in results):
                raise InputError(
                    f"The results in {out} would replace {path}, which is read. "
                    "Name another directory with --out."
                )


def _previous(directory: Path | None) -> tuple[pa.StringArray, pa.StringArray] | None:
    """Read the ring ids of an earlier run."""
    if directory is None:
        return None
    path = directory / "accounts.parquet"
    try:
        table = pq.read_table(path, columns=["account_id", "ring_id"]).combine_chunks()
        return _strings(table["account_id"]), _strings(table["ring_id"])
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"--previous {directory} holds no readable accounts.parquet; "
            "expected the output directory of an earlier audit."
        ) from error


def _strings(column: pa.ChunkedArray) -> pa.StringArray:
    """Return one plain array, also of a column without any chunk."""
    chunks = column.cast(pa.string()).chunks
    return pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())


def _read(
    inputs: AuditInputs,
    settings: Settings,
    rejects: RejectsWriter,
    now_ms: int | None,
    notices: Notice,
) -> ReadTelemetry:
    files = inputs.tables()
    return read_telemetry(
        Inputs(**files),
        mapping=inputs.columns,
        rejects=rejects,
        threads=settings.threads,
        memory_limit=f"{int(settings.memory_limit) >> 20}MiB",
        temp_dir=settings.temp_dir,
        prompt_bands=prompt_bands,
        now_ms=now_ms,
        notices=notices,
    )


def _normalise(
    telemetry: ReadTelemetry, settings: Settings, unread: Callable[[Unread], object]
) -> AttributeGraph:
    key = settings.read_pepper()
    pepper = (
        Pepper.derived([telemetry.record.pepper_seed])
        if key is None
        else Pepper(settings.pepper_version, key)
    )
    lists = {
        name: [path]
        for name, path in (
            ("vpn", settings.vpn_list),
            ("hosting", settings.hosting_list),
            ("carrier", settings.carrier_list),
            ("asn", settings.asn_list),
        )
        if path is not None
    }
    return normalise(
        telemetry,
        pepper=pepper,
        networks=NetworkLists.from_files(**lists) if lists else None,
        default_region=settings.default_region,
        keep_clear=settings.clear_values,
        unread=unread,
    )


def _labels(telemetry: ReadTelemetry) -> Labels:
    """Return the accounts whose last label says fraud, and legitimate."""
    none = np.zeros(0, dtype=np.int64)
    if telemetry.labels is None:
        return none, none
    return last_labels(
        telemetry.labels["account"].to_numpy(),
        telemetry.labels["decided_at_ms"].to_numpy(),
        np.asarray(pc.equal(telemetry.labels["label"], "fraud"), dtype=bool),
    )


def _named(previous: tuple[pa.StringArray, pa.StringArray] | None) -> Namer:
    """Name rings after their founders, or as they were called in an earlier audit."""

    def namer(graph: AttributeGraph, judged: Assessment, _: Rings) -> list[str]:
        return ring_ids(graph.account_ids, graph.created_ms, judged.ring, previous=previous)

    return namer


def _summary(view: RunView, telemetry: ReadTelemetry, out: Path, seconds: float) -> AuditSummary:
    rows = [*view.fleets, *view.unclear, *view.benign, *view.rest]
    lines = [
        RingLine(row.ring_id, row.verdict, row.size, row.score, row.exchanges, row.summary)
        for row in rows
    ]
    fleets = tuple(line for line in lines if line.verdict == Verdict.FLEET)
    spared = sorted(
        (line for line in lines if line.verdict != Verdict.FLEET),
        key=lambda line: (line.verdict != Verdict.UNCLEAR, -line.size),
    )
    counts: dict[str, int] = {}
    for (table, reason), number in sorted(telemetry.record.rejected.items()):
        counts[f"{table}: {reason}"] = number
    return AuditSummary(
        headline=view.finding,
        accounts=view.accounts,
        flagged=view.flagged,
        fleets=fleets,
        spared=tuple(spared[:SHOWN_SPARED]),
        rejects=counts,
        report=out / "report.html",
        seconds=round(seconds, 1),
    )
