"""Who feels for the score's edge is noticed; who merely is many is not."""

from __future__ import annotations

import itertools

from ringfinder.schema import CODE
from ringfinder.serve.probing import WINDOW_MS, Probing


def values(*, ip="ip", card="card", device="device", mailbox="mailbox"):
    named = {"ip": ip, "payment_fingerprint": card, "device": device, "mailbox": mailbox,
             "signup_window": "now"}  # fmt: skip
    return [(CODE[kind], value) for kind, value in named.items() if value is not None]


NUMBERS = itertools.count()


def notices(probing, shown, *, key="k", now=0, digest=None):
    """Whether a sign-up is noticed: another one, unless its digest is given."""
    digest = f"{next(NUMBERS)}".encode() if digest is None else digest
    return probing.notices(key, shown, now, digest=digest)


def test_one_thing_changed_again_and_again_is_noticed_at_the_limit():
    probing = Probing(5)
    assert [notices(probing, values(mailbox=f"m{n}")) for n in range(6)] == (
        [False] * 4 + [True] * 2
    )


def test_people_who_share_one_address_are_not_probing():
    probing = Probing(5)
    assert not any(
        notices(probing, values(card=f"c{n}", device=f"d{n}", mailbox=f"m{n}")) for n in range(100)
    )


def test_with_little_said_nothing_is_concluded():
    probing = Probing(5)
    assert not any(
        notices(probing, values(card=None, device=None, mailbox=f"m{n}")) for n in range(100)
    )


def test_another_key_is_counted_apart():
    probing = Probing(3)
    assert not any(notices(probing, values(mailbox=f"m{n}"), key=f"k{n}") for n in range(10))


def test_slowly_is_not_noticed():
    probing = Probing(3)
    assert not any(
        notices(probing, values(mailbox=f"m{n}"), now=n * (WINDOW_MS + 1)) for n in range(10)
    )


def test_what_passed_is_not_counted_when_it_is_sent_again():
    probing = Probing(5)
    assert not any(
        notices(probing, values(mailbox=f"m{n % 2}"), digest=b"%d" % (n % 2)) for n in range(100)
    )
    assert [notices(probing, values(mailbox=f"n{n}")) for n in range(3)] == [False, False, True]


def test_what_was_noticed_is_noticed_again_until_its_time_is_over():
    probing = Probing(3)
    for n in range(2):
        notices(probing, values(mailbox=f"m{n}"))
    third = {"shown": values(mailbox="m2"), "digest": b"third"}
    assert [notices(probing, **third) for _ in range(3)] == [True] * 3
    assert not notices(probing, **third, now=WINDOW_MS + 1)


def test_another_body_under_a_known_event_id_is_counted():
    probing = Probing(5)
    told = [notices(probing, values(mailbox=f"m{n}"), digest=b"e1 %d" % n) for n in range(6)]
    assert told == [False] * 4 + [True] * 2


def test_what_is_remembered_has_an_end(monkeypatch):
    monkeypatch.setattr("ringfinder.serve.probing.MOST", 8)
    probing = Probing(50)
    for n in range(100):
        notices(probing, values(ip=f"i{n}", card=f"c{n}", device=f"d{n}", mailbox=f"m{n}"))
    assert (len(probing._seen), len(probing._passed)) == (8, 8)
