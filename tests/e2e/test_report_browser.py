"""The report in a real browser: it loads alone, nothing in it runs, everything can be read."""

from __future__ import annotations

import dataclasses
from functools import cache

import chromium
import pyarrow as pa
import pytest
from story import PLOTS, run_facts, story

from ringfinder.explain import Joined, build_run_view
from ringfinder.publish.report import render_report

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = chromium.MARKS

SOME = [*PLOTS[:6], *PLOTS[12:16], *PLOTS[-8:-4]]
HOSTILE = [
    "<script>window.hacked = 1</script>",
    '"><img src=https://evil.example/x onerror="window.hacked = 1">',
    "</style><script>window.hacked = 1</script>",
    "</title></svg></table></details></main><h1>No fleet found</h1>",
    "javascript:window.hacked=1",
    "\u202egnp.exe\u202c",
    "\u05d0\u05d1\u05d2.example",
    "z" + "\u0336\u0301" * 300,
    "\u200b\u200d\ufeff",
    "x" * 5000,
    "W" * 200 + " " + "\u6f22" * 200,
    "<svg onload=window.hacked=1><a href='https://evil.example'>",
]


@dataclasses.dataclass
class Seen:
    """A page and what the browser said of it."""

    page: object
    url: str
    complaints: list[str]
    requests: list[str]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write an honest report, and one in which every value, id and note is an attacker's."""
    directory = tmp_path_factory.mktemp("reports")
    graph, rings, judgement = story(strangers=20_000, plots=SOME)
    honest = build_run_view(Joined.of(graph, rings, judgement), run_facts())

    def hostile(number: int) -> pa.Array:
        return pa.array([HOSTILE[at % len(HOSTILE)] + str(at) for at in range(number)], pa.string())

    attacked = dataclasses.replace(
        graph, account_ids=hostile(graph.accounts), clear=hostile(graph.values)
    )
    judged = dataclasses.replace(judgement, ring_id=hostile(len(SOME)).to_pylist())
    facts = dataclasses.replace(run_facts(), notices=HOSTILE, settings=dict.fromkeys(HOSTILE, "x"))
    bad = build_run_view(Joined.of(attacked, rings, judged, clear_values=True), facts)
    for name, view in (("honest", honest), ("hostile", bad)):
        (directory / f"{name}.html").write_text(render_report(view), "utf-8")
    return directory


@pytest.fixture(scope="module")
def look(browser, files):
    """Open a report once per kind of screen, all rings unfolded."""
    contexts = []

    @cache
    def open_page(name: str, width: int = 1280, scheme: str = "light") -> Seen:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        seen = Seen(context.new_page(), (files / f"{name}.html").as_uri(), [], [])
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("dialog", lambda dialog: seen.complaints.append("dialog"))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(seen.url)
        seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["honest", "hostile"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
class TestPage:
    def test_it_loads_itself_and_nothing_else_without_complaint(self, look, name, width, scheme):
        seen = look(name, width, scheme)
        seen.page.mouse.move(200, 400)
        seen.page.locator("summary").first.click()
        seen.page.locator("summary").first.click()
        assert seen.requests == [seen.url]
        assert seen.complaints == []

    def test_nothing_runs_or_breaks_out(self, look, name, width, scheme):
        page = look(name, width, scheme).page
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("document.scripts.length") == 0
        assert page.locator("img, iframe, object, embed, form, base, svg a").count() == 0
        assert page.locator("h1").count() == 1
        assert page.evaluate(
            "[...document.querySelectorAll('a')].every(a => a.getAttribute('href')[0] === '#')"
        )

    def test_the_page_is_as_wide_as_the_screen(self, look, name, width, scheme):
        page = look(name, width, scheme).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_style_sheet_is_in_force(look):
    page = look("honest").page
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.ring')).borderLeftWidth") == "4px"
    )


def test_nothing_reorders_or_hides_in_hostile_text(look):
    page = look("hostile").page
    text = page.evaluate("document.body.textContent")
    assert not set("\u202e\u202c\u200b\u200d\ufeff\u2066") & set(text)
    assert "[U+202E]gnp.exe[U+202C]" in text
    assert "<script>window.hacked = 1</script>" in text


def test_text_from_right_to_left_does_not_turn_what_is_around_it(look):
    page = look("hostile").page
    isolated = page.evaluate(
        """[...document.querySelectorAll('.evidence td.value, .members td.mono')].every(
            cell => cell.children.length === 1 && cell.children[0].tagName === 'BDI')"""
    )
    assert isolated


@pytest.mark.parametrize("name", ["honest", "hostile"])
def test_the_drawing_is_readable_at_20_and_at_5000_accounts(look, name):
    page = look(name).page
    found = page.evaluate(
        """[...document.querySelectorAll('#fleets details.ring')].map(ring => {
            const size = parseInt(ring.querySelector('.figure b').textContent.replace(',', ''));
            const inside = [...ring.querySelectorAll('svg.drawing g.value')].every(group => {
                const box = group.querySelector('rect').getBoundingClientRect();
                return [...group.querySelectorAll('text')].every(text => {
                    const t = text.getBoundingClientRect();
                    return t.left >= box.left - 0.5 && t.right <= box.right + 0.5;
                });
            });
            const shapes = 'svg.drawing g.value, svg.drawing circle';
            return {size, inside, shapes: ring.querySelectorAll(shapes).length};
        })"""
    )
    by_size = {ring["size"]: ring for ring in found}
    assert {20, 5000} <= set(by_size)
    assert all(ring["inside"] for ring in found), "text leaves its box"
    assert all(5 <= ring["shapes"] <= 60 for ring in found)


def test_on_paper_every_ring_is_open(look):
    seen = look("honest")
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
    seen.page.emulate_media(media="print")
    heights = seen.page.evaluate(
        "[...document.querySelectorAll('.ring .body')].map(b => b.getBoundingClientRect().height)"
    )
    assert min(heights) > 200
