"""The local Neo4j, started for real: where it listens, who may enter, what it survives."""

from __future__ import annotations

import stat
import urllib.request

import neo4j
import psutil
import pytest
from neo4j.exceptions import AuthError
from shell import run

from ringfinder import local
from ringfinder.errors import InputError
from ringfinder.local.home import Options

pytestmark = pytest.mark.xdist_group("local-neo4j")  # one server of their own is enough


def count(server) -> int:
    with server.driver() as driver:
        return driver.execute_query("MATCH (n:Kept) RETURN count(n) AS n").records[0]["n"]


class TestARunningServer:
    def test_it_is_a_community_server_of_the_pinned_version(self, own_neo4j_server):
        with own_neo4j_server.driver() as driver:
            found = driver.execute_query("CALL dbms.components()").records[0]
        assert (found["edition"], found["versions"]) == ("community", ["2026.08.1"])

    def test_it_listens_on_this_machines_own_address_only(self, own_neo4j_server):
        listening = [
            at.laddr.ip.removeprefix("::ffff:")
            for at in psutil.Process(own_neo4j_server.pid).net_connections("inet")
            if at.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1", "127.0.0.1"]

    def test_no_one_enters_with_the_password_neo4j_ships_with(self, own_neo4j_server):
        driver = neo4j.GraphDatabase.driver(own_neo4j_server.uri, auth=("neo4j", "neo4j"))
        with driver, pytest.raises(AuthError):
            driver.verify_connectivity()

    def test_only_its_owner_reads_the_password_and_the_store(self, own_neo4j_server):
        assert stat.S_IMODE(own_neo4j_server.password_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(own_neo4j_server.home.stat().st_mode) == 0o700

    def test_the_password_is_not_on_the_command_line_nor_in_a_log(self, own_neo4j_server):
        assert own_neo4j_server.password not in " ".join(
            psutil.Process(own_neo4j_server.pid).cmdline()
        )
        said = [path.read_text() for path in (own_neo4j_server.home / "logs").iterdir()]
        assert said
        assert not any(own_neo4j_server.password in text for text in said)

    def test_neither_pepper_nor_password_is_in_its_environment(self, own_neo4j_server):
        names = psutil.Process(own_neo4j_server.pid).environ()
        assert not [name for name in names if name.startswith(("RINGFINDER_", "NEO4J_"))]

    def test_it_tells_nobody_that_it_is_there(self, own_neo4j_server):
        with own_neo4j_server.driver() as driver:
            rows = driver.execute_query("SHOW SETTINGS YIELD name, value").records
        value = {row["name"]: row["value"] for row in rows}
        for name in (
            "dbms.usage_report.enabled",
            "client.allow_telemetry",
            "dbms.fleet_manager.enabled",
            "server.fleet_discovery.enabled",
            "server.bolt.telemetry.enabled",
        ):
            assert value[name] == "false", name

    def test_browser_is_served(self, own_neo4j_server):
        with urllib.request.urlopen(own_neo4j_server.browser) as page:
            assert b"<title>Neo4j Browser</title>" in page.read()

    def test_a_page_of_another_site_may_not_speak_to_it(self, own_neo4j_server):
        asked = urllib.request.Request(
            own_neo4j_server.browser.replace("/browser/", "/"),
            headers={"Origin": "http://elsewhere.example"},
        )
        with urllib.request.urlopen(asked) as answer:
            allowed = answer.headers["Access-Control-Allow-Origin"]
        assert allowed == own_neo4j_server.browser.removesuffix("/browser/")

    def test_clear_leaves_nothing(self, own_neo4j_server):
        with own_neo4j_server.driver() as driver:
            driver.execute_query("CREATE CONSTRAINT kept FOR (k:Kept) REQUIRE k.id IS UNIQUE")
            driver.execute_query("CREATE INDEX named FOR (k:Kept) ON (k.name)")
            driver.execute_query("UNWIND range(1, 10) AS i CREATE (:Kept {id: i})-[:TO]->(:Kept)")
            own_neo4j_server.clear()
            left = driver.execute_query("MATCH (n) RETURN count(n) AS n").records[0]["n"]
            kept = driver.execute_query("SHOW INDEXES YIELD type WHERE type <> 'LOOKUP'").records
        assert (left, kept) == (0, [])


class TestUpAndDown:
    def test_up_again_starts_nothing_and_says_the_same(self, own_neo4j_server):
        before = own_neo4j_server.pid
        again = local.up(own_neo4j_server.home)
        assert (again.pid, again.uri, again.browser) == (
            before, own_neo4j_server.uri, own_neo4j_server.browser,
        )  # fmt: skip

    def test_up_with_other_memory_than_it_runs_with_is_refused(self, own_neo4j_server):
        with pytest.raises(InputError, match=r"runs already.*neo4j down"):
            local.up(own_neo4j_server.home, Options(memory=1 << 30))

    def test_the_command_line_prints_how_to_connect(self, own_neo4j_server, tmp_path):
        (tmp_path / "neo4j").symlink_to(own_neo4j_server.home)
        ran = run("neo4j", "up", "--json", "--data-dir", tmp_path)
        assert ran.code == 0
        assert ran.json() == {
            "uri": own_neo4j_server.uri,
            "user": "neo4j",
            "password_file": str(own_neo4j_server.password_file),
            "browser": own_neo4j_server.browser,
        }

    def test_what_was_committed_survives_a_kill_and_down_ends_the_server(self, own_neo4j_server):
        own_neo4j_server.clear()
        with own_neo4j_server.driver() as driver:
            driver.execute_query("CREATE (:Kept)")
        killed = own_neo4j_server.pid
        own_neo4j_server.kill()
        assert local.status(own_neo4j_server.home).pid is None
        own_neo4j_server.start()
        assert own_neo4j_server.pid != killed
        assert count(own_neo4j_server) == 1
        again = own_neo4j_server.pid
        assert local.down(own_neo4j_server.home) is True
        assert own_neo4j_server.pid is None
        assert not psutil.pid_exists(again)
