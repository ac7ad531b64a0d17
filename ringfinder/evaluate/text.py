"""An evaluation as tables for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringfinder.evaluate.compare import Benign, Evaluation
from ringfinder.evaluate.rates import Rate

_GAP = "   "


def to_text(evaluation: Evaluation) -> str:
    """Return every figure, in tables of at most 100 columns."""
    count = evaluation.fleets
    regions = len(evaluation.benign_by_region) > 1  # one region says nothing the total does not
    fleets = f" in {count:,} fleet{'s' if count > 1 else ''}" if count else ""
    blocks = [
        f"{evaluation.accounts:,} accounts, {evaluation.fraud:,} of them fraud{fleets}; "
        f"{evaluation.flagged:,} flagged.",
        _table(("", "figure", "95% interval", "counts"), _headline(evaluation)),
        _rates("Recall by style", "style", evaluation.recall_by_style),
        _rates("Recall by size of fleet", "accounts", evaluation.recall_by_size),
        _rates("Recall by network", "network", evaluation.recall_by_network),
        _rates("Recall by region", "region", evaluation.recall_by_region if regions else {}),
        _benign("Benign accounts by cohort", "cohort", evaluation.benign_by_cohort),
        _benign("Benign accounts by network", "network", evaluation.benign_by_network),
        _benign(
            "Benign accounts by region", "region", evaluation.benign_by_region if regions else {}
        ),
        _rings(evaluation),
        _calibration(evaluation),
    ]
    return "\n\n".join(block for block in blocks if block)


def _headline(evaluation: Evaluation) -> list[tuple[str, ...]]:
    rates = {
        "precision": evaluation.precision,
        "recall": evaluation.recall,
        "benign accounts flagged": evaluation.benign_flagged,
        "benign accounts in any ring": evaluation.benign_in_rings,
        "benign accounts past allow": evaluation.benign_past_allow,
        "established accounts flagged": evaluation.established_flagged,
        "established accounts past allow": evaluation.established_past_allow,
        "recall at 0.01% false positives": evaluation.recall_at_strict,
    }
    rows: list[tuple[str, ...]] = [
        (name, *_cells(rate))
        for name, rate in rates.items()
        if rate is not None and (rate.total or "established" not in name)
    ]
    if evaluation.average_precision is not None:
        rows.append(("average precision", f"{evaluation.average_precision:.4f}", "", ""))
    if evaluation.most_flagged_in_one_instance is not None:
        most = evaluation.most_flagged_in_one_instance
        rows.append(("most flagged in one benign cohort", f"{most:,}", "", ""))
    return rows


def _cells(rate: Rate) -> tuple[str, str, str]:
    low, high = rate.interval
    value = "-" if rate.value is None else _number(rate.value)
    return value, f"{_number(low)} - {_number(high)}", f"{rate.hits:,} of {rate.total:,}"


def _number(value: float) -> str:
    # Four digits hide the difference between no false positive and one in 100,000.
    return f"{value:.6f}" if 0 < value < 0.001 else f"{value:.4f}"


def _rates(title: str, kind: str, rates: Mapping[str, Rate]) -> str:
    rows = [(name, *_cells(rate)) for name, rate in rates.items()]
    return f"{title}\n" + _table((kind, "recall", "95% interval", "flagged"), rows) if rows else ""


def _benign(title: str, kind: str, groups: Mapping[str, Benign]) -> str:
    rows = [
        (
            name,
            *_cells(group.flagged),
            _cells(group.in_rings)[0],
            "-" if group.most_in_one_instance is None else f"{group.most_in_one_instance:,}",
        )
        for name, group in groups.items()
    ]
    head = (kind, "flagged", "95% interval", "counts", "in any ring", "most in one")
    return f"{title}\n" + _table(head, rows) if rows else ""


def _rings(evaluation: Evaluation) -> str:
    rings = evaluation.rings
    if rings is None:
        return ""
    plain = {
        "purity, mean over rings": rings.purity,
        "purity, mean over accounts": rings.purity_by_account,
        "completeness, mean over fleets": rings.completeness,
        "completeness, mean over accounts": rings.completeness_by_account,
        "rings for each fleet found": rings.rings_per_fleet,
        "false discovery rate, published": rings.published_fdr,
    }
    rows = [
        ("fleets with half their accounts flagged", *_cells(rings.fleets_found)),
        ("false discovery rate, observed", *_cells(rings.false_rings)),
        *(
            (name, "-" if value is None else f"{value:.4f}", "", "")
            for name, value in plain.items()
        ),
    ]
    return "Rings and fleets\n" + _table(("", "figure", "95% interval", "counts"), rows)


def _calibration(evaluation: Evaluation) -> str:
    rows = [
        (f"{one.low:.1f} - {one.high:.1f}", f"{one.mean_score:.4f}", *_cells(one.fraud))
        for one in evaluation.reliability
    ]
    if evaluation.brier is None or evaluation.calibration_error is None:
        return ""
    head = ("score", "mean score", "fraud", "95% interval", "counts")
    return (
        f"Calibration: Brier score {evaluation.brier:.5f}, "
        f"expected calibration error {evaluation.calibration_error:.5f}\n" + _table(head, rows)
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows under a head, the first column to the left, the others to the right."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        _GAP.join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
