"""Accounts x attribute values as columns, before and after normalisation."""
