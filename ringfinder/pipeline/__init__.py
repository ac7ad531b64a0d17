"""The audit: sign-up telemetry in, rings with evidence out. The steps in reading order."""

from ringfinder.pipeline.audit import audit

__all__ = ["audit"]
