"""What a run leaves behind: the report, the tables, the run file; whole or not at all."""

from ringfinder.publish.report import render_report, write_report
from ringfinder.publish.staging import Staging, staged
from ringfinder.publish.tables import write_accounts, write_evidence, write_rings

__all__ = [
    "Staging",
    "render_report",
    "staged",
    "write_accounts",
    "write_evidence",
    "write_report",
    "write_rings",
]
