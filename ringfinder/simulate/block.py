"""Accounts as columns while a world is being made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ringfinder.graph.columns import NEVER
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.simulate.ragged import Ragged
from ringfinder.simulate.spec import COHORTS


@dataclass
class Block:
    """A group of accounts: who they say they are, what they are seen with, how they use it.

    Everything starts as an ordinary person's (`people.people`); cohorts and fleets
    overwrite the traits in which they differ, so that nothing else tells them apart.

    Attributes
    ----------
    region, cohort, network, group, fleet, style
        Codes; fleet and style are -1 for benign accounts, group outside cohorts.
    established
        Accounts of a victim company from before it was framed.
    created, closed
        Milliseconds; `NEVER` where not closed.
    form, first, last, number, digits, tag, domain
        The e-mail address: how the local part is made, names, a number padded to
        `digits`, a tag; the domain's code.
    verified, agent, tls, phone, plan, referrer
        As at sign-up; phone is -1 where none was given.
    ips, devices, cards, prompts
        Codes, the most usual first.
    volume, rows
        Exchanges in all; usage rows to fold them into.
    begin, finish, active_days
        Milliseconds between which the account is used, and on how many days.
    profile, shift, weekend
        Hours of the day (index into the table of profiles), hours to add to come to
        UTC, and how usual use on a weekend is (0-1).
    burstiness
        Gamma shape of the exchanges per row: small is bursty.
    out_mu, out_sd, in_mu, in_sd
        Log mean of tokens per exchange, and how it varies between rows.
    ip_focus, prompt_focus
        1 draws evenly from the list; larger favours its beginning.
    model, adopts, adoption
        Usual model; when the account moves to the new one and for which share of use.
    """

    region: IntArray
    cohort: IntArray
    network: IntArray
    group: IntArray
    fleet: IntArray
    style: IntArray
    established: BoolArray
    created: IntArray
    closed: IntArray
    form: IntArray
    first: IntArray
    last: IntArray
    number: IntArray
    digits: IntArray
    tag: IntArray
    domain: IntArray
    verified: BoolArray
    agent: IntArray
    tls: IntArray
    phone: IntArray
    plan: IntArray
    referrer: IntArray
    ips: Ragged
    devices: Ragged
    cards: Ragged
    prompts: Ragged
    volume: FloatArray
    rows: FloatArray
    begin: IntArray
    finish: IntArray
    active_days: IntArray
    profile: IntArray
    shift: IntArray
    weekend: FloatArray
    burstiness: FloatArray
    out_mu: FloatArray
    out_sd: FloatArray
    in_mu: FloatArray
    in_sd: FloatArray
    ip_focus: FloatArray
    prompt_focus: FloatArray
    model: IntArray
    adopts: IntArray
    adoption: FloatArray

    def __len__(self) -> int:
        return len(self.created)

    def set(self, where: BoolArray | IntArray | slice | None = None, **columns: Any) -> None:
        """Overwrite columns of all accounts, or of some."""
        place = slice(None) if where is None else where
        for name, values in columns.items():
            getattr(self, name)[place] = values

    def take(self, index: IntArray) -> Block:
        """Return some of the accounts, in the given order."""
        columns: dict[str, Any] = {}
        for item in fields(self):
            column = getattr(self, item.name)
            columns[item.name] = column.take(index) if isinstance(column, Ragged) else column[index]
        return Block(**columns)

    def label(self, cohort: str, *, network: int | None = None) -> None:
        """Name the cohort these accounts belong to, and their class of network."""
        self.cohort[:] = COHORTS.index(cohort)
        if network is not None:
            self.network[:] = network

    @staticmethod
    def stack(blocks: Sequence[Block]) -> Block:
        """Put blocks one after the other."""
        columns: dict[str, Any] = {}
        for item in fields(Block):
            parts = [getattr(block, item.name) for block in blocks]
            ragged = isinstance(parts[0], Ragged)
            columns[item.name] = Ragged.stack(parts) if ragged else np.concatenate(parts)
        return Block(**columns)


def never(n: int) -> IntArray:
    """Return n times `NEVER`."""
    return np.full(n, NEVER, np.int64)
