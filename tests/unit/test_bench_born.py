"""The bench of fleets being born counts what it says it counts."""

from __future__ import annotations

import pytest

from ringfinder.score.online.newborn import marks
from tests.bench.born import WITHIN, Fleet, Watched, table


class TestFleet:
    @pytest.mark.parametrize(
        ("signups", "observable", "alarm", "delay", "told"),
        [
            (20, 5, 9, 4, True),
            (20, 5, 3, 0, True),  # an alarm before: the answer came with the first values
            (20, 5, None, None, True),
            (5 + WITHIN - 1, 5, None, None, False),  # too few came afterwards to tell
            (5 + WITHIN, 5, None, None, True),
            (20, None, None, None, False),
        ],
    )
    def test_a_delay_counts_accounts_from_the_second_family_on(
        self, signups, observable, alarm, delay, told
    ):
        fleet = Fleet("quiet", signups=signups, observable=observable, alarm=alarm)
        assert fleet.delay == delay
        assert fleet.told is told


def test_a_fleet_without_alarm_counts_as_late_and_a_benign_answer_by_its_cohort():
    watched = Watched()
    watched.fleets["a"] = Fleet("quiet", signups=30, observable=5)
    watched.fleets["b"] = Fleet("quiet", signups=30, observable=5, alarm=7)
    watched.benign.update({("lecture", "allow"): 998, ("lecture", "review"): 2})
    told = table([watched])
    assert "| quiet | 2 | 2 | 2 | 1 (50%) | 6 | never |" in told
    assert "| lecture | 1,000 | 2 | 0 | 0.200% | 0 |" in told


class TestMarks:
    def test_two_holders_mark_nothing(self):
        assert not marks(2, 2, 1e-6)

    def test_a_rare_value_of_three_marks(self):
        assert marks(3, 5, 1e-5)

    def test_a_common_value_marks_only_where_nearly_everybody_holds_it(self):
        assert not marks(3, 30, 0.05)
        assert marks(28, 30, 0.05)
