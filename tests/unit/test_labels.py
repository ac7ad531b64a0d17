"""Labels: who may give how many alone, what becomes of them, and what speaks against them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.durations import DAY_MS
from ringfinder.errors import InputError, NotFound, StoreError, StoreUnavailable
from ringfinder.schema import CODE, KINDS
from ringfinder.score.labels import (
    ALONE,
    ATTESTED_TIES,
    LabelState,
    contradicted,
    needs_second_person,
)
from ringfinder.score.policy import Label
from ringfinder.serve import labels
from ringfinder.serve.errors import Gone, TooMany
from ringfinder.serve.givenlabel import GivenLabel
from ringfinder.serve.labels import FILE, LabelConflict, LabelDesk, SamePerson

NOW = 1_780_000_000_000


@pytest.fixture
def desk(tmp_path):
    return LabelDesk(tmp_path)


def label(number, *, key="key-1", ring="ring-1", given=NOW, **words):
    words = {"label": Label.LEGITIMATE, "decided_ms": NOW, "source": "support"} | words
    return GivenLabel(
        event_id=f"e-{key}-{number}", account_id=f"account-{number}", ring_id=ring,
        key_id=key, given_ms=given, **words,
    )  # fmt: skip


class TestAlone:
    def test_twenty_labels_of_one_key_are_effective_at_once_and_the_next_waits(self, desk):
        states = [desk.give(label(n, ring=None)).state for n in range(ALONE + 2)]
        assert states == [LabelState.EFFECTIVE] * 20 + [LabelState.PENDING] * 2

    def test_twenty_for_one_ring_are_too_whoever_gives_them(self, desk):
        states = [desk.give(label(n, key=f"key-{n}")).state for n in range(ALONE + 1)]
        assert states == [LabelState.EFFECTIVE] * 20 + [LabelState.PENDING]

    def test_another_key_and_another_ring_may_go_on(self, desk):
        for n in range(ALONE + 1):
            desk.give(label(n))
        assert desk.give(label(99, key="key-2", ring="ring-2")).state is LabelState.EFFECTIVE
        assert desk.give(label(98, key="key-2", ring=None)).state is LabelState.EFFECTIVE

    def test_the_same_label_again_without_a_time_is_the_same_label(self, desk):
        first = desk.give(label(1, decided_ms=NOW, given=NOW))
        assert desk.give(label(1, decided_ms=NOW + 5, given=NOW + 5)) == first

    def test_another_time_is_another_label(self, desk):
        desk.give(label(1, decided_ms=NOW, given=NOW))
        with pytest.raises(LabelConflict):
            desk.give(label(1, decided_ms=NOW - 1, given=NOW + 5))

    def test_a_day_later_the_key_may_give_labels_again(self, desk):
        for n in range(ALONE):
            desk.give(label(n))
        later = desk.give(label(50, given=NOW + DAY_MS - 1))
        tomorrow = desk.give(label(51, given=NOW + DAY_MS))
        assert (later.state, tomorrow.state) == (LabelState.PENDING, LabelState.EFFECTIVE)

    def test_the_day_rolls_it_does_not_begin_at_midnight(self):
        evening = [NOW] * 10 + [NOW + DAY_MS // 2] * 10
        assert needs_second_person(NOW + DAY_MS - 1, evening)
        assert not needs_second_person(NOW + DAY_MS, evening)

    @given(st.lists(st.integers(NOW - 2 * DAY_MS, NOW), max_size=60))
    def test_never_are_more_than_twenty_of_a_day_given_alone_in_whatever_order(self, times):
        alone = []
        for now in times:
            if not needs_second_person(now, alone):
                alone.append(now)
        for now in times:
            assert sum(now - DAY_MS < given <= now for given in alone) <= ALONE

    def test_pending_labels_count_so_that_waiting_gains_nothing(self, desk):
        for n in range(ALONE + 5):
            desk.give(label(n))
        assert len(desk.pending()) == 5
        assert desk.give(label(70)).state is LabelState.PENDING

    def test_so_many_of_one_key_wait_and_no_more_until_some_are_decided(self, desk, monkeypatch):
        monkeypatch.setattr(labels, "MOST_WAITING", 3)
        for n in range(ALONE + 3):
            desk.give(label(n))
        with pytest.raises(TooMany, match="approved or refused first"):
            desk.give(label(50))
        assert desk.give(label(ALONE)).state is LabelState.PENDING  # again
        assert desk.give(label(51, key="key-2")).state is LabelState.PENDING
        desk.decide(label(ALONE).event_id, key_id="key-2", approve=False, now_ms=NOW)
        assert desk.give(label(50)).state is LabelState.PENDING
        assert len(desk.pending()) == 4

    @pytest.mark.parametrize("back_ms", [1, 60_000, 2 * DAY_MS])
    def test_a_clock_that_is_set_back_opens_no_door(self, desk, back_ms):
        states = [desk.give(label(n, given=NOW - n * back_ms)).state for n in range(ALONE + 40)]
        assert states == [LabelState.EFFECTIVE] * 20 + [LabelState.PENDING] * 40

    def test_workers_that_give_labels_at_once_do_not_each_count_nineteen(self, tmp_path):
        def give(worker):
            desk = LabelDesk(tmp_path)
            for n in range(10):  # one that looked at the clock earlier may have its turn later
                desk.give(label(f"{worker}-{n}", given=NOW - 7 * worker - n))

        workers = [threading.Thread(target=give, args=(w,)) for w in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(LabelDesk(tmp_path).pending()) == 20

    def test_sixty_threads_at_once_give_twenty_alone(self, desk):
        def give(number):
            now = time.time_ns() // 1_000_000
            for _ in range(20):
                with suppress(StoreUnavailable):  # on a slow disk: it says to try again
                    return desk.give(label(number, ring=None, given=now, decided_ms=now))
            raise AssertionError

        with ThreadPoolExecutor(60) as threads:
            list(threads.map(give, range(60)))
        assert len(desk.pending()) == 40


class TestRings:
    """Twenty for one ring: the ring that accounts are in now, whatever it was called then."""

    def test_accounts_that_were_in_no_ring_when_they_were_labelled_count_where_they_are(self, desk):
        for n in range(ALONE):
            desk.give(label(n, key=f"key-{n}", ring=None))
        late = label(99, key="key-99")
        assert desk.give(late, lambda account: "ring-1").state is LabelState.PENDING

    def test_so_do_those_whose_ring_had_another_name(self, desk):
        for n in range(ALONE):
            desk.give(label(n, key=f"key-{n}", ring=f"new-{n % 3}"))
        late = label(99, key="key-99", ring="night-7")
        assert desk.give(late, lambda account: "night-7").state is LabelState.PENDING

    def test_those_who_are_elsewhere_now_count_where_they_were_too(self, desk):
        for n in range(ALONE):
            desk.give(label(n, key=f"key-{n}"))
        late = label(99, key="key-99")
        assert desk.give(late, lambda account: "ring-2").state is LabelState.PENDING

    def test_those_in_no_ring_do_not_count_as_one(self, desk):
        for n in range(ALONE):
            desk.give(label(n, key=f"key-{n}", ring=None))
        late = label(99, key="key-99", ring=None)
        assert desk.give(late, lambda account: None).state is LabelState.EFFECTIVE


class TestRepeats:
    def test_the_same_label_again_changes_nothing(self, desk):
        first = desk.give(label(1))
        assert desk.give(label(1, given=NOW + 5)) == first
        for n in range(2, ALONE + 1):
            assert desk.give(label(n)).state is LabelState.EFFECTIVE

    @pytest.mark.parametrize("other", [{"label": Label.FRAUD}, {"decided_ms": 5}, {"source": "x"}])
    def test_another_label_under_the_same_event_id_is_refused(self, desk, other):
        desk.give(label(1))
        with pytest.raises(LabelConflict, match="another label"):
            desk.give(label(1, **other))


@pytest.fixture
def waiting(desk):
    for n in range(ALONE + 2):
        desk.give(label(n))
    return [one.event_id for one in desk.pending()]


class TestSecondPerson:
    def test_another_key_makes_a_waiting_label_effective(self, desk, waiting):
        done = desk.decide(waiting[0], key_id="key-2", approve=True, now_ms=NOW + 1)
        assert (done.state, done.second_key_id, done.key_id) == (
            LabelState.EFFECTIVE, "key-2", "key-1",
        )  # fmt: skip
        assert [one.event_id for one in desk.pending()] == waiting[1:]

    def test_the_same_key_cannot(self, desk, waiting):
        with pytest.raises(SamePerson):
            desk.decide(waiting[0], key_id="key-1", approve=True, now_ms=NOW)
        assert len(desk.pending()) == 2

    def test_it_may_be_refused(self, desk, waiting):
        done = desk.decide(waiting[0], key_id="key-2", approve=False, now_ms=NOW)
        assert done.state is LabelState.REFUSED
        assert len(desk.pending()) == 1

    def test_deciding_the_same_again_changes_nothing(self, desk, waiting):
        first = desk.decide(waiting[0], key_id="key-2", approve=True, now_ms=NOW)
        assert desk.decide(waiting[0], key_id="key-3", approve=True, now_ms=NOW + 9) == first

    def test_deciding_otherwise_afterwards_is_refused(self, desk, waiting):
        desk.decide(waiting[0], key_id="key-2", approve=True, now_ms=NOW)
        with pytest.raises(InputError, match="decided before"):
            desk.decide(waiting[0], key_id="key-2", approve=False, now_ms=NOW)

    @pytest.mark.parametrize("event_id", ["nothing", "e-key-1-0"])
    def test_what_does_not_wait_cannot_be_decided(self, desk, waiting, event_id):
        with pytest.raises(NotFound):
            desk.decide(event_id, key_id="key-2", approve=True, now_ms=NOW)

    def test_what_waits_survives_a_restart(self, tmp_path, waiting):
        assert [one.event_id for one in LabelDesk(tmp_path).pending()] == waiting

    def test_nothing_waits_where_no_label_was_ever_given(self, tmp_path):
        assert LabelDesk(tmp_path).pending() == []
        assert not (tmp_path / FILE).exists()


class TestRecording:
    """Effective is what the journal has, or is still to get: nothing else."""

    def test_an_effective_label_is_to_be_recorded_until_the_journal_has_it(self, desk, tmp_path):
        first, second = desk.give(label(1)), desk.give(label(2))
        assert LabelDesk(tmp_path).unrecorded() == [first, second]
        desk.recorded(first.event_id)
        assert LabelDesk(tmp_path).unrecorded() == [second]
        desk.give(label(1))
        assert desk.unrecorded() == [second]

    def test_one_that_waits_is_only_when_it_was_approved(self, desk, waiting):
        before = desk.unrecorded()
        approved = desk.decide(waiting[0], key_id="key-2", approve=True, now_ms=NOW)
        desk.decide(waiting[1], key_id="key-2", approve=False, now_ms=NOW)
        assert [one for one in desk.unrecorded() if one not in before] == [approved]

    def test_what_was_erased_is_not_to_be_recorded_any_more(self, desk):
        desk.give(label(1))
        desk.erase("account-1")
        assert desk.unrecorded() == []

    def test_what_cannot_be_noted_does_not_happen(self, desk, waiting):
        def refuse(given):
            raise StoreError("the audit log is away")

        with pytest.raises(StoreError):
            desk.give(label(99, key="key-9", ring=None), note=refuse)
        with pytest.raises(StoreError):
            desk.decide(waiting[0], key_id="key-2", approve=True, now_ms=NOW, note=refuse)
        assert [one.event_id for one in desk.pending()] == waiting
        assert "account-99" not in {one.account_id for one in desk.unrecorded()}

    def test_what_changes_is_noted_once_and_a_repetition_is_not(self, desk, waiting):
        noted = []
        for _ in range(2):
            desk.give(label(99, key="key-9", ring=None), note=noted.append)
            desk.decide(waiting[0], key_id="key-2", approve=True, now_ms=NOW, note=noted.append)
        assert [one.event_id for one in noted] == ["e-key-9-99", waiting[0]]


class TestErasure:
    def test_an_erased_account_is_gone_from_the_bytes(self, desk, tmp_path):
        desk.give(label("canary-3b1"))
        desk.give(label("other"))
        assert desk.erase("account-canary-3b1") == 1
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"canary-3b1" not in content
        assert b"account-other" in content

    @pytest.mark.parametrize("at", [0, -1])
    def test_its_labels_sent_again_bring_it_back_neither_recorded_nor_waiting(
        self, desk, tmp_path, at
    ):
        given = [label(f"canary-{n}") for n in range(ALONE + 1)]
        for one in given:
            desk.give(one)
        desk.erase(given[at].account_id)
        with pytest.raises(Gone):
            desk.give(given[at])
        with pytest.raises(Gone):
            desk.decide(given[at].event_id, key_id="key-2", approve=True, now_ms=NOW)
        assert given[at].account_id.encode() not in desk.path.read_bytes()
        assert desk.erase(given[at].account_id) == 0

    def test_another_label_of_an_account_that_is_back_is_taken(self, desk):
        desk.give(label(1))
        desk.erase("account-1")
        back = replace(label(1), event_id="e-new")
        assert desk.give(back).state is LabelState.EFFECTIVE
        assert desk.give(back).state is LabelState.EFFECTIVE

    def test_an_account_without_labels_has_none(self, desk):
        assert desk.erase("nobody") == 0

    def test_nobody_else_can_read_the_file(self, desk, tmp_path):
        desk.give(label(1))
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


CARD, IP, DEVICE, NETWORK = (
    CODE[name] for name in ("payment_fingerprint", "ip", "device", "ip_network")
)


def speaks_against(first_ms, kind=CARD, fleet=True, decided=NOW):
    return contradicted(
        np.array([4]),
        np.array([decided]),
        account=np.array([4, 2]),
        value=np.array([0, 1]),
        first_ms=np.array([first_ms, NOW + 99]),
        kind=np.array([kind, CARD]),
        marks_fleet=np.array([fleet, True]),
    )[0]


class TestContradiction:
    def test_a_fleets_card_used_after_the_label_speaks_against_it(self):
        assert speaks_against(NOW + 1)

    @pytest.mark.parametrize("first_ms", [NOW, NOW - DAY_MS])
    def test_what_the_account_held_when_it_was_cleared_does_not(self, first_ms):
        assert not speaks_against(first_ms)

    @pytest.mark.parametrize("kind", [DEVICE, CODE["email_domain"], CODE["user_agent"]])
    def test_what_an_account_may_copy_from_anybody_does_not(self, kind):
        assert not speaks_against(NOW + 1, kind=kind)

    @pytest.mark.parametrize("kind", [NETWORK, CODE["card_bin"], CODE["signup_window"]])
    def test_nor_does_what_meets_strangers_by_the_dozen(self, kind):
        assert not speaks_against(NOW + 1, kind=kind)

    def test_nor_what_marks_no_fleet(self):
        assert not speaks_against(NOW + 1, fleet=False)

    def test_a_later_label_stands_again(self):
        assert not speaks_against(NOW + 1, decided=NOW + 2)

    def test_cards_and_addresses_are_what_can_speak(self):
        kinds = [kind.name for kind, able in zip(KINDS, ATTESTED_TIES, strict=True) if able]
        assert kinds == ["ip", "payment_fingerprint"]

    def test_without_labels_there_is_nothing_to_find(self):
        none = np.zeros(0, dtype=np.int64)
        assert (
            len(
                contradicted(
                    none, none, account=none, value=none, first_ms=none, kind=none,
                    marks_fleet=none.astype(bool),
                )
            )
            == 0
        )  # fmt: skip


def test_a_damaged_file_of_labels_is_a_store_that_is_away(desk):
    desk.path.write_bytes(b"no database" * 1000)
    for ask in (lambda: desk.give(label(1)), desk.pending, lambda: desk.erase("account-1")):
        with pytest.raises(StoreUnavailable, match="labels"):
            ask()
