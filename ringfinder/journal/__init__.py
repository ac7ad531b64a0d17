"""The durable intake: what was accepted survives kill -9 and power loss, and is there once.

::

    run_writer(directory, events)                     # one process per host
    journal = Journal(directory)                      # any number of others
    told = await journal.commit(entry, deadline_s=0.08)
    async for entries in journal.tail(after=0):       # what every worker's overlay takes in
        ...
    Projector(directory, log, open_store).run(stop)   # into the graph, at least once
"""

from ringfinder.journal.caretaker import Caretaker
from ringfinder.journal.client import Journal
from ringfinder.journal.compact import Compacted, Compaction
from ringfinder.journal.entries import (
    Committed,
    Conflict,
    Entry,
    JournalUnavailable,
    Lag,
    Recorded,
    Repeated,
    Result,
)
from ringfinder.journal.errands import errands
from ringfinder.journal.moved import find_moved
from ringfinder.journal.process import run_writer, serve_writer
from ringfinder.journal.projector import Projector
from ringfinder.journal.reader import Reader
from ringfinder.journal.rows import decode_event, encode_event
from ringfinder.journal.settling import settle
from ringfinder.journal.taken import JournalIds

__all__ = [
    "Caretaker",
    "Committed",
    "Compacted",
    "Compaction",
    "Conflict",
    "Entry",
    "Journal",
    "JournalIds",
    "JournalUnavailable",
    "Lag",
    "Projector",
    "Reader",
    "Recorded",
    "Repeated",
    "Result",
    "decode_event",
    "encode_event",
    "errands",
    "find_moved",
    "run_writer",
    "serve_writer",
    "settle",
]
