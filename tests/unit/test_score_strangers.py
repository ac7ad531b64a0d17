"""Who came by one way and has nothing else in common is no fleet."""

import numpy as np
import pytest
from planted import graph_of

from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.score.features import NAMES
from ringfinder.score.strangers import at_even_odds, strangers

CROWD, RING = 400, 40


def wakeful(nats=0.0):
    """Features of one ring that signed up in quiet hours as said."""
    out = np.zeros((1, len(NAMES)))
    out[0, NAMES.index("signup_wakefulness")] = nats
    return out


def told(awake=0.0, **kinds):
    """Ask of a ring of forty in a crowd; by kind, what a member shows and what others do."""
    columns = {
        kind: [mine(n) if n < RING else other(n) for n in range(CROWD)]
        for kind, (mine, other) in kinds.items()
    }
    shared = shared_values(graph_of(columns))
    ring = np.where(np.arange(CROWD) < RING, 0, -1).astype(np.int32)
    back = background(shared, np.zeros(CROWD, dtype=np.int64))
    return strangers(shared, back, ring, wakeful(awake)).tolist()


CLIENT = {"user_agent": (lambda n: "app", lambda n: f"b{n % 4}")}
LINK = {"referrer": (lambda n: "shop", lambda n: f"r{n % 3}")}
BANK = {"card_bin": (lambda n: "bank", lambda n: f"bank{n % 5}")}


@pytest.mark.parametrize("way", [CLIENT | LINK, LINK | BANK, CLIENT | LINK | BANK])
def test_customers_of_one_app_link_or_bank_are_strangers(way):
    assert told(**way) == [True]


@pytest.mark.parametrize(
    "kind", ["ip", "payment_fingerprint", "device", "mailbox", "email_domain", "email_pattern"]
)
def test_what_somebody_must_have_handed_on_makes_a_ring(kind):
    few = (lambda n: f"own{n % 4}", lambda n: f"other{n}")
    assert told(**CLIENT, **LINK, **{kind: few}) == [False]


def test_what_a_few_of_many_share_does_not():
    few = (lambda n: "own" if n < 9 else f"m{n}", lambda n: f"other{n}")
    assert told(**CLIENT, **LINK, device=few) == [True]


@pytest.mark.parametrize(("awake", "wanted"), [(0.3, True), (0.6, False), (np.nan, True)])
def test_who_signs_up_while_people_sleep_came_by_no_advertisement(awake, wanted):
    assert told(awake=awake, **CLIENT, **LINK) == [wanted]


def in_families(n: int, of: int) -> str:
    return f"own{n // of}"


@pytest.mark.parametrize(("of", "wanted"), [(3, True), (4, False)])
def test_families_of_three_whose_addresses_look_alike_are_strangers(of, wanted):
    ring, kinds = 12, ("ip", "payment_fingerprint", "device")
    columns = {
        kind: [in_families(n, of) if n < ring else f"other{n}" for n in range(CROWD)]
        for kind in kinds
    }
    columns["email_pattern"] = ["one" if n < 2 * ring else f"p{n % 90}" for n in range(CROWD)]
    # two of them wrote one prompt by chance, as two others did
    columns["prompt_band"] = ["hello" if n in (0, 5, 50, 60) else f"b{n}" for n in range(CROWD)]
    shared = shared_values(graph_of(columns))
    members = np.where(np.arange(CROWD) < ring, 0, -1).astype(np.int32)
    back = background(shared, np.zeros(CROWD, dtype=np.int64))
    assert strangers(shared, back, members, wakeful(2.0)).tolist() == [wanted]


def test_odds_of_strangers_are_held_to_even_and_low_ones_stay():
    odds = np.array([3.0, -2.0, 3.0])
    nats = at_even_odds(odds, np.array([True, True, False]))
    assert (odds + nats).tolist() == [0.0, -2.0, 3.0]


def test_no_rings_no_answer():
    shared = shared_values(graph_of({"device": ["a", "a", "b"]}))
    back = background(shared, np.zeros(3, dtype=np.int64))
    nobody = np.full(3, -1, dtype=np.int32)
    assert strangers(shared, back, nobody, np.zeros((0, len(NAMES)))).tolist() == []
