"""Browsers and libraries: user agents and how they speak TLS."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ringfinder.model import FloatArray, IntArray
from ringfinder.simulate.chance import choose, zipf_weights

_WINDOWS = "Windows NT 10.0; Win64; x64"
_MAC = "Macintosh; Intel Mac OS X 10_15_7"
_ANDROID = "Linux; Android 10; K"
_LINUX = "X11; Linux x86_64"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_VERSIONS = (143, 144, 142, 141, 145, 138, 131, 140, 126, 120, 109)
_PLATFORMS = ((_WINDOWS, 0.46), (_ANDROID, 0.28), (_MAC, 0.20), (_LINUX, 0.06))
_LIBRARIES = (
    "python-requests/2.32.3", "python-httpx/0.28.1", "axios/1.7.9", "okhttp/4.12.0",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "Go-http-client/2.0", "curl/8.5.0",
    "PostmanRuntime/7.43.0", "aiohttp/3.11.11", "undici",
)  # fmt: skip
STACKS_OF_BROWSER = 48
"""TLS fingerprints a browser family shows in the wild: builds, extensions, middle boxes."""


_Row = tuple[str, float, int]


def _aged() -> list[tuple[int, float]]:
    return list(zip(_VERSIONS, zipf_weights(len(_VERSIONS), 1.1).tolist(), strict=True))


def _chromium() -> Iterator[_Row]:
    for platform, share in _PLATFORMS:
        mobile = " Mobile" if platform == _ANDROID else ""
        for version, weight in _aged():
            tail = f"Chrome/{version}.0.0.0{mobile} Safari/537.36"
            agent, stack = f"Mozilla/5.0 ({platform}) {_WEBKIT} {tail}", int(version <= 130)
            yield agent, 0.58 * share * weight, stack
            if platform == _WINDOWS:
                yield f"{agent} Edg/{version}.0.0.0", 0.09 * weight, stack


def _firefox() -> Iterator[_Row]:
    for platform, share in _PLATFORMS:
        for version, weight in _aged() if platform != _ANDROID else []:
            tail = f"rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
            yield f"Mozilla/5.0 ({platform}; {tail}", 0.12 * share * weight, 2


def _safari() -> Iterator[_Row]:
    versions = ("18.6", "18.5", "26.1", "17.6", "16.6")
    kit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
    for version, weight in zip(versions, zipf_weights(5, 1.0).tolist(), strict=True):
        phone = f"iPhone; CPU iPhone OS {version.replace('.', '_')} like Mac OS X"
        tail = f"Version/{version} Mobile/15E148 Safari/604.1"
        yield f"Mozilla/5.0 ({phone}) {kit} {tail}", 0.14 * weight, 3
        yield f"Mozilla/5.0 ({_MAC}) {kit} Version/{version} Safari/605.1.15", 0.07 * weight, 4


def _libraries() -> Iterator[_Row]:
    weights = zipf_weights(len(_LIBRARIES), 0.8).tolist()
    for place, (name, weight) in enumerate(zip(_LIBRARIES, weights, strict=True)):
        yield name, 0.02 * weight, 5 + place


class Clients:
    """User agents with their weights, and the TLS fingerprints of each.

    Attributes
    ----------
    user_agents, weights
        The strings, and how usual each one is at sign-up.
    stack
        TLS family of each user agent; fingerprints are `stack * STACKS_OF_BROWSER + k`.
    """

    def __init__(self) -> None:
        rows = [*_chromium(), *_firefox(), *_safari(), *_libraries()]
        self.user_agents: list[str] = [row[0] for row in rows]
        self.weights: FloatArray = np.array([row[1] for row in rows])
        self.stack: IntArray = np.array([row[2] for row in rows], np.int64)

    def draw(
        self, rng: np.random.Generator, n: int, tilt: FloatArray | float = 1.0
    ) -> tuple[IntArray, IntArray]:
        """Draw n ordinary clients, `tilt` times as usual as elsewhere: (user agent, TLS)."""
        agents = choose(rng, self.weights * tilt, n)
        return agents, self.fingerprints(rng, agents)

    def fingerprints(self, rng: np.random.Generator, agents: IntArray) -> IntArray:
        """Draw the TLS fingerprint of each user agent."""
        kinds = choose(rng, zipf_weights(STACKS_OF_BROWSER, 1.6), len(agents))
        return self.stack[agents] * STACKS_OF_BROWSER + kinds

    def unusual(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw one client of a tool that an operator would use: an everyday or an odd build."""
        agent = int(choose(rng, self.weights**0.5, 1)[0])
        kind = int(choose(rng, zipf_weights(STACKS_OF_BROWSER, float(rng.uniform(0.2, 1.6))), 1)[0])
        return agent, int(self.stack[agent]) * STACKS_OF_BROWSER + kind
