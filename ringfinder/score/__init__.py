"""Rings to verdicts, accounts to scores: features, a transparent model, calibration.

In reading order::

    accounts     what each account did, in units of its population  (accounts.py)
    usual        what is usual in it                                (usual.py)
    members      averages over rings, shrunk towards it             (members.py)
    habits       features of what a ring does                       (habits.py)
    holdings     features of what a ring shows                      (holdings.py)
    features     all of them: what tells a fleet from a company     (features.py)
    judge        features to P(fleet | ring), in nats that add up   (judge.py)
    population   the background, learned without the fleets in it   (population.py)
    split        a ring that is two                                 (split.py)
    apart        who is under one roof, and who was there before    (apart.py)
    calibrate    what labels say                                    (calibrate.py)
    lockstep     a rank where one family is all there is            (lockstep.py)
    verdicts     what a ring is called                              (verdicts.py)
    near         accounts near fleets: admitted, or ranked          (near.py)
    assess       all of it: verdicts and account scores             (assess.py)
"""
