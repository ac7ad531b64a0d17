"""Who feels for the score's edge is noticed; who merely is many is not."""

from __future__ import annotations

from ringfinder.schema import CODE
from ringfinder.serve.probing import WINDOW_MS, Probing


def values(*, ip="ip", card="card", device="device", mailbox="mailbox"):
    named = {"ip": ip, "payment_fingerprint": card, "device": device, "mailbox": mailbox,
             "signup_window": "now"}  # fmt: skip
    return [(CODE[kind], value) for kind, value in named.items() if value is not None]


def test_one_thing_changed_again_and_again_is_noticed_at_the_limit():
    probing = Probing(5)
    assert [probing.notices("k", values(mailbox=f"m{n}"), 0) for n in range(6)] == (
        [False] * 4 + [True] * 2
    )


def test_people_who_share_one_address_are_not_probing():
    probing = Probing(5)
    assert not any(
        probing.notices("k", values(card=f"c{n}", device=f"d{n}", mailbox=f"m{n}"), 0)
        for n in range(100)
    )


def test_with_little_said_nothing_is_concluded():
    probing = Probing(5)
    assert not any(
        probing.notices("k", values(card=None, device=None, mailbox=f"m{n}"), 0) for n in range(100)
    )


def test_another_key_is_counted_apart():
    probing = Probing(3)
    assert not any(probing.notices(f"k{n}", values(mailbox=f"m{n}"), 0) for n in range(10))


def test_slowly_is_not_noticed():
    probing = Probing(3)
    assert not any(
        probing.notices("k", values(mailbox=f"m{n}"), n * (WINDOW_MS + 1)) for n in range(10)
    )
