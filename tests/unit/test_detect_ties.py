"""Parts of communities that nothing ties to the rest."""

import numpy as np
from planted import crowd, graph_of, plant

from ringfinder.detect.divide import UNTIED_SIZE, _numbered, divide
from ringfinder.detect.ties import TIES, untied
from ringfinder.evidence.incidence import shared_values
from ringfinder.schema import CODE

ACCOUNTS = 2_000
FIRST, SECOND, FEW = range(100, 160), range(200, 230), range(300, 305)


def one_bank():
    """Operators with one bank and one client, and with cards and devices of their own."""
    columns = crowd(ACCOUNTS)
    for name in ("email_domain", "prompt_fingerprint", "ip_network"):
        columns[name] = [None] * ACCOUNTS
    columns["payment_fingerprint"] = [f"own{n}" for n in range(ACCOUNTS)]
    for number, members in enumerate((FIRST, SECOND, FEW)):
        plant(columns, members, {"card_bin": ["bank"], "user_agent": ["client"]})
        names = [f"{number}.{n}" for n in range(len(members) // 5)]
        plant(columns, members, {"payment_fingerprint": names, "device": names}, seed=number)
    return columns


def community_of(*groups):
    out = np.full(ACCOUNTS, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        out[list(group)] = number
    return out


def parts_of(columns, community):
    return divide(shared_values(graph_of(columns)), community, seed=0)


def test_fine_values_tie_and_coarse_ones_and_times_do_not():
    ties = {name for name, code in CODE.items() if TIES[code]}
    assert {"ip", "payment_fingerprint", "device", "email_domain", "prompt_fingerprint"} <= ties
    assert not ties & {"card_bin", "ip_network", "user_agent", "signup_window", "model_adoption"}


def test_operators_alike_in_bank_and_client_alone_come_apart():
    parts = parts_of(one_bank(), community_of([*FIRST, *SECOND]))
    mostly = [np.bincount(parts[list(group)]).argmax() for group in (FIRST, SECOND)]
    assert mostly[0] != mostly[1]
    for group, number in zip((FIRST, SECOND), mostly, strict=True):
        assert (parts[list(group)] == number).mean() > 0.9


def test_the_largest_part_is_no_part_and_every_other_is():
    shared = shared_values(graph_of(one_bank()))
    apart = untied(shared, community_of([*FIRST, *SECOND, *FEW]))
    assert (apart[list(FIRST)] == -1).mean() > 0.9
    assert (apart[list(SECOND)] >= 0).mean() > 0.9
    assert (apart[list(FEW)] >= 0).all()
    assert not set(apart[list(SECOND)].tolist()) & set(apart[list(FEW)].tolist())


def test_a_part_too_small_keeps_the_number_of_the_community():
    apart = np.full(ACCOUNTS, -1, dtype=np.int32)
    apart[list(SECOND)], apart[list(FEW)] = 1, 2
    assert len(FEW) < UNTIED_SIZE <= len(SECOND)
    community = community_of([*FIRST, *SECOND, *FEW])
    parts = _numbered(community, apart, UNTIED_SIZE)
    assert (parts[[*FIRST, *FEW]] == 0).all()
    assert (parts[list(SECOND)] > 0).all()


def test_accounts_outside_communities_are_in_no_part():
    community = community_of([*FIRST, *SECOND])
    apart = untied(shared_values(graph_of(one_bank())), community)
    assert (apart[community < 0] == -1).all()


def test_a_value_in_common_ties_two_parts():
    columns = one_bank()
    plant(columns, [*FIRST, *SECOND], {"email_domain": ["both.example"]})
    community = community_of([*FIRST, *SECOND])
    assert (untied(shared_values(graph_of(columns)), community) == -1).all()


def test_without_communities_there_are_no_parts():
    assert (untied(shared_values(graph_of(one_bank())), community_of()) == -1).all()


def test_a_client_that_hardly_anybody_else_has_ties():
    columns = one_bank()
    plant(columns, [*SECOND, *FEW], {"user_agent": ["script"]})
    apart = untied(shared_values(graph_of(columns)), community_of([*FIRST, *SECOND, *FEW]))
    assert len(set(apart[[*SECOND, *FEW]].tolist())) == 1
    assert (apart[[*SECOND, *FEW]] >= 0).all()


def test_a_client_that_as_many_others_have_does_not():
    columns = one_bank()
    plant(columns, [*SECOND[:10], *FEW], {"user_agent": ["script"]})
    plant(columns, range(1_000, 1_020), {"user_agent": ["script"]})
    apart = untied(shared_values(graph_of(columns)), community_of([*FIRST, *SECOND, *FEW]))
    assert not set(apart[list(SECOND)].tolist()) & set(apart[list(FEW)].tolist())
