"""kill -9 under load: a few rounds here, fifty with ``python -m tests.bench crash``."""

from journal_crash import crash


def test_what_was_acknowledged_is_there_exactly_once_after_every_kill(tmp_path):
    outcome = crash(tmp_path, rounds=4)
    assert outcome.acknowledged > 500, outcome
    assert outcome.unanswered > 0, outcome
    assert (outcome.lost, outcome.doubled, outcome.strange) == (0, 0, 0), outcome
    assert outcome.kept, outcome
