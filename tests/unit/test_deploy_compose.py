"""docker/compose.yaml: readable by Compose, hardened, and asking ringfinder for what it can do."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from deployed import COMPOSE, DOCKER, check_command, unknown_settings

from ringfinder.config import load, settings_table
from ringfinder.local.jars import NEO4J
from ringfinder.serve.supervisor import DRAIN_S

SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("ringfinder")]


def ask(words: list[str], *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*words, *arguments], check=False, capture_output=True, text=True)


def compose() -> list[str]:
    """Return the Compose that is here, if any."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]) and ask(words, "version").returncode == 0:
            return words
    return []


def config(path: Path) -> subprocess.CompletedProcess:
    words = compose()
    if not words:
        pytest.skip("there is no docker compose here: compose.yaml is checked as YAML only")
    return ask(words, "-f", str(path), "config")


@pytest.fixture
def copy(tmp_path) -> Path:
    shutil.copytree(DOCKER, tmp_path / "docker")
    return tmp_path / "docker" / "compose.yaml"


class TestWhatComposeReads:
    def test_compose_reads_the_file_and_keeps_every_service(self):
        ran = config(COMPOSE)
        assert ran.returncode == 0, ran.stderr
        assert set(yaml.safe_load(ran.stdout)["services"]) == {"neo4j", "api", "nightly"}

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [
            ("read_only: true", "readonly: true"),
            ("condition: service_healthy", "condition: service_happy"),
            ("- neo4j-data:/data", "- neo4j-dato:/data"),
        ],
    )
    def test_compose_would_refuse_a_mistake(self, copy, right, wrong):
        text = copy.read_text()
        assert right in text
        copy.write_text(text.replace(right, wrong))
        assert config(copy).returncode != 0


@pytest.mark.parametrize("name", SERVICES)
class TestEveryService:
    def test_it_is_no_root_and_can_become_none(self, name):
        service = SERVICES[name]
        assert int(service["user"].split(":")[0]) > 0
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service

    def test_it_writes_to_volumes_and_memory_only(self, name):
        assert SERVICES[name]["read_only"] is True
        assert any(at.startswith("/tmp:") for at in SERVICES[name]["tmpfs"])

    def test_its_image_has_a_pinned_tag(self, name):
        tag = SERVICES[name]["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+\.\d+(-community)?", tag)

    def test_it_says_whether_it_is_well(self, name):
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"

    def test_it_is_reached_from_this_machine_only(self, name):
        assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))

    def test_its_secrets_are_files(self, name):
        service = SERVICES[name]
        files = {f"/run/secrets/{secret}" for secret in service["secrets"]}
        told = {k: v for k, v in service["environment"].items() if re.search("AUTH|PASS|PEPP", k)}
        assert told
        assert set(told.values()) == files

    def test_every_volume_and_secret_is_declared(self, name):
        whole = yaml.safe_load(COMPOSE.read_text())
        for volume in SERVICES[name]["volumes"]:
            source = volume.split(":")[0]
            assert source in whole["volumes"] or source.startswith(("${", ".", "/"))
        assert set(SERVICES[name]["secrets"]) <= set(whole["secrets"])


class TestOurServices:
    @pytest.mark.parametrize("name", OURS)
    def test_every_variable_is_a_setting(self, name):
        assert unknown_settings(SERVICES[name]["environment"]) == set()

    @pytest.mark.parametrize("name", OURS)
    def test_what_nobody_sets_changes_nothing(self, name, monkeypatch):
        for row in settings_table():
            monkeypatch.delenv(row.variable, raising=False)
        before = load()
        optional = {
            variable: value.partition(":-")[2].rstrip("}")
            for variable, value in SERVICES[name]["environment"].items()
            if value.startswith("${") and variable.startswith("RINGFINDER_")
        }
        assert len(optional) == 3
        for variable, value in optional.items():
            monkeypatch.setenv(variable, value)
        assert load() == before

    @pytest.mark.parametrize("name", OURS)
    def test_files_of_the_operator_are_in_directories_that_are_only_read(self, name):
        at = [volume for volume in SERVICES[name]["volumes"] if volume.startswith("${")]
        assert {volume.split(":")[-2] for volume in at} == {"/import", "/config"}
        assert all(volume.endswith(":ro") for volume in at)

    def test_every_command_that_the_file_tells_is_one_that_ringfinder_has(self):
        told = re.findall(r"^#   docker compose .* run --rm api (.+)$", COMPOSE.read_text(), re.M)
        assert [words.split()[0] for words in told] == ["load", "recompute", "keys"]
        for words in told:
            check_command(words.split())

    def test_the_api_has_the_time_to_drain(self):
        assert int(SERVICES["api"]["stop_grace_period"].removesuffix("s")) > 3 * DRAIN_S

    @pytest.mark.parametrize("name", OURS)
    def test_the_command_line_is_one_that_ringfinder_has(self, name):
        words = SERVICES[name]["command"]
        check_command(words if "entrypoint" not in SERVICES[name] else words[1:])

    @pytest.mark.parametrize("name", OURS)
    def test_a_backup_has_a_volume_of_its_own_that_its_user_can_write(self, name):
        service, text = SERVICES[name], (DOCKER / "Dockerfile").read_text()
        at = dict(volume.split(":")[:2] for volume in service["volumes"])
        assert at["ringfinder-backups"] == "/backups" != at["ringfinder-data"]
        # A named volume begins as a copy of what the image has there, its owner too.
        made = re.search(r"install --directory --owner (\d+) .* /data /backups\n", text)
        assert made
        assert made[1] == service["user"].split(":")[0]

    def test_scoring_does_not_wait_for_neo4j(self):
        assert "depends_on" not in SERVICES["api"]
        assert SERVICES["nightly"]["depends_on"]["neo4j"] == {"condition": "service_healthy"}

    def test_the_image_has_what_the_services_start(self):
        text = (DOCKER / "Dockerfile").read_text()
        assert "COPY --chmod=755 docker/nightly.sh /usr/local/bin/ringfinder-nightly" in text
        assert SERVICES["nightly"]["entrypoint"] == ["ringfinder-nightly"]
        user = SERVICES["api"]["user"].split(":")[0]
        assert f"USER {user}:" in text
        assert f"install --directory --owner {user} " in text


class TestTheNeo4jOfCompose:
    def test_it_is_the_version_that_tests_run_on(self):
        version = NEO4J[0].rpartition(":")[2]
        assert SERVICES["neo4j"]["image"] == f"neo4j:{version}-community"

    def test_its_configuration_begins_anew_with_every_version(self):
        version = NEO4J[0].rpartition(":")[2].replace(".", "-")
        assert f"neo4j-conf-{version}:/var/lib/neo4j/conf" in SERVICES["neo4j"]["volumes"]

    def test_it_reports_to_nobody(self):
        told = SERVICES["neo4j"]["environment"]
        for name in ("dbms_usage__report_enabled", "client_allow__telemetry"):
            assert told[f"NEO4J_{name}"] == "false"


class TestMakingTheSecrets:
    def make(self, copy) -> Path:
        subprocess.run([copy.parent / "secrets.sh"], check=True, capture_output=True)
        return copy.parent / "secrets"

    def test_every_secret_of_the_file_is_made(self, copy):
        made = {path.name for path in self.make(copy).iterdir()}
        assert made == set(yaml.safe_load(copy.read_text())["secrets"])

    def test_the_pepper_is_long_enough_and_no_two_are_alike(self, copy):
        secrets = self.make(copy)
        pepper, password = (
            (secrets / "pepper").read_text(),
            (secrets / "neo4j_password").read_text(),
        )
        assert re.fullmatch("[0-9a-f]{64}", pepper)
        assert pepper != password
        assert (secrets / "neo4j_auth").read_text() == f"neo4j/{password}"

    def test_others_on_the_machine_cannot_reach_them(self, copy):
        assert stat.S_IMODE(self.make(copy).stat().st_mode) == 0o700

    def test_made_twice_they_stay_as_they_are(self, copy):
        before = {path.name: path.read_text() for path in self.make(copy).iterdir()}
        assert {path.name: path.read_text() for path in self.make(copy).iterdir()} == before

    def test_git_does_not_take_them(self):
        assert "/docker/secrets/" in (DOCKER.parent / ".gitignore").read_text().splitlines()
