"""What families say of one account."""

from __future__ import annotations

import pytest

from ringfinder.evidence.lifts import MINIMUM_LIFT
from ringfinder.schema import CODE, FAMILIES, KIND
from ringfinder.score.online.families import nats_of_families, speaking
from ringfinder.score.online.known import Hit


def said(**nats):
    """What each family says of values of these kinds, families that say nothing left out."""
    speaks = nats_of_families(Hit(CODE[kind], weight, 1, 1) for kind, weight in nats.items())
    return {str(FAMILIES[code]): weight for code, weight in enumerate(speaks) if weight}


def test_of_one_observation_the_strongest_value_speaks():
    assert said(ip=3.0, ip_network=2.0) == {str(KIND["ip"].family): 3.0}
    assert said(payment_fingerprint=1.0, card_bin=4.0) == {str(KIND["card_bin"].family): 4.0}


def test_observations_of_one_family_add_up():
    assert said(mailbox=2.0, phone=1.5) == {str(KIND["phone"].family): 3.5}


def test_the_order_of_values_changes_no_bit():
    hits = [Hit(CODE[kind], 0.1 * n, 1, 1) for n, kind in enumerate(CODE, 1)]
    assert nats_of_families(hits) == nats_of_families(hits[::-1])


@pytest.mark.parametrize(("nats", "speaks"), [(0.999, False), (1.0, True)])
def test_a_family_speaks_from_the_least_lift_on(nats, speaks):
    one = nats_of_families([Hit(CODE["device"], nats * MINIMUM_LIFT, 1, 1)])
    assert bool(speaking(one)) is speaks
