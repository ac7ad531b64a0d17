"""The parts worlds are made of: draws, lists, text, new values, presets and the fit."""

from __future__ import annotations

import ipaddress
import json
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import column, members, world_of

from ringfinder.durations import DAY_MS
from ringfinder.errors import InputError, InvalidParameter
from ringfinder.simulate import PRESETS, WorldSpec, activity, preset, simulate
from ringfinder.simulate.chance import (
    choose,
    heavy_sizes,
    scramble,
    stream,
    uniform_of,
    zipf_weights,
)
from ringfinder.simulate.clients import STACKS_OF_BROWSER, Clients
from ringfinder.simulate.countries import COUNTRIES
from ringfinder.simulate.fit import beta_moments, describe_client, fit, main
from ringfinder.simulate.mint import Mint
from ringfinder.simulate.presets import CAMPAIGNS
from ringfinder.simulate.ragged import Ragged
from ringfinder.simulate.text import addresses, hexadecimal, numbers, uuids, v6_code

DATA = Path(__file__).parents[2].parent / "shared" / "data"
lists_of_numbers = st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=12)


def ragged(lists):
    """Lists as a Ragged."""
    items = np.array([value for one in lists for value in one], np.int64)
    return Ragged(items, np.array([len(one) for one in lists], np.int64))


def plain(lists):
    """A Ragged as lists."""
    return [list(part) for part in np.split(lists.items, np.cumsum(lists.counts)[:-1])]


class TestRagged:
    @given(lists_of_numbers)
    def test_it_is_what_it_was_made_from(self, lists):
        assert plain(ragged(lists)) == lists

    @given(lists_of_numbers, st.randoms())
    def test_then_appends_account_by_account(self, lists, random):
        other = [random.choices(range(50), k=random.randrange(4)) for _ in lists]
        both = ragged(lists).then(ragged(other))
        assert plain(both) == [a + b for a, b in zip(lists, other, strict=True)]

    @given(lists_of_numbers, st.data())
    def test_take_reorders_accounts(self, lists, data):
        place = st.integers(0, len(lists) - 1)
        index = data.draw(st.lists(place, min_size=1, max_size=10))
        assert plain(ragged(lists).take(np.array(index))) == [lists[i] for i in index]

    @given(lists_of_numbers)
    def test_first_is_the_first_or_the_default(self, lists):
        assert ragged(lists).first().tolist() == [one[0] if one else -1 for one in lists]

    @given(lists_of_numbers)
    def test_only_empties_the_others(self, lists):
        mask = np.arange(len(lists)) % 2 == 0
        expected = [one if keep else [] for one, keep in zip(lists, mask, strict=True)]
        assert plain(ragged(lists).only(mask)) == expected

    def test_stack_puts_blocks_one_after_the_other(self):
        parts = [ragged([[1], []]), ragged([[2, 3]])]
        assert plain(Ragged.stack(parts)) == [[1], [], [2, 3]]

    def test_a_table_is_lists_of_one_length(self):
        assert plain(Ragged.table(np.array([[1, 2], [3, 4]]))) == [[1, 2], [3, 4]]


class TestChance:
    def test_a_stream_depends_on_its_name_and_the_seed_only(self):
        assert stream(1, "a").random() == stream(1, "a").random()
        assert len({stream(s, n).random() for s in (1, 2) for n in ("a", "b")}) == 4

    @given(st.sets(st.integers(0, 2**62), min_size=2, max_size=50), st.integers(0, 2**40))
    def test_scramble_never_makes_two_codes_equal(self, codes, salt):
        bits = scramble(np.array(sorted(codes)), salt)
        assert len(np.unique(bits)) == len(codes)

    def test_uniforms_are_even(self):
        u = uniform_of(scramble(np.arange(40_000), 3))
        assert 0 <= u.min() <= u.max() < 1
        assert np.abs(np.histogram(u, 10, (0, 1))[0] / 4000 - 1).max() < 0.06

    def test_choices_follow_the_weights(self):
        picks = choose(stream(1, "x"), np.array([1.0, 0.0, 3.0]), 40_000)
        share = np.bincount(picks, minlength=3) / 40_000
        assert share[1] == 0
        assert abs(share[2] - 0.75) < 0.01

    def test_zipf_weights_fall_and_sum_to_one(self):
        weights = zipf_weights(50, 0.9)
        assert abs(weights.sum() - 1) < 1e-12
        assert (np.diff(weights) < 0).all()

    @settings(max_examples=150)
    @given(
        st.integers(0, 20_000), st.integers(1, 60), st.integers(2, 40), st.integers(2, 5000),
        st.integers(0, 9),
    )  # fmt: skip
    def test_sizes_sum_to_the_total_and_keep_the_smallest(self, total, count, low, high, seed):
        sizes = heavy_sizes(stream(seed, "sizes"), total, count, low, high)
        assert sum(sizes) == (total if total >= low else 0)
        assert all(size >= low for size in sizes)
        fits = -(-total // max(1, len(sizes))) <= high
        assert not fits or all(size <= max(high, low) for size in sizes)

    def test_sizes_have_a_heavy_tail(self):
        sizes = heavy_sizes(stream(4, "sizes"), 3000, 60, 5, 1000)
        assert max(sizes) > 10 * np.median(sizes)


class TestText:
    @given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
    def test_ipv4_is_written_as_python_does(self, codes):
        array = np.array(codes, np.int64)
        expected = [str(ipaddress.IPv4Address(code)) for code in codes]
        assert addresses(array, scramble(array, 1)).to_pylist() == expected

    @given(st.integers(0x2001, 0x3FFF), st.integers(0, 2**48 - 1), st.integers(0, 3))
    def test_ipv6_keeps_its_prefix(self, top, low, variant):
        prefix = (top << 48) | low
        code = v6_code(np.array([prefix], np.uint64), np.array([variant]))
        text = addresses(code, scramble(code, 1)).to_pylist()[0]
        assert int(ipaddress.IPv6Address(text)) >> 64 == prefix

    def test_the_two_kinds_may_be_mixed(self):
        v6 = v6_code(np.array([0x2A00123400005678], np.uint64), np.array([0]))
        codes = np.array([16_909_060, v6[0], 16_909_061])
        texts = addresses(codes, scramble(codes, 1)).to_pylist()
        assert texts[0] == "1.2.3.4"
        assert texts[1].startswith("2a00:1234:0:5678:")
        assert texts[2] == "1.2.3.5"

    @given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
    def test_hexadecimal_is_what_python_writes(self, words):
        assert hexadecimal(np.array(words, np.uint64)).to_pylist() == [f"{w:016x}" for w in words]

    def test_uuids_are_of_version_four(self):
        codes = np.arange(200)
        for text in uuids(scramble(codes, 1), scramble(codes, 2)).to_pylist():
            assert uuid.UUID(text).version == 4
            assert uuid.UUID(text).variant == uuid.RFC_4122

    def test_numbers_may_be_padded(self):
        assert numbers(np.array([7, 1234]), 3).to_pylist() == ["007", "1234"]


class TestMint:
    def test_nothing_is_handed_out_twice(self):
        mint = Mint(1)
        assert not set(mint.devices(5)) & set(mint.devices(5))
        assert set(mint.prompts(3)) == {0, 1, 2}

    def test_cards_remember_their_issuer(self):
        mint = Mint(1)
        cards = np.r_[mint.cards(np.array([411111])), mint.cards(np.array([555555, 400000]))]
        assert mint.bins[cards].tolist() == [411111, 555555, 400000]

    def test_new_addresses_are_distinct_and_not_reserved(self):
        mint = Mint(1)
        codes = np.r_[
            mint.addresses(stream(1, "a"), 3000, networks=3, spread=1 << 16),
            mint.addresses(stream(1, "b"), 200, networks=2),
        ]
        assert len(np.unique(codes)) == 3200
        assert all(ipaddress.IPv4Address(int(code)).is_global for code in codes)

    def test_domains_are_distinct_and_campuses_end_as_such(self):
        mint = Mint(1)
        rng = stream(1, "d")
        known = mint.named_domains(["gmail.com", "gmx.de", "gmail.com"])
        firms = mint.domains(rng, 4000, 0, "com")
        school = mint.domains(rng, 1, 0, "com", campus=True)
        names, before = mint.domain_names()
        assert [names[int(code) + before].as_py() for code in known] == [
            "gmail.com", "gmx.de", "gmail.com",
        ]  # fmt: skip
        texts = names.take(pa.array(firms + before)).to_pylist()
        assert len(set(texts)) == 4000
        assert names[int(school[0]) + before].as_py().endswith(".edu")


class TestClients:
    def test_user_agents_are_distinct_and_have_fingerprints_of_their_kind(self):
        clients = Clients()
        assert len(set(clients.user_agents)) == len(clients.user_agents)
        agents, tls = clients.draw(stream(1, "c"), 5000)
        assert (tls // STACKS_OF_BROWSER == clients.stack[agents]).all()

    def test_tools_of_operators_are_used_by_honest_people_too(self):
        clients = Clients()
        agent, tls = clients.unusual(stream(2, "c"))
        assert clients.weights[agent] > 0
        assert tls // STACKS_OF_BROWSER == clients.stack[agent]

    def test_countries_are_distinct(self):
        assert len({country.code for country in COUNTRIES}) == len(COUNTRIES) == 40


class TestPresets:
    @pytest.mark.parametrize("name", sorted(PRESETS))
    def test_every_preset_is_a_spec_and_says_what_it_is(self, name):
        assert isinstance(preset(name), WorldSpec)
        assert len(PRESETS[name][0]) > 10

    def test_fields_can_be_replaced(self):
        assert preset("regions-12", seed=9).seed == 9

    def test_an_unknown_preset_is_refused_by_name(self):
        with pytest.raises(InvalidParameter, match="nonsense"):
            preset("nonsense")

    def test_the_published_sizes_are_the_presets(self):
        first = CAMPAIGNS["campaign-28.8m"]
        assert (first.accounts, first.exchanges, first.days) == (25_000, 28_800_000, 45)
        assert round(first.exchanges / first.accounts / first.days, 1) == 25.6
        assert CAMPAIGNS["campaign-13m"].exchanges > 13_000_000
        assert CAMPAIGNS["campaign-3.4m"].exchanges == 3_400_000
        assert CAMPAIGNS["campaign-150k"].exchanges == 150_000

    def test_a_campaign_has_its_accounts_its_exchanges_and_its_days(self):
        world = simulate(preset("campaign-150k", accounts=2000))
        inside = members(world, cohort="fleet")
        assert len(inside) == 260
        usage = world["usage"]
        ours = np.isin(column(usage, "account_id").astype(str), sorted(inside))
        exchanges = column(usage, "exchanges")[ours].sum()
        assert abs(exchanges / 150_000 - 1) < 0.05
        times = column(usage, "occurred_at")[ours]
        assert 15 * DAY_MS < times.max() - times.min() <= 23 * DAY_MS


def small_traces(folder):
    """Two tiny data sets in the format of the public ones."""
    azure, clients = folder / "azure_llm_trace", folder / "servegen" / "m"
    azure.mkdir(parents=True)
    clients.mkdir(parents=True)
    for name, out in (("code", 20), ("conv", 150)):
        lines = [f"2023-11-16 18:17:0{i},{1000 + i},{out + i}" for i in range(8)]
        text = "\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *lines]) + "\n"
        (azure / f"AzureLLMInferenceTrace_{name}.csv").write_text(text)
    for name, busy in (("chunk-0-trace.csv", range(288)), ("chunk-1-trace.csv", range(60, 90))):
        rows = [f"{600 * i},{2.0 if i in busy else 0},{1.5},Weibull,1,1" for i in range(288)]
        (clients / name).write_text("\n".join(rows) + "\n")
    return folder


class TestFit:
    def test_it_finds_the_parameters_of_known_traces(self, tmp_path):
        found = fit(small_traces(tmp_path))
        assert found["tokens"]["code"]["out_mu"] == pytest.approx(np.log(23.5), abs=0.01)
        assert found["tokens"]["conversation"]["in_sd"] < 0.01
        assert found["clients"]["cv_p50"] == 1.5
        assert found["clients"]["flat_share"] == 0.5

    def test_it_writes_what_it_found(self, tmp_path):
        small_traces(tmp_path)
        assert main([str(tmp_path), "--out", str(tmp_path / "new.json")]) == 0
        assert set(json.loads((tmp_path / "new.json").read_text())) == {"tokens", "clients"}

    def test_without_the_out_option_it_prints(self, tmp_path, capsys):
        main([str(small_traces(tmp_path))])
        assert "rate_sd" in capsys.readouterr().out

    def test_missing_traces_are_named(self, tmp_path):
        with pytest.raises(InputError, match="AzureLLM"):
            fit(tmp_path)
        folder = small_traces(tmp_path / "x")
        for file in folder.glob("servegen/m/*"):
            file.unlink()
        with pytest.raises(InputError, match="client traces"):
            fit(folder)

    def test_a_client_that_works_by_day_is_not_flat(self):
        seconds = np.arange(0, 2 * 86_400, 600.0)
        day = (seconds % 86_400 > 30_000) * 1.0
        rate, cv, days, floor = describe_client(seconds, day, np.full(len(seconds), 2.0))
        assert (cv, days, floor) == (2.0, 1.0, 0.0)
        assert 0 < rate < 1

    def test_moments_of_a_beta_law_are_found_again(self):
        a, b = beta_moments(stream(1, "beta").beta(2.0, 3.0, 50_000))
        assert (a, b) == (pytest.approx(2.0, rel=0.05), pytest.approx(3.0, rel=0.05))

    @pytest.mark.skipif(not DATA.is_dir(), reason="the public traces are not beside the repository")
    def test_the_shipped_parameters_are_those_of_the_public_traces(self):
        found = fit(DATA)
        for part in ("tokens", "clients"):
            assert found[part] == activity.FITTED[part]


def test_worlds_of_fifty_accounts_can_be_made():
    assert len(members(world_of(accounts=50, prevalence=0.2), cohort="fleet")) == 10
