"""API and nightly run under systemd, cron, Kubernetes, in the container: parsed, and runnable."""

from __future__ import annotations

import configparser
import datetime
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from deployed import DOCKER, SCHEDULE, check_command, unknown_settings

from ringfinder.config import load
from ringfinder.config.table import rows_by_name
from ringfinder.pipeline.one_run import LEASE_S
from ringfinder.serve.supervisor import DRAIN_S

PROGRAM = "/opt/ringfinder/bin/ringfinder"
SETTINGS = SCHEDULE / "ringfinder.toml"
SERVICES = ("ringfinder-recompute.service", "ringfinder-serve.service")
FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string((SCHEDULE / name).read_text())
    return parser


def uncommented(text: str) -> str:
    """Return a file with the lines in force that it offers to uncomment."""
    return re.sub(r"^#(?=\w+ ?=)", "", text, flags=re.M)


def check_times(words: list[str]) -> None:
    """Refuse five fields of a crontab that cron would refuse."""
    assert len(words) == len(FIELDS)
    for word, (name, (low, high)) in zip(words, FIELDS.items(), strict=True):
        for part in word.split(","):
            match = re.fullmatch(r"(\*|\d+(?:-\d+)?)(?:/\d+)?", part)
            assert match, f"{name}: {part}"
            assert all(low <= int(n) <= high for n in re.findall(r"\d+", match[1])), (
                f"{name}: {part}"
            )


class TestTheCheckItself:
    def test_a_command_that_ringfinder_has_not_is_refused(self):
        with pytest.raises(click.UsageError):
            check_command(["recompute", "--nightly"])
        with pytest.raises(click.UsageError):
            check_command(["recomputed"])
        with pytest.raises(click.UsageError):
            check_command(["neo4j", "up", "--port", "1"])

    @pytest.mark.parametrize(
        "times", ["60 2 * * *", "0 2 * *", "0 2 * * 8", "0 2 0 * *", "a 2 * * *"]
    )
    def test_times_that_cron_would_not_take_are_refused(self, times):
        with pytest.raises(AssertionError):
            check_times(times.split())


class TestSystemd:
    service, timer = unit("ringfinder-recompute.service"), unit("ringfinder-recompute.timer")

    @pytest.mark.parametrize("name", SERVICES)
    def test_the_command_line_is_one_that_ringfinder_has(self, name):
        first, *words = shlex.split(unit(name)["Service"]["ExecStart"])
        assert first == PROGRAM
        check_command(words)
        assert words[words.index("--config") + 1] == "/etc/ringfinder/ringfinder.toml"

    def test_the_timer_starts_the_service_of_its_name_every_night(self):
        assert (SCHEDULE / "ringfinder-recompute.service").exists()
        assert self.timer["Timer"]["OnCalendar"] == "*-*-* 02:30:00 UTC"
        assert self.timer["Install"]["WantedBy"] == "timers.target"

    @pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
    def test_systemd_takes_the_time(self):
        when = self.timer["Timer"]["OnCalendar"]
        ran = subprocess.run(
            ["systemd-analyze", "calendar", when], check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        assert "02:30:00 UTC" in ran.stdout

    @pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
    @pytest.mark.parametrize("shown", [str, uncommented])
    def test_systemd_knows_every_line_of_all(self, tmp_path, shown):
        for path in (*SCHEDULE.glob("*.service"), *SCHEDULE.glob("*.timer")):
            text = (
                shown(path.read_text())
                .replace(PROGRAM, "/bin/true")
                .replace("User=ringfinder", "User=root")
            )
            (tmp_path / path.name).write_text(text)
        ran = subprocess.run(
            ["systemd-analyze", "verify", *tmp_path.iterdir()],
            check=False,
            capture_output=True,
            text=True,
        )
        about_ours = [line for line in ran.stderr.splitlines() if "ringfinder" in line]
        assert about_ours == []

    @pytest.mark.parametrize(
        ("name", "more"),
        [("ringfinder-recompute.service", set()), ("ringfinder-serve.service", {"hooks"})],
    )
    def test_no_secret_is_in_a_unit_and_every_variable_is_a_setting(self, name, more):
        text = uncommented((SCHEDULE / name).read_text())
        told = dict(re.findall(r"^Environment=(\w+)=(.+)$", text, re.M))
        assert unknown_settings(told) == set()
        given = set(re.findall(r"^LoadCredential=([\w-]+):", text, re.M))
        assert (
            {value.removeprefix("%d/") for value in told.values()}
            == given
            == {"pepper", "neo4j-password"} | more
        )

    @pytest.mark.parametrize("name", SERVICES)
    def test_as_it_stands_a_service_needs_no_secret_and_no_neo4j(self, name):
        service = unit(name)["Service"]
        assert not {"LoadCredential", "Environment"} & set(service)

    def test_both_services_are_hardened_alike_and_of_one_user_and_directory(self):
        nightly, api = (unit(name)["Service"] for name in SERVICES)
        own = {line for line in nightly if line.startswith(("Protect", "Private", "Restrict"))}
        own |= {"User", "StateDirectory", "StateDirectoryMode", "NoNewPrivileges", "UMask"}
        own |= {"CapabilityBoundingSet", "LockPersonality"}
        assert {name: api[name] for name in own} == {name: nightly[name] for name in own}

    def test_the_api_is_kept_alive_and_has_the_time_to_drain_when_told_to_stop(self):
        api = unit("ringfinder-serve.service")["Service"]
        assert (api["Restart"], api["KillMode"]) == ("always", "mixed")
        in_turn = ("workers", "projector", "writer")
        assert int(api["TimeoutStopSec"]) > len(in_turn) * DRAIN_S

    def test_only_what_may_pass_is_tried_again(self):
        assert self.service["Service"]["Restart"] == "on-failure"
        assert self.service["Service"]["RestartPreventExitStatus"].split() == ["2", "3", "5"]


class TestCron:
    lines = tuple(
        line
        for line in (SCHEDULE / "ringfinder.crontab").read_text().splitlines()
        if line and not line.startswith("#")
    )

    def test_it_runs_every_night_what_ringfinder_has(self):
        (entry,) = [line for line in self.lines if not re.match(r"\w+=", line)]
        *times, command = entry.split(None, 5)
        check_times(times)
        first, *words = shlex.split(command)
        assert first == PROGRAM
        check_command(words)

    def test_nothing_in_the_line_is_special_to_cron(self):
        assert not any("%" in line for line in self.lines)  # cron makes a new line of it

    def test_every_variable_is_a_setting(self):
        text = uncommented((SCHEDULE / "ringfinder.crontab").read_text())
        told = re.findall(r"^(RINGFINDER_\w+)=", text, re.M)
        assert told == ["RINGFINDER_PEPPER_FILE", "RINGFINDER_NEO4J_PASSWORD_FILE"]
        assert unknown_settings(told) == set()

    def test_as_it_stands_it_needs_no_secret_and_no_neo4j(self):
        assert not any(line.startswith("RINGFINDER_") for line in self.lines)

    def test_it_ends_with_a_new_line(self):
        assert (
            (SCHEDULE / "ringfinder.crontab").read_text().endswith("\n")
        )  # or cron drops the last


class TestTheSettingsFile:
    def test_it_is_read_as_it_stands_and_names_the_directory_that_systemd_makes(self):
        settings = load(file=SETTINGS)
        made = unit("ringfinder-serve.service")["Service"]["StateDirectory"]
        assert settings.data_dir == Path("/var/lib") / made
        assert settings.store is None

    def test_every_line_it_offers_is_a_setting_and_no_secret(self):
        offered = tomllib.loads(uncommented(SETTINGS.read_text()))
        assert {"store", "policy_file", "appeal_contact"} <= set(offered)
        assert not any(rows_by_name()[name].secret for name in offered)


class TestKubernetes:
    job = yaml.safe_load((SCHEDULE / "cronjob.yaml").read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    def test_two_never_run_at_once_and_a_missed_night_is_made_up_for(self):
        assert (self.job["apiVersion"], self.job["kind"]) == ("batch/v1", "CronJob")
        assert self.job["spec"]["concurrencyPolicy"] == "Forbid"
        assert self.job["spec"]["startingDeadlineSeconds"] > 3600

    def test_it_runs_every_night_in_utc(self):
        check_times(self.job["spec"]["schedule"].split())
        assert self.job["spec"]["timeZone"] == "Etc/UTC"

    def test_the_command_line_is_one_that_ringfinder_has(self):
        check_command(self.container["args"])

    def test_every_variable_is_a_setting(self):
        assert unknown_settings(one["name"] for one in self.container["env"]) == set()

    def test_secrets_are_files_of_a_mounted_secret(self):
        mounts = {one["name"]: one["mountPath"] for one in self.container["volumeMounts"]}
        volumes = {one["name"] for one in self.pod["volumes"]}
        assert set(mounts) == volumes
        files = [one["value"] for one in self.container["env"] if one["name"].endswith("_FILE")]
        assert len(files) == 2
        assert all(file.startswith(mounts["secrets"] + "/") for file in files)
        assert not any("valueFrom" in one for one in self.container["env"])

    def test_it_is_not_root_and_its_root_is_read_only(self):
        assert self.pod["securityContext"]["runAsNonRoot"] is True
        assert self.container["securityContext"]["readOnlyRootFilesystem"] is True
        assert self.container["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    def test_it_runs_beside_the_api_whose_journal_it_opens_and_nowhere_else(self):
        (near,) = self.pod["affinity"]["podAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert near["topologyKey"] == "kubernetes.io/hostname"
        wanted = near["labelSelector"]["matchLabels"]
        name, component = "app.kubernetes.io/name", "app.kubernetes.io/component"
        assert wanted == {name: "ringfinder", component: "api"}
        own = self.job["metadata"]["labels"]
        assert (own[name], own[component]) == ("ringfinder", "recompute")  # it is not near itself

    def test_what_cannot_pass_is_not_tried_again(self):
        rules = self.job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        assert rules[0]["onExitCodes"]["values"] == [2, 3, 5]
        assert self.pod["restartPolicy"] == "Never"  # or the policy would be refused


def test_no_run_is_let_go_on_for_longer_than_its_lock():
    seconds = TestKubernetes.job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert seconds <= LEASE_S
    hours = re.fullmatch(r"(\d+)h", TestSystemd.service["Service"]["TimeoutStartSec"])
    assert int(hours[1]) * 3600 <= LEASE_S


class TestTheContainersNight:
    @pytest.fixture(autouse=True)
    def _ended(self):
        """Whatever a test finds, its loop ends with it."""
        self.started = []
        yield
        for one in self.started:
            if one.poll() is None:
                one.kill()
            one.communicate()

    def start(self, tmp_path, script: str, **variables: str) -> subprocess.Popen:
        """Start the loop, its night seconds away, a script in place of ringfinder."""
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=6)
        told = {
            "NIGHTLY_AT": soon.strftime("%H:%M:%S"),
            "NIGHTLY_FAILED": str(tmp_path / "failed"),
            "NIGHTLY_RETRY_S": "0.1",
        }
        started = subprocess.Popen(
            [DOCKER / "nightly.sh", "sh", "-c", f"echo run >>{tmp_path}/runs; {script}"],
            env={"PATH": os.environ["PATH"], **told, **variables},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(started)
        return started

    def wait_for(self, path, text: str) -> str:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if path.exists() and path.read_text() == text:
                return text
            time.sleep(0.05)
        return path.read_text() if path.exists() else "nothing"

    def end(self, started: subprocess.Popen) -> tuple[int, str]:
        started.send_signal(signal.SIGTERM)
        said = started.communicate(timeout=10)[1]
        return started.returncode, said

    def test_it_runs_at_its_time_and_waits_for_the_next_night(self, tmp_path):
        started = self.start(tmp_path, "exit 0")
        assert self.wait_for(tmp_path / "runs", "run\n") == "run\n"
        time.sleep(0.3)
        code, said = self.end(started)
        assert (tmp_path / "runs").read_text() == "run\n"
        assert code == 143
        assert said.count("next run at") == 2

    def test_a_night_that_failed_leaves_a_mark(self, tmp_path):
        started = self.start(tmp_path, "exit 5")
        assert self.wait_for(tmp_path / "failed", "5\n") == "5\n"
        self.end(started)
        assert (tmp_path / "runs").read_text() == "run\n"

    def test_a_store_that_is_away_is_tried_again(self, tmp_path):
        started = self.start(tmp_path, f"[ $(wc -l <{tmp_path}/runs) -ge 3 ] || exit 4")
        assert self.wait_for(tmp_path / "runs", "run\n" * 3) == "run\n" * 3
        time.sleep(0.3)
        self.end(started)
        assert not (tmp_path / "failed").exists()

    def test_it_ends_at_once_when_told_to_also_in_the_middle_of_a_run(self, tmp_path):
        started = self.start(tmp_path, "exec sleep 60")
        self.wait_for(tmp_path / "runs", "run\n")
        began = time.monotonic()
        assert self.end(started)[0] == 143
        assert time.monotonic() - began < 5

    def test_a_time_that_is_none_is_refused(self, tmp_path):
        started = self.start(tmp_path, "exit 0", NIGHTLY_AT="half past two")
        assert "no time of day" in started.communicate(timeout=10)[1]
        assert started.returncode == 2
