"""The page's data and its file, without a browser."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from attrs import frozen

from lambdarun.cli.report_file import assets
from lambdarun.model.alarm import Alarm, AlarmState, Statistic, WatchedLog, WatchedMetric
from lambdarun.model.declarations import Project
from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchReceived,
    EventDiscarded,
    MessageDeadLettered,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.log_pattern import LogPattern
from lambdarun.model.records import (
    InvocationFailed,
    InvocationStarted,
    InvocationSucceeded,
    OutputCaptured,
    Record,
    RunEnded,
    RunStarted,
)
from lambdarun.report.html import render_page
from lambdarun.report.html_alarms import Transition
from lambdarun.report.html_data import Run, page_data
from lambdarun.views.notable import Notable
from lambdarun.views.summary import Summary
from lambdarun.views.timeline import Timeline

ID = RequestId("8401c351-a1e2-4829-96c9-8204ceede099")
START = 1_767_312_000
HOSTILE = '</script><img src=x onerror="alert(1)"><!-- ]]> \u2028 \''
PROJECT = Project(
    functions={"fn": Function(name="fn", handler="app.h", code_uri=Path(), runtime="python3.11")}
)


@frozen
class Change:
    time: Instant
    alarm: str
    state: AlarmState
    reason: str


def age_alarm(name: str, queue: str) -> Alarm:
    watched = WatchedMetric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", queue),))
    return Alarm(name=name, watched=watched, statistic=Statistic.MAXIMUM, threshold=30)


def at(seconds: float) -> Instant:
    return Instant(round((START + seconds) * SECOND))


def started(seconds: float) -> InvocationStarted:
    return InvocationStarted(at(seconds), "fn", ID, 1, 1, "sync", 1, False, 1, 1, Duration(0))


def output(seconds: float, text: str) -> OutputCaptured:
    return OutputCaptured(at(seconds), "fn", ID, 1, text.encode(), 0)


def succeeded(seconds: float, took_ms: int) -> InvocationSucceeded:
    duration = Duration(took_ms * 1_000)
    return InvocationSucceeded(at(seconds), "fn", ID, 1, 1, at(seconds), duration, None, 128, 1, b"null")


def failed(
    seconds: float, error_type: str = "ValueError", response: str = '{"errorMessage": "no"}'
) -> InvocationFailed:
    return InvocationFailed(
        at(seconds), "fn", ID, 1, 1, at(seconds), Duration(1_000), None, 128, 1, "raised", error_type,
        response.encode(),
    )  # fmt: skip


def data_of(
    *records: Record, alarms: tuple[Alarm, ...] = (), transitions: tuple[Transition, ...] = ()
) -> dict[str, Any]:
    begun = RunStarted(at(0), "1.2.3", 7, "max", "declared")
    everything = [begun, *records]
    summary, timeline, notable = Summary(), Timeline(), Notable(PROJECT)
    for reader in (summary, timeline, notable):
        reader.read(everything)
    timeline.finish()
    run = Run(
        started=begun,
        summary=summary,
        timeline=timeline,
        notable=notable,
        alarms={alarm.name: alarm for alarm in alarms},
        transitions=transitions,
    )
    return page_data(run)


def listed(data: dict[str, Any], title: str) -> dict[str, Any]:
    (found,) = [one for one in data["lists"] if one["title"] == title]
    return dict(found)


def plot(data: dict[str, Any], title: str) -> dict[str, Any]:
    owners = [*data["queues"], *data["functions"]]
    (found,) = [one for owner in owners for one in owner["plots"] if one["title"] == title]
    return {series["name"]: series["values"] for series in found["series"]}


class Elements(HTMLParser):
    """What a browser makes of the page's markup: tags, and the texts of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = (tag, dict(attrs)) if tag in ("script", "style") else None

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.texts.append((*self._open, data))


def test_the_page_says_how_the_run_ended() -> None:
    assert data_of(started(1), succeeded(1, 5))["verdict"] == {
        "state": "succeeded",
        "text": "everything succeeded in the end",
    }
    lost = EventDiscarded(at(2), "fn", ID, "RetriesExhausted", 3)
    verdict = data_of(lost)["verdict"]
    assert verdict == {"state": "failed", "text": "1 ended without success: 1 discarded"}
    assert data_of(RunEnded(at(3), True))["verdict"]["state"] == "interrupted"


def test_the_page_knows_its_run() -> None:
    facts = dict(data_of(started(1), succeeded(1, 5), RunEnded(at(3_600), False))["facts"])
    assert facts["Began"] == "2026-01-02 00:00:00 UTC"
    assert facts["Ended"] == "2026-01-02 01:00:00 UTC"
    assert (facts["Took"], facts["Records"], facts["Seed"]) == ("60 min", "4", "7")
    assert facts["lambdarun"] == "1.2.3"


def test_what_there_was_none_of_has_no_plot_but_is_told() -> None:
    (function,) = data_of(started(1), succeeded(1, 5))["functions"]
    assert [one["title"] for one in function["plots"]] == ["Concurrency", "Invocations", "Duration"]
    assert function["none"] == ["errors", "throttles"]
    (function,) = data_of(started(1), failed(1))["functions"]
    assert [one["title"] for one in function["plots"]] == ["Concurrency", "Invocations", "Duration", "Errors"]


def test_a_plots_values_are_as_many_as_there_are_buckets() -> None:
    data = data_of(started(1), failed(1), MessageSent(at(4), "q", "m", 1), RunEnded(at(90), False))
    for owner in (*data["queues"], *data["functions"]):
        for one in owner["plots"]:
            for series in one["series"]:
                assert len(series["values"]) == data["buckets"] == 181
    assert data["width"] == 0.5
    assert data["begin"] == START
    assert plot(data, "Errors")["errors"][2] == 1


def test_a_queue_has_zeros_where_it_is_known_and_gaps_before() -> None:
    received = BatchReceived(at(5), "mapping", "q", "fn", ("m",), at(4), 0, 1)
    data = data_of(MessageSent(at(4), "q", "m", 1), received, RunEnded(at(599), False))
    assert plot(data, "Messages")["sent"][:7] == [None, None, None, None, 1, 0, 0]
    assert "returned" not in plot(data, "Messages")
    assert "delayed" not in plot(data, "Backlog")


def test_failed_and_slowest_invocations_come_with_the_end_of_their_log() -> None:
    data = data_of(
        started(1),
        output(1, "about to fail\n"),
        failed(1),
        started(2),
        output(2, "fine\n"),
        succeeded(2, 900),
    )
    (one,) = listed(data, "Failed invocations")["items"]
    assert one["error_type"] == "ValueError"
    assert one["log"].splitlines()[0] == f"START RequestId: {ID} Version: $LATEST"
    assert "about to fail" in one["log"]
    assert "REPORT RequestId" in one["log"]
    slowest = listed(data, "Slowest invocations")["items"]
    assert [one["duration_ms"] for one in slowest] == [900, 1]
    assert "fine" in slowest[0]["log"]


def test_an_invocation_that_is_not_shown_leaves_its_output_to_no_other() -> None:
    records: list[Record] = []
    for n in range(30):
        records += [started(n), output(n, f"number {n}\n"), succeeded(n, 100)]
    records += [started(40), succeeded(40, 500)]
    slowest = listed(data_of(*records), "Slowest invocations")["items"]
    assert len(slowest) == 20
    assert "number" not in slowest[0]["log"]
    assert [re.findall(r"number (\d+)", one["log"]) for one in slowest[1:]] == [[str(n)] for n in range(19)]


def test_only_the_end_of_a_long_log_is_kept() -> None:
    data = data_of(started(1), output(1, "x" * 100_000), failed(1))
    (one,) = listed(data, "Failed invocations")["items"]
    assert len(one["log"]) <= 4_096
    assert "REPORT" in one["log"]


def test_of_one_error_five_are_shown_so_that_others_are_seen_too() -> None:
    records = [record for n in range(50) for record in (started(n), failed(n))]
    records += [started(60), failed(60, "KeyError")]
    found = listed(data_of(*records), "Failed invocations")
    assert found["total"] == 51
    assert [one["error_type"] for one in found["items"]] == ["ValueError"] * 5 + ["KeyError"]


def test_dead_letters_double_deliveries_and_discarded_events_are_listed_with_their_counts() -> None:
    records: list[Record] = [
        MessageDeadLettered(at(n), "q", "dead", f"m{n}", 3, "body" * 1_000, {}) for n in range(30)
    ]
    records += [MessageReturned(at(40), "q", "m", 1, ID), MessageReturned(at(41), "q", "n", 1, None)]
    records += [EventDiscarded(at(42), "fn", ID, "RetriesExhausted", 3)]
    data = data_of(*records)
    dead = listed(data, "Dead letters")
    assert (dead["total"], len(dead["items"]), dead["about"]) == (30, 20, "the first 20")
    assert len(dead["items"][0]["body"]) < 2_100
    (double,) = listed(data, "Double deliveries")["items"]
    assert (double["message_id"], double["first"], double["time"]) == ("m", ID, START + 40)
    assert listed(data, "Discarded events")["items"][0]["condition"] == "RetriesExhausted"


def test_an_alarms_states_follow_one_another_to_the_end_of_the_run() -> None:
    changes = (
        Change(at(0), "lag", AlarmState.OK, "fine"),
        Change(at(60), "lag", AlarmState.ALARM, "too old"),
        Change(at(180), "other", AlarmState.ALARM, "bad"),
        Change(at(200), "lag", AlarmState.OK, "fine again"),
    )
    alarms = tuple(age_alarm(name, "q") for name in ("lag", "other", "quiet"))
    data = data_of(started(1), succeeded(1, 1), RunEnded(at(300), False), alarms=alarms, transitions=changes)
    told = [
        (a["name"], [(s["state"], s["from"] - START, s["to"] and s["to"] - START) for s in a["states"]])
        for a in data["alarms"]
    ]
    assert told == [
        ("lag", [("OK", 0, 60), ("ALARM", 60, 200), ("OK", 200, None)]),
        ("other", [("ALARM", 180, None)]),
        ("quiet", []),
    ]


def test_of_an_alarm_that_never_rests_the_first_states_are_told() -> None:
    states = (AlarmState.ALARM, AlarmState.OK)
    changes = tuple(Change(at(n), "lag", states[n % 2], "to and fro") for n in range(1_000))
    (alarm,) = data_of(alarms=(age_alarm("lag", "q"),), transitions=changes)["alarms"]
    assert (len(alarm["states"]), alarm["more"]) == (200, 800)
    assert alarm["states"][-1]["to"] == START + 200


def test_an_alarm_is_drawn_with_what_it_watches() -> None:
    def watching(**dimensions: str) -> Alarm:
        watched = WatchedMetric("N", "M", tuple(dimensions.items()))
        return Alarm(name="a", watched=watched, statistic=Statistic.SUM, threshold=1)

    def owner(alarm: Alarm) -> tuple[str | None, str | None]:
        (one,) = data_of(alarms=(alarm,))["alarms"]
        return one.get("queue"), one.get("function")

    assert owner(watching(QueueName="q")) == ("q", None)
    assert owner(watching(FunctionName="fn")) == (None, "fn")
    assert owner(watching(Service="s")) == (None, None)
    log = Alarm(
        name="a", watched=WatchedLog("fn", LogPattern.compile("ERROR")), statistic=Statistic.SUM, threshold=1
    )
    assert owner(log) == (None, "fn")


def test_hostile_texts_stay_texts() -> None:
    records = (
        started(1),
        output(1, HOSTILE),
        failed(1, HOSTILE, json.dumps({"errorMessage": HOSTILE})),
        MessageDeadLettered(at(2), HOSTILE, HOSTILE, HOSTILE, 3, HOSTILE, {}),
    )
    alarm = age_alarm(HOSTILE.replace("\u2028", " "), HOSTILE)
    change = Change(at(0), alarm.name, AlarmState.ALARM, HOSTILE)
    data = data_of(*records, alarms=(alarm,), transitions=(change,))
    page = render_page(data, assets())
    assert "<img" not in page
    assert page.count("</script>") == page.count("<script") == 3
    elements = Elements(page)
    assert not {tag for tag, _ in elements.tags} & {"img", "iframe", "link", "object", "base"}
    assert not [name for _, attributes in elements.tags for name in attributes if name.startswith("on")]
    (island,) = ["".join(text) for tag, attributes, text in elements.texts if attributes.get("id") == "data"]
    assert json.loads(island) == json.loads(json.dumps(data))


def test_the_policy_names_the_pages_own_scripts_and_styles_and_nothing_else() -> None:
    elements = Elements(render_page(data_of(started(1), succeeded(1, 1)), assets()))
    (policy,) = [a["content"] for tag, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"

    def hashes(wanted: str) -> str:
        texts = [text for tag, a, text in elements.texts if tag == wanted and a.get("type") is None]
        return " ".join(
            f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts
        )

    assert rules["script-src"] == hashes("script")
    assert rules["style-src"] == hashes("style")
    assert not [a for _, a in elements.tags if a.get("src") or str(a.get("href", "#")).partition("#")[0]]


def test_the_plotting_librarys_licence_is_in_the_page() -> None:
    page = render_page(data_of(), assets())
    assert "Copyright (c) 2022 Leon Sorokin" in page
    assert "Permission is hereby granted, free of charge" in page


def test_a_run_without_anything_has_a_page_too() -> None:
    data = data_of()
    assert (data["queues"], data["functions"], data["lists"], data["alarms"]) == ([], [], [], [])
    assert render_page(data, assets()).startswith("<!doctype html>")


def test_the_script_makes_no_markup_of_texts() -> None:
    script = assets().script
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|DOMParser", script
    )
