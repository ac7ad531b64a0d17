"""The policy file: TOML in, a `Policy` out, and sentences about what is wrong with it.

Every complaint names the rule and the line, so that a person finds it in the file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from ringfinder.errors import InputError
from ringfinder.model import Decision, Family, Verdict
from ringfinder.score.policy import Action, Label, Mode, Policy, Rule, When
from ringfinder.store.files import read_small

MOST_BYTES = 1 << 20
MOST_RULES = 1000
NO_RING = "none"
MILD = frozenset({Decision.ALLOW, Decision.REVIEW})
"""Decisions that any evidence carries."""

_Word = TypeVar("_Word", bound=StrEnum)
_POLICY_KEYS = ("name", "mode", "otherwise", "rules")
_RULE_KEYS = ("name", "when", "then", "actions", "shadow")
_NAME = re.compile(r"[\w][\w ,.:/()-]{0,79}")
_RULE_HEADER = re.compile(r"\s*\[\[\s*(?:rules|\"rules\"|'rules')\s*\]\]")


class _Unusable(Exception):
    """A value is unusable: where, and what was expected."""

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(sentence)
        self.key = key


def default_policy() -> Policy:
    """Return the policy that holds out of the box; it denies nobody."""
    return read_policy(default_policy_text(), where="the default policy")


def default_policy_text() -> str:
    """Return the default policy as the file that a person may copy."""
    return (resources.files("ringfinder.serve") / "default_policy.toml").read_text("utf-8")


def read_policy_file(path: Path) -> Policy:
    """Return the policy in a file.

    Raises
    ------
    InputError
        If it cannot be read or is no policy, naming the line.
    """
    return parse_policy(read_policy_bytes(path), where=str(path))


def read_policy_bytes(path: Path) -> bytes:
    """Return what a policy file holds, whatever that is.

    Raises
    ------
    InputError
        If it cannot be read, is no regular file or is too large.
    """
    try:
        return read_small(path, most=MOST_BYTES)
    except OSError as error:
        raise InputError(f"Cannot read the policy {path}: {error.strerror}.") from None


def parse_policy(content: bytes, *, where: str) -> Policy:
    """Return the policy that a file's content says; as `read_policy`."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"The policy {where} is not UTF-8 text.") from None
    return read_policy(text, where=where)


def read_policy(text: str, *, where: str) -> Policy:
    """Return the policy that a TOML text says.

    Parameters
    ----------
    text
        The file's content.
    where
        What to call it in messages.

    Raises
    ------
    InputError
        Naming the line, the rule and what was expected.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is not TOML: {error}.") from None
    except RecursionError:
        raise InputError(f"{where} is not TOML: it is nested too deeply.") from None
    entries = _entries(content, where)
    lines = text.splitlines()
    blocks = _blocks(lines, len(entries))
    try:
        _check_keys(content, _POLICY_KEYS)
        name = _name(content.get("name", "policy"))
        mode = _word(content.get("mode", Mode.ACT), "mode", Mode)
        otherwise = _word(content.get("otherwise", Decision.ALLOW), "otherwise", Decision)
    except _Unusable as error:
        first = blocks[0][0] if blocks and blocks[0][0] >= 0 else len(lines)
        line = _line_of(error.key, 0, lines[:first])
        raise InputError(f"{where}{_at(line)}: {error}.") from None
    rules = tuple(
        _rule(entry, number, block, where)
        for number, (entry, block) in enumerate(zip(entries, blocks, strict=True), start=1)
    )
    _check_names(rules, where)
    if not rules and "otherwise" not in content:
        # A file that was cut short or emptied by mistake must not come to mean: allow everybody.
        raise InputError(
            f"{where} has no rules: write at least one as [[rules]], or say with `otherwise` what "
            f"is decided on everybody; expected one of {_words(Decision)}."
        )
    return Policy(name, rules, otherwise, mode)


def _entries(content: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    entries = content.get("rules", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{where}: rules are written as [[rules]], one block for each rule.")
    if len(entries) > MOST_RULES:
        raise InputError(f"{where} has {len(entries)} rules; expected at most {MOST_RULES}.")
    return entries


def _blocks(lines: list[str], rules: int) -> list[tuple[int, list[str]]]:
    """Return the first line, 0-based, and the lines of each rule; -1 where they are not known."""
    headers = [number for number, line in enumerate(lines) if _RULE_HEADER.match(line)]
    if len(headers) != rules:  # the rules are written in some other way
        return [(-1, [])] * rules
    ends = [*headers[1:], len(lines)]
    return [(start, lines[start:end]) for start, end in zip(headers, ends, strict=False)]


def _rule(entry: Mapping[str, Any], number: int, block: tuple[int, list[str]], where: str) -> Rule:
    start, lines = block
    try:
        _check_keys(entry, _RULE_KEYS)
        if "then" not in entry:
            raise _Unusable("then", f"then is missing; expected one of {_words(Decision)}")
        return Rule(
            name=_name(entry.get("name", f"rule {number}")),
            when=_when(entry.get("when", {})),
            then=_word(entry["then"], "then", Decision),
            actions=_word_set(entry.get("actions", []), "actions", Action),
            shadow=_yes_or_no(entry.get("shadow", False), "shadow"),
            line=start + 1,
        )
    except _Unusable as error:
        given = entry.get("name")
        called = f" ({given})" if isinstance(given, str) and _NAME.fullmatch(given) else ""
        line = _line_of(error.key, start, lines)
        raise InputError(f"{where}{_at(line)}, rule {number}{called}: {error}.") from None


def _when(entry: Any) -> When:
    if not isinstance(entry, dict):
        raise _Unusable("when", "when is a table of conditions, such as when.verdict = 'fleet'")
    _check_keys(entry, tuple(_CONDITIONS), within="when")
    when = When(**{name: _CONDITIONS[name](value, name) for name, value in entry.items()})
    low, high = when.score_at_least, when.score_below
    if low is not None and high is not None and low >= high:
        raise _Unusable("score_below", "no score is at least score_at_least and below score_below")
    return when


def _share(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _Unusable(key, f"{key} is a number between 0 and 1")
    return float(value)


def _count(most: int) -> Callable[[Any, str], int]:
    def read(value: Any, key: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise _Unusable(key, f"{key} is a whole number between 1 and {most:,}")
        return value

    return read


def _yes_or_no(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise _Unusable(key, f"{key} is true or false")
    return value


def _word(value: Any, key: str, words: type[_Word]) -> _Word:
    try:
        return words(value)
    except ValueError:
        given = value if isinstance(value, str) else ""
        raise _Unusable(key, f"{key} is one of {_words(words)}{_meant(given, words)}") from None


def _word_set(value: Any, key: str, words: type[_Word]) -> frozenset[_Word]:
    values = value if isinstance(value, list) else [value]
    return frozenset(_word(item, key, words) for item in values)


def _verdicts(value: Any, key: str) -> frozenset[Verdict | None]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise _Unusable(key, f"{key} is empty: no account would match")
    rings = [item for item in values if item != NO_RING]
    return frozenset(_word_set(rings, key, Verdict)) | ({None} if NO_RING in values else set())


def _families(value: Any, key: str) -> frozenset[Family]:
    return _word_set(value, key, Family)


def _decisions(value: Any, key: str) -> frozenset[Decision]:
    return _word_set(value, key, Decision)


def _label(value: Any, key: str) -> Label:
    if value == Label.LEGITIMATE:
        raise _Unusable(key, "a legitimate label clears the account before any rule is tried")
    return _word(value, key, Label)


_CONDITIONS: dict[str, Callable[[Any, str], Any]] = {
    "score_at_least": _share,
    "score_below": _share,
    "verdict": _verdicts,
    "membership_at_least": _share,
    "ring_size_at_least": _count(10**9),
    "families_at_least": _count(len(Family)),
    "families_include": _families,
    "provisional": _yes_or_no,
    "degraded": _yes_or_no,
    "label": _label,
    "suggested": _decisions,
}


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _Unusable("name", "name is up to 80 letters, digits, spaces and , . : / ( ) -")
    return value


def _check_keys(entry: Mapping[str, Any], known: tuple[str, ...], within: str = "") -> None:
    for key in entry:
        if key not in known:
            kind = f"condition in {within}" if within else "key"
            raise _Unusable(
                key,
                f"{key!r} is no {kind}{_meant(key, known)}; expected {', '.join(known)}",
            )


def _check_names(rules: Iterable[Rule], where: str) -> None:
    seen: dict[str, Rule] = {}
    for number, rule in enumerate(rules, start=1):
        if rule.name in seen:
            raise InputError(
                f"{where}{_at(rule.line)}, rule {number}: another rule is called {rule.name!r} "
                "as well; give each a name of its own."
            )
        seen[rule.name] = rule


def _line_of(key: str, start: int, lines: list[str]) -> int:
    """Return the line, 1-based, on which a key is given; the block's first where none is."""
    pattern = re.compile(rf"(?:^|[\s.{{,])[\"']?{re.escape(key)}[\"']?\s*[.=]")
    for offset, line in enumerate(lines):
        if pattern.search(line.partition("#")[0]):
            return start + offset + 1
    return start + 1


def _at(line: int) -> str:
    return f", line {line}" if line > 0 else ""


def _words(words: Iterable[object]) -> str:
    return ", ".join(str(word) for word in words)


def _meant(given: str, known: Iterable[object]) -> str:
    close = difflib.get_close_matches(given.lower(), [str(word) for word in known], n=1)
    return f"; did you mean {close[0]!r}" if close and close[0] != given else ""
