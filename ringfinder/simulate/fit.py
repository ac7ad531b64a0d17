"""Fit the background to real traces: ``python -m ringfinder.simulate.fit DATA``.

DATA holds two public data sets, which are read and never copied:

``azure_llm_trace``
    Requests to a model service with tokens in and out, code and conversation apart
    (Azure, CC-BY-4.0). Tokens are fitted by log-normal laws.
``servegen``
    Rates of single clients of a model service in ten-minute steps, with the CV of the
    gaps between requests (Alibaba, Apache-2.0): how rates differ between clients, how
    bursty they are, on which share of the days they are active, and how many of them run
    flat through day and night.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import csv

from ringfinder.errors import InputError
from ringfinder.model import FloatArray

_TRACES = {
    "code": "AzureLLMInferenceTrace_code.csv",
    "conversation": "AzureLLMInferenceTrace_conv.csv",
}
FLAT_FLOOR = 0.5
"""A client is flat when its quietest hour of the day has at least this share of its mean hour."""


def fit(data: Path) -> dict[str, Any]:
    """Fit all parameters.

    Parameters
    ----------
    data
        The folder with `azure_llm_trace` and `servegen`.

    Returns
    -------
    dict
        ``tokens``: per kind of work, mean and standard deviation of the logarithm of
        tokens in and out of one request. ``clients``: `rate_sd` (standard deviation of
        the logarithm of the mean rate), quantiles of the CV, Beta parameters of the
        share of days active, and the share of flat clients.

    Raises
    ------
    InputError
        If a trace is missing.
    """
    return {
        "tokens": fit_tokens(data / "azure_llm_trace"),
        "clients": fit_clients(data / "servegen"),
    }


def fit_tokens(folder: Path) -> dict[str, dict[str, float]]:
    """Fit log-normal laws to tokens in and out of one request."""
    result = {}
    for kind, name in _TRACES.items():
        if not (folder / name).is_file():
            raise InputError(f"{name} is not in {folder.name}; expected the public Azure trace")
        table = csv.read_csv(folder / name)
        logs = {
            key: np.log(np.maximum(table[column].to_numpy(), 1))
            for key, column in (("in", "ContextTokens"), ("out", "GeneratedTokens"))
        }
        result[kind] = {
            f"{key}_{word}": round(float(value), 4)
            for key, log in logs.items()
            for word, value in (("mu", log.mean()), ("sd", log.std()))
        }
    return result


def fit_clients(folder: Path) -> dict[str, float]:
    """Fit how clients differ in rate, burstiness, days and hours."""
    files = sorted(folder.glob("*/*trace.csv"))
    if not files:
        raise InputError(f"no client traces in {folder.name}; expected */*trace.csv")
    rows = np.array([describe_client(*_read_client(file)) for file in files])
    rate, cv, days, floor = rows[rows[:, 0] > 0].T
    a, b = beta_moments(days)
    low, middle, high = np.quantile(cv[cv > 0], [0.1, 0.5, 0.9])
    return {
        "rate_sd": round(float(np.log(rate).std()), 4),
        "cv_p10": round(float(low), 4),
        "cv_p50": round(float(middle), 4),
        "cv_p90": round(float(high), 4),
        "days_a": round(a, 4),
        "days_b": round(b, 4),
        "flat_share": round(float((floor >= FLAT_FLOOR).mean()), 4),
    }


def describe_client(seconds: FloatArray, rate: FloatArray, cv: FloatArray) -> list[float]:
    """Return a client's mean rate, median CV when active, share of days active, hourly floor."""
    on = rate > 0
    hours = np.bincount((seconds % 86_400 // 3600).astype(int), rate, 24)
    days = np.bincount((seconds // 86_400).astype(int), on) > 0
    return [
        float(rate.mean()),
        float(np.median(cv[on])) if on.any() else 0.0,
        float(days.mean()),
        float(hours.min() / max(float(hours.mean()), 1e-12)),
    ]


def beta_moments(shares: FloatArray) -> tuple[float, float]:
    """Fit a Beta law by its first two moments."""
    mean, variance = float(shares.mean()), max(float(shares.var()), 1e-6)
    total = max(mean * (1 - mean) / variance - 1, 0.05)
    return mean * total, (1 - mean) * total


def _read_client(file: Path) -> tuple[FloatArray, FloatArray, FloatArray]:
    names = ["second", "rate", "cv", "law", "a", "b"]
    options = csv.ReadOptions(column_names=names)
    table = csv.read_csv(file, read_options=options)
    second, rate, cv = (table[name].to_numpy().astype(np.float64) for name in names[:3])
    return second, rate, np.nan_to_num(cv)


def main(arguments: list[str] | None = None) -> int:
    """Fit, and print or write the parameters."""
    parser = argparse.ArgumentParser(prog="ringfinder.simulate.fit", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    text = json.dumps(fit(given.data), indent=1) + "\n"
    if given.out:
        given.out.write_text(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
