"""Newcomers since the snapshot: what is remembered, who is joined, what is forgotten."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from types import MappingProxyType

import pytest
from models import PEPPER, small_graph, snapshot_of

from ringfinder.explain.online import Scorer
from ringfinder.model import Decision, Family, Verdict
from ringfinder.normalise.one import NormalisedSignup
from ringfinder.schema import CODE
from ringfinder.score.online.holders import RECENT
from ringfinder.score.online.meetings import FOUNDERS
from ringfinder.score.online.newborn import ANEW, MOST_KEPT, Newborn, shipped_weights
from ringfinder.score.online.overlay import MOST_VALUES, Overlay

START = 1_775_000_000_000
NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def _numbers_begin_anew(monkeypatch):
    """No test is about other people because another came before it."""
    monkeypatch.setitem(globals(), "NUMBERS", itertools.count())


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return snapshot_of(small_graph(), tmp_path_factory.mktemp("overlay"), verify=False)


@pytest.fixture
def overlay(snapshot):
    return Overlay(snapshot.model)


def person(**shared: str) -> NormalisedSignup:
    """Somebody with values of their own, apart from those named."""
    number = next(NUMBERS)
    clear = {
        "ip": f"ip{number}", "ip_network": f"net{number}", "payment_fingerprint": f"card{number}",
        "card_bin": f"bin{number % 50}", "mailbox": f"m{number}@mail.example",
        "email_pattern": f"shape{number % 40}", "device": f"device{number}",
        "tls_fingerprint": f"tls{number % 30}", "user_agent": f"agent{number % 30}",
    } | shared  # fmt: skip
    values = tuple(
        sorted((CODE[kind], PEPPER.pseudonym(kind, text)) for kind, text in clear.items() if text)
    )
    return NormalisedSignup(f"new{number}", START + 60_000 * number, None, values)


def add(overlay: Overlay, *signups: NormalisedSignup) -> None:
    for one in signups:
        overlay.add(one.account_id, one.created_ms, one.values)


def rings(overlay: Overlay) -> list[list[str]]:
    """The account ids of every newborn ring."""
    found: dict[int, list[str]] = {}
    for one in overlay.newcomers():
        ring = overlay.ring_of(one)
        if ring is not None:
            found.setdefault(ring.number, []).append(one.account_id)
    return sorted(found.values())


def member(snapshot, verdict: Verdict) -> NormalisedSignup:
    """A sign-up with everything that a sure member of a ring of the snapshot shows."""
    from models import signups_of

    judged = snapshot.analysis.judged
    wanted = [ring for ring, one in enumerate(judged.verdict) if one is verdict]
    account = max(
        (int(a) for a in range(len(judged.ring)) if judged.ring[a] in wanted),
        key=lambda a: judged.membership[a],
    )
    ((kinds, names),) = signups_of(snapshot.graph, [account])
    values = tuple(zip(kinds, names, strict=True))
    return NormalisedSignup(f"late{next(NUMBERS)}", START, None, values)


class TestRingOfAnAccount:
    def test_one_who_joined_a_ring_of_the_snapshot_is_in_it(self, overlay, snapshot):
        one = member(snapshot, Verdict.FLEET)
        told = Scorer(snapshot.model, overlay).score(one).ring
        assert overlay.ring_of_account(one.account_id) is None
        add(overlay, one)
        assert overlay.ring_of_account(one.account_id) == told.ring_id

    def test_one_of_a_newborn_ring_is_in_the_ring_that_its_answer_names(self, overlay, snapshot):
        shared = {"device": "ring-device", "payment_fingerprint": "ring-card", "ip": "ring-ip"}
        for _ in range(6):
            last = person(**shared)
            told = Scorer(snapshot.model, overlay).score(last).ring
            add(overlay, last)
        assert told.ring_id.startswith("new-")
        assert {overlay.ring_of_account(one) for one in rings(overlay)[0]} == {told.ring_id}

    def test_others_are_in_none(self, overlay):
        one = person()
        add(overlay, one)
        assert overlay.ring_of_account(one.account_id) is None
        assert overlay.ring_of_account("nobody") is None


class TestReasons:
    def test_they_count_outside_a_known_ring_whom_its_evidence_counts_there(
        self, overlay, snapshot
    ):
        answer = Scorer(snapshot.model, overlay).score(member(snapshot, Verdict.FLEET))
        ring, model = snapshot.model.ring_number[answer.ring.ring_id], snapshot.model
        first, last = model.arrays.evidence_start[ring : ring + 2]
        rows = model.evidence.slice(first, last - first).to_pylist()
        outside = {(row["kind"], row["accounts_total"] - row["accounts_inside"]) for row in rows}
        shared = [one for one in answer.reasons if one.kind in {row["kind"] for row in rows}]
        assert shared
        for reason in shared:
            said = re.search(r"(\d+|no|one) accounts? outside", reason.text)
            number = {"no": 0, "one": 1}.get(said[1]) if not said[1].isdigit() else int(said[1])
            assert (reason.kind, number) in outside


class TestBirth:
    def test_three_who_share_rare_things_of_two_families_begin_a_ring(self, overlay):
        add(overlay, *[person() for _ in range(40)])
        three = [person(payment_fingerprint="one card", device="one device") for _ in range(3)]
        add(overlay, *three)
        assert rings(overlay) == [sorted(one.account_id for one in three)]

    def test_two_do_not(self, overlay):
        add(overlay, *[person() for _ in range(40)])
        add(overlay, *[person(payment_fingerprint="one card", device="one") for _ in range(2)])
        assert rings(overlay) == []
        assert FOUNDERS == 3

    @pytest.mark.parametrize("kind", ["payment_fingerprint", "ip", "device", "mailbox"])
    def test_one_family_alone_begins_none(self, overlay, kind):
        add(overlay, *[person() for _ in range(40)])
        add(overlay, *[person(**{kind: "the same"}) for _ in range(30)])
        assert rings(overlay) == []

    def test_who_shares_two_families_with_a_ring_joins_it(self, overlay):
        add(overlay, *[person() for _ in range(40)])
        same = {"payment_fingerprint": "one card", "device": "one device"}
        add(overlay, *[person(**same) for _ in range(5)])
        late = person(**same)
        belonging = overlay.look(late.values).belonging
        assert belonging is not None
        assert belonging.ring.size == 5
        assert {shown.kind for shown in belonging.shown} == {
            CODE["payment_fingerprint"], CODE["device"],
        }  # fmt: skip
        assert overlay.look(person(device="one device").values).belonging is None

    def test_strangers_who_share_what_is_common_do_not_hide_who_shares_what_is_rare(self, overlay):
        fleet = []
        for _ in range(4):
            fleet.append(person(email_pattern="farm", user_agent="theirs"))
            add(overlay, fleet[-1], *[person(user_agent="theirs") for _ in range(RECENT)])
            add(overlay, *[person() for _ in range(10 * RECENT)])
        theirs = {one.account_id for one in fleet}
        assert any(len(ring) >= FOUNDERS and theirs.issuperset(ring) for ring in rings(overlay))

    def test_a_ring_too_small_to_judge_by_takes_in_whom_links_lead_to(self, overlay):
        fleet = []
        add(overlay, *[person() for _ in range(600)])
        add(overlay, *[person(tls_fingerprint="theirs") for _ in range(30)])
        for _ in range(FOUNDERS + 1):
            add(overlay, *[person() for _ in range(30)])
            fleet.append(person(email_pattern="farm", tls_fingerprint="theirs"))
            assert overlay.look(fleet[-1].values).belonging is None
            add(overlay, fleet[-1])
        assert sorted(one.account_id for one in fleet) in rings(overlay)

    def test_a_fleet_of_which_no_two_share_two_families_is_one_ring(self, overlay):
        add(overlay, *[person() for _ in range(200)])
        fleet = [
            person(payment_fingerprint=f"card {number // 8}", device=f"device {number % 8}")
            for number in range(64)
        ]
        add(overlay, *fleet)
        largest = max(rings(overlay), key=len)
        assert len(largest) >= 40
        assert {one.account_id for one in fleet}.issuperset(largest)

    def test_looking_changes_nothing(self, overlay):
        add(overlay, *[person(payment_fingerprint="c", device="d") for _ in range(5)])
        late = person(payment_fingerprint="c", device="d")
        before = overlay.look(late.values)
        for _ in range(3):
            assert overlay.look(late.values) == before
        assert len(overlay) == 5

    def test_cards_and_devices_dealt_at_random_make_rings(self, overlay):
        import random

        deal = random.Random(4)
        add(overlay, *[person() for _ in range(60)])
        dealt = [
            person(
                payment_fingerprint=f"dealt card {deal.randrange(6)}",
                device=f"dealt device {deal.randrange(6)}",
            )
            for _ in range(40)
        ]
        add(overlay, *dealt)
        joined = {account for ring in rings(overlay) for account in ring}
        assert joined <= {one.account_id for one in dealt}
        assert len(joined) >= 30

    def test_common_values_of_two_families_that_meet_too_often_make_a_ring(self, overlay):
        add(overlay, *[person() for _ in range(400)])
        add(overlay, *[person(card_bin="bin7", user_agent="agent9") for _ in range(14)])
        assert max(map(len, rings(overlay)), default=0) >= 8

    def test_a_new_browser_on_everybody_makes_none(self, overlay):
        for _ in range(300):
            add(overlay, person(user_agent="released today", tls_fingerprint="also today"))
        assert max(map(len, rings(overlay)), default=0) <= 4

    def test_use_brings_the_second_family(self, overlay):
        add(overlay, *[person() for _ in range(40)])
        five = [person(payment_fingerprint="one card") for _ in range(5)]
        add(overlay, *five)
        assert rings(overlay) == []
        prompt = PEPPER.pseudonym("prompt_fingerprint", "a template")
        for one in five:
            overlay.see(one.account_id, [(CODE["prompt_fingerprint"], prompt)])
        assert rings(overlay) == [sorted(one.account_id for one in five)]

    def test_the_hour_joins_nobody(self, overlay):
        hour = PEPPER.pseudonym("signup_window", "2026-04-01T10Z")
        for _ in range(30):
            one = person(payment_fingerprint="")
            overlay.add(
                one.account_id, one.created_ms, (*one.values, (CODE["signup_window"], hour))
            )
        assert rings(overlay) == []


class TestKnownRings:
    def test_a_member_of_a_ring_of_the_snapshot_is_counted_there(self, overlay, snapshot):
        late = member(snapshot, Verdict.FLEET)
        before = Scorer(snapshot.model, overlay).score(late)
        add(overlay, late)
        assert len(overlay) == 0
        assert list(overlay.joined.values()) == [1]
        after = Scorer(snapshot.model, overlay).score(late)
        assert after.ring.size == before.ring.size + 1
        assert after.score == before.score
        add(overlay, late)  # the journal tells it again
        assert list(overlay.joined.values()) == [1]
        overlay.remove(late.account_id)
        assert list(overlay.joined.values()) == [0]

    def test_what_marks_a_company_ties_no_newcomers(self, overlay, snapshot):
        benign = {Verdict.ORGANISATION, Verdict.HOUSEHOLD}
        arrays, model = snapshot.model.arrays, snapshot.model
        seen = set()
        for row in range(0, len(arrays.mark_key), 7):
            place, ring = divmod(int(arrays.mark_key[row]), len(model.ring_ids))
            value = int(arrays.marked[place])
            if model.verdicts[ring] in benign:
                assert overlay.rates.is_old(CODE["email_domain"], value)
                assert not overlay.rates.is_old(CODE["card_bin"], value)
            seen.add(overlay.rates.is_old(CODE["ip"], value))
        assert seen == {True, False}
        assert not overlay.rates.is_old(CODE["ip"], -1)


class TestOutgrownRings:
    """Whoever sends a household ahead has the fleet that follows explained by it."""

    @pytest.fixture
    def household(self, snapshot):
        return member(snapshot, Verdict.HOUSEHOLD)

    def one_more(self, household, **shared: str) -> NormalisedSignup:
        """Somebody with all that a member of the household shows, and what is shared besides."""
        one = person(**shared)
        taken = {kind for kind, _ in household.values}
        rest = tuple(value for value in one.values if value[0] not in taken)
        return replace(one, values=tuple(sorted((*household.values, *rest))))

    def test_a_ring_that_is_no_fleet_takes_in_as_many_as_it_has_members(
        self, overlay, snapshot, household
    ):
        scorer = Scorer(snapshot.model, overlay)
        size = scorer.score(household).ring.size
        add(overlay, *[self.one_more(household) for _ in range(size + 3)])
        assert list(overlay.joined.values()) == [size]
        assert len(overlay) == 3

    def test_a_fleet_takes_in_all(self, overlay, snapshot):
        fleet = member(snapshot, Verdict.FLEET)
        many = 2 * Scorer(snapshot.model, overlay).score(fleet).ring.size
        add(overlay, *[replace(fleet, account_id=f"more{n}") for n in range(many)])
        assert list(overlay.joined.values()) == [many]
        assert len(overlay) == 0

    def test_a_fleet_that_sent_a_household_ahead_is_not_allowed(self, overlay, snapshot, household):
        scorer = Scorer(snapshot.model, overlay)
        add(overlay, *[person() for _ in range(200)])
        for number in range(30):
            late = self.one_more(household, phone=f"reused phone {number % 2}")
            answer = scorer.score(late)
            add(overlay, late)
        assert answer.suggested is not Decision.ALLOW
        assert answer.ring.provisional

    def test_one_who_belongs_to_no_newborn_ring_is_answered_by_the_outgrown_one(
        self, overlay, snapshot, household
    ):
        scorer = Scorer(snapshot.model, overlay)
        before = scorer.score(household)
        add(overlay, *[self.one_more(household) for _ in range(before.ring.size)])
        after = scorer.score(household)
        assert after.ring.ring_id == before.ring.ring_id
        assert after.suggested is Decision.ALLOW

    def test_what_marks_a_household_is_news_on_as_many_as_held_it_before(self, overlay, household):
        rates = overlay.rates
        kinds, names = zip(*household.values, strict=True)
        places = overlay.model.find_values(names).tolist()
        held = zip(kinds, places, strict=True)
        kind, index = next(one for one in held if rates.is_old(*one))
        for _ in range(rates.degree(index)):
            assert rates.is_old(kind, index)
            rates.show([(kind, 0, index)])
        assert not rates.is_old(kind, index)


class TestMemory:
    def test_the_same_sign_up_twice_counts_once(self, overlay):
        one = person()
        add(overlay, one, one)
        assert len(overlay) == 1

    def test_the_oldest_are_forgotten_and_leave_nothing_behind(self, snapshot):
        overlay = Overlay(snapshot.model, most=50)
        add(overlay, *[person(card_bin="", email_pattern="", tls_fingerprint="", user_agent="")
                       for _ in range(500)])  # fmt: skip
        assert len(overlay) == 50
        table = overlay._table
        assert len(table.holders) == 50 * 5
        assert set(overlay._number.values()) == set(table.newcomers)

    def test_a_flood_of_distinct_values_fills_the_window_and_no_more(self, snapshot):
        overlay = Overlay(snapshot.model, most=100)
        one = person()
        add(overlay, one)
        for number in range(MOST_VALUES * 3):
            prompt = PEPPER.pseudonym("prompt_fingerprint", f"flood {number}")
            overlay.see(one.account_id, [(CODE["prompt_fingerprint"], prompt)])
        (newcomer,) = overlay.newcomers()
        assert len(newcomer.values) == MOST_VALUES

    def test_a_value_remembers_its_latest_holders(self, overlay):
        add(overlay, *[person(ip="one address") for _ in range(5 * RECENT)])
        assert max(len(held.recent) for held in overlay._table.holders.values()) == RECENT
        assert max(held.count for held in overlay._table.holders.values()) == 5 * RECENT

    def test_a_ring_counts_so_many_values_and_no_more(self, overlay):
        add(overlay, *[person(payment_fingerprint="c", device="d") for _ in range(4)])
        ring = next(overlay.ring_of(one) for one in overlay.newcomers())
        ring.show([(CODE["ip"], -number, -1) for number in range(1, 2 * MOST_KEPT)], ())
        assert len(ring.counts) == MOST_KEPT

    def test_who_is_removed_ties_nobody(self, overlay):
        five = [person(payment_fingerprint="c", device="d") for _ in range(5)]
        add(overlay, *five[:2])
        for one in five[:2]:
            overlay.remove(one.account_id)
        overlay.remove("never seen")
        add(overlay, five[2])
        assert rings(overlay) == []
        assert len(overlay) == 1

    def test_a_ring_is_without_a_removed_member_what_it_would_be(self, snapshot):
        shared = {"payment_fingerprint": "c", "device": "d"}
        others = [person() for _ in range(40)]
        members = [person(**shared, tls_fingerprint="t") for _ in range(6)]
        looks = []
        for extra in (members[4:], []):
            overlay = Overlay(snapshot.model)
            add(overlay, *others, *members[:4], *extra)
            for one in extra:
                overlay.remove(one.account_id)
            looks.append(overlay.look(person(**shared).values).belonging)
        after, never = looks
        assert (after.ring.size, after.ring.counts) == (never.ring.size, never.ring.counts)
        assert after.ring.shown == never.ring.shown
        assert after.ring.repeated == never.ring.repeated

    def test_a_large_ring_is_measured_anew_when_a_share_of_it_was_removed(
        self, overlay, monkeypatch
    ):
        measured, anew = [], Newborn.begin_anew
        monkeypatch.setattr(
            Newborn, "begin_anew", lambda ring: (measured.append(ring.size), anew(ring))
        )
        many = [person(payment_fingerprint="c", device="d") for _ in range(400)]
        add(overlay, *many)
        for one in many[:200]:
            overlay.remove(one.account_id)
        assert len(measured) < 20
        ring = overlay.look(person(payment_fingerprint="c", device="d").values).belonging.ring
        assert len(ring.members) == 200
        assert 200 <= ring.size <= 200 * (1 + 1 / ANEW)

    def test_its_names_are_those_of_accounts_and_attempts(self, overlay, snapshot):
        one, other = person(), person()
        known = member(snapshot, Verdict.FLEET)
        add(overlay, one, known)
        overlay.attempt(other.account_id, other.created_ms, other.values)
        names = [one.account_id, known.account_id, other.account_id]
        assert sorted(overlay.names()) == sorted(names)
        for name in names:
            overlay.remove(name)
        assert overlay.names() == []

    def test_all_members_may_be_removed(self, overlay):
        five = [person(payment_fingerprint="c", device="d") for _ in range(5)]
        add(overlay, *five)
        for one in five:
            overlay.remove(one.account_id)
        assert len(overlay) == 0
        assert overlay.look(person(payment_fingerprint="c", device="d").values).belonging is None

    def test_two_workers_that_read_the_same_hold_the_same(self, snapshot):
        signups = [person(payment_fingerprint=f"c{n % 9}", device=f"d{n % 7}") for n in range(90)]
        answers = []
        for _ in range(2):
            overlay = Overlay(snapshot.model)
            scorer = Scorer(snapshot.model, overlay)
            add(overlay, *signups[:60])
            answers.append([scorer.score(one) for one in signups[60:]])
        assert answers[0] == answers[1]


class TestAttempts:
    """Sign-ups that are no accounts yet, as hooks report them before a registration."""

    SHARED = MappingProxyType({"mailbox": "victim@mail.example", "device": "d", "ip": "i"})

    def test_they_tie_nobody_to_anybody(self, overlay):
        for one in (person(**self.SHARED) for _ in range(6)):
            overlay.attempt(one.account_id, one.created_ms, one.values)
        assert len(overlay) == 0
        assert overlay.look(person(**self.SHARED).values).belonging is None

    def test_those_that_complete_are_accounts(self, overlay):
        add(overlay, *[person() for _ in range(40)])
        tries = [person(**self.SHARED) for _ in range(5)]
        for one in tries:
            overlay.attempt(one.account_id, one.created_ms, one.values)
        for one in tries:
            overlay.complete(one.account_id)
        assert overlay.look(person(**self.SHARED).values).belonging.ring.size == 5

    def test_what_ended_otherwise_is_forgotten(self, overlay):
        one = person()
        overlay.attempt(one.account_id, one.created_ms, one.values)
        overlay.remove(one.account_id)
        overlay.complete(one.account_id)
        assert len(overlay) == 0

    def test_the_oldest_are_forgotten_here_too(self, snapshot):
        overlay = Overlay(snapshot.model, most=3)
        four = [person() for _ in range(4)]
        for one in four:
            overlay.attempt(one.account_id, one.created_ms, one.values)
        for one in four:
            overlay.complete(one.account_id)
        assert {one.account_id for one in overlay.newcomers()} == {
            one.account_id for one in four[1:]
        }


class TestFraming:
    """What somebody else typed or copied gets nobody past review."""

    def test_mail_and_client_of_somebody_challenge_nobody(self, overlay, snapshot):
        worn = {"mailbox": "v@mail.example", "email_domain": "dom.example", "user_agent": "a",
                "tls_fingerprint": "t", "email_pattern": "s"}  # fmt: skip
        add(overlay, *[person() for _ in range(300)])
        add(overlay, *[person(**worn) for _ in range(20)])
        answer = Scorer(snapshot.model, overlay).score(person(**worn))
        assert answer.ring is not None
        assert answer.suggested is not Decision.CHALLENGE

    def test_a_device_or_a_card_besides_does(self, overlay, snapshot):
        held = {"email_domain": "dom.example", "device": "emulator", "card_bin": "bin3",
                "payment_fingerprint": "card", "user_agent": "a"}  # fmt: skip
        add(overlay, *[person() for _ in range(300)])
        add(overlay, *[person(**held) for _ in range(20)])
        answer = Scorer(snapshot.model, overlay).score(person(**held))
        assert answer.suggested is Decision.CHALLENGE

    COPIED = MappingProxyType(
        {"email_domain": "new firm", "email_pattern": "a.a@custom", "card_bin": "bank",
         "user_agent": "agent1", "tls_fingerprint": "tls1"}
    )  # fmt: skip

    def staff(self) -> list[NormalisedSignup]:
        """Staff of a company that begins: one card, one office, clients of their own."""
        theirs = self.COPIED | {"user_agent": "", "tls_fingerprint": ""}
        office = {"payment_fingerprint": "firm", "ip": "office", "ip_network": "office/24"}
        return [person(**theirs | office) for _ in range(20)]

    def fleet(self) -> list[NormalisedSignup]:
        """A fleet that copies what of the staff can be copied."""
        return [
            person(**self.COPIED, payment_fingerprint=f"card {n % 4}", device=f"device {n % 3}")
            for n in range(30)
        ]

    @pytest.mark.parametrize("before", [0, 1, 2, 6])
    def test_a_fleet_that_copies_staff_who_begin_together_challenges_none_of_them(
        self, overlay, snapshot, before
    ):
        scorer, staff, fleet = Scorer(snapshot.model, overlay), self.staff(), self.fleet()
        add(overlay, *[person() for _ in range(200)], *staff[:before], *fleet)
        for one in staff[before:]:
            assert scorer.score(one).suggested is not Decision.CHALLENGE
            add(overlay, one)
        assert scorer.score(fleet[0]).suggested is Decision.CHALLENGE


class TestAnswer:
    @pytest.fixture
    def born(self, overlay, snapshot):
        """Fleet-like newcomers: reused cards and devices, one odd client, many networks."""
        add(overlay, *[person() for _ in range(200)])
        add(overlay, *[self.machine(n) for n in range(16)])
        return Scorer(snapshot.model, overlay)

    def machine(self, number: int) -> NormalisedSignup:
        return person(
            payment_fingerprint=f"reused card {number % 3}", card_bin="virtual",
            device=f"reused device {number % 2}", user_agent="odd build", tls_fingerprint="odd tls",
            email_pattern="aa#4@script", phone="",
        )  # fmt: skip

    def test_its_first_accounts_are_not_allowed_any_more_once_it_has_grown(self, overlay, snapshot):
        scorer = Scorer(snapshot.model, overlay)
        add(overlay, *[person() for _ in range(200)])
        machines = [self.machine(n) for n in range(16)]
        assert scorer.score(machines[0]).suggested is Decision.ALLOW
        add(overlay, *machines)
        for one in machines:
            again = scorer.score_again(one.account_id)
            assert again.suggested is not Decision.ALLOW
            assert again.ring.size == 16
            assert "In a ring of 16 accounts" in again.reasons[0].text

    def test_who_is_looked_at_again_is_held_against_the_others_alone(self, born, overlay):
        last = next(reversed(list(overlay.newcomers())))
        again = born.score_again(last.account_id)
        signup = self.machine(15)
        overlay.remove(last.account_id)
        anew = born.score(signup)
        assert again.reasons[1:] == anew.reasons[1:]
        assert again.families == anew.families
        assert again.ring.membership == pytest.approx(anew.ring.membership)

    def test_of_whom_nothing_was_learned_since_there_is_no_answer_anew(self, born, overlay):
        stranger = person()
        add(overlay, stranger)
        assert born.score_again(stranger.account_id) is None
        assert born.score_again("nobody") is None

    def test_a_fleet_that_is_being_born_is_not_allowed(self, born):
        answer = born.score(self.machine(5))
        assert answer.suggested in {Decision.REVIEW, Decision.CHALLENGE}
        assert answer.ring.provisional
        assert answer.ring.ring_id.startswith("new-")
        assert answer.ring.verdict is Verdict.UNCLEAR
        assert answer.score > 0.5
        assert len(answer.families) >= 2
        assert answer.reasons[0].code == "ring_newborn"
        assert {reason.family for reason in answer.reasons[1:]} >= {"payment", "device"}

    def test_nobody_is_denied_by_a_ring_being_born(self, born):
        assert all(born.score(self.machine(n)).suggested is not Decision.DENY for n in range(20))

    def test_reasons_name_no_value(self, born):
        for reason in born.score(self.machine(5)).reasons:
            assert "reused" not in reason.text
            assert "p1_" not in reason.text

    def test_staff_who_begin_together_are_allowed(self, overlay, snapshot):
        add(overlay, *[person() for _ in range(200)])
        staff = [
            person(
                email_domain="new firm", email_pattern="a.a@custom", payment_fingerprint="firm",
                card_bin="bank", ip="office", ip_network="office/24",
            )
            for _ in range(20)
        ]  # fmt: skip
        scorer = Scorer(snapshot.model, overlay)
        for one in staff:
            answer = scorer.score(one)
            assert answer.suggested is Decision.ALLOW
            add(overlay, one)
        assert Family.PAYMENT in answer.families

    def test_the_weights_name_features_that_are_measured(self, overlay):
        add(overlay, *[person(payment_fingerprint="c", device="d") for _ in range(4)])
        ring = next(overlay.ring_of(one) for one in overlay.newcomers())
        assert set(shipped_weights().features) == set(ring.features(overlay.rates))
