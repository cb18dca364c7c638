"""Embedded metrics: what CloudWatch takes of a log event, and what it leaves out.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.draws import RequestId
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.logging_config import ApplicationLogLevel, LogFormat, LoggingConfig
from lambdarun.model.records import OutputCaptured
from lambdarun.report.text import render
from lambdarun.views.custom_metrics import CustomMetrics, SignedValues
from lambdarun.views.emf import EmbeddedMetric, Invalid, Malformed, NoObject, read_event
from lambdarun.views.summary import Summary

NOW = Instant(1_767_323_045_678_000)
NOW_MS = 1_767_323_045_678
ID = RequestId("8401c351-a1e2-4829-96c9-8204ceede099")


def event(
    *,
    metrics: Any = None,
    dimensions: Any = None,
    namespace: Any = "Shop",
    time: Any = NOW_MS,
    **members: Any,
) -> dict[str, Any]:
    directive = {
        "Namespace": namespace,
        "Dimensions": [["Service"]] if dimensions is None else dimensions,
        "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}] if metrics is None else metrics,
    }
    return {
        "_aws": {"Timestamp": time, "CloudWatchMetrics": [directive]}, "Service": "api", "Latency": 12.5, **members,
    }  # fmt: skip


def read(document: Any, now: Instant = NOW) -> list[Any]:
    return list(read_event(document if isinstance(document, str) else json.dumps(document), now))


def test_an_event_becomes_a_metric_with_its_namespace_unit_dimensions_and_time() -> None:
    assert read(event()) == [
        EmbeddedMetric(
            "Shop",
            "Latency",
            "Milliseconds",
            60,
            (("Service", "api"),),
            Instant(NOW_MS * 1_000),
            (12.5,),
            True,
        )
    ]


def test_each_set_of_dimensions_is_a_metric_of_its_own_and_a_set_may_be_empty() -> None:
    found = read(event(dimensions=[["Service", "Zone"], ["Zone"], []], Zone="a"))
    assert [one.dimensions for one in found] == [(("Service", "api"), ("Zone", "a")), (("Zone", "a"),), ()]
    assert [one.is_first_set for one in found] == [True, False, False]


def test_values_may_be_an_array_and_the_unit_and_resolution_are_optional() -> None:
    [found] = read(event(metrics=[{"Name": "Latency"}], Latency=[1, 2.5, -3]))
    assert (found.values, found.unit, found.resolution_s) == ((1, 2.5, -3), "None", 60)
    [fine] = read(event(metrics=[{"Name": "Latency", "StorageResolution": 1}]))
    assert fine.resolution_s == 1
    assert len(read(event(Latency=list(range(100))))) == 1
    assert read(event(Latency=[])) == []


def test_names_are_flat_and_case_matters() -> None:
    members = {"A.b": 1, "A": {"b": 2}, "latency": 3}
    [found] = read(event(metrics=[{"Name": "A.b"}], **members))
    assert found.values == (1,)
    assert isinstance(read(event(metrics=[{"Name": "LATENCY"}]))[0], Invalid)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"namespace": ""}, "Namespace of 0"),
        ({"namespace": "x" * 1_025}, "Namespace of 1025"),
        ({"dimensions": []}, "without a set"),
        ({"dimensions": ["Service"]}, "no array of strings"),
        ({"dimensions": [["Nowhere"]]}, "'Nowhere' is no member"),
        ({"Service": 3}, "'Service' is no string"),
        ({"Service": ""}, "has 0 characters"),
        ({"Service": "x" * 1_025}, "has 1025 characters"),
        ({"dimensions": [["x" * 251]], "x" * 251: "y"}, "name of 251"),
        ({"dimensions": [[f"d{n}" for n in range(31)]], **{f"d{n}": "v" for n in range(31)}}, "31 dimensions"),
        ({"metrics": [{"Name": f"m{n}"} for n in range(101)]}, "101 metrics"),
        ({"metrics": [{"Unit": "Count"}]}, "without a Name"),
        ({"metrics": ["Latency"]}, "without a Name"),
        ({"metrics": [{"Name": "Nowhere"}]}, "'Nowhere' is no member"),
        ({"metrics": [{"Name": "Latency", "Unit": "milliseconds"}]}, "'milliseconds' is no unit"),
        ({"metrics": [{"Name": "Latency", "Unit": ["Count"]}]}, "is no unit"),
        ({"metrics": [{"Name": "Latency", "StorageResolution": 5}]}, "neither 1 nor 60"),
        ({"metrics": [{"Name": "Latency", "StorageResolution": True}]}, "neither 1 nor 60"),
        ({"Latency": "3"}, "is no number"),
        ({"Latency": True}, "is no number"),
        ({"Latency": None}, "is no number"),
        ({"Latency": [1, "2"]}, "is no number"),
        ({"Latency": float("nan")}, "is no number"),
        ({"Latency": 10**400}, "is no number"),
        ({"Latency": [0] * 101}, "101 values"),
        ({"time": NOW_MS - 15 * 86_400_000}, "two weeks old"),
        ({"time": NOW_MS + 3 * 3_600_000}, "two hours ahead"),
        ({"Padding": "x" * 1_048_576}, "above 1048576 bytes"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_left_out_and_counted(changed: dict[str, Any], said: str) -> None:
    [found] = read(event(**changed))
    assert isinstance(found, Invalid)
    assert said in found.why


def test_a_bad_metric_or_set_leaves_the_others() -> None:
    found = read(
        event(
            metrics=[{"Name": "Nowhere"}, {"Name": "Latency"}],
            dimensions=[["Nowhere"], ["Service"]],
        )
    )
    assert [type(one) for one in found] == [Invalid, Invalid, EmbeddedMetric]


@pytest.mark.parametrize(
    "metadata",
    [
        3, None, [], {}, {"Timestamp": NOW_MS}, {"Timestamp": 1.5, "CloudWatchMetrics": []},
        {"Timestamp": True, "CloudWatchMetrics": []}, {"Timestamp": str(NOW_MS), "CloudWatchMetrics": []},
        {"Timestamp": NOW_MS, "CloudWatchMetrics": {}}, {"Timestamp": NOW_MS, "CloudWatchMetrics": [3]},
        {"Timestamp": NOW_MS, "CloudWatchMetrics": [{"Dimensions": [], "Metrics": []}]},
        {"Timestamp": NOW_MS, "CloudWatchMetrics": [{"Namespace": "N", "Metrics": []}]},
        {"Timestamp": NOW_MS, "CloudWatchMetrics": [{"Namespace": "N", "Dimensions": []}]},
    ],
)  # fmt: skip
def test_what_is_marked_but_not_of_the_form_is_a_parsing_error(metadata: Any) -> None:
    [found] = read({"_aws": metadata})
    assert isinstance(found, Malformed)


def test_a_prefix_breaks_it_and_a_nested_mark_means_nothing() -> None:
    text = json.dumps(event())
    assert read(f"[INFO]\t2026-01-01T00:00:00.000Z\tid\t{text}") == [NoObject()]
    assert read(f"[{text}]") == [NoObject()]
    assert read({"message": event()}) == []
    assert read("plain text") == read("{}") == []
    assert len(read(f" {text}\r")) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["_aws", "Timestamp", "CloudWatchMetrics", "Namespace", "Dimensions", "Metrics", "Name", "Unit", "A"]
)
documents = st.recursive(
    json_values | st.just(NOW_MS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


@given(documents, json_values)
def test_no_event_whatever_makes_reading_fail(document: Any, member: Any) -> None:
    for given_ in (
        document,
        {"_aws": document, "A": member},
        event(dimensions=document),
        event(metrics=document),
    ):
        for found in read(given_):
            assert isinstance(found, EmbeddedMetric | Malformed | Invalid | NoObject)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.floats(0, 1))
def test_values_of_either_sign_keep_their_order(values: list[float], share: float) -> None:
    told = SignedValues()
    for value in values:
        told.add(value)
    assert (told.least, told.most, told.count) == (min(values), max(values), len(values))
    assert min(values) <= told.quantile(share) <= max(values)
    assert told.quantile(0.2) <= told.quantile(0.8)
    assert told.total == pytest.approx(sum(values), abs=1e-3)


def metrics_of(*lines: Any, config: LoggingConfig | None = None) -> CustomMetrics:
    function = Function(
        name="fn", handler="a.b", code_uri=Path(), runtime="python3.11", logging_config=config
    )
    found = CustomMetrics({"fn": function})
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    found.read(OutputCaptured(NOW, "fn", ID, 1, "\n".join(texts).encode(), 0))
    return found


def points(found: CustomMetrics) -> list[tuple[Any, ...]]:
    told = [json.loads(line) for line in found.lines()]
    return [(p["namespace"], p["metric"], p["timestamp"][11:19], p["statistics"]["sum"]) for p in told]


def test_datapoints_stand_at_the_minute_of_the_event_or_at_the_second() -> None:
    later = NOW_MS + 60_000
    fine = event(metrics=[{"Name": "Latency", "StorageResolution": 1}], namespace="Fine")
    found = metrics_of(event(), event(Latency=[1, 2]), event(time=later), fine)
    assert points(found) == [
        ("Fine", "Latency", "03:04:05", 12.5),
        ("Shop", "Latency", "03:04:00", 15.5),
        ("Shop", "Latency", "03:05:00", 12.5),
    ]
    assert [json.loads(line).get("storage_resolution") for line in found.lines()] == [1, None, None]


def test_faults_are_awss_counters_of_the_log_group_and_the_line_stays() -> None:
    found = metrics_of(event(Latency="x"), {"_aws": 3}, {"_aws": 4})
    assert points(found) == [
        ("AWS/Logs", "EMFParsingErrors", "03:04:00", 2),
        ("AWS/Logs", "EMFValidationErrors", "03:04:00", 1),
    ]
    assert json.loads(next(iter(found.lines())))["dimensions"] == {"LogGroupName": "/aws/lambda/fn"}


def test_a_line_that_the_level_drops_never_reaches_cloudwatch() -> None:
    warn = LoggingConfig(log_format=LogFormat.JSON, application_log_level=ApplicationLogLevel.WARN)
    assert points(metrics_of(event(), config=warn)) == []
    assert len(points(metrics_of(event(level="ERROR"), config=warn))) == 1
    assert len(points(metrics_of(event(), config=LoggingConfig(log_format=LogFormat.JSON)))) == 1


def test_the_summary_has_a_section_and_says_what_is_wrong() -> None:
    bad = json.dumps(event())
    summary = Summary(
        custom=metrics_of(event(dimensions=[["Service"], []]), f"[INFO]\t{bad}", event(Latency="x"))
    )
    text = render(summary)
    assert "METRIC                  namespace  values   sum   avg  least  most\n" in text
    assert "Latency (Milliseconds)  Shop            1  12.5  12.5   12.5  12.5\n" in text
    assert (
        "embedded metrics: 1 fault, which CloudWatch would leave out; most often: metric 'Latency' is no number"
        in text
    )
    assert "embedded metrics: 1 line with _aws in it, but text before or behind the object" in text
    told = summary.as_json()["custom_metrics"]
    assert told["metrics"] == [
        {
            "namespace": "Shop",
            "metric": "Latency",
            "unit": "Milliseconds",
            "count": 1,
            "sum": 12.5,
            "min": 12.5,
            "max": 12.5,
        }
    ]
    assert (told["faults"], told["not_objects"]) == ({"metric 'Latency' is no number": 1}, 1)
    assert "METRIC" not in render(Summary())


def test_the_limits_of_time_hold_to_the_second() -> None:
    def told(shift_s: int) -> type:
        [found] = read(event(), Instant(NOW_MS * 1_000 + shift_s * SECOND))
        return type(found)

    assert told(14 * 86_400) is told(-7_200) is EmbeddedMetric
    assert told(14 * 86_400 + 1) is told(-7_201) is Invalid
