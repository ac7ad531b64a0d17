"""Logs as JSON lines, without personal data: what happened, where, how long, which request."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "process": record.process,
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in _OWN}
        if record.exc_info and record.exc_info[2] is not None:
            # Where it happened, never what was said: messages of libraries quote what they read.
            line["error"] = line.get("error") or getattr(record.exc_info[0], "__name__", "")
            line["where"] = _where(record)
        return json.dumps(line, default=str)


def _where(record: logging.LogRecord) -> list[str]:
    assert record.exc_info is not None  # noqa: S101 only called where there is one
    trace, frames = record.exc_info[2], []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-8:]


def configure(level: int = logging.INFO) -> None:
    """Send every log of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "neo4j"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # it writes paths with their queries
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
