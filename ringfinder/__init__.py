"""Find fleets of accounts run as one machine, in sign-up and usage telemetry, and say why.

The flow, in reading order::

    sources     files to raw columns, every bad row accounted for
    normalise   raw values to canonical values to pseudonyms
    graph       accounts x attribute values, as columns
    evidence    what sharing a value says, in nats
    detect      rings: accounts that belong together beyond chance
    score       rings to verdicts, accounts to scores
    explain     reasons in words, the picture of a ring
    publish     tables and report, whole or not at all

`pipeline.audit` walks it; `cli` is the command line around it.
"""
