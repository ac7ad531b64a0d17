"""What a field holds and nobody can read is counted, not dropped in silence."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from raw_world import NOON, sightings, telemetry

from ringfinder.normalise import Pepper, Rows, Rules, Unread, event_columns, normalise

PEPPER = Pepper(1, b"k" * 32)


def unread(world, **options):
    told = []
    normalise(world, pepper=PEPPER, unread=told.append, **options)
    return told


def seen(field, *values):
    """One account each: its value."""
    rows = [(at, value, NOON, NOON, 1) for at, value in enumerate(values)]
    return telemetry(len(values), sightings(field, *rows))


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("ip", "8.8.8.8", ["10.0.0.1", "not an address"]),
        ("email", "ann@gmail.com", ["ann at gmail", "@"]),
        ("phone", "+442079460958", ["12", "none"]),
        ("device_id", "5f0c", ["unknown", "N/A"]),
        ("card_bin", "411111", ["visa", "000000"]),
        ("referrer", "https://a.example/", ["(direct)", "-"]),
        ("model", "m-1", ["null", "none"]),
        ("payment_fingerprint", "pf_1", ["null"]),
        ("organisation_id", "org_1", ["none"]),
    ],
)
def test_each_field_counts_the_values_that_say_nothing(field, good, bad):
    values = [good, good, *bad, bad[0]]
    (told,) = unread(seen(field, *values))
    told = replace(told, need_country=0)
    assert told == Unread(field, len(bad), len(bad) + 1, len(bad) + 1, len(values))


def test_a_number_that_only_some_countries_can_read_is_read():
    world = telemetry(
        3,
        sightings("phone", *((at, "0151 20000001", NOON, NOON, 1) for at in range(3))),
        country=["DE", None, None],
    )
    assert unread(world) == []
    world = telemetry(3, *world.sightings.values())
    assert unread(world) == [Unread("phone", 1, 1, 3, 3, need_country=3)]


def test_numbers_that_name_a_country_or_have_one_need_none():
    numbers = ["+49 151", "0049 151", " (+1) 555", "0151 1", "0151 2"]
    world = telemetry(
        5,
        sightings("phone", *((at, number, NOON, NOON, 1) for at, number in enumerate(numbers))),
        country=[None, None, None, "DE", None],
    )
    assert unread(world) == [Unread("phone", 5, 5, 5, 5, need_country=1)]
    (told,) = unread(world, default_region="DE")
    assert told.need_country == 0


def test_countries_that_are_none_are_counted_and_empty_ones_are_not_given():
    world = telemetry(5, country=["DE", "Deutschland", "Deutschland", "", None])
    assert unread(world) == [Unread("country", 1, 2, 2, 3)]


def test_fields_come_by_name_and_those_that_are_read_whole_do_not():
    world = telemetry(
        2,
        sightings("phone", (0, "12", NOON, NOON, 1)),
        sightings("ip", (0, "10.0.0.1", NOON, NOON, 1)),
        sightings("device_id", (1, "d", NOON, NOON, 1)),
        country=["nowhere", None],
    )
    assert [told.field for told in unread(world)] == ["country", "ip", "phone"]


def test_one_value_on_most_rows_is_a_large_share():
    assert Unread("ip", 1, 9_000, 70, 100).share == 0.7
    assert Unread("ip", 8_000, 10_000, 8_000, 20_000).share == 0.8


def test_rows_of_events_tell_of_each_piece_and_pieces_add_up():
    told = []
    for _ in range(2):
        raw = {"ip": pa.array(["10.0.0.1", "10.0.0.1", "8.8.8.8", None, " "])}
        event_columns(Rows("logins", np.full(5, NOON), raw), Rules(PEPPER), told.append)
    assert (told[0].field, told[0].seen, told[0].of_seen) == ("ip", 2, 3)
    whole = told[0] + told[1]
    assert (whole.seen, whole.of_seen) == (4, 6)
    assert replace(whole, need_country=2) + replace(whole, need_country=3) == Unread(
        "ip", 2 * whole.values, 2 * whole.of_values, 8, 12, need_country=5
    )
    assert (whole.by_seen().values, whole.by_seen().of_values) == (4, 6)
