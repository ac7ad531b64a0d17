"""Rings to features: named, finite, measured against the population."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import DAY_MS, START_MS, empty_profiles, graph_of

from ringfinder.score.accounts import account_traits
from ringfinder.score.features import FEATURES, NAMES, measurable, ring_features
from ringfinder.score.members import PRIOR_ACCOUNTS

HOUR_MS = 3_600_000
KINDS_USED = (
    "mailbox", "payment_fingerprint", "device", "email_domain", "ip_network", "card_bin",
    "tls_fingerprint", "prompt_fingerprint", "prompt_band",
)  # fmt: skip


def used(hours, tokens=400, days=3):
    """Profiles of accounts used at the given hours."""
    hours = np.asarray(hours, dtype=np.int32)
    exchanges = hours.sum(axis=1).astype(np.int64)
    return dataclasses.replace(
        empty_profiles(len(hours)),
        hours=hours,
        exchanges=exchanges,
        active_days=np.minimum(np.broadcast_to(days, len(hours)), exchanges).astype(np.int32),
        output_tokens=exchanges * tokens,
        input_tokens=exchanges * 200,
    )


def messy(seed, accounts=60):
    """A graph in which anything may be missing, and rings of any size, one account included."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name in KINDS_USED:
        shown, pool = rng.random(accounts) < rng.random(), rng.integers(1, 40)
        cells = rng.integers(0, pool, accounts)
        if shown.any():
            columns[name] = [f"{c}" if s else None for c, s in zip(cells, shown, strict=True)]
    columns = columns or {"device": [str(n) for n in range(accounts)]}
    profiles = empty_profiles(accounts)
    if rng.random() < 0.7:
        profiles = used(
            rng.poisson(rng.lognormal(0, 2, accounts))[:, None] * (rng.random((1, 24)) < 0.7),
            tokens=rng.integers(0, 5_000, accounts),
            days=rng.integers(1, 9, accounts),
        )
    created = START_MS + rng.integers(0, 90 * 24, accounts) * HOUR_MS
    profiles = dataclasses.replace(
        profiles, signup_hour=((created // HOUR_MS) % 24).astype(np.int8)
    )
    ring = rng.integers(-1, rng.integers(0, 8), accounts).astype(np.int32)
    ring[ring == 2] = -1  # a ring that everybody left
    families = np.where(ring >= 0, rng.integers(0, 5, accounts), 0).astype(float)
    return graph_of(columns, created_ms=created, profiles=profiles), ring, families


def measured(graph, ring, families=None):
    """Features by name."""
    families = np.zeros(len(ring)) if families is None else families
    table = ring_features(graph, np.asarray(ring, dtype=np.int32), families)
    return {name: table[:, at] for at, name in enumerate(NAMES)}


class TestAnyRing:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10_000))
    def test_is_measured_in_finite_numbers_or_not_at_all(self, seed):
        graph, ring, families = messy(seed)
        table = ring_features(graph, ring, families)
        assert table.shape == (int(ring.max(initial=-1)) + 1, len(FEATURES))
        known = measurable(graph, account_traits(graph.profiles, graph.created_ms))
        assert np.all(np.isfinite(table[:, known]))
        assert np.all(np.isnan(table[:, ~known]))
        for at in np.flatnonzero(known):
            if FEATURES[at].unit == "share 0-1":
                assert np.all((table[:, at] >= 0) & (table[:, at] <= 1))

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10_000), st.integers(1, 23))
    def test_the_time_zone_of_everybody_changes_nothing(self, seed, zone):
        graph, ring, families = messy(seed)
        profiles = dataclasses.replace(
            graph.profiles,
            hours=np.roll(graph.profiles.hours, zone, axis=1),
            signup_hour=((graph.profiles.signup_hour + zone) % 24).astype(np.int8),
        )
        turned = dataclasses.replace(
            graph, created_ms=graph.created_ms + zone * HOUR_MS, profiles=profiles
        )
        one, two = ring_features(graph, ring, families), ring_features(turned, ring, families)
        assert two == pytest.approx(one, abs=1e-4, nan_ok=True)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10_000))
    def test_another_measure_of_tokens_changes_nothing(self, seed):
        graph, ring, families = messy(seed)
        tokens = (graph.profiles.output_tokens + graph.profiles.exchanges) * 1_000
        scaled = [
            dataclasses.replace(
                graph,
                profiles=dataclasses.replace(graph.profiles, output_tokens=tokens * times),
            )
            for times in (1, 1_000)
        ]
        one, two = (ring_features(one, ring, families) for one in scaled)
        assert two == pytest.approx(one, abs=0.01, nan_ok=True)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10_000))
    def test_how_rings_are_numbered_changes_nothing(self, seed):
        graph, ring, families = messy(seed)
        table = ring_features(graph, ring, families)
        later = ring_features(graph, np.where(ring >= 0, ring + 3, -1), families)
        assert later[3:] == pytest.approx(table, abs=1e-9, nan_ok=True)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10_000))
    def test_another_ring_changes_nothing(self, seed):
        graph, ring, families = messy(seed)
        table = ring_features(graph, ring, families)
        for number in range(len(table)):
            alone = np.where(ring == number, ring, -1)
            if (alone >= 0).any():
                only = ring_features(graph, alone, families)
                assert only[number] == pytest.approx(table[number], abs=1e-9, nan_ok=True)

    def test_no_ring_at_all_is_an_empty_table(self):
        graph, ring, families = messy(1)
        assert ring_features(graph, np.full_like(ring, -1), families).shape == (0, len(FEATURES))


def of_eight(kind, values, strangers=()):
    """Eight members showing the given values of one kind, and strangers showing theirs."""
    everyone = [*values, *strangers]
    pad = [None] * (16 - len(everyone))
    graph = graph_of({kind: [*everyone, *pad]}, profiles=used(np.ones((16, 24))))
    return measured(graph, np.where(np.arange(16) < 8, 0, -1))


class TestWhatTheDataLacks:
    def of(self, *kinds, use=True):
        columns = {kind: [str(n // 4) for n in range(16)] for kind in kinds}
        graph = graph_of(columns, profiles=used(np.ones((16, 24))) if use else None)
        found = measured(graph, np.where(np.arange(16) < 8, 0, -1))
        return {name for name in NAMES if np.isnan(found[name]).all()}

    def test_is_not_measured(self):
        lacking = self.of("device", "ip_network")
        assert lacking == {
            "own_prompts", "template_cover", "mailbox_reuse", "card_reuse", "reused_twice",
            "shared_cards", "card_focus", "domain_spread", "domain_ownership", "bin_focus",
            "client_focus",
        }  # fmt: skip

    def test_a_second_most_shared_needs_two_kinds_that_people_have_one_of(self):
        assert "reused_twice" in self.of("mailbox", "ip_network")
        assert "reused_twice" in self.of("ip_network")
        assert "reused_twice" not in self.of("mailbox", "payment_fingerprint")

    def test_nothing_is_lacking_where_every_kind_is_given(self):
        assert self.of(*KINDS_USED) == set()

    def test_without_usage_it_is_what_needs_usage(self):
        lacking = self.of(*KINDS_USED, use=False)
        assert lacking == {feature.name for feature in FEATURES if feature.needs_usage}

    def test_one_half_of_an_observation_stands_in_for_the_other(self):
        assert "client_focus" not in self.of("user_agent")
        assert "own_prompts" not in self.of("prompt_band")
        found = of_eight("user_agent", ["a"] * 6 + ["b"] * 2, strangers=["b"] * 8)
        assert found["client_focus"] == pytest.approx([6 / (8 + PRIOR_ACCOUNTS) - 6 / 16])


class TestDefinitions:
    """Small rings, every number by hand."""

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("mailbox_reuse", "mailbox"),
            ("card_reuse", "payment_fingerprint"),
            ("device_reuse", "device"),
        ],
    )
    def test_reuse_is_accounts_per_value(self, name, kind):
        shared = of_eight(kind, ["a"] * 4 + ["b"] * 4)
        own = of_eight(kind, list("abcdefgh"))
        some = of_eight(kind, ["a", "a", "a", None, None, None, None, None])
        assert shared[name].tolist() == [pytest.approx(math.log(9 / 3))]
        assert own[name].tolist() == [0.0]
        assert some[name].tolist() == [pytest.approx(math.log(4 / 2))]

    def test_reused_twice_is_of_the_second_most_shared_of_card_device_and_mailbox(self):
        def of(**kinds):
            columns = {kind: [*values, *[None] * 8] for kind, values in kinds.items()}
            found = measured(graph_of(columns), np.where(np.arange(16) < 8, 0, -1))
            return float(found["reused_twice"][0])

        one_card, two_devices = ["a"] * 8, ["a"] * 4 + ["b"] * 4
        for kind in ("payment_fingerprint", "device", "mailbox"):  # of one kind, none is second
            assert math.isnan(of(**{kind: one_card}))
        assert of(payment_fingerprint=one_card, device=list("abcdefgh")) == 0.0
        both = of(payment_fingerprint=one_card, device=two_devices, mailbox=list("abcdefgh"))
        assert both == pytest.approx(math.log(9 / 3))

    def test_shared_cards_are_those_that_several_pay_with_beyond_the_first(self):
        def of(cards):
            return float(of_eight("payment_fingerprint", cards)["shared_cards"][0])

        assert of(["a"] * 8) == 0.0  # a company
        assert of(list("abcdefgh")) == 0.0
        assert of(list("aabbccdd")) == pytest.approx(math.log(4))
        assert of(list("aabbcdef")) == pytest.approx(math.log(2))

    def test_card_focus_is_the_share_on_the_commonest_card_beyond_the_populations(self):
        found = of_eight("payment_fingerprint", ["a"] * 6 + ["b"] * 2, strangers=["b"] * 8)
        assert found["card_focus"] == pytest.approx([6 / (8 + PRIOR_ACCOUNTS) - 6 / 16])

    def test_spread_of_domains_is_their_entropy(self):
        assert of_eight("email_domain", ["x"] * 8)["domain_spread"] == [0.0]
        evenly = of_eight("email_domain", ["x", "y"] * 4)["domain_spread"]
        assert evenly == pytest.approx([math.log(2)])
        uneven = of_eight("email_domain", ["x"] * 6 + ["y"] * 2)["domain_spread"]
        assert uneven == pytest.approx([-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))])

    def test_a_domain_is_owned_by_three_members_who_are_half_of_its_holders(self):
        own = of_eight("email_domain", ["x"] * 5 + ["y"] * 3, strangers=["x"] * 4)
        assert own["domain_ownership"] == pytest.approx([8 / (8 + PRIOR_ACCOUNTS)])
        couple = of_eight("email_domain", ["x"] * 2 + ["y"] * 6, strangers=["y"] * 7)
        assert couple["domain_ownership"] == [0.0]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("network_focus", "ip_network"),
            ("bin_focus", "card_bin"),
            ("client_focus", "tls_fingerprint"),
        ],
    )
    def test_focus_is_the_commonest_value_beyond_its_share_of_all(self, name, kind):
        ring = ["a"] * 6 + ["b"] * 2
        found = of_eight(kind, ring, strangers=["a"] * 2 + ["b"] * 6)[name]
        assert found == pytest.approx([6 / (8 + PRIOR_ACCOUNTS) - 8 / 16])
        everywhere = of_eight(kind, ["a"] * 8, strangers=["a"] * 8)[name]
        assert everywhere == [0.0]

    def test_own_prompts_are_compared_with_the_populations_share_of_them(self):
        ring = [f"own{n}" for n in range(8)]
        unlike = of_eight("prompt_fingerprint", ring, strangers=["t"] * 8)["own_prompts"]
        usual = 8 / 16
        mean = (8 + PRIOR_ACCOUNTS * usual) / (8 + PRIOR_ACCOUNTS)
        assert unlike == pytest.approx([math.log((mean + 0.02) / (usual + 0.02))])
        same = of_eight("prompt_fingerprint", ["t"] * 8, strangers=ring)["own_prompts"]
        assert same[0] < 0 < unlike[0]

    def test_templates_are_prompts_of_the_ring_and_of_hardly_anybody_else(self):
        of_ring = of_eight("prompt_fingerprint", ["t"] * 6 + ["p", "q"], strangers=["t"] * 6)
        assert of_ring["template_cover"] == pytest.approx([6 / (8 + PRIOR_ACCOUNTS)])
        of_all = of_eight("prompt_fingerprint", ["t"] * 6 + ["p", "q"], strangers=["t"] * 8)
        assert of_all["template_cover"] == [0.0]
        of_two = of_eight("prompt_fingerprint", ["t"] * 2 + list("pqrsuv"))
        assert of_two["template_cover"] == [0.0]

    def test_bands_stand_in_where_no_fingerprint_is_known(self):
        found = of_eight("prompt_band", ["t"] * 6 + ["p", "q"])
        assert found["template_cover"] == pytest.approx([6 / (8 + PRIOR_ACCOUNTS)])

    def test_families_are_averaged_and_shrunk_to_two(self):
        graph = graph_of({"device": [str(n) for n in range(16)]})
        ring = np.where(np.arange(16) < 8, 0, -1)
        found = measured(graph, ring, np.where(ring >= 0, 4.0, 0.0))["families"]
        # only one family occurs in these data: four of it would be more than all five
        assert found == pytest.approx([(8 * 5 + PRIOR_ACCOUNTS * 2) / (8 + PRIOR_ACCOUNTS)])


def signed_up(hours_of_members, strangers=400):
    """Members who signed up at the given hours since the start; strangers over 90 days."""
    rng = np.random.default_rng(0)
    inside = np.asarray(hours_of_members) * HOUR_MS
    day = rng.integers(0, 90, strangers) * DAY_MS
    awake = rng.integers(8, 24, strangers) * HOUR_MS
    created = START_MS + np.r_[inside, day + awake]
    profiles = dataclasses.replace(
        empty_profiles(len(created)), signup_hour=((created // HOUR_MS) % 24).astype(np.int8)
    )
    graph = graph_of(
        {"device": [str(n) for n in range(len(created))]}, created_ms=created, profiles=profiles
    )
    members = len(inside)
    return measured(graph, np.where(np.arange(len(created)) < members, 0, -1)), created


class TestSignups:
    def test_span_is_the_middle_four_fifths_beside_the_populations(self):
        found, created = signed_up([0, *range(100, 109), 2_000])
        everyone = np.subtract(*np.quantile(created, [0.9, 0.1]))
        assert found["signup_span"] == pytest.approx([math.log((8 + 1) * HOUR_MS / everyone)])

    def test_a_burst_spans_less_than_a_slow_growth(self):
        burst, _ = signed_up(np.linspace(500, 520, 30))
        slow, _ = signed_up(np.linspace(0, 80 * 24, 30))
        assert burst["signup_span"][0] < -3 < slow["signup_span"][0] < 0.5

    def test_machines_sign_up_at_night_and_people_do_not(self):
        machine, _ = signed_up(np.arange(60) * 7)
        person, _ = signed_up(np.arange(60) * 24 + 8 + np.arange(60) % 16)
        assert machine["signup_wakefulness"][0] > 1 > person["signup_wakefulness"][0]


DAY_SHIFT = np.r_[np.full(16, 4.0), np.full(8, 0.5)]


class TestUse:
    def rings(self, of_ring, tokens=400, days=3, strangers=200):
        """Features of a ring of 20 used so, among people who use it by day."""
        rng = np.random.default_rng(1)
        people = [rng.poisson(DAY_SHIFT * rng.uniform(0.5, 2)) for _ in range(strangers)]
        profiles = used(
            [*np.broadcast_to(of_ring, (20, 24)), *people],
            tokens=np.r_[np.broadcast_to(tokens, 20), rng.integers(200, 800, strangers)],
            days=np.r_[np.broadcast_to(days, 20), rng.integers(1, 12, strangers)],
        )
        accounts = 20 + strangers
        graph = graph_of({"device": [str(n) for n in range(accounts)]}, profiles=profiles)
        return measured(graph, np.where(np.arange(accounts) < 20, 0, -1))

    def test_people_of_the_population_stand_near_zero(self):
        rng = np.random.default_rng(2)
        found = self.rings(
            rng.poisson(DAY_SHIFT, (20, 24)),
            tokens=rng.integers(200, 800, 20),
            days=rng.integers(1, 12, 20),
        )
        for feature in FEATURES:
            if feature.needs_usage and "prompt" not in feature.words:
                assert abs(found[feature.name][0]) < 0.6

    def test_use_round_the_clock_shows_in_each_account_and_in_the_ring(self):
        found = self.rings(np.full(24, 1) * np.arange(1, 21)[:, None])
        assert found["wakefulness"][0] > 1
        assert found["ring_wakefulness"][0] > 1

    def test_shifts_that_cover_the_day_show_in_the_ring_alone(self):
        use = np.random.default_rng(3).poisson(DAY_SHIFT, (20, 24))
        shifts = np.stack([np.roll(row, 6 * (n % 4)) for n, row in enumerate(use)])
        found = self.rings(shifts)
        assert abs(found["wakefulness"][0]) < 1
        assert found["ring_wakefulness"][0] > 1

    def test_longer_answers_more_of_them_and_fewer_days_show_where_they_should(self):
        plain = self.rings(DAY_SHIFT)
        assert self.rings(DAY_SHIFT, tokens=3_000)["output_size"][0] > plain["output_size"][0] + 1
        assert self.rings(DAY_SHIFT * 20, days=3)["pace"][0] > plain["pace"][0] + 1
        assert self.rings(DAY_SHIFT, days=30)["persistence"][0] > plain["persistence"][0] + 1

    def test_in_a_world_where_everybody_does_the_same_nobody_is_alike(self):
        profiles = used(np.tile(DAY_SHIFT, (60, 1)), days=3)
        graph = graph_of({"device": [str(n) for n in range(60)]}, profiles=profiles)
        found = measured(graph, np.where(np.arange(60) < 40, 0, -1))
        for name in ("output_likeness", "pace_likeness", "persistence_likeness"):
            assert found[name][0] == 0

    def test_accounts_that_do_the_same_are_alike(self):
        same = self.rings(DAY_SHIFT)
        for name in ("output_likeness", "pace_likeness", "persistence_likeness"):
            assert same[name][0] < -0.3

    def test_without_use_what_needs_it_is_zero(self):
        found = self.rings(np.zeros(24, dtype=int))
        for name in ("output_size", "pace", "wakefulness", "ring_wakefulness", "persistence"):
            assert found[name][0] == 0
