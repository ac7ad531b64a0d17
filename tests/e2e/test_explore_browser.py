"""Neo4j Browser, the real one, in a real Chromium: follow a link, log in, see the ring drawn."""

import json

import chromium
import pytest
from stored import batch_of, graph_tables, pseudonym, rings_of

from ringfinder.explore import browser_link, saved_query, style_rules
from ringfinder.schema import CODE
from ringfinder.store.neo4j import Neo4jStore

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = chromium.MARKS
PATIENCE_MS = 90_000
MEMBERS = [f"account {n}" for n in range(7)]


@pytest.fixture
def browser(neo4j_server):
    """A server with one ring, and where its Browser is."""
    neo4j_server.clear()
    store = Neo4jStore(neo4j_server.uri, user=neo4j_server.user, password=neo4j_server.password)
    rows = [(name, "ip", "shared", 0, 0, 1) for name in MEMBERS]
    store.write(batch_of(1, graph=graph_tables({name: {} for name in MEMBERS}, rows)))
    mark = {
        "ring_id": "ring-1", "kind": CODE["ip"], "pseudonym": pseudonym("shared"),
        "accounts_inside": 7, "accounts_total": 7, "nats": 6.0,
    }  # fmt: skip
    lock = store.acquire_run_lock("the test")
    store.write_rings(rings_of("run", {"ring-1": MEMBERS}, evidence=[mark]), lock)
    store.close()
    return neo4j_server.browser


def test_a_link_from_the_report_opens_a_ring_that_is_drawn_when_run(browser, neo4j_server):
    link = browser_link(browser, saved_query("ring").filled({"ring": "ring-1"}))
    with sync_api.sync_playwright() as playwright:
        opened = chromium.launch(playwright)
        context = opened.new_context(viewport={"width": 1400, "height": 1000})
        rules = json.dumps(json.dumps(style_rules()))
        context.add_init_script(f"localStorage.setItem('neo4j.grass', {rules})")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(link)
        page.get_by_test_id("username").fill(neo4j_server.user)
        page.get_by_test_id("password").fill(neo4j_server.password)
        page.get_by_test_id("connect").click()
        page.get_by_text("You are connected as user").wait_for()
        page.get_by_test_id("editor-Run").click()
        page.locator("svg g.node").nth(len(MEMBERS) + 1).wait_for(state="attached")
        drawn = page.locator("svg g.node").count()
        colours = page.evaluate(
            "[...document.querySelectorAll('svg g.node circle')].map(c => c.getAttribute('fill'))"
        )
        opened.close()
    assert drawn == len(MEMBERS) + 2  # the ring, its members, the address they share
    assert style_rules()["node.Ring"]["color"] in colours
    assert style_rules()["node.Ip"]["color"] in colours
