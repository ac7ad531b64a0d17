"""Fleets: every style keeps its promise, and none is told apart by one value alone."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from simulated import DAY, HOUR, column, distinct, domain, groups, members, values, world_of

from ringfinder.simulate import STYLES
from ringfinder.simulate.activity import release_ms
from ringfinder.simulate.countries import MODELS
from ringfinder.simulate.spec import WorldSpec

SIZE = 12_000


def one_style(style, **knobs):
    """A world with fleets of one style only."""
    return world_of(accounts=SIZE, prevalence=0.08, styles=(style,), seed=11, **knobs)


def fleets_of(world, smallest=20):
    """Fleets large enough to measure."""
    return {name: who for name, who in groups(world).items() if len(who) >= smallest}


def plan(world, fleet):
    """What world.json says of a fleet."""
    return world.info["fleets"][int(fleet.removeprefix("fleet-"))]


@pytest.mark.parametrize("style", STYLES)
class TestEveryStyle:
    def test_it_is_planted_as_asked(self, style):
        assert set(column(one_style(style)["truth"], "style")) == {None, style}

    def test_its_accounts_work_through_the_night(self, style):
        world = one_style(style)
        inside = members(world, cohort="fleet")
        usage = world["usage"]
        hours = column(usage, "occurred_at") // HOUR % 24
        ours = np.isin(column(usage, "account_id").astype(str), sorted(inside))
        local = (hours + -6) % 24
        night = (local >= 1) & (local < 6)
        assert night[ours].mean() > 0.12
        assert night[ours].mean() > 1.5 * night[~ours].mean()

    def test_its_answers_are_longer_but_overlap_with_honest_ones(self, style):
        world = one_style(style)
        inside = members(world, cohort="fleet")
        usage = world["usage"]
        each = column(usage, "output_tokens") / column(usage, "exchanges")
        ours = np.isin(column(usage, "account_id").astype(str), sorted(inside))
        assert np.median(each[ours]) > 1.5 * np.median(each[~ours])
        assert (each[~ours] > np.median(each[ours])).mean() > 0.01

    def test_few_templates_serve_many_accounts(self, style):
        world = one_style(style)
        prompts = values(world, "usage", "prompt_fingerprint")
        for fleet, who in fleets_of(world).items():
            busy = {a for a in who if a in prompts}
            counts = Counter(v for a in busy for v in set(prompts[a]))
            templates = [v for v, _ in counts.most_common(plan(world, fleet)["bought"]["template"])]
            covered = sum(bool(set(prompts[a]) & set(templates)) for a in busy) / len(busy)
            assert covered > 0.7

    def test_it_makes_no_device_of_an_honest_person_its_own(self, style):
        world = one_style(style)
        devices = values(world, "usage", "device_id")
        inside = members(world, cohort="fleet")
        ours = {d for a in inside for d in devices.get(a, ())}
        theirs = {d for a, found in devices.items() if a not in inside for d in found}
        assert not ours & theirs


class TestReused:
    def test_cards_and_devices_serve_several_accounts_each(self):
        world = one_style("reused")
        cards, devices = (
            values(world, "signups", "payment_fingerprint"),
            values(world, "signups", "device_id"),
        )
        for who in fleets_of(world).values():
            paying = {a for a in who if cards.get(a)}
            assert distinct(cards, paying) < 0.55 * len(paying)
            assert distinct(devices, who) < 0.55 * len(who)


class TestHydra:
    def test_addresses_and_cards_and_devices_are_unique(self):
        world = one_style("hydra")
        ips, cards = values(world, "signups", "ip"), values(world, "signups", "payment_fingerprint")
        for who in fleets_of(world).values():
            assert distinct(ips, who) > 0.9 * len(who)
            paying = {a for a in who if cards.get(a)}
            assert distinct(cards, paying) == len(paying)

    def test_a_domain_takes_about_150_accounts(self):
        world = one_style("hydra", fleets=2)
        mail = values(world, "signups", "email")
        (who,) = [
            w for w in groups(world).values() if len(w) == max(map(len, groups(world).values()))
        ]
        counts = Counter(domain(mail[a][0]) for a in who)
        top = [count for _, count in counts.most_common(max(1, len(who) // 200))]
        assert 60 < np.mean(top) < 300

    def test_it_has_four_templates(self):
        world = one_style("hydra")
        assert {fact["bought"]["template"] for fact in world.info["fleets"]} == {4}


class TestFreemailFarm:
    def test_names_have_one_shape_at_free_mail_providers(self):
        world = one_style("freemail_farm")
        mail = values(world, "signups", "email")
        for who in fleets_of(world).values():
            shapes = Counter(
                re.sub(r"\d", "9", re.sub(r"[a-z]+", "a", mail[a][0].strip().lower().split("@")[0]))
                for a in who
            )
            assert shapes.most_common(1)[0][1] > 0.85 * len(who)
            assert len({domain(mail[a][0]) for a in who}) < 12

    def test_it_sits_behind_a_few_addresses_that_strangers_share(self):
        world = one_style("freemail_farm")
        ips = values(world, "usage", "ip")
        inside = members(world, cohort="fleet")
        outside = {ip for a, found in ips.items() if a not in inside for ip in found}
        for who in fleets_of(world).values():
            counts = Counter(ip for a in who for ip in set(ips.get(a, ())))
            few = [ip for ip, _ in counts.most_common(3)]
            assert set(few) <= outside


class TestBurst:
    def test_use_is_hard_and_over_in_three_days(self):
        world = one_style("burst")
        usage = world["usage"]
        times: dict[str, list] = {}
        work: Counter = Counter()
        for account, when, count in zip(
            column(usage, "account_id"), column(usage, "occurred_at"),
            column(usage, "exchanges"), strict=True,
        ):  # fmt: skip
            times.setdefault(account, []).append(when)
            work[account] += count
        inside = [a for a in members(world, cohort="fleet") if a in times]
        spans = np.array([max(times[a]) - min(times[a]) for a in inside]) / DAY
        assert np.quantile(spans, 0.98) <= 3.6
        assert np.median([work[a] for a in inside]) > 60


class TestTrial:
    def test_rings_are_small_and_free(self):
        world = one_style("trial")
        assert all(5 <= len(who) <= 30 for who in groups(world).values())
        plans = values(world, "signups", "plan")
        inside = members(world, cohort="fleet")
        assert np.mean([plans[a][0] == "free" for a in inside]) > 0.8

    def test_addresses_are_spellings_of_one_mailbox(self):
        world = one_style("trial")
        mail = values(world, "signups", "email")
        for who in fleets_of(world, 10).values():
            stems = Counter(
                mail[a][0].strip().lower().split("@")[0].split("+")[0].replace(".", "") for a in who
            )
            assert stems.most_common(1)[0][1] > 0.6 * len(who)
            assert len({mail[a][0].strip().lower() for a in who}) == len(who)


class TestQuiet:
    def test_nothing_of_the_usual_is_in_common(self):
        world = one_style("quiet")
        mail, cards = (
            values(world, "signups", "email"),
            values(world, "signups", "payment_fingerprint"),
        )
        inside = members(world, cohort="fleet")
        honest = {domain(v[0]) for a, v in mail.items() if a not in inside}
        for who in fleets_of(world).values():
            assert {domain(mail[a][0]) for a in who} <= honest
            paying = {a for a in who if cards.get(a)}
            assert distinct(cards, paying) == len(paying)

    def test_most_cards_come_from_one_or_two_issuers(self):
        world = one_style("quiet")
        bins = values(world, "signups", "card_bin")
        for who in fleets_of(world).values():
            counts = Counter(bins[a][0] for a in who if bins.get(a))
            assert sum(n for _, n in counts.most_common(2)) > 0.85 * counts.total()

    def test_an_account_makes_about_25_exchanges_a_day(self):
        assert all(
            21 < fact["exchanges_per_day"] < 29 for fact in one_style("quiet").info["fleets"]
        )


class TestModelSwitch:
    def test_half_of_the_use_moves_within_a_day_of_the_release(self):
        world = one_style("model_switch")
        release = release_ms(WorldSpec())
        usage = world["usage"]
        when = column(usage, "occurred_at")
        new = column(usage, "model") == MODELS[-1]
        ours = np.isin(
            column(usage, "account_id").astype(str), sorted(members(world, cohort="fleet"))
        )
        soon = (when > release + DAY) & (when < release + 8 * DAY)
        assert 0.4 < new[ours & soon].mean() < 0.62
        assert new[~ours & soon].mean() < 0.3
        assert not new[when < release].any()


class TestCamouflage:
    def test_decoys_are_borrowed_from_hubs_that_honest_people_use(self):
        world = one_style("camouflage")
        prompts = values(world, "usage", "prompt_fingerprint")
        inside = members(world, cohort="fleet")
        popular = Counter(p for a, found in prompts.items() if a not in inside for p in set(found))
        known = {p for p, n in popular.items() if n >= 5}
        touched = [a for a in inside if set(prompts.get(a, ())) & known]
        assert len(touched) > 0.4 * len(inside)

    def test_the_rate_is_a_knob(self):
        shares = []
        for rate in (0.05, 0.7):
            world = one_style("camouflage", camouflage_decoys=rate)
            prompts = values(world, "usage", "prompt_fingerprint")
            inside = members(world, cohort="fleet")
            theirs = {p for a, found in prompts.items() if a not in inside for p in found}
            ours = [p in theirs for a in inside for p in prompts.get(a, ())]
            shares.append(np.mean(ours))
        assert shares[0] + 0.2 < shares[1]


class TestPools:
    def pooled(self, shared):
        world = one_style("quiet", shared_pools=shared)
        ips = values(world, "usage", "ip")
        facts = world.info["fleets"]
        seen = [
            {ip for a in groups(world).get(f"fleet-{f['number']:04d}", ()) for ip in ips.get(a, ())}
            for f in facts
        ]
        return facts, seen

    def test_two_operators_may_share_one_pool(self):
        facts, seen = self.pooled(1.0)
        partners = [(f["number"], f["partner"]) for f in facts if f["partner"] >= 0]
        assert partners
        for one, other in partners:
            assert len(seen[one] & seen[other]) > 0.2 * min(len(seen[one]), len(seen[other]))

    def test_without_sharing_their_addresses_are_apart(self):
        facts, seen = self.pooled(0.0)
        assert all(f["partner"] < 0 for f in facts)
        assert len(seen[0] & seen[1]) < 0.1 * len(seen[0])


class TestSizes:
    def test_number_and_bounds_can_be_asked_for(self):
        world = world_of(
            accounts=6000, prevalence=0.2, fleets=12, smallest_fleet=10, largest_fleet=200
        )
        sizes = [len(who) for who in groups(world).values()]
        assert sum(sizes) == 1200
        assert min(sizes) >= 5  # trial rings keep their own bounds
        assert max(sizes) <= 200

    def test_some_accounts_look_ordinary_in_a_trait(self):
        world = one_style("reused")
        assert len({fact["noise"] for fact in world.info["fleets"]}) > 3
