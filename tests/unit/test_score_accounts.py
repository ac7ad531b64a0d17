"""What each account did, in units of its population."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from planted import DAY_MS, START_MS, empty_profiles

from ringfinder.score import accounts
from ringfinder.score.accounts import QUIET_HOURS, USED_ENOUGH, account_traits, quietest_share

clocks = arrays.arrays(np.int32, (5, 24), elements=st.integers(0, 200))
COLUMNS = ("output_size", "pace", "wakefulness", "persistence")


def people(accounts=400, seed=0):
    """Profiles of accounts used by day, some more and some less."""
    rng = np.random.default_rng(seed)
    daylight = np.roll(np.r_[np.full(16, 1.0), np.full(8, 0.05)], 6)
    hours = rng.poisson(daylight * rng.lognormal(0.5, 1.0, accounts)[:, None]).astype(np.int32)
    exchanges = hours.sum(axis=1).astype(np.int64)
    days = np.minimum(exchanges, rng.integers(1, 40, accounts))
    tokens = exchanges * rng.integers(200, 900, accounts)
    return dataclasses.replace(
        empty_profiles(accounts),
        hours=hours,
        exchanges=exchanges,
        active_days=days.astype(np.int32),
        output_tokens=tokens,
        input_tokens=tokens // 3,
    ), START_MS + rng.integers(0, 90, accounts) * DAY_MS


class TestQuietestShare:
    @settings(max_examples=60, deadline=None)
    @given(clocks)
    def test_it_equals_trying_every_window(self, hours):
        found = quietest_share(hours)
        for row, share in zip(hours.tolist(), found, strict=True):
            windows = [
                sum(row[(start + hour) % 24] for hour in range(QUIET_HOURS)) for start in range(24)
            ]
            assert share == pytest.approx(min(windows) / max(sum(row), 1), abs=1e-6)

    @settings(max_examples=40, deadline=None)
    @given(clocks, st.integers(0, 23))
    def test_the_time_zone_changes_nothing(self, hours, zone):
        turned = quietest_share(np.roll(hours, zone, axis=1))
        assert turned == pytest.approx(quietest_share(hours), abs=1e-6)

    @settings(max_examples=40, deadline=None)
    @given(clocks, st.integers(2, 1_000))
    def test_twice_as_much_use_changes_nothing(self, hours, times):
        used = hours[hours.sum(axis=1) > 0]
        assert quietest_share(used * times) == pytest.approx(quietest_share(used), abs=1e-6)

    def test_a_machine_that_never_rests_shows_a_third(self):
        assert quietest_share(np.full((1, 24), 7))[0] == pytest.approx(1 / 3)

    def test_who_sleeps_eight_hours_shows_none(self):
        asleep = np.r_[np.zeros(3), np.full(16, 5), np.zeros(5)]
        assert quietest_share(asleep[None, :])[0] == 0

    def test_the_unused_show_none(self):
        assert quietest_share(np.zeros((2, 24), dtype=int)).tolist() == [0, 0]

    def test_how_many_are_summed_at_a_time_changes_nothing(self, monkeypatch):
        hours = np.random.default_rng(0).poisson(2, (50, 24))
        at_once = quietest_share(hours)
        monkeypatch.setattr(accounts, "BLOCK", 7)
        assert np.array_equal(quietest_share(hours), at_once)


class TestTraits:
    def test_the_population_stands_at_zero(self):
        profiles, created = people()
        traits = account_traits(profiles, created)
        for name in COLUMNS:
            column = getattr(traits, name)[traits.used]
            assert abs(np.median(column)) < 0.2
            assert 0.5 < np.percentile(np.abs(column), 68) < 1.6

    def test_those_hardly_used_say_nothing(self):
        profiles, created = people()
        traits = account_traits(profiles, created)
        assert np.array_equal(traits.used, profiles.exchanges >= USED_ENOUGH)
        assert 0 < traits.used.sum() < len(traits.used)
        for name in COLUMNS:
            assert not getattr(traits, name)[~traits.used].any()

    def test_the_time_zone_of_everybody_changes_nothing(self):
        profiles, created = people()
        turned = dataclasses.replace(profiles, hours=np.roll(profiles.hours, 9, axis=1))
        one, two = (
            account_traits(profiles, created),
            account_traits(turned, created + 9 * 3_600_000),
        )
        for name in COLUMNS:
            assert getattr(one, name) == pytest.approx(getattr(two, name), abs=1e-5)

    @pytest.mark.parametrize("times", [3, 1_000])
    def test_another_measure_of_tokens_changes_nothing(self, times):
        profiles, created = people()
        scaled = dataclasses.replace(
            profiles,
            output_tokens=profiles.output_tokens * times,
            input_tokens=profiles.input_tokens * times,
        )
        one, two = account_traits(profiles, created), account_traits(scaled, created)
        assert one.output_size == pytest.approx(two.output_size, abs=0.01)

    def test_a_fleet_of_a_tenth_does_not_become_the_norm(self):
        profiles, created = people()
        profiles.hours[:40] = 20
        exchanges = profiles.hours.sum(axis=1).astype(np.int64)
        tokens = exchanges * np.where(np.arange(400) < 40, 5_000, 400)
        profiles = dataclasses.replace(profiles, exchanges=exchanges, output_tokens=tokens)
        traits = account_traits(profiles, created)
        assert np.all(traits.output_size[:40] > 2)
        assert np.median(traits.wakefulness[:40]) >= np.median(traits.wakefulness[40:])

    def test_no_account_stands_out_by_more_than_six_deviations(self):
        profiles, created = people()
        profiles.output_tokens[0] = 10**15
        profiles.exchanges[0] = 50
        assert account_traits(profiles, created).output_size[0] == 6

    def test_the_clock_counts_every_used_account_alike(self, monkeypatch):
        profiles, created = people()
        used = profiles.hours[profiles.exchanges >= USED_ENOUGH]
        expected = (used / used.sum(axis=1, keepdims=True)).mean(axis=0)
        assert account_traits(profiles, created).clock == pytest.approx(expected)
        monkeypatch.setattr(accounts, "BLOCK", 7)
        assert account_traits(profiles, created).clock == pytest.approx(expected)

    def test_the_clock_of_nobody_strikes_every_hour_alike(self):
        traits = account_traits(empty_profiles(3), np.full(3, START_MS))
        assert traits.clock == pytest.approx(np.full(24, 1 / 24))
        assert traits.variance == (0.0, 0.0, 0.0)

    def test_a_trait_that_most_have_alike_has_no_spread_though_some_differ(self):
        profiles, created = people()
        days = np.full(len(created), 3, dtype=np.int32)
        days[: len(days) // 3] = 2
        same = dataclasses.replace(profiles, active_days=days)
        assert account_traits(profiles, created).variance[2] > 0
        assert account_traits(same, created).variance[2] == 0

    @pytest.mark.parametrize("accounts", [0, 1, 2])
    def test_hardly_any_accounts_are_no_hindrance(self, accounts):
        profiles, created = people(accounts)
        traits = account_traits(profiles, created)
        for name in COLUMNS:
            assert getattr(traits, name).shape == (accounts,)
            assert np.all(np.isfinite(getattr(traits, name)))

    def test_accounts_all_alike_stand_at_zero(self):
        profiles, created = people()
        same = dataclasses.replace(
            profiles,
            hours=np.full((400, 24), 3),
            exchanges=np.full(400, 72),
            active_days=np.full(400, 6),
            output_tokens=np.full(400, 7_200),
        )
        traits = account_traits(same, created)
        for name in COLUMNS:
            assert not getattr(traits, name).any()
