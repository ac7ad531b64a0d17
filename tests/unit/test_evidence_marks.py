"""Looking up what an account's values say for a community, against plain dictionaries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import Incidence, incidence
from ringfinder.evidence.lifts import Lifts, log_lifts
from ringfinder.evidence.marks import Marks
from ringfinder.schema import CODE, FAMILY_OF_KIND, KINDS

KIND_OF_VALUE = [
    CODE[name]
    for name in ("ip", "ip_network", "device", "user_agent", "prompt_fingerprint", "mailbox")
    for _ in range(5)
]
ACCOUNTS, COMMUNITIES = 40, 3


def drawn(seed) -> tuple[Incidence, Lifts]:
    """Random holdings, and random lifts and costs of missing: nothing need add up here."""
    rng = np.random.default_rng(seed)
    cells = np.argwhere(rng.random((ACCOUNTS, len(KIND_OF_VALUE))) < 0.3)
    kind = np.array(KIND_OF_VALUE, dtype=np.int8)
    shared = incidence(ACCOUNTS, cells[:, 0], cells[:, 1], kind)
    marks = np.argwhere(rng.random((COMMUNITIES, shared.values)) < 0.3)
    lifts = Lifts(
        communities=COMMUNITIES,
        size=np.full(COMMUNITIES, 10.0),
        prior=np.full(COMMUNITIES, 2.0),
        cap=np.full(COMMUNITIES, 5.0),
        community=marks[:, 0].astype(np.int32),
        value=marks[:, 1].astype(np.int32),
        inside=np.full(len(marks), 5, dtype=np.int32),
        nats=rng.uniform(1.0, 5.0, len(marks)),
        holder=some_holders(rng, shared, marks[:, 1]),
        miss=-rng.uniform(0.0, 2.3, (COMMUNITIES, len(KINDS))),
    )
    return shared, lifts


def some_holders(rng, shared, values):
    """For half of the marks one of the value's holders, as if it alone were a member."""
    first = [shared.account[shared.value == value][0] for value in values]
    return np.where(rng.random(len(values)) < 0.5, first, -1).astype(np.int32)


def heard(shared, lifts, who, where):
    """Values of an account that mark a community to it, with their nats: one by one."""
    table = {
        (int(c), int(v)): (float(n), int(h))
        for c, v, n, h in zip(lifts.community, lifts.value, lifts.nats, lifts.holder, strict=True)
    }
    held = shared.value[shared.account == who].tolist()
    said = {v: table[where, v] for v in held if (where, v) in table and table[where, v][1] != who}
    single = {v: nats for v, (nats, holder) in said.items() if holder >= 0}
    if len({said[v][1] for v in single}) == 1:  # all from one member: it speaks once
        loudest = max(single, key=lambda v: single[v])
        said = {v: pair for v, pair in said.items() if v not in single or v == loudest}
    return {v: nats for v, (nats, _) in said.items()}


def candidates():
    """Every account with every community."""
    account, community = np.divmod(np.arange(ACCOUNTS * COMMUNITIES), COMMUNITIES)
    return account, community


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_strongest_lift_of_each_kind_is_found(seed):
    shared, lifts = drawn(seed)
    account, community = candidates()
    found = (
        Marks(shared, lifts).heard(account, community).strongest(np.arange(len(KINDS)), len(KINDS))
    )
    expected = np.zeros((len(KINDS), len(account)))
    for at, (who, where) in enumerate(zip(account.tolist(), community.tolist(), strict=True)):
        for value, nats in heard(shared, lifts, who, where).items():
            cell = shared.kind[value], at
            expected[cell] = max(expected[cell], nats)
    assert np.array_equal(found, expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_of_each_family_the_worst_miss_is_paid(seed):
    shared, lifts = drawn(seed)
    account, community = candidates()
    found = Marks(shared, lifts).heard(account, community).missed()
    for at, (who, where) in enumerate(zip(account.tolist(), community.tolist(), strict=True)):
        hit = {int(shared.kind[value]) for value in heard(shared, lifts, who, where)}
        worst = {}
        for kind in np.flatnonzero(shared.shown[who]).tolist():
            if kind not in hit:
                family = FAMILY_OF_KIND[kind]
                worst[family] = min(worst.get(family, 0.0), lifts.miss[where, kind])
        assert found[at] == pytest.approx(sum(worst.values()))


def test_where_nothing_marks_nothing_is_said():
    shared, _ = drawn(1)
    back = background(shared, np.zeros(ACCOUNTS, dtype=int))
    none = log_lifts(shared, back, np.full(ACCOUNTS, -1, dtype=np.int32))
    account = np.arange(ACCOUNTS)
    heard = Marks(shared, none).heard(account, np.zeros_like(account))
    found = heard.strongest(np.arange(len(KINDS)), 30)
    assert found.shape == (30, ACCOUNTS)
    assert not found.any()
