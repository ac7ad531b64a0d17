"""What sharing a value says: pairs, the background, log lifts, membership odds.

Used by `detect`, `score` and the online scorer alike. Pure: arrays in, arrays out.
"""
