"""Records in: files of sign-ups, usage, payments, logins and labels, to columns."""

from ringfinder.sources.files import FileRecord, find_paths
from ringfinder.sources.reader import Inputs, ReadTelemetry, Record, read_telemetry
from ringfinder.sources.records import Records, read_records
from ringfinder.sources.rejects import Reason, RejectsWriter

__all__ = [
    "FileRecord",
    "Inputs",
    "ReadTelemetry",
    "Reason",
    "Record",
    "Records",
    "RejectsWriter",
    "find_paths",
    "read_records",
    "read_telemetry",
]
