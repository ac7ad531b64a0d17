"""What a ring is called, and from which probability on it is called a fleet."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.model import Verdict
from ringfinder.score.features import NAMES
from ringfinder.score.verdicts import (
    EVEN,
    FEW,
    FLEET,
    FLEET_OF_FEW,
    FLEET_WITHOUT_USE,
    HOUSEHOLD_SIZE,
    called_fleet,
    verdicts,
)

ACCOUNTS = 100


class TestCalledFleet:
    sizes = st.lists(st.integers(1, 40), min_size=1, max_size=8)

    @given(sizes, st.booleans(), st.integers(0, 1_000))
    def test_what_is_asked_depends_on_size_and_use_alone(self, sizes, usage, seed):
        ring = np.random.default_rng(seed).permutation(
            np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(9, -1)])
        )
        asked = [
            FLEET_WITHOUT_USE if not usage else FLEET_OF_FEW if size < FEW else FLEET
            for size in sizes
        ]
        assert called_fleet(ring, np.array(asked), usage=usage).all()
        assert not called_fleet(ring, np.array(asked) - 1e-9, usage=usage).any()

    def test_a_ring_that_everybody_left_is_few(self):
        found = called_fleet(np.array([1] * 50), np.array([FLEET, FLEET]), usage=True)
        assert found.tolist() == [False, True]

    def test_less_is_never_asked_of_few_or_without_use(self):
        assert FLEET <= FLEET_OF_FEW
        assert FLEET <= FLEET_WITHOUT_USE


class TestVerdicts:
    def named(self, probability, size=50, **features):
        ring = np.full(ACCOUNTS, -1)
        ring[:size] = 0
        table = np.zeros((1, len(NAMES)))
        for name, value in features.items():
            table[0, NAMES.index(name)] = value
        (verdict,) = verdicts(ring, table, np.array([probability]))
        return verdict

    def test_from_two_to_one_on_a_ring_is_a_fleet_and_from_even_odds_unclear(self):
        assert self.named(FLEET, domain_ownership=1.0) is Verdict.FLEET
        assert self.named(FLEET - 1e-6, domain_ownership=1.0) is Verdict.UNCLEAR
        assert self.named(EVEN, domain_ownership=1.0) is Verdict.UNCLEAR
        assert self.named(EVEN - 1e-6, domain_ownership=1.0) is Verdict.ORGANISATION

    def test_a_few_people_at_one_address_or_card_are_a_household(self):
        assert self.named(0.1, HOUSEHOLD_SIZE, network_focus=0.5) is Verdict.HOUSEHOLD
        assert self.named(0.1, HOUSEHOLD_SIZE, card_reuse=0.5) is Verdict.HOUSEHOLD
        assert self.named(0.1, HOUSEHOLD_SIZE + 1, network_focus=0.5) is Verdict.ORGANISATION

    def test_who_shares_cards_and_devices_without_a_domain_is_no_organisation(self):
        assert self.named(0.1, network_focus=0.9, reused_twice=np.log(2)) is Verdict.UNCLEAR
        assert self.named(0.1, network_focus=0.9, reused_twice=0.6) is Verdict.ORGANISATION
        firm = self.named(0.1, network_focus=0.9, reused_twice=2.0, domain_ownership=0.9)
        assert firm is Verdict.ORGANISATION

    def test_what_is_none_of_them_is_unclear(self):
        assert self.named(0.4) is Verdict.UNCLEAR

    def test_what_could_not_be_measured_hides_nothing_that_could(self):
        assert self.named(0.1, 5, network_focus=np.nan, card_reuse=0.5) is Verdict.HOUSEHOLD
        assert self.named(0.1, domain_ownership=np.nan, network_focus=0.5) is Verdict.ORGANISATION

    def test_what_could_not_be_measured_names_nothing(self):
        unknown = dict.fromkeys(("domain_ownership", "network_focus", "card_reuse"), np.nan)
        assert self.named(0.4, **unknown) is Verdict.UNCLEAR


def test_of_a_few_accounts_and_without_use_more_is_asked():
    table = np.zeros((1, len(NAMES)))
    for size, usage, asked in (
        (FEW - 1, True, FLEET_OF_FEW),
        (FEW, True, FLEET),
        (FEW - 1, False, FLEET_WITHOUT_USE),
        (50, False, FLEET_WITHOUT_USE),
    ):
        ring = np.full(ACCOUNTS, -1)
        ring[:size] = 0
        for probability, fleet in ((asked, True), (asked - 1e-6, False)):
            (verdict,) = verdicts(ring, table, np.array([probability]), usage=usage)
            assert (verdict is Verdict.FLEET) == fleet
