"""The report as text: whole, closed to the outside, and deaf to what is written in it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from story import FLAT, OFFICE, PEOPLE, Plot, run_facts, story

from ringfinder.explain import Joined, RunFacts, build_run_view
from ringfinder.explain.given import LabelUse, RejectCount
from ringfinder.explain.numbers import share
from ringfinder.publish import charts
from ringfinder.publish.report import render_report
from ringfinder.score import verdicts

FEW = [
    Plot("fleet", 30, {"email_domain": 15, "device": 0.9}, 3, 1, 4, 9, FLAT),
    Plot("organisation", 40, {"email_domain": 0.95, "ip": 0.8}, 0, 80, 30, 4, OFFICE),
    Plot("unclear", 12, {"ip_network": 0.9, "email_pattern": 0.8}, 0, 60, 5, 2, PEOPLE),
]


class Page(HTMLParser):
    """Counts tags, attributes and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "path", "rect", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("meta", "path", "rect", "circle"):
            assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.said))


@pytest.fixture(scope="module")
def view():
    return build_run_view(Joined.of(*story(strangers=400, plots=FEW)), run_facts())


@pytest.fixture(scope="module")
def page(view):
    return Page(render_report(view))


class TestPage:
    def test_it_is_well_formed(self, page):
        assert page.open == []

    def test_it_holds_every_part(self, page, view):
        text = page.text
        assert view.finding in text
        for heading in (
            "Fleets, the most harmful first",
            "For a person to look at",
            "Not flagged, and why",
            "Rows left out",
            "Method and limits",
            "This run",
        ):
            assert heading in text
        for ring in (*view.fleets, *view.unclear, *view.benign):
            assert ring.ring_id in text
            assert ring.summary in text
            assert ring.why in text

    def test_rejects_are_counted_with_their_share(self, page):
        assert "356 rows could not be used" in page.text
        assert "unknown account" in page.text

    def test_contributions_add_up_to_the_odds_shown(self, view):
        for ring in view.fleets:
            total = ring.prior_nats + sum(feature.nats for feature in ring.features)
            assert total == pytest.approx(np.log(ring.score / (1 - ring.score)), abs=1e-6)

    def test_every_picture_has_words(self, page):
        pictures = page.tags.count("svg")
        worded = sum(
            1
            for tag, name, value in page.attributes
            if tag == "svg"
            and (name == "aria-label" or (name == "aria-hidden" and value == "true"))
        )
        assert pictures == worded > 0

    def test_every_table_of_numbers_has_headings(self, page):
        assert page.tags.count("th") > page.tags.count("table")
        scopes = [value for tag, name, value in page.attributes if (tag, name) == ("th", "scope")]
        assert len(scopes) == page.tags.count("th")

    def test_links_stay_on_the_page_and_lead_somewhere(self, page):
        links = [value for _, name, value in page.attributes if name in ("href", "src", "action")]
        places = {value for _, name, value in page.attributes if name == "id"}
        assert links
        assert all(link[0] == "#" and link[1:] in places for link in links)

    def test_ids_are_unique(self, page):
        ids = [value for _, name, value in page.attributes if name == "id"]
        assert len(ids) == len(set(ids))

    def test_it_has_no_script_and_no_inline_style(self, page):
        assert not {"script", "iframe", "object", "embed", "link", "img", "base"} & set(page.tags)
        assert not [
            name for _, name, _ in page.attributes if name == "style" or name.startswith("on")
        ]

    def test_the_policy_allows_this_style_sheet_and_nothing_else(self, view):
        html = render_report(view)
        style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
        policy = policy.replace("&#39;", "'")
        assert policy.startswith("default-src 'none'; ")
        assert f"style-src 'sha256-{digest}'" in policy
        assert "unsafe" not in policy

    def test_it_names_no_address_at_all(self, view):
        html = render_report(view)
        assert not re.search(r"https?:|//[a-z]|url\(|@import", html)

    def test_the_same_view_gives_the_same_bytes(self, view):
        assert render_report(view) == render_report(view)


class TestRuns:
    def test_a_run_without_rings_is_a_report_too(self):
        empty = Joined.of(*story(strangers=50, plots=[]))
        text = Page(render_report(build_run_view(empty, RunFacts()))).text
        assert "No fleet found among 50 accounts." in text
        assert "None: every row was used." in text
        assert "No world of permuted values was run" in text

    def test_without_usage_the_report_says_so(self, view):
        facts = RunFacts(has_usage=False)
        text = Page(render_report(dataclasses.replace(view, facts=facts))).text
        assert "no usage was given" in text
        assert "without usage, anything about behaviour" in text
        assert "Exchanges by day" not in text
        assert "Use by hour of day" not in text
        assert "Sign-ups by day" in text

    def test_the_thresholds_told_are_those_of_the_judgement(self, view):
        def method(facts):
            text = Page(render_report(dataclasses.replace(view, facts=facts))).text
            return text.split("A ring is not yet a fleet.")[1].split("Chance is measured.")[0]

        told = method(RunFacts(has_usage=True))
        assert f"From {share(verdicts.FLEET)} a ring is called a fleet" in told
        assert (
            f"with fewer than {verdicts.FEW} accounts from {share(verdicts.FLEET_OF_FEW)}." in told
        )
        told = method(RunFacts(has_usage=False))
        asked = share(verdicts.FLEET_WITHOUT_USE)
        assert f"Without usage a ring is called a fleet from {asked}." in told
        assert "with fewer than" not in told

    @pytest.mark.parametrize(
        ("cleared", "said"),
        [(1, "1 account whose last label says legitimate stays outside every ring"),
         (46, "46 accounts whose last label says legitimate stay outside every ring")],
    )  # fmt: skip
    def test_labels_are_told_with_whom_they_clear(self, view, cleared, said):
        facts = RunFacts(labels=LabelUse(fraud=120, legitimate=48, cleared=cleared))
        text = Page(render_report(dataclasses.replace(view, facts=facts))).text
        assert "120 fraud labels and 48 legitimate labels were given" in text
        assert said in text
        assert "to its probability, with what labels say; nothing else enters it" in text

    def test_without_labels_nothing_is_said_of_them(self, view):
        text = Page(render_report(dataclasses.replace(view, facts=RunFacts()))).text
        assert "last label" not in text
        assert "to its probability; nothing else enters it" in text

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"pepper": True}, "can find one with ringfinder pseudonym"),
            ({"pepper": False, "pepper_file": "pepper"}, "can find one with ringfinder pseudonym"),
            ({"pepper": False, "pepper_file": None}, "no value can be looked up"),
            ({"clear_values": True}, "clear text"),
        ],
    )
    def test_it_says_whether_a_value_can_be_looked_up(self, view, settings, said):
        facts = RunFacts(settings=settings)
        assert said in Page(render_report(dataclasses.replace(view, facts=facts))).text

    def test_the_rest_is_a_table_and_a_number(self, view):
        rows = (view.fleets[0],) * 3
        text = Page(render_report(dataclasses.replace(view, rest=rows, rest_left_out=17))).text
        assert "All other rings" in text
        assert "17 more rings in rings.parquet" in text

    def test_a_thousand_rings_stay_below_five_megabytes(self, view):
        rows = tuple(
            dataclasses.replace(view.fleets[0], ring_id=f"r-{number:010x}") for number in range(950)
        )
        large = dataclasses.replace(
            view, fleets=view.fleets * 50, benign=view.benign * 12, rest=rows
        )
        assert len(render_report(large).encode()) < 5_000_000


HOSTILE = [
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "</style><script>window.hacked = 1</script>",
    "</title></svg></table></details><h1>No fleet found</h1>",
    "javascript:window.hacked=1",
    "' onmouseover='window.hacked=1",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &#x202e; ]]> <!-- -->",
    "\u202egnp.exe\u202c\u2066\u2069",
    "z" + "\u0336\u0301" * 300,
    "\u200b\u200d\ufeff\u00ad",
    "x" * 100_000,
    "\u0000\u0007\u001b[31m\r\n",
]


class TestHostileText:
    @pytest.mark.parametrize("text", [*HOSTILE, "\ud83d"], ids=range(len(HOSTILE) + 1))
    def test_it_stays_text_wherever_it_stands(self, view, page, text):
        ring = view.fleets[0]
        node = ring.drawing.nodes[-1]
        hostile = dataclasses.replace(
            ring,
            ring_id=text,
            evidence=tuple(dataclasses.replace(row, value=text) for row in ring.evidence),
            members=tuple(dataclasses.replace(row, account_id=text) for row in ring.members),
            drawing=dataclasses.replace(
                ring.drawing,
                nodes=(
                    *ring.drawing.nodes[:-1],
                    dataclasses.replace(node, label=text, detail=text),
                ),
            ),
        )
        facts = dataclasses.replace(
            view.facts,
            rejects=[RejectCount(text, text, 1)],
            notices=[text],
            settings={text: text},
            versions={text: text},
            finished_at=text,
        )
        html = render_report(
            dataclasses.replace(
                view, fleets=(hostile, *view.fleets[1:]), rest=(hostile,), facts=facts
            )
        )
        seen = Page(html)
        assert seen.open == []
        assert {"script", "img", "b", "h1"} & set(seen.tags) <= {"b", "h1"}
        assert seen.tags.count("h1") == page.tags.count("h1")
        assert not [name for _, name, _ in seen.attributes if name.startswith("on")]
        assert "49" not in [part.strip() for part in seen.said]
        assert len(html) < 400_000
        for character in "\u202e\u2066\u200b\ufeff\u0000\u001b":
            assert character not in html


class TestCharts:
    def test_bars_are_as_high_as_their_counts(self):
        chart = charts.day_chart([1, 0, 4], [10, 11, 12], window=(10, 12), size=(30, 40))
        assert re.findall(r"v-([\d.]+)h", chart.bars) == ["10.0", "40.0"]
        assert chart.peak == "peak 4 a day"

    def test_days_outside_the_window_are_left_out(self):
        chart = charts.day_chart([5, 1], [3, 10], window=(10, 11), size=(30, 40))
        assert chart.peak == "peak 1 a day"

    def test_long_windows_are_drawn_by_week(self):
        days = list(range(400))
        chart = charts.day_chart([1] * 400, days, window=(0, 399), size=(300, 40))
        assert chart.peak == "peak 7 a week"
        assert chart.bars.count("M") == 58

    def test_nothing_is_drawn_of_nothing(self):
        chart = charts.day_chart([], [], window=(0, 5), size=(30, 40))
        assert (chart.bars, chart.peak) == ("", "")
        assert charts.hour_chart([0] * 24, [0.0] * 24, (30, 40)).line == ""

    def test_hours_are_shares_beside_the_populations(self):
        counts = [0] * 24
        counts[3] = 10
        chart = charts.hour_chart(counts, [1 / 24] * 24, (240, 100))
        assert chart.bars.startswith("M30.5 100v-100.0")
        assert chart.line.startswith("M0.0 95.8")

    def test_the_hours_are_told_in_words(self, view):
        words = charts.hours_in_words(view.benign[0].hours)
        assert words.startswith("Use by UTC hour: most at ")


class TestLinksToNeo4jBrowser:
    def links(self, page):
        return [value for tag, name, value in page.attributes if tag == "a" and name == "href"]

    def test_with_a_browser_each_ring_opens_there(self, view):
        page = Page(render_report(view, browser="http://127.0.0.1:7474/browser/"))
        links = [link for link in self.links(page) if link.startswith("http")]
        assert len(links) == len(view.fleets) + len(view.unclear) + len(view.benign)
        assert all("?cmd=edit&arg=MATCH" in link for link in links)
        assert any(view.fleets[0].ring_id in link for link in links)

    def test_without_one_the_page_links_nowhere_outside(self, view):
        assert not [x for x in self.links(Page(render_report(view))) if x.startswith("http")]

    def test_a_hostile_ring_id_stays_within_its_link(self, view):
        hostile = dataclasses.replace(view.fleets[0], ring_id="'\"><script>x</script>")
        told = dataclasses.replace(view, fleets=(hostile,))
        page = render_report(told, browser="http://127.0.0.1:7474/browser/")
        assert "<script" not in page
