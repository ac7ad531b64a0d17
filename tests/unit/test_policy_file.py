"""A policy file says what it means, or a person is told the line that does not."""

from __future__ import annotations

import os
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.errors import InputError, StoreError
from ringfinder.model import Decision, Family, Verdict
from ringfinder.score.policy import Action, Label, Mode
from ringfinder.serve.policy import (
    default_policy,
    default_policy_text,
    read_policy,
    read_policy_file,
)
from ringfinder.serve.policyfile import PolicyFile

WHOLE = """
name = "strict"
mode = "shadow"
otherwise = "review"

[[rules]]
name = "everything asked"
actions = ["signup", "payout"]
when.score_at_least = 0.5
when.score_below = 1
when.verdict = ["fleet", "none"]
when.membership_at_least = 0.25
when.ring_size_at_least = 10
when.families_at_least = 2
when.families_include = ["network"]
when.provisional = false
when.degraded = false
when.label = "fraud"
when.suggested = ["review", "challenge"]
then = "deny"
shadow = true

[[rules]]
then = "allow"
"""


def refused(text):
    with pytest.raises(InputError) as error:
        read_policy(text, where="p.toml")
    return str(error.value)


def complaint(text, fine="p.toml"):
    """What is said of a text; `fine` where nothing is wrong with it."""
    try:
        read_policy(text, where="p.toml")
    except InputError as error:
        return str(error)
    return fine


class TestReading:
    def test_everything_that_a_file_can_say_is_read(self):
        policy = read_policy(WHOLE, where="p.toml")
        rule, last = policy.rules
        assert (policy.name, policy.mode, policy.otherwise) == (
            "strict", Mode.SHADOW, Decision.REVIEW,
        )  # fmt: skip
        assert rule.actions == {Action.SIGNUP, Action.PAYOUT}
        assert rule.when.verdict == {Verdict.FLEET, None}
        assert rule.when.families_include == {Family.NETWORK}
        assert (rule.when.score_at_least, rule.when.score_below) == (0.5, 1.0)
        assert (rule.when.ring_size_at_least, rule.when.families_at_least) == (10, 2)
        assert rule.when.provisional is False
        assert rule.when.suggested == {Decision.REVIEW, Decision.CHALLENGE}
        assert (rule.when.label, rule.then, rule.shadow) == (Label.FRAUD, Decision.DENY, True)
        assert (last.name, last.then, last.when.looks_at_evidence) == (
            "rule 2", Decision.ALLOW, False,
        )  # fmt: skip

    def test_rules_know_the_line_they_begin_on(self):
        assert [rule.line for rule in read_policy(WHOLE, where="p").rules] == [6, 23]

    def test_tables_may_be_written_out(self):
        text = '[[rules]]\nthen = "deny"\n[rules.when]\nverdict = "fleet"\n'
        assert read_policy(text, where="p").rules[0].when.verdict == {Verdict.FLEET}

    def test_the_default_may_be_copied(self, tmp_path):
        copy = tmp_path / "copy.toml"
        copy.write_text(default_policy_text())
        assert read_policy_file(copy).version == default_policy().version

    def test_every_condition_is_explained_in_the_default(self):
        from ringfinder.score.policy import When

        said = default_policy_text()
        assert [name for name in When.__dataclass_fields__ if name not in said] == []
        assert [word for word in (*Decision, *Action, *Family) if word not in said] == []


class TestComplaints:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ('name = "a', "p.toml is not TOML: "),
            ("rules = 3", "p.toml: rules are written as [[rules]]"),
            ("rules = [3]", "p.toml: rules are written as [[rules]]"),
            ('mode = "act"\nnmae = "x"', "p.toml, line 2: 'nmae' is no key; did you mean 'name'"),
            (
                'mode = "sahdow"',
                "p.toml, line 1: mode is one of act, shadow; did you mean 'shadow'",
            ),
            ('otherwise = "ban"', "p.toml, line 1: otherwise is one of allow, review"),
            ('name = "a\\nb"', "p.toml, line 1: name is up to 80 letters"),
            ("[[rules]]", "p.toml, line 1, rule 1: then is missing"),
            (
                '[[rules]]\nname = "x"\nthen = "allow"\n\n[[rules]]\nname = "y"\nthen = "refuse"',
                "p.toml, line 7, rule 2 (y): then is one of allow, review, challenge, deny",
            ),
            (
                '[[rules]]\nwhen.score_at_laest = 0.5\nthen = "deny"',
                "p.toml, line 2, rule 1: 'score_at_laest' is no condition in when; "
                "did you mean 'score_at_least'",
            ),
            (
                '[[rules]]\nthen = "deny"\nwhen.score_at_least = 90',
                "p.toml, line 3, rule 1: score_at_least is a number between 0 and 1",
            ),
            (
                '[[rules]]\nthen = "deny"\nwhen.score_at_least = nan',
                "rule 1: score_at_least is a number between 0 and 1",
            ),
            (
                '[[rules]]\nthen = "deny"\nwhen.families_at_least = 6',
                "families_at_least is a whole number between 1 and 5",
            ),
            (
                '[[rules]]\nthen = "deny"\nwhen.verdict = ["fleet", "gang"]',
                "verdict is one of fleet, organisation, household, unclear",
            ),
            ('[[rules]]\nthen = "deny"\nwhen.verdict = []', "verdict is empty"),
            ('[[rules]]\nthen = "deny"\nwhen.provisional = 1', "provisional is true or false"),
            ('[[rules]]\nthen = "deny"\nwhen = 3', "when is a table of conditions"),
            (
                '[[rules]]\nthen = "deny"\nwhen.label = "legitimate"',
                "a legitimate label clears the account before any rule is tried",
            ),
            (
                '[[rules]]\nthen = "deny"\nwhen.score_at_least = 0.9\nwhen.score_below = 0.9',
                "p.toml, line 4, rule 1: no score is at least",
            ),
            (
                '[[rules]]\nname = "a"\nthen = "deny"\n[[rules]]\nname = "a"\nthen = "allow"',
                "p.toml, line 4, rule 2: another rule is called 'a'",
            ),
            ('[[rules]]\nactions = ["sign-up"]\nthen = "deny"', "did you mean 'signup'"),
            ("[[rules]]\nthen = 7", "then is one of"),
            ("[[rules]]\nthen = ['allow']", "then is one of"),
            ("a = " + "[" * 5000, "p.toml is not TOML"),
        ],
    )
    def test_a_mistake_is_named_with_its_place(self, text, says):
        assert says in refused(text)

    def test_inline_rules_are_read_and_complained_about_without_a_line(self):
        assert refused('rules = [{then = "no"}]').startswith("p.toml, rule 1: then is one of")

    def test_a_file_that_is_not_there_is_a_sentence(self, tmp_path):
        with pytest.raises(InputError, match="Cannot read the policy"):
            read_policy_file(tmp_path / "none.toml")

    @pytest.mark.parametrize(
        ("content", "says"), [(b"\xff\xfe", "UTF-8"), (b"#" * (1 << 20) + b"##", "larger")]
    )
    def test_what_is_no_text_is_a_sentence(self, tmp_path, content, says):
        path = tmp_path / "p.toml"
        path.write_bytes(content)
        with pytest.raises(InputError, match=says):
            read_policy_file(path)

    @given(st.text(max_size=300))
    def test_any_text_is_a_policy_or_a_sentence(self, text):
        assert complaint(text).startswith("p.toml")

    @given(
        st.dictionaries(
            st.sampled_from(["name", "then", "when", "actions", "shadow", "other"]),
            st.sampled_from(['"deny"', "3", "[]", "{}", "true", '{score_at_least="x"}', "[[1]]"]),
        )
    )
    def test_any_rule_is_read_or_complained_about(self, entries):
        text = "[[rules]]\n" + "\n".join(f"{key} = {value}" for key, value in entries.items())
        tomllib.loads(text)
        assert "rule 1" in complaint(text, fine="rule 1")


GOOD = '[[rules]]\nwhen.score_at_least = 0.5\nthen = "{}"\n'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(GOOD.format("review"))
    return path


def replace(path, content):
    """Write the file again, a second later than before, however fast the test runs."""
    later = path.stat().st_mtime + 1
    path.write_text(content)
    os.utime(path, (later, later))


class TestHotReload:
    def test_a_changed_file_is_in_force_from_the_next_look(self, path):
        file = PolicyFile(path)
        replace(path, GOOD.format("deny"))
        assert file.current().rules[0].then is Decision.REVIEW
        file.look()
        assert file.current().rules[0].then is Decision.DENY

    @pytest.mark.parametrize("bad", ["", None])
    def test_a_bad_file_leaves_the_last_good_policy_in_force(self, path, caplog, bad):
        file = PolicyFile(path)
        good = file.current()
        if bad is None:
            path.unlink()
        else:
            replace(path, "[[rules]]\nthen = 'destroy'\n")
        for _ in range(3):
            file.look()
        assert file.current() is good
        assert good.version in file.problem
        told = [one.why for one in caplog.records if one.message == "policy refused"]
        assert told == [file.problem]  # once, however often it is looked at

    def test_a_pipe_or_a_device_in_its_place_is_refused_and_does_not_stop_the_looking(self, path):
        file = PolicyFile(path)
        for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
            path.unlink()
            make(path)
            file.look()
            assert "it is no regular file" in file.problem
        path.unlink()
        path.write_text(GOOD.format("deny"))
        file.look()
        assert (file.current().rules[0].then, file.problem) == (Decision.DENY, "")

    def test_it_recovers_when_the_file_is_mended(self, path):
        file = PolicyFile(path)
        replace(path, "nonsense")
        file.look()
        replace(path, GOOD.format("deny"))
        file.look()
        assert file.current().rules[0].then is Decision.DENY
        assert file.problem == ""

    def test_whoever_asked_is_told_of_a_change_and_only_of_a_change(self, path):
        told = []
        file = PolicyFile(path, on_change=lambda *pair: told.append(pair))
        before = file.current()
        file.look()
        replace(path, "# a comment\n" + GOOD.format("review"))
        file.look()
        assert told == []
        replace(path, GOOD.format("deny"))
        file.look()
        after = file.current()
        assert [(old.version, new.version) for old, new in told] == [
            (before.version, after.version)
        ]

    def test_a_bad_file_at_the_start_is_refused(self, path, tmp_path):
        path.write_text("nonsense")
        for kept in (None, tmp_path / "kept.toml"):
            with pytest.raises(InputError, match="not TOML"):
                PolicyFile(path, kept=kept)


class TestSeveralWorkers:
    """What they share is a copy of the policy in force."""

    def test_one_that_starts_after_a_bad_edit_decides_as_the_others(self, path, tmp_path, caplog):
        first = PolicyFile(path, kept=tmp_path / "kept.toml")
        first.look()
        replace(path, "nonsense")
        first.look()
        late = PolicyFile(path, kept=tmp_path / "kept.toml")
        assert late.current() == first.current()
        assert late.problem == first.problem != ""
        assert caplog.text.count("policy refused") == 2
        replace(path, GOOD.format("deny"))
        late.look()
        assert (late.current().rules[0].then, late.problem) == (Decision.DENY, "")

    def test_a_change_is_told_once(self, path, tmp_path):
        told, make = (
            [],
            lambda: PolicyFile(
                path, kept=tmp_path / "kept.toml", on_change=lambda *pair: told.append(pair)
            ),
        )
        workers = [make(), make(), make()]
        for _ in range(2):
            for one in workers:
                one.look()
        assert told == []
        for then in ("deny", "challenge", "deny"):
            replace(path, GOOD.format(then))
            for one in [*workers, make()]:  # also one that starts only now
                one.look()
        assert [(old.rules[0].then, new.rules[0].then) for old, new in told] == [
            ("review", "deny"), ("deny", "challenge"), ("challenge", "deny"),
        ]  # fmt: skip

    def test_a_change_that_could_not_be_told_is_in_force_and_told_later(self, path, tmp_path):
        told = []

        def on_change(before, after):
            told.append(after)
            if len(told) == 1:
                raise StoreError("no room")

        file = PolicyFile(path, kept=tmp_path / "kept.toml", on_change=on_change)
        file.look()
        replace(path, GOOD.format("deny"))
        with pytest.raises(StoreError):
            file.look()
        assert file.current().rules[0].then is Decision.DENY
        for _ in range(2):
            file.look()
        assert len(told) == 2

    def test_without_a_place_for_it_nothing_is_kept(self, path, tmp_path):
        told = []
        file = PolicyFile(
            path, kept=tmp_path / "none" / "kept.toml", on_change=lambda *pair: told.append(pair)
        )
        file.look()
        replace(path, GOOD.format("deny"))
        file.look()
        assert len(told) == 1
        assert not (tmp_path / "none").exists()


class TestDefault:
    def test_without_a_file_the_default_holds(self):
        assert PolicyFile(None).current().version == default_policy().version


@pytest.mark.parametrize("text", ["", "# all rules are gone", 'name = "p"', 'mode = "shadow"'])
def test_a_file_without_rules_does_not_come_to_mean_allow_everybody(text):
    assert "p.toml has no rules" in refused(text)


def test_who_means_everybody_says_so():
    assert read_policy('otherwise = "review"', where="p.toml").otherwise is Decision.REVIEW
