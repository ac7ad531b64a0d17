"""Honest look-alikes: every cohort shares what its name says, and behaves as people do."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from simulated import (
    DAY,
    HOUR,
    column,
    distinct,
    domain,
    groups,
    members,
    share_with_commonest,
    values,
    world_of,
)  # fmt: skip


@pytest.fixture(scope="module")
def world():
    return world_of(accounts=20_000, prevalence=0.02, seed=21)


@pytest.fixture(scope="module")
def mail(world):
    found = values(world, "signups", "email")
    return {account: [domain(text) for text in texts] for account, texts in found.items()}


@pytest.fixture(scope="module")
def created(world):
    return values(world, "signups", "created_at")


def big(world, cohort, smallest=15):
    """Groups of a cohort large enough to measure."""
    found = groups(world, "group_id", cohort=cohort)
    kept = [who for who in found.values() if len(who) >= smallest]
    assert kept
    return kept


def hours_since(created, who):
    times = np.array([created[a][0] for a in who])
    return np.sort((times - times.min()) / HOUR)


class TestCompany:
    def test_staff_have_one_domain(self, world, mail):
        for who in big(world, "company"):
            assert share_with_commonest(mail, who) > 0.85

    def test_most_sign_up_from_the_office(self, world):
        ips = values(world, "signups", "ip")
        found = [distinct(ips, who) / len(who) for who in big(world, "company", 30)]
        assert np.median(found) < 0.5

    def test_a_corporate_card_pays_for_many(self, world):
        cards = values(world, "signups", "payment_fingerprint")
        shares = [share_with_commonest(cards, who) for who in big(world, "company")]
        assert np.median(shares) > 0.4

    def test_new_staff_come_in_groups(self, world, created):
        days = [
            Counter(created[a][0] // DAY for a in who).most_common(1)[0][1] / len(who)
            for who in big(world, "company", 30)
        ]
        assert np.median(days) > 0.1

    def test_work_is_done_in_working_hours(self, world):
        hours, ours = hours_of_use(world, members(world, cohort="company"))
        assert (((hours >= 8) & (hours < 19))[ours]).mean() > 0.75

    def test_some_run_a_service_that_never_sleeps(self, world):
        hours, _ = hours_of_use(world, set())
        accounts = column(world["usage"], "account_id")
        staff = members(world, cohort="company")
        night: Counter = Counter()
        rows: Counter = Counter()
        for account, hour in zip(accounts, hours, strict=True):
            if account in staff:
                rows[account] += 1
                night[account] += hour < 6
        sleepless = [a for a, n in rows.items() if n >= 20 and night[a] / n > 0.15]
        assert 1 <= len(sleepless) < 0.05 * len(staff)

    def test_sizes_have_a_heavy_tail(self, world):
        sizes = sorted(map(len, groups(world, "group_id", cohort="company").values()))
        assert sizes[-1] > 8 * np.median(sizes)


def hours_of_use(world, who):
    """Local hour of each usage row, and whether it is of the given accounts."""
    usage = world["usage"]
    hours = (column(usage, "occurred_at") // HOUR - 6) % 24
    return hours, np.isin(column(usage, "account_id").astype(str), sorted(who))


class TestCampus:
    def test_addresses_end_as_universities_do(self, world, mail):
        for who in big(world, "campus"):
            name = Counter(mail[a][0] for a in who).most_common(1)[0][0]
            assert name.endswith((".edu", ".ac.uk")) or ".ac." in f".{name}"

    def test_students_share_few_addresses(self, world):
        ips = values(world, "signups", "ip")
        for who in big(world, "campus"):
            assert distinct(ips, who) < 0.6 * len(who)


class TestLecture:
    def test_everybody_signs_up_within_two_hours(self, world, created):
        for who in big(world, "lecture"):
            assert hours_since(created, who)[-1] <= 2.0

    def test_from_one_address(self, world):
        ips = values(world, "signups", "ip")
        for who in big(world, "lecture"):
            assert share_with_commonest(ips, who) > 0.6

    def test_with_the_same_prompt(self, world):
        prompts = values(world, "usage", "prompt_fingerprint")
        shares = [share_with_commonest(prompts, who) for who in big(world, "lecture")]
        assert np.median(shares) > 0.35

    def test_and_nobody_pays(self, world):
        assert set(values(world, "signups", "payment_fingerprint")).isdisjoint(
            members(world, cohort="lecture")
        )


class TestHackathon:
    def test_two_days_and_nights_then_silence(self, world):
        usage = world["usage"]
        when = column(usage, "occurred_at")
        accounts = column(usage, "account_id").astype(str)
        for who in big(world, "hackathon"):
            times = when[np.isin(accounts, sorted(who))]
            assert np.quantile(times, 0.8) - times.min() < 4 * DAY
        hours, ours = hours_of_use(world, members(world, cohort="hackathon"))
        assert (hours < 6)[ours].mean() > 0.12

    def test_one_network(self, world):
        ips = values(world, "signups", "ip")
        for who in big(world, "hackathon"):
            assert distinct(ips, who) < 0.3 * len(who)


class TestSharedPlaces:
    def test_coworking_shares_a_network_and_nothing_else(self, world, mail):
        ips, cards = values(world, "signups", "ip"), values(world, "signups", "payment_fingerprint")
        for who in big(world, "coworking"):
            assert distinct(ips, who) <= 3
            paying = {a for a in who if cards.get(a)}
            assert distinct(cards, paying) == len(paying)

    def test_a_town_comes_out_of_a_few_addresses(self, world):
        ips = values(world, "signups", "ip")
        for who in big(world, "carrier_nat"):
            assert distinct(ips, who) <= 3

    def test_families_are_two_to_six_on_one_line(self, world):
        ips = values(world, "signups", "ip")
        found = groups(world, "group_id", cohort="family")
        sizes = Counter(map(len, found.values()))
        assert set(sizes) <= set(range(1, 7))
        assert sizes[1] <= 1  # the last one may be cut off
        assert np.mean([distinct(ips, who) <= 2 for who in found.values()]) == 1.0

    def test_families_often_share_a_card(self, world):
        cards = values(world, "signups", "payment_fingerprint")
        counts = Counter(card for a in members(world, cohort="family") for card in cards.get(a, ()))
        assert sum(n >= 2 for n in counts.values()) > 20

    def test_an_agency_has_one_card_and_the_domains_of_its_clients(self, world, mail):
        cards = values(world, "signups", "payment_fingerprint")
        for who in big(world, "agency"):
            assert share_with_commonest(cards, who) > 0.7
            assert distinct(mail, who) >= 3

    def test_privacy_people_come_out_of_vpns_and_hide_their_mailbox(self, world, mail):
        ips = values(world, "signups", "ip")
        everyone = Counter(v for found in ips.values() for v in found)
        careful = members(world, cohort="privacy")
        assert np.median([everyone[ips[a][0]] for a in careful]) > 10
        hidden = (
            "duck.com",
            "privaterelay.appleid.com",
            "simplelogin.com",
            "addy.io",
            "mozmail.com",
        )
        assert np.mean([mail[a][0] in hidden for a in careful]) > 0.3


class TestNobodyIsSingledOut:
    def test_a_cohort_can_be_left_out_or_made_larger(self):
        made = world_of(accounts=2000, prevalence=0.0, cohort_shares=Shares(lecture=0.3))
        assert len(members(made, cohort="lecture")) == 600
        assert set(column(made["truth"], "cohort")) == {"background", "lecture"}


class Shares(dict):
    """Shares that can be part of a cache key."""

    def __hash__(self):
        return hash(tuple(sorted(self.items())))
