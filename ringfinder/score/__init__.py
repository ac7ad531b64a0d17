"""Rings to verdicts, accounts to scores: features, a transparent model, calibration.

In reading order::

    accounts     what each account did, in units of its population  (accounts.py)
    features     what tells a fleet from a company                  (features.py)
    judge        features to P(fleet | ring), in nats that add up   (judge.py)
    calibrate    what labels say                                    (calibrate.py)
    split        a ring that is two                                 (split.py)
    lockstep     a rank where one family is all there is            (lockstep.py)
    assess       all of it: verdicts and account scores             (assess.py)
    population   the background, learned without the fleets in it   (population.py)
"""
