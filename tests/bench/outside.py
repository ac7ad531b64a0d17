"""Worlds from outside data, which nobody of this project made.

The data are no part of the repository: `RINGFINDER_DATA` names the folder, which else is
`shared/data` beside the repository.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv
from scipy import sparse
from scipy.sparse import csgraph

from tests.bench.worlds import Files, cached

REGISTRATIONS = {
    "ip_address": "ip",
    "email_address": "email",
    "phone_number": "phone",
    "EVENT_TIMESTAMP": "created_at",
}
RING_SIZE = 40
PLANTED = {
    "network+device": "five addresses of five networks, three clients",
    "network+identity": "five addresses of five networks, two domains",
    "office+device": "five addresses of one network, three clients",
    "identity+device": "two domains, three clients",
    "network+mailbox": "five addresses of five networks, tags on six mailboxes",
    "phone+device": "eight phone numbers, three clients",
}
FIRM = "office+identity"
"""Five addresses of one network, two domains, one week: as a small firm's onboarding."""
VERSION = "11"  # of the worlds made here


def data() -> Path | None:
    """The folder of outside data, or None where there is none."""
    given = os.environ.get("RINGFINDER_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[3] / "shared" / "data"
    return folder if folder.is_dir() else None


# --- registrations whose attributes are noise


def registrations(planted: str = "", seed: int = 101) -> Files:
    """2,000 registrations, with a ring of 40 of them made to share values, or without.

    Parameters
    ----------
    planted
        What the ring shares, of two families, such as ``network+identity`` (`PLANTED`);
        empty plants nothing. The other fields of a planted account are another account's, so
        that nothing but the shared values marks it.
    seed
        Of the ring.
    """
    name = f"aws, ring in {planted}, seed {seed}" if planted else "aws as it is"
    folder = cached(
        "aws", {"planted": planted, "seed": seed}, VERSION, lambda out: _plant(out, planted, seed)
    )
    return Files(name, folder, (), REGISTRATIONS, {"default_region": "US"})


def _plant(folder: Path, planted: str, seed: int) -> None:
    source = _needed("aws_registrations/registration_data_2K_coldstart.csv")
    text = csv.ConvertOptions(column_types={name: pa.string() for name in ("EVENT_TIMESTAMP",)})
    table = csv.read_csv(source, convert_options=text)
    columns = {
        name: np.array(table[name].cast(pa.string()).fill_null("").to_pylist(), dtype=object)
        for name in table.column_names
    }
    known = np.flatnonzero(columns["EVENT_TIMESTAMP"] != "")
    columns = {name: column[known] for name, column in columns.items()}
    rows = len(known)
    fleet = np.full(rows, None, dtype=object)
    if planted:
        rng = np.random.default_rng(seed)
        columns = {
            name: np.concatenate((column, column[rng.integers(0, rows, RING_SIZE)]))
            for name, column in columns.items()
        }
        _share(columns, planted, np.arange(rows, rows + RING_SIZE), rng)
        fleet = np.concatenate((fleet, np.full(RING_SIZE, "planted", dtype=object)))
        rows += RING_SIZE
    ids = pa.array([f"r{number:05d}" for number in range(rows)])
    given = {name: pa.array(column, pa.string()) for name, column in columns.items()}
    given.pop("EVENT_LABEL")
    csv.write_csv(pa.table({"account_id": ids, **given}), folder / "signups.csv")
    truth = {"account_id": ids, "fleet_id": pa.array(fleet, pa.string())}
    truth["style"] = truth["fleet_id"]
    pq.write_table(pa.table(truth), folder / "truth.parquet")


def _share(
    columns: dict[str, np.ndarray], planted: str, ring: np.ndarray, rng: np.random.Generator
) -> None:
    """Give the ring shared values; its own mailboxes, addresses and numbers otherwise."""
    number = [int(k) for k in rng.permutation(len(ring))]
    letters = np.array(list("abcdefghiklmnoprstuvwy"))
    own = ["".join(rng.choice(letters, 9)) for _ in ring]
    byte = rng.integers(1, 255, (len(ring), 3))
    pairs = zip(rng.integers(201, 989, (len(ring), 2)), number, strict=True)
    columns["ip_address"][ring] = [f"81.{a}.{b}.{c}" for a, b, c in byte]
    columns["phone_number"][ring] = [f"({a}){b} - 4{k:03}" for (a, b), k in pairs]
    hosts = ("example.com", "example.net", "example.org")
    columns["email_address"][ring] = [f"fake_{own[k]}@{hosts[k % 3]}" for k in number]
    start = pc.min(pa.array(columns["EVENT_TIMESTAMP"])).as_py()
    end = pc.max(pa.array(columns["EVENT_TIMESTAMP"])).as_py()
    first, last = np.datetime64(start.rstrip("Z"), "s"), np.datetime64(end.rstrip("Z"), "s")
    day = first + (last - first) * rng.uniform(0.1, 0.8)
    at = day + rng.integers(0, 5 * 86_400, len(ring)).astype("timedelta64[s]")
    columns["EVENT_TIMESTAMP"][ring] = [f"{when}Z" for when in at.astype("datetime64[s]")]
    if "network" in planted:
        columns["ip_address"][ring] = [f"81.5{k % 5}.44.7" for k in number]
    if "office" in planted:
        columns["ip_address"][ring] = [f"81.57.44.{1 + k % 5}" for k in number]
    if "identity" in planted:
        dealt = rng.permutation(len(ring))
        columns["email_address"][ring] = [f"fake_{own[k]}@harbour{k % 2}.biz" for k in dealt]
    if "mailbox" in planted:
        dealt = rng.permutation(len(ring))
        columns["email_address"][ring] = [f"fake_harbour{k % 6}+{k}@example.com" for k in dealt]
    if "phone" in planted:
        dealt = rng.permutation(len(ring))
        columns["phone_number"][ring] = [f"(212)736 - 50{10 + k % 8}" for k in dealt]
    if "device" in planted:
        agents = [f"python-requests/2.{20 + k} (linux; x86_64)" for k in range(3)]
        columns["user_agent"][ring] = [agents[k % 3] for k in rng.permutation(len(ring))]


# --- accounts caught giving fake stars, inside a background rewired from them


def stars(copies: int = 4, times: str = "shuffled", seed: int = 101) -> Files:
    """Real accounts that gave fake stars, among accounts rewired from them.

    Parameters
    ----------
    copies
        How often the rewired background is drawn: account for account and repository for
        repository it has the degrees of the real ones.
    times
        ``shuffled``: a star of the background falls at the time of any real star;
        ``kept``: at the time of a real star of its own repository, so that a lone star
        looks the same in both, and nothing but the company of stars tells them apart.
    seed
        Of the rewiring.
    """
    wish = {"copies": copies, "times": times, "seed": seed}
    folder = cached("stars", wish, VERSION, lambda out: _write_stars(out, copies, times, seed))
    return Files(f"stars, background x{copies}, times {times}", folder, ("usage",))


def _write_stars(folder: Path, copies: int, times: str, seed: int) -> None:
    table = csv.read_csv(_needed("starscout/fake_stars_obvious_users.csv"))
    account = table["name"].combine_chunks().dictionary_encode().indices.to_numpy()
    repository = table["github"].combine_chunks().dictionary_encode().indices.to_numpy()
    at = table["starred_at"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_numpy()
    account, repository, at = one_name_each(account, repository, at)
    accounts = int(account.max()) + 1
    rng = np.random.default_rng(seed)
    who, what, when = [account], [repository], [at]
    for copy in range(1, copies + 1):
        order = rewired(account, repository, rng)
        who.append(account + copy * accounts)
        what.append(repository[order])
        when.append(at[order] if times == "kept" else at[rng.permutation(len(at))])
    who, what, when = np.concatenate(who), np.concatenate(what), np.concatenate(when)
    total = accounts * (copies + 1)
    # Real and rewired accounts must not differ by the order of their ids.
    code = rng.permutation(total)
    ids = np.char.mod("u%07d", code)
    created = np.full(total, np.iinfo(np.int64).max)
    np.minimum.at(created, who, when)
    stamp = pa.timestamp("ms", tz="UTC")
    order = np.lexsort((when, who))
    signups = {"account_id": pa.array(ids), "created_at": pa.array(created).cast(stamp)}
    usage = {
        "account_id": pa.array(ids[who[order]]),
        "occurred_at": pa.array(when[order]).cast(stamp),
        "prompt_fingerprint": pa.array(np.char.mod("repository-%05d", what[order])),
    }
    real = np.arange(total) < accounts
    truth = {"account_id": pa.array(ids), "label": pa.array(np.where(real, "fraud", "legitimate"))}
    degree = np.bincount(who, minlength=total)
    style = np.array(["one star", "two stars", "three or more"])[np.minimum(degree, 3) - 1]
    truth["style"] = pa.array(np.where(real, style.astype(object), None), pa.string())
    for name, columns in (("signups", signups), ("usage", usage), ("truth", truth)):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def one_name_each(
    account: np.ndarray, repository: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count a star once where its repository goes by several names.

    A renamed repository is listed under each of its names, with the same stars at the same
    second. Two names are one repository where at least half the stars of the less starred
    have such a twin under the other.
    """
    _, moment = np.unique(np.stack((account, at)), axis=1, return_inverse=True)
    names = int(repository.max()) + 1
    shape = (int(moment.max()) + 1, names)
    stars = sparse.csr_array((np.ones(len(account)), (moment, repository)), shape=shape)
    stars.data[:] = 1
    twins = sparse.coo_array(stars.T @ stars)
    own = np.asarray(stars.sum(axis=0)).ravel()
    same = twins.data >= 0.5 * np.minimum(own[twins.row], own[twins.col])
    links = sparse.coo_array((twins.data[same], (twins.row[same], twins.col[same])), (names, names))
    _, one = csgraph.connected_components(links, directed=False)
    _, first = np.unique(np.stack((account, one[repository])), axis=1, return_index=True)
    first.sort()
    return account[first], one[repository[first]], at[first]


def rewired(account: np.ndarray, repository: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deal repositories to accounts anew, keeping all degrees and no pair twice.

    Returns
    -------
    np.ndarray
        A permutation of the rows: row i's account gets the repository of row ``out[i]``.
        Duplicates are dealt again together with as many other rows until none is left.
    """
    order = rng.permutation(len(account))
    width = int(repository.max()) + 1
    for _ in range(10_000):
        key = account.astype(np.int64) * width + repository[order]
        _, first = np.unique(key, return_index=True)
        twice = np.setdiff1d(np.arange(len(key)), first)
        if not len(twice):
            return order
        others = rng.choice(len(key), min(len(key), 4 * len(twice)), replace=False)
        rows = np.union1d(twice, others)
        order[rows] = order[rng.permutation(rows)]
    raise RuntimeError("no rewiring without repeated pairs was found")


def _needed(name: str) -> Path:
    folder = data()
    if folder is None or not (folder / name).is_file():
        raise FileNotFoundError(f"no {name} in the folder of outside data; set RINGFINDER_DATA")
    return folder / name
