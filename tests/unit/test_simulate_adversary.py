"""An attacker who has read the code, and exports that lose things."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from simulated import column, distinct, domain, groups, members, truth_of, values, world_of

from ringfinder.simulate import Adversary
from ringfinder.simulate.untidy import JUNK_DEVICE


def against(**knobs):
    """A world with hydra and quiet fleets of an operator with the given knobs."""
    return world_of(
        accounts=8000, prevalence=0.1, seed=41, styles=("hydra", "quiet"),
        adversary=Adversary(**knobs),
    )  # fmt: skip


class TestDecoys:
    def test_more_decoys_hide_more_of_what_a_fleet_shows(self):
        def foreign(rate):
            world = against(decoy_rate=rate)
            ips = values(world, "usage", "ip")
            inside = members(world, cohort="fleet")
            theirs = {ip for a, found in ips.items() if a not in inside for ip in found}
            return np.mean([ip in theirs for a in inside for ip in ips.get(a, ())])

        plain, half = foreign(0.0), foreign(0.5)
        assert half > plain + 0.2

    def test_claimed_domains_are_not_verified(self):
        world = against(decoy_rate=0.8)
        mail = values(world, "signups", "email")
        verified = {r["account_id"]: r["email_verified"] for r in world["signups"].to_pylist()}
        firms = {
            Counter(domain(mail[a][0]) for a in who).most_common(1)[0][0]
            for who in groups(world, "group_id", cohort="company").values()
            if len(who) >= 8
        }
        claims = [a for a in members(world, cohort="fleet") if domain(mail[a][0]) in firms]
        assert len(claims) > 20
        assert not any(verified[a] for a in claims)

    def test_stolen_cards_belong_to_honest_people(self):
        world = against(decoy_rate=0.8)
        cards = values(world, "signups", "payment_fingerprint")
        inside = members(world, cohort="fleet")
        theirs = {c for a, found in cards.items() if a not in inside for c in found}
        assert sum(cards[a][0] in theirs for a in inside if a in cards) > 5


class TestVariation:
    def test_varied_templates_leave_fingerprints_that_nobody_shares(self):
        def unique(variation):
            world = against(template_variation=variation)
            prompts = values(world, "usage", "prompt_fingerprint")
            counts = Counter(p for found in prompts.values() for p in set(found))
            inside = members(world, cohort="fleet")
            return np.mean([counts[p] == 1 for a in inside for p in set(prompts.get(a, ()))])

        assert unique(0.9) > unique(0.0) + 0.4


class TestSplit:
    def test_cells_share_no_pool_and_no_template(self):
        world = against(split=20)
        facts = max(world.info["fleets"], key=lambda fact: fact["size"])
        assert facts["cells"] == -(-facts["size"] // 20)
        prompts = values(world, "usage", "prompt_fingerprint")
        who = groups(world)[f"fleet-{facts['number']:04d}"]
        counts = Counter(p for a in who for p in set(prompts.get(a, ())))
        inside = [n for _, n in counts.most_common(4)]
        assert max(inside) <= 20

    def test_it_costs_more_than_one_machine(self):
        def dollars(split):
            facts = against(split=split).info["fleets"]
            return sum(f["dollars_per_account"] * f["size"] for f in facts)

        assert dollars(20) > 1.5 * dollars(0)

    def test_costs_are_sums_of_what_was_bought(self):
        for fact in against().info["fleets"]:
            assert fact["bought"]["account"] == fact["size"]
            assert fact["dollars_per_account"] > 0.05


class TestMerging:
    def test_a_fleet_hides_among_the_staff_of_a_company(self):
        world = against(merge_company=1.0)
        mail, ips = values(world, "signups", "email"), values(world, "usage", "ip")
        companies = groups(world, "group_id", cohort="company").values()
        for who in [w for w in groups(world).values() if len(w) >= 20]:
            name = Counter(domain(mail[a][0]) for a in who).most_common(1)[0]
            assert name[1] > 0.7 * len(who)
            host = max(companies, key=lambda c: sum(domain(mail[a][0]) == name[0] for a in c))
            assert domain(mail[next(iter(host))][0])
            shared = {ip for a in host for ip in ips.get(a, ())} & {
                ip for a in who for ip in ips.get(a, ())
            }
            assert shared


class TestFraming:
    @pytest.fixture
    def world(self):
        return world_of(accounts=8000, prevalence=0.02, seed=43, adversary=Adversary(framing=300))

    @pytest.fixture
    def victim(self, world):
        number = world.info["fleets"][-1]["victim_group"]
        return groups(world, "group_id")[f"group-{number:05d}"]

    def test_the_attackers_are_as_many_as_asked(self, world):
        assert len(members(world, style="framing")) == 300

    def test_they_use_the_domain_the_network_and_the_prompts_of_the_victim(self, world, victim):
        attackers = members(world, style="framing")
        mail, ips = values(world, "signups", "email"), values(world, "usage", "ip")
        prompts = values(world, "usage", "prompt_fingerprint")
        domains = {domain(mail[a][0]) for a in attackers}
        assert len(domains) == 1
        assert domains <= {domain(mail[a][0]) for a in victim}
        offices = Counter(ip for a in victim for ip in set(ips.get(a, ()))).most_common(4)
        seen = {ip for ip, _ in offices}
        busy = [a for a in attackers if a in ips]
        assert np.mean([bool(seen & set(ips[a])) for a in busy]) > 0.8
        asked = {p for a in victim for p in prompts.get(a, ())}
        assert np.mean([bool(asked & set(prompts[a])) for a in busy if a in prompts]) > 0.6

    def test_established_are_the_staff_from_before_the_attack(self, world, victim):
        truth = truth_of(world)
        created = values(world, "signups", "created_at")
        begin = min(created[a][0] for a in members(world, style="framing"))
        established = {a for a in victim if truth[a]["established"]}
        assert established == members(world, established=True)
        assert len(established) > 0.3 * len(victim)
        assert max(created[a][0] for a in established) <= begin + 3_600_000

    def test_the_domain_is_claimed_not_verified(self, world):
        attackers = members(world, style="framing")
        rows = world["signups"].to_pylist()
        assert not any(r["email_verified"] for r in rows if r["account_id"] in attackers)

    def test_nobody_is_established_without_framing(self):
        assert not members(against(), established=True)


class TestMissing:
    def test_the_share_of_lost_values_is_as_asked(self):
        world = world_of(accounts=4000, missing=0.5)
        assert abs(world["signups"]["tls_fingerprint"].null_count / 4000 - 0.5) < 0.04
        assert abs(world["signups"]["email"].null_count / 4000 - 0.5) < 0.04
        usage = world["usage"]
        assert abs(usage["prompt_fingerprint"].null_count / usage.num_rows - 0.5) < 0.06

    def test_a_lost_sighting_is_lost_in_every_row(self):
        whole, torn = world_of(accounts=4000, missing=0.0), world_of(accounts=4000, missing=0.5)
        full, left = values(whole, "usage", "device_id"), values(torn, "usage", "device_id")
        everyone = list(full)
        assert distinct(left, set(everyone)) < 0.62 * distinct(full, set(everyone))

    def test_nothing_is_lost_that_makes_a_row_unusable(self):
        world = world_of(accounts=4000, missing=0.5)
        for name, fields in (("signups", ("account_id", "created_at")),
                             ("usage", ("account_id", "occurred_at", "exchanges"))):  # fmt: skip
            assert all(world[name][field].null_count == 0 for field in fields)


class TestUntidy:
    @pytest.fixture
    def world(self):
        return world_of(accounts=6000, untidy=True)

    def test_addresses_come_mapped_and_in_capitals(self, world):
        texts = [found[0] for found in values(world, "signups", "ip").values()]
        assert any(text.startswith("::ffff:") for text in texts)
        assert any(text != text.lower() for text in texts)

    def test_countries_and_plans_come_in_mixed_case(self, world):
        assert {"US", "us"} == set(column(world["signups"], "country"))
        assert {"free", "FREE"} <= set(column(world["signups"], "plan"))

    def test_there_is_junk_that_many_accounts_share(self, world):
        devices = Counter(column(world["signups"], "device_id"))
        assert devices[JUNK_DEVICE] > 50
        phones = set(column(world["signups"], "phone"))
        assert {"N/A", "unknown"} <= phones

    def test_the_first_weeks_lack_a_field_that_came_later(self, world):
        early = column(world["signups"], "tls_fingerprint")[: 6000 // 10]
        assert all(value is None for value in early)

    def test_the_truth_stays_tidy(self, world):
        tidy = world_of(accounts=6000)
        assert world["truth"]["fleet_id"].equals(tidy["truth"]["fleet_id"])
