"""One sign-up against the published snapshot and what happened since; in memory only.

`model` holds the snapshot's arrays, `known` the evidence for rings that the batch found,
`overlay` what was journalled since, `newborn` rings that are being born, `births` how they begin
and grow, by whom `meetings` finds tied to each other. Words are added in
`ringfinder.explain.online`, whose `Scorer` is what the API calls.
"""
