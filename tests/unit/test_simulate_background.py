"""The background: countries of their own, shared values with heavy tails, people who type."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter, defaultdict

import numpy as np
import phonenumbers
import pytest
from simulated import HOUR, column, domain, members, truth_of, values, world_of

from ringfinder.simulate.activity import FITTED
from ringfinder.simulate.chance import stream
from ringfinder.simulate.countries import COUNTRIES
from ringfinder.simulate.ground import Ground
from ringfinder.simulate.people import people
from ringfinder.simulate.spec import DEFAULT_COHORT_SHARES, WorldSpec


@pytest.fixture(scope="module")
def many():
    return world_of(accounts=20_000, prevalence=0.0, regions=12, seed=31)


@pytest.fixture(scope="module")
def one():
    return world_of(accounts=20_000, prevalence=0.0, seed=32)


def by_country(world, table, field):
    """Values of the background's accounts by country."""
    truth = truth_of(world)
    found = defaultdict(Counter)
    for account, seen in values(world, table, field).items():
        if truth[account]["cohort"] == "background":
            found[truth[account]["region"]].update(set(seen))
    return found


def overlap(found, first, second):
    """Share of the commonest twenty values of one country known in another."""
    top = [value for value, _ in found[first].most_common(20)]
    return np.mean([value in found[second] for value in top])


class TestCountries:
    def test_there_are_as_many_as_asked_and_few_are_large(self, many):
        counts = Counter(column(many["truth"], "region")).most_common()
        assert len(counts) == 12
        assert counts[0][1] > 5 * counts[-1][1]

    def test_the_country_is_told_in_the_signups(self, many):
        truth = truth_of(many)
        rows = many["signups"].to_pylist()
        assert all(row["country"] == truth[row["account_id"]]["region"] for row in rows)

    @pytest.mark.parametrize(
        ("table", "field"),
        [("usage", "ip"), ("signups", "card_bin"), ("usage", "prompt_fingerprint")],
    )
    def test_carriers_banks_and_prompts_differ_between_countries(self, many, table, field):
        found = by_country(many, table, field)
        first, second = sorted(found, key=lambda c: -found[c].total())[:2]
        # What the world shares: VPN exits, issuers of virtual cards, published prompts.
        assert overlap(found, first, second) < 0.5

    def test_each_country_has_mail_providers_of_its_own(self, many):
        mail = by_country(many, "signups", "email")
        known = {country.code: country for country in COUNTRIES}
        for code in list(mail)[:6]:
            names = Counter(domain(text) for text in mail[code])
            assert any(names[provider] > 5 for provider in known[code].mail)
            assert names["gmail.com"] > 0.2 * names.total()

    def test_people_sleep_at_night_where_they_live(self, many):
        truth = truth_of(many)
        zone = {country.code: country.zone for country in COUNTRIES}
        usage = many["usage"]
        hours = column(usage, "occurred_at") // HOUR % 24
        where = np.array([truth[a]["region"] for a in column(usage, "account_id")])
        for code in np.unique(where)[:8]:
            local = (hours[where == code] + zone[code]) % 24
            assert ((local >= 2) & (local < 6)).mean() < 0.1

    def test_phones_carry_the_code_of_the_country(self, many):
        truth = truth_of(many)
        for account, (text, *_) in list(values(many, "signups", "phone").items())[:800]:
            # Where dialling abroad does not begin with 00, people write it all the same.
            written = re.sub(r"^00", "+", text)
            number = phonenumbers.parse(written, truth[account]["region"])
            assert phonenumbers.is_valid_number(number), text
            dial = next(c.dial for c in COUNTRIES if c.code == truth[account]["region"])
            assert str(number.country_code) == dial

    def test_one_country_has_no_second_population(self, one):
        assert set(column(one["signups"], "country")) == {"US"}


class TestSharing:
    def test_carriers_put_many_behind_few_addresses(self, one):
        counts = by_country(one, "usage", "ip")["US"]
        top = [n for _, n in counts.most_common(20)]
        assert min(top) > 40

    def test_most_home_addresses_are_hardly_shared(self, one):
        counts = by_country(one, "signups", "ip")["US"]
        assert np.median(list(counts.values())) <= 2

    def test_popular_prompts_have_a_heavy_tail_and_most_are_unique(self, one):
        counts = np.array(list(by_country(one, "usage", "prompt_fingerprint")["US"].values()))
        assert (counts == 1).mean() > 0.8
        assert counts.max() > 100

    def test_a_third_is_on_ipv6(self, one):
        texts = [found[0] for found in values(one, "signups", "ip").values()]
        assert 0.1 < np.mean([":" in text for text in texts]) < 0.4

    def test_addresses_are_public_and_written_as_they_should_be(self, one):
        texts = {found[0] for found in values(one, "signups", "ip").values()}
        for text in sorted(texts)[:3000]:
            address = ipaddress.ip_address(text)
            assert address.is_global, text
            assert address.version == 4 or str(address) == address.compressed

    def test_bigger_worlds_do_not_share_home_addresses_more(self):
        def usual(accounts):
            world = world_of(accounts=accounts, prevalence=0.0, seed=3)
            counts = by_country(world, "signups", "ip")["US"]
            return np.mean([n for n in counts.values() if n < 20])

        assert abs(usual(2000) - usual(20_000)) < 0.3


class TestTyping:
    def test_addresses_are_typed_with_capitals_and_spaces(self, one):
        texts = [found[0] for found in values(one, "signups", "email").values()]
        assert 0.03 < np.mean([text != text.lower() for text in texts]) < 0.12
        assert 0.01 < np.mean([text != text.strip() for text in texts]) < 0.05

    def test_no_two_accounts_have_the_same_address(self, one):
        texts = [found[0].strip().lower() for found in values(one, "signups", "email").values()]
        assert len(set(texts)) == len(texts) == 20_000

    def test_addresses_have_a_local_part_and_a_domain(self, one):
        for found in values(one, "signups", "email").values():
            assert re.fullmatch(r"[a-z0-9._+]+@[a-z0-9-]+(\.[a-z]+)+", found[0].strip().lower())

    def test_phones_are_typed_in_many_ways(self, one):
        texts = [found[0] for found in values(one, "signups", "phone").values()]
        shapes = {re.sub(r"\d+", "9", text) for text in texts}
        assert {"+9", "9", "+9 9 9", "+9-9-9", "+9 (9) 9"} <= shapes


class TestUse:
    def test_tokens_are_as_in_the_traces(self, one):
        usage = one["usage"]
        each = np.log(
            column(usage, "output_tokens").astype(float) / column(usage, "exchanges").astype(float)
        )
        code, talk = FITTED["tokens"]["code"], FITTED["tokens"]["conversation"]
        assert code["out_mu"] < np.median(each) < talk["out_mu"] + 0.3
        assert 0.8 < each.std() < 1.8

    def test_some_people_do_more_than_any_fleet_account(self, one):
        per_account: Counter = Counter()
        usage = one["usage"]
        for account, count in zip(
            column(usage, "account_id"), column(usage, "exchanges"), strict=True
        ):
            per_account[account] += count
        assert sum(n > 25 * 45 for n in per_account.values()) > 0.01 * 20_000

    def test_some_never_use_their_account(self, one):
        used = set(column(one["usage"], "account_id"))
        assert 0.02 < 1 - len(used) / 20_000 < 0.15

    def test_the_new_model_is_adopted_slowly(self, one):
        usage = one["usage"]
        new = column(usage, "model") == "lodestar-2"
        days = (column(usage, "occurred_at") - WorldSpec().start_ms) // (24 * HOUR)
        assert not new[days < 45].any()
        assert new[(days >= 46) & (days < 50)].mean() < new[days >= 80].mean()


class TestPeople:
    def test_strangers_share_no_card_and_no_device(self):
        ground = Ground(WorldSpec(accounts=3000))
        block = people(ground, ground.regions[0], 3000, stream(1, "people"))
        for lists in (block.cards, block.devices):
            assert len(np.unique(lists.items)) == len(lists.items)

    def test_the_default_cohorts_leave_most_people_alone(self, one):
        background = len(members(one, cohort="background"))
        assert background == 20_000 - sum(
            round(20_000 * share) for share in DEFAULT_COHORT_SHARES.values()
        )
