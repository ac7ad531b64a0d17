"""Settings: one table, read from flags, ``RINGFINDER_*`` variables and ``ringfinder.toml``.

A setting is taken from the first of the three that names it.
"""

from ringfinder.config.read import load, unknown_variables
from ringfinder.config.rows import SettingRow
from ringfinder.config.table import Settings, settings_table

__all__ = ["SettingRow", "Settings", "load", "settings_table", "unknown_variables"]
