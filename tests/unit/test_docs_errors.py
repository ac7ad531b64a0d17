"""The drawing at the top of errors.py is the tree of classes below it."""

from __future__ import annotations

import re

from ringfinder import errors

LINE = re.compile(r"^    (?P<branch>[│├└─ ]*)(?P<name>\w+)(?:\s+(?P<says>.+?)\s+HTTP (?P<http>\d+), exit (?P<exit>\d))?$")  # fmt: skip  # noqa: E501


def drawing():
    """Name -> (parent, what it says, HTTP status, exit code), as drawn."""
    drawn, path = {}, []
    for line in errors.__doc__.split("::\n")[1].strip("\n").split("\n"):
        match = LINE.match(line)
        if match is None:
            break
        depth = len(match["branch"]) // 4
        path[depth:] = [match["name"]]
        parent = path[depth - 1] if depth else "Exception"
        drawn[match["name"]] = (parent, match["says"], match["http"], match["exit"])
    return drawn


def classes():
    """The classes of errors.py, in order."""
    return [one for one in vars(errors).values() if isinstance(one, type) and one.__module__ == errors.__name__]  # fmt: skip  # noqa: E501


def test_every_class_is_drawn_once_and_in_order():
    assert list(drawing()) == [one.__name__ for one in classes()]


def test_each_hangs_under_its_parent():
    for one in classes():
        assert drawing()[one.__name__][0] == one.__base__.__name__


def test_each_says_its_docstring():
    for one in classes():
        says = drawing()[one.__name__][1]
        if says is not None:
            assert says == one.__doc__[0].lower() + one.__doc__.rstrip(".")[1:]


def test_each_shows_its_status_and_exit_code():
    for one in classes():
        _, says, http, code = drawing()[one.__name__]
        if says is not None:
            assert (int(http), int(code)) == (one.http_status, one.exit_code)


def test_only_the_root_is_drawn_without_words():
    assert [name for name, (_, says, *_) in drawing().items() if says is None] == [
        "RingfinderError"
    ]
