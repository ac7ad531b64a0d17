"""Labelled worlds: fleets, honest look-alikes, and a background with structure."""

from ringfinder.simulate.spec import COHORTS, STYLES, Adversary, World, WorldSpec
from ringfinder.simulate.world import simulate
from ringfinder.simulate.write import write_world

__all__ = ["COHORTS", "STYLES", "Adversary", "World", "WorldSpec", "simulate", "write_world"]
