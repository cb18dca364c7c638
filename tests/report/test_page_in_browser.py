"""The report as a reader meets it: opened from the disk in Chromium."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdarun.cli.report_file import assets
from lambdarun.model.alarm import AlarmState
from lambdarun.model.event_records import BatchReceived, BatchSettled, MessageDeadLettered, MessageSent
from lambdarun.model.records import InvocationThrottled, Record, RunEnded
from lambdarun.report.html import render_page
from tests.report.browser import CHROMIUM, Page, browser
from tests.report.test_html import (
    HOSTILE,
    ID,
    START,
    Change,
    age_alarm,
    at,
    data_of,
    failed,
    output,
    started,
    succeeded,
)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (apt-get install chromium)"
)

WIDTHS = (390, 1_440)


def records() -> list[Record]:
    """Ten minutes of a queue that falls behind, with an error, throttles, a gap and hostile texts."""
    found: list[Record] = []
    for n in range(120):
        second = n if n < 60 else n + 400
        found += [
            MessageSent(at(second), "orders", f"m{n}", 10),
            BatchReceived(at(second), "map", "orders", "fn", (f"m{n}",), at(second), n % 7, 1 + n % 3),
            started(second),
            output(second, f"line of {n} {HOSTILE}\n"),
            succeeded(second, 5 * n)
            if n % 10
            else failed(second, HOSTILE, json.dumps({"errorMessage": HOSTILE})),
            BatchSettled(at(second), "map", "orders", "fn", ID, "succeeded", (f"m{n}",), ()),
        ]
    found.append(InvocationThrottled(at(520), "fn", ID, "map", "Reserved"))
    found.append(MessageDeadLettered(at(521), "orders", HOSTILE, "m", 3, HOSTILE, {}))
    return [*found, RunEnded(at(580), False)]


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    alarms = (age_alarm("</script><b>late", "orders"), age_alarm("dead", "nowhere"))
    changes = (
        Change(at(0), alarms[0].name, AlarmState.OK, "fine"),
        Change(at(60), alarms[0].name, AlarmState.ALARM, HOSTILE),
        Change(at(70), "dead", AlarmState.ALARM, "of another queue"),
    )
    return data_of(*records(), alarms=alarms, transitions=changes)


@pytest.fixture(scope="module")
def shared(data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_page(data, assets()))
    with browser(path) as page:
        page.size(1_440)
        page.scroll_through()
        yield page


@pytest.fixture
def page(shared: Page) -> Page:
    """At its top, with the whole run and the focus nowhere."""
    shared.size(1_440)
    shared.js("document.activeElement.blur(); scrollTo(0, 0)")
    return shared


def figures(page: Page) -> int:
    return int(page.js("document.querySelectorAll('figure.plot').length"))


def focus(page: Page, title: str) -> None:
    """The plot of that title has the focus, and no cursor."""
    found = page.js(
        "[...document.querySelectorAll('figure.plot')].find(f => f.querySelector('h4').textContent.startsWith("
        f"{json.dumps(title)})).querySelector('.chart').focus()"
    )
    assert found is None
    page.press("Escape")


def told(page: Page) -> dict[str, str]:
    """What a screen reader says of the plot that has the focus."""
    names = ("role", "aria-valuenow", "aria-valuemax", "aria-valuetext", "aria-labelledby")
    return dict(
        page.js(f"Object.fromEntries({list(names)}.map(n => [n, document.activeElement.getAttribute(n)]))")
    )


def test_it_opens_from_the_disk_under_its_policy_without_a_complaint_or_a_request(page: Page) -> None:
    assert page.js("document.querySelector('h1').textContent") == "Report of a run"
    assert page.complaints == []
    assert [url.partition(":")[0] for url in page.requests] == ["file"]
    # A policy that is not there would complain of nothing either.
    page.js(
        "void document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    assert page.js("window.ran") is None
    assert any("Content Security Policy" in text for text in page.complaints)
    page.complaints.clear()


def test_every_plot_is_drawn(page: Page, data: dict[str, Any]) -> None:
    plots = [plot for owner in (*data["queues"], *data["functions"]) for plot in owner["plots"]]
    titles = page.js("[...document.querySelectorAll('figure.plot h4')].map(h => h.textContent)")
    assert titles == [f"{plot['title']} ({plot['unit']})" for plot in plots]
    # A canvas on which more than its axes' grey stands: some pixel of the first series' colour.
    drawn = page.js(
        """[...document.querySelectorAll('figure.plot canvas')].map(c => {
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
        for (let i = 0; i < d.length; i += 4) if (d[i + 2] > 150 && d[i] < 90 && d[i + 3] > 200) n += 1;
        return n; })"""
    )
    assert len(drawn) == len(plots)
    assert all(pixels > 20 for pixels in drawn)


def test_each_plot_has_a_table_of_the_same_data(page: Page, data: dict[str, Any]) -> None:
    plots = [plot for owner in (*data["queues"], *data["functions"]) for plot in owner["plots"]]
    page.js("document.querySelectorAll('figure.plot details').forEach(d => { d.open = true; })")
    page.settle()
    tables = page.js(
        """[...document.querySelectorAll('figure.plot table')].map(t =>
        [...t.rows].map(r => [...r.cells].map(c => c.textContent)))"""
    )
    assert len(tables) == len(plots)
    for plot, (head, *rows) in zip(plots, tables, strict=True):
        assert head == [
            "Time (UTC)",
            "Since start",
            *[f"{s['name']} ({plot['unit']})" for s in plot["series"]],
        ]
        columns = [series["values"] for series in plot["series"]]
        wanted = [
            ["–" if value is None else f"{value:g}" for value in values]
            for values in zip(*columns, strict=True)
            if any(value is not None for value in values)
        ]
        assert [[cell if cell == "–" else f"{float(cell):g}" for cell in row[2:]] for row in rows] == wanted
    assert ["2026-01-02 00:00:00", "+0 s"] in [rows[1][:2] for rows in tables]
    page.js("document.querySelectorAll('figure.plot details').forEach(d => { d.open = false; })")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.size(width)
    page.js("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.scroll_through()
    assert page.js("document.documentElement.scrollWidth") == width
    # Nor cut: whatever is wider than its place can be scrolled.
    beyond = page.js(
        f"""[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > {width} + 0.5
        && !e.closest('.scroll') && !e.closest('.chart')).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert beyond == []
    canvases = page.js(
        "[...document.querySelectorAll('.chart')].map(c => [c.clientWidth, c.querySelector('canvas').clientWidth])"
    )
    assert all(abs(there - drawn) <= 1 for there, drawn in canvases)
    page.js("document.querySelectorAll('details').forEach(d => { d.open = false; })")


def test_arrow_keys_move_the_cursor_and_what_it_says(page: Page, data: dict[str, Any]) -> None:
    focus(page, "Invocations")
    assert told(page)["role"] == "slider"
    assert told(page)["aria-valuetext"] == "invocations 120 in all"
    page.press("Home")
    assert told(page)["aria-valuetext"] == "2026-01-02 00:00:00 UTC (+0 s): invocations 1"
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.press("ArrowLeft")
    assert told(page)["aria-valuetext"] == "2026-01-02 00:00:01 UTC (+1 s): invocations 1"
    assert told(page)["aria-valuenow"] == "2"
    page.press("End")
    assert told(page)["aria-valuenow"] == told(page)["aria-valuemax"] == str(data["buckets"])
    # The same stands in the plot for those who look at it.
    assert (
        page.js("document.activeElement.closest('figure').querySelector('.at').textContent")
        == "2026-01-02 00:09:40 UTC (+9 min 40 s)"
    )
    assert (
        page.js("document.activeElement.closest('figure').querySelector('.legend b').textContent") == "–"
    )  # a gap
    page.press("Escape")
    assert told(page)["aria-valuetext"] == "invocations 120 in all"


def test_keys_zoom_all_plots_and_show_the_whole_run_again(page: Page) -> None:
    focus(page, "Backlog")
    button = "[...document.querySelectorAll('button')].find(b => b.textContent.includes('whole run'))"
    assert page.js(f"{button}.hidden") is True
    before = page.js("[...document.querySelectorAll('canvas')].map(c => c.toDataURL().length)")
    page.press("Home")
    page.press("+")
    page.press("+")
    assert page.js(f"{button}.hidden") is False
    after = page.js("[...document.querySelectorAll('canvas')].map(c => c.toDataURL().length)")
    assert all(one != other for one, other in zip(before, after, strict=True))
    for _ in range(5):
        page.press("ArrowRight")
    assert told(page)["aria-valuenow"] == "6"
    page.press("+")
    page.press("-")
    assert told(page)["aria-valuenow"] == "6"  # the cursor stays where it was
    page.press("End")  # the window follows it
    assert told(page)["aria-valuenow"] == told(page)["aria-valuemax"]
    page.press("0")
    assert page.js(f"{button}.hidden") is True


def test_a_drag_zooms_all_plots_and_a_double_click_shows_the_whole_run(page: Page) -> None:
    focus(page, "Backlog")
    left, top, width = page.js(
        "(r => [r.left, r.top, r.width])(document.activeElement.getBoundingClientRect())"
    )
    button = "[...document.querySelectorAll('button')].find(b => b.textContent.includes('whole run'))"
    page.drag((left + 0.3 * width, top + 60), (left + 0.5 * width, top + 60))
    assert page.js(f"{button}.hidden") is False
    page.click((left + 0.5 * width, top + 60), times=2)
    assert page.js(f"{button}.hidden") is True
    page.press("Escape")


def test_tab_reaches_everything_in_the_order_of_the_page_and_shows_where_it_is(page: Page) -> None:
    page.reload()
    seen = []
    for _ in range(400):
        page.press("Tab")
        here = page.js(
            """(e => e === document.body ? null : [e.tagName, e.className, [...document.querySelectorAll('*')].indexOf(e),
            getComputedStyle(e).outlineStyle !== 'none' && parseFloat(getComputedStyle(e).outlineWidth) >= 2])(document.activeElement)"""
        )
        if here is None:
            break
        seen.append(here)
    kinds = [f"{tag} {name}".strip() for tag, name, _, _ in seen]
    assert kinds[0] == "A skip"
    assert kinds.count("DIV chart") == figures(page)
    assert kinds.count("SELECT") == 2
    assert kinds.count("SUMMARY") == page.js("document.querySelectorAll('details > summary').length")
    assert all(visible for *_, visible in seen)
    places = [place for _, _, place, _ in seen]
    assert places == sorted(places)


def test_a_table_opens_by_key(page: Page) -> None:
    page.js("document.querySelector('figure.plot summary').focus()")
    page.press("Enter")
    assert page.js("document.querySelector('figure.plot details').open") is True
    assert page.js("document.querySelector('figure.plot table').rows.length") > 50
    page.press("Enter")
    assert page.js("document.querySelector('figure.plot details').open") is False


def test_alarms_are_bands_in_the_plots_of_what_they_watch(page: Page) -> None:
    legends = page.js(
        "[...document.querySelectorAll('section section')].map(s => [s.querySelector('h3').textContent,"
        " [...s.querySelectorAll('.legend')].filter(l => l.textContent.includes('alarm:')).length, s.querySelectorAll('.legend').length])"
    )
    assert [(name, alarmed == plots) for name, alarmed, plots in legends if alarmed] == [
        ("Queue orders", True)
    ]
    # The band itself: reddish pixels at the canvas's top behind the first minute, none before.
    band = page.js(
        """(c => { const d = c.getContext('2d'); const row = d.getImageData(0, 14, c.width, 1).data; const found = [];
        for (let x = 0; x < c.width; x += 1) if (row[4 * x + 3] && row[4 * x] - row[4 * x + 2] > 15 && row[4 * x] > row[4 * x + 1] + 15) found.push(x);
        return [found.length, Math.min(...found) / c.width, Math.max(...found) / c.width]; })
        ([...document.querySelectorAll('section section')].find(s => s.querySelector('h3').textContent === 'Queue orders').querySelector('canvas'))"""
    )
    assert band[0] > 50
    assert 0.1 < band[1] < 0.3
    assert band[2] > 0.9
    tables = page.js(
        "[...document.querySelectorAll('.alarm tbody')].map(t => [...t.rows].map(r => r.cells[0].textContent))"
    )
    assert tables == [["OK", "ALARM"], ["ALARM"]]


def test_headings_are_real_and_in_order_and_the_contents_lead_to_them(page: Page) -> None:
    levels = page.js("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    links = page.js(
        "[...document.querySelectorAll('.contents a')].map(a => [a.textContent, document.querySelector(a.getAttribute('href')).textContent])"
    )
    assert [text for text, _ in links] == [
        "Summary", "Alarms", "Queues", f"Queue {HOSTILE}", "Queue orders", "Functions", "Function fn",
        "Failed invocations", "Slowest invocations", "Dead letters",
    ]  # fmt: skip
    assert all(text == heading for text, heading in links)


def test_everything_that_can_be_named_has_a_name(page: Page) -> None:
    unnamed = page.js(
        """[...document.querySelectorAll('[role], select, button, section, nav, table')].filter(e =>
        !e.getAttribute('aria-label') && !document.getElementById(e.getAttribute('aria-labelledby'))
        && !e.closest('label') && !e.querySelector('caption') && !e.textContent).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []


@pytest.mark.parametrize("width", WIDTHS)
def test_light_and_dark_follow_the_system_and_the_choice(page: Page, width: int) -> None:
    page.size(width)
    ground = "getComputedStyle(document.body).backgroundColor"
    choose = "(v => { const s = document.querySelector('select'); s.value = v; s.dispatchEvent(new Event('change')); })"
    page.scheme("light")
    assert page.js(ground) == "rgb(255, 255, 255)"
    light = page.js("document.querySelector('canvas').toDataURL()")
    page.scheme("dark")
    assert page.js(ground) == "rgb(18, 23, 29)"
    assert page.js("document.querySelector('canvas').toDataURL()") != light
    page.js(f"{choose}('light')")
    assert page.js(ground) == "rgb(255, 255, 255)"
    page.scheme("light")
    page.js(f"{choose}('dark')")
    assert page.js(ground) == "rgb(18, 23, 29)"
    page.js(f"{choose}('')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_lines_stand_out_from_their_ground(page: Page, scheme: str) -> None:
    page.scheme(scheme)
    colours = page.js(
        """Object.fromEntries(['ground', 'raised', 'ink', 'faint', 'good', 'bad', 'odd', 'focus', 'series-0', 'series-1',
        'series-2', 'series-3'].map(n => [n, getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim()]))"""
    )
    for name in ("ink", "faint", "good", "bad", "odd", "focus"):  # WCAG 2.2: 4.5 for texts, 3 for graphics
        for ground in ("ground", "raised"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for number in range(4):
        assert contrast(colours[f"series-{number}"], colours["ground"]) >= 3
    page.scheme("light")


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_lines_differ_by_more_than_their_colour(page: Page) -> None:
    dashes = page.js(
        "[...document.querySelector('figure.plot .legend').querySelectorAll('line')].map(l => l.getAttribute('stroke-dasharray'))"
    )
    assert len(dashes) >= 2
    assert len(set(dashes[:2])) == 2


def test_times_can_be_shown_as_offsets(page: Page) -> None:
    canvas = "document.querySelector('canvas').toDataURL()"
    before = page.js(canvas)
    choose = "(v => { const s = document.querySelectorAll('select')[1]; s.value = v; s.dispatchEvent(new Event('change')); })"
    page.js(f"{choose}('offsets')")
    page.settle()
    assert page.js(canvas) != before
    page.js(f"{choose}('')")
    page.settle()
    assert page.js(canvas) == before


def test_hostile_texts_are_shown_as_they_are(page: Page) -> None:
    assert page.js("document.querySelectorAll('img').length") == 0
    page.js("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    text = page.js("document.body.textContent")
    assert text.count(HOSTILE) > 10
    page.js("document.querySelectorAll('details').forEach(d => { d.open = false; })")
    assert page.complaints == []


def test_a_large_run_opens_without_a_wait(tmp_path: Path) -> None:
    found: list[Record] = []
    for n in range(20_000):
        second = n / 2
        found += [
            started(second),
            output(second, f"{n}\n"),
            succeeded(second, n % 500),
            MessageSent(at(second), "q", f"{n}", 1),
        ]
        found.append(BatchSettled(at(second), "m", "q", "fn", ID, "succeeded", (f"{n}",), ()))
    path = tmp_path / "report.html"
    path.write_text(render_page(data_of(*found), assets()))
    assert path.stat().st_size < 400_000
    with browser(path) as page:
        timing = page.js("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        assert timing < 2_000  # milliseconds on a machine that others use too
        assert page.complaints == []


def test_each_of_many_queues_is_drawn_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    found = [MessageSent(at(n), f"q{n % 300}", f"{n}", 1) for n in range(3_000)]
    path.write_text(render_page(data_of(*found), assets()))
    assert path.stat().st_size < 1_500_000
    with browser(path) as page:
        assert figures(page) == 0
        page.js("[...document.querySelectorAll('summary')].find(s => s.textContent === 'Queue q299').focus()")
        page.press("Enter")
        page.scroll_through()
        assert figures(page) == page.js("document.querySelectorAll('figure.plot canvas').length") == 3
        assert page.complaints == []


def test_a_run_without_anything_opens_too(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_page(data_of(), assets()))
    with browser(path) as page:
        assert re.search("everything succeeded", page.js("document.body.textContent"))
        assert page.complaints == []
        assert page.js("JSON.parse(document.getElementById('data').textContent).first") == START
