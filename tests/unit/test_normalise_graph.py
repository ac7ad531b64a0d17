"""The whole normaliser: telemetry in, graph out."""

import dataclasses

import numpy as np
import pytest
from raw_world import DAY, HOUR, NOON, sighting, sightings, telemetry

from ringfinder import schema
from ringfinder.errors import InvalidParameter
from ringfinder.graph.columns import NEVER
from ringfinder.normalise import (
    DomainLists,
    NetworkLists,
    Pepper,
    assemble,
    normalise,
    normalise_with_traits,
    parts,
    prompt_bands,
)
from ringfinder.normalise.lists import Ranges
from ringfinder.schema import KINDS

PEPPER = Pepper(1, b"k" * 32)
TEMPLATE = "Compare the answer with the reference and return a score between zero and ten"


def held(world, account=0, **options):
    """What one account holds: kind -> clear values."""
    graph = normalise(world, pepper=PEPPER, keep_clear=True, **options)
    found = {}
    for row in np.flatnonzero(graph.account == account):
        value = graph.value[row]
        found.setdefault(KINDS[graph.kind[value]].name, set()).add(graph.clear[value].as_py())
    return found


class TestKinds:
    @pytest.mark.parametrize(
        ("field", "raw", "expected"),
        [
            (
                "ip",
                "8.8.4.4:80",
                {"ip": "8.8.4.4", "ip_network": "8.8.4.0/24", "ip_block": "8.8.0.0/16"},
            ),
            ("device_id", "Dev", {"device": "Dev"}),
            ("payment_fingerprint", "fp", {"payment_fingerprint": "fp"}),
            ("card_bin", "41111111", {"card_bin": "411111"}),
            ("user_agent", "A  B", {"user_agent": "A B"}),
            ("tls_fingerprint", "AB_c", {"tls_fingerprint": "ab_c"}),
            ("organisation_id", "Org1", {"organisation": "Org1"}),
            ("referrer", "https://a.b/?c", {"referrer": "a.b"}),
            ("prompt_fingerprint", " pf ", {"prompt_fingerprint": "pf"}),
            ("model", "M-1", {"model_adoption": "m-1@2026-03-01"}),
            (
                "email",
                "J.o+1@corp.co.uk",
                {
                    "mailbox": "j.o@corp.co.uk",
                    "email_domain": "corp.co.uk",
                    "mail_provider": "corp.co.uk",
                    "email_pattern": "a.a+#1@custom",
                },
            ),
            (
                "phone",
                "+442079460958",
                {"phone": "+442079460958", "phone_block": "+442079460", "phone_prefix": "+4420"},
            ),
        ],
    )
    def test_a_field_gives_its_kinds(self, field, raw, expected):
        found = held(telemetry(1, sightings(field, sighting(0, raw))))
        found.pop("signup_window")
        assert found == {kind: {value} for kind, value in expected.items()}
        assert all(schema.KIND[kind].field == field for kind in found)

    def test_a_value_that_says_nothing_makes_no_sighting(self):
        graph = normalise(
            telemetry(1, sightings("device_id", sighting(0, "unknown"))), pepper=PEPPER
        )
        assert [KINDS[kind].name for kind in graph.kind] == ["signup_window"]

    def test_a_field_the_schema_does_not_know_is_left_out(self):
        assert set(held(telemetry(1, sightings("shoe_size", sighting(0, "42"))))) == {
            "signup_window"
        }

    def test_every_kind_can_come_out(self):
        lists = NetworkLists(asn_v4=Ranges.of([(8 << 24, 8, 15169)], 32))
        raw = {
            "ip": "8.8.8.8", "email": "a@corp.com", "device_id": "d", "payment_fingerprint": "p",
            "card_bin": "411111",
            "phone": "+442079460958", "user_agent": "u", "tls_fingerprint": "t",
            "organisation_id": "o", "referrer": "r",
            "prompt_fingerprint": "f", "prompt": TEMPLATE, "model": "m",
        }  # fmt: skip
        seen = [sightings(field, sighting(0, value)) for field, value in raw.items()]
        world = telemetry(1, *seen, first_use=[NOON], last_use=[NOON])
        assert set(held(world, networks=lists)) == {kind.name for kind in KINDS}


class TestTime:
    def test_the_hour_of_sign_up_is_shared_by_who_signed_up_in_it(self):
        graph = normalise(telemetry(3, created=[NOON, NOON + HOUR - 1, NOON + HOUR]), pepper=PEPPER)
        assert sorted(graph.holders().tolist()) == [1, 2]
        assert graph.first_ms.tolist() == [NOON, NOON + HOUR - 1, NOON + HOUR]

    def test_first_and_last_hour_of_use_are_two_values_of_one_kind(self):
        world = telemetry(2, first_use=[NOON, NEVER], last_use=[NOON + DAY, NEVER])
        assert held(world)["activity_window"] == {"first:2026-03-01T12Z", "last:2026-03-02T12Z"}
        assert "activity_window" not in held(world, account=1)

    def test_a_model_is_taken_up_on_the_first_day_of_any_spelling(self):
        world = telemetry(
            2,
            sightings(
                "model",
                sighting(0, "GPT-X", NOON + 3 * DAY, NOON + 5 * DAY, 2),
                sighting(0, "gpt-x", NOON + DAY, NOON + 2 * DAY, 3),
                sighting(1, "gpt-x", NOON + DAY),
            ),
        )
        graph = normalise(world, pepper=PEPPER, keep_clear=True)
        row = np.flatnonzero(graph.kind[graph.value] == schema.CODE["model_adoption"])
        assert graph.clear.take(graph.value[row]).to_pylist() == ["gpt-x@2026-03-02"] * 2
        assert graph.first_ms[row].tolist() == [NOON + DAY, NOON + DAY]
        assert graph.last_ms[row].tolist() == [NOON + 5 * DAY, NOON + DAY]
        assert graph.count[row].tolist() == [5, 1]


class TestPhones:
    def test_a_national_number_is_read_by_its_account_s_country(self):
        world = telemetry(
            3,
            sightings("phone", *(sighting(i, "020 7946 0958") for i in range(3))),
            country=["GB", "UK", None],
        )
        assert held(world)["phone"] == held(world, 1)["phone"] == {"+442079460958"}
        assert "phone" not in held(world, 2)
        assert held(world, 2, default_region="GB")["phone"] == {"+442079460958"}

    def test_a_default_region_may_be_typed_in_any_case(self):
        world = telemetry(1, sightings("phone", sighting(0, "020 7946 0958")))
        assert held(world, default_region="gb")["phone"] == {"+442079460958"}

    @pytest.mark.parametrize("region", ["UK", "Germany", "", "XX"])
    def test_a_default_region_that_is_none_is_refused(self, region):
        with pytest.raises(InvalidParameter, match="expected the ISO 3166 code"):
            normalise(telemetry(1), pepper=PEPPER, default_region=region)

    def test_one_spelling_in_two_countries_is_two_numbers(self):
        world = telemetry(
            2,
            sightings("phone", sighting(0, "030 123456"), sighting(1, "030 123456")),
            country=["DE", "NL"],
        )
        assert held(world)["phone"] == {"+4930123456"}
        assert held(world, 1).get("phone") != {"+4930123456"}


class TestPrompts:
    def test_texts_become_bands(self):
        world = telemetry(
            2,
            sightings(
                "prompt",
                sighting(0, TEMPLATE + " 1"),
                sighting(1, TEMPLATE + " 2"),
                sighting(1, "hi"),
            ),
        )
        expected = set(
            prompt_bands(sightings("prompt", sighting(0, TEMPLATE + " 3")).values)[0].as_py()
        )
        assert held(world)["prompt_band"] == held(world, 1)["prompt_band"] == expected

    def test_bands_made_on_entry_are_taken_as_they_are(self):
        band = "b1:0123456789abcdef"
        assert held(telemetry(1, sightings("prompt", sighting(0, band))))["prompt_band"] == {band}

    def test_a_band_typed_among_texts_is_a_text(self):
        band = "b1:0123456789abcdef"
        world = telemetry(1, sightings("prompt", sighting(0, band), sighting(0, TEMPLATE)))
        assert band not in held(world)["prompt_band"]

    def test_the_text_is_nowhere_in_the_graph(self):
        world = telemetry(1, sightings("prompt", sighting(0, TEMPLATE)))
        graph = normalise(world, pepper=PEPPER, keep_clear=True)
        assert not any("reference" in value for value in graph.clear.to_pylist())


class TestStrata:
    def test_a_country_is_a_stratum_and_no_country_is_none(self):
        graph = normalise(telemetry(4, country=["US", None, "de", "unknown"]), pepper=PEPPER)
        assert graph.stratum.tolist() == [1, -1, 0, -1]
        assert graph.stratum.dtype == np.int32

    def test_without_countries_nobody_has_a_stratum(self):
        assert normalise(telemetry(2), pepper=PEPPER).stratum.tolist() == [-1, -1]


class TestSecrets:
    def test_clear_values_are_kept_only_when_asked_for(self):
        world = telemetry(1, sightings("device_id", sighting(0, "Dev")))
        assert normalise(world, pepper=PEPPER).clear is None

    @pytest.mark.parametrize(
        "field", ["payment_fingerprint", "device_id", "organisation_id", "prompt_fingerprint"]
    )
    def test_a_card_number_is_evidence_and_never_shown(self, field):
        world = telemetry(
            2,
            sightings(
                field,
                sighting(0, "4111 1111 1111 1111"),
                sighting(1, "4111111111111111"),
            ),
        )
        graph = normalise(world, pepper=PEPPER, keep_clear=True)
        if field == "payment_fingerprint":
            assert 2 in graph.holders()[graph.kind == schema.CODE[field]]
        shown = [value.replace(" ", "") for value in graph.clear.to_pylist()]
        assert not any("41111111" in value for value in shown)

    def test_another_pepper_gives_the_same_graph_under_other_names(self):
        world = telemetry(
            2, sightings("device_id", sighting(0, "A"), sighting(1, "A"), sighting(1, "B"))
        )
        one = normalise(world, pepper=PEPPER, keep_clear=True)
        two = normalise(world, pepper=Pepper(2, b"x" * 32), keep_clear=True)
        assert not set(one.pseudonym.to_pylist()) & set(two.pseudonym.to_pylist())
        assert sorted(one.holders()) == sorted(two.holders())
        assert set(one.clear.to_pylist()) == set(two.clear.to_pylist())


class TestColumns:
    def test_they_have_the_types_they_promise(self):
        world = telemetry(2, sightings("ip", sighting(0, "8.8.8.8"), sighting(1, "2a00::1")))
        graph = normalise(world, pepper=PEPPER)
        promised = {
            "account": "int32",
            "value": "int32",
            "count": "int32",
            "first_ms": "int64",
            "last_ms": "int64",
            "kind": "int8",
            "stratum": "int32",
        }
        assert {name: str(getattr(graph, name).dtype) for name in promised} == promised

    def test_a_world_without_accounts_is_a_graph_without_rows(self):
        graph = normalise(telemetry(0), pepper=PEPPER)
        assert graph.accounts == graph.values == len(graph.account) == 0

    def test_times_closed_and_profiles_are_handed_on(self):
        world = telemetry(2, first_use=[NOON, NEVER], last_use=[NOON, NEVER])
        world.closed_ms[1] = NOON + DAY
        graph = normalise(world, pepper=PEPPER)
        assert graph.closed_ms.tolist() == [NEVER, NOON + DAY]
        assert graph.profiles is world.profiles

    def test_threads_change_nothing(self, monkeypatch):
        seen = [
            sightings(field, *(sighting(i % 9, f"v{i % 3}", NOON + i) for i in range(36)))
            for field in ("device_id", "referrer", "user_agent")
        ]
        world = telemetry(9, *seen)
        graphs = []
        for workers, block in ((1, 9), (2, 4), (8, 1)):
            monkeypatch.setattr(assemble, "WORKERS", workers)
            monkeypatch.setattr(parts, "WORKERS", workers)
            monkeypatch.setattr(parts, "_ACCOUNTS", block)
            graphs.append(normalise(world, pepper=PEPPER))
        for graph in graphs[1:]:
            assert graph.pseudonym.equals(graphs[0].pseudonym)
            for name in ("account", "value", "first_ms", "last_ms", "count"):
                assert np.array_equal(getattr(graph, name), getattr(graphs[0], name))

    def test_no_account_makes_an_empty_graph(self):
        graph = normalise(telemetry(0), pepper=PEPPER)
        assert (graph.accounts, graph.values, len(graph.account)) == (0, 0, 0)


class TestTraits:
    def traits(self, *seen, accounts=3, **options):
        return normalise_with_traits(telemetry(accounts, *seen), pepper=PEPPER, **options).traits

    def test_accounts_without_values_have_none(self):
        found = dataclasses.asdict(self.traits())
        assert {name: column.tolist() for name, column in found.items()} == {
            "email_class": [-1] * 3,
            "email_digits": [-1] * 3,
            "mailbox_addresses": [0] * 3,
            "email_variant": [0] * 3,
            "network_class": [-1] * 3,
            "networks_seen": [0] * 3,
        }

    def test_the_first_address_counts(self):
        found = self.traits(
            sightings(
                "email",
                sighting(0, "a1@gmail.com", NOON + 5),
                sighting(0, "z22@corp.com", NOON),
                sighting(1, "x@duck.com"),
            )
        )
        assert found.email_class.tolist() == [4, 2, -1]
        assert found.email_digits.tolist() == [2, 0, -1]

    def test_addresses_of_one_mailbox_are_counted_over_accounts(self):
        found = self.traits(
            sightings(
                "email",
                sighting(0, "J.oe@gmail.com"),
                sighting(1, "joe+1@gmail.com"),
                sighting(2, "joe@corp.com"),
            )
        )
        assert found.mailbox_addresses.tolist() == [2, 2, 1]
        assert found.email_variant.tolist() == [1, 1, 0]

    def test_case_makes_no_second_address(self):
        found = self.traits(
            sightings("email", sighting(0, "Joe@corp.com"), sighting(1, "joe@corp.com"))
        )
        assert found.mailbox_addresses.tolist() == [1, 1, 0]

    def test_the_network_of_the_sign_up_and_all_networks_seen(self):
        lists = NetworkLists(classes_v4=Ranges.of([(8 << 24, 8, 3), (9 << 24, 8, 1)], 32))
        found = self.traits(
            sightings(
                "ip",
                sighting(0, "9.1.1.1"),
                sighting(0, "8.1.1.1", NOON + 1),
                sighting(0, "7.1.1.1", NOON + 2),
                sighting(1, "10.0.0.1"),
            ),
            networks=lists,
        )
        assert found.network_class.tolist() == [1, -1, -1]
        assert found.networks_seen.tolist() == [0b1011, 0, 0]

    def test_classes_alone_can_be_asked_for(self):
        from ringfinder.normalise import email_classes

        world = telemetry(2, sightings("email", sighting(0, "a@duck.com")))
        assert email_classes(world).tolist() == [2, -1]
        assert email_classes(telemetry(1)).tolist() == [-1]
        own = DomainLists.bundled(custom=["duck.com"])
        assert email_classes(world, own).tolist() == [4, -1]
