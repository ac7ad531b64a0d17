"""The API in this very process, on a real journal, log and graph: no worker, no waiting."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
from journal_in_place import JournalInPlace

from ringfinder.config import load
from ringfinder.pipeline.home import open_graph
from ringfinder.places import EVENTS, JOURNAL
from ringfinder.serve.app import create_app
from ringfinder.serve.keys import KeyStore
from ringfinder.store import EventLog


class ServedInPlace:
    """One installation, and what is asked of it with an administrator's key."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home
        self.settings = load({"data_dir": home, "deadline_ms": 5000} | settings)
        self.key = KeyStore(home).create("test", ["admin"], now_ms=1)[1]
        self.log = EventLog(home / EVENTS)
        self.app = create_app(self.settings)
        self.service = self.app.state.service
        self.journal = JournalInPlace(home / JOURNAL, self.log)
        self.service.journal = self.service.live._journal = self.journal
        self.service.keyring.refresh()

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send one request; bytes as they are, with the headers that sign them."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}

        async def send() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.app), base_url="http://x",
                headers=headers or {"authorization": f"Bearer {self.key}"},
            ) as client:  # fmt: skip
                return await client.request(method, path, **content)

        return asyncio.run(send())

    def settle(self) -> None:
        """Take everything into the graph, and from there into the log."""
        store = open_graph(self.settings)
        self.journal.settle(store)
        store.close()
