"""Alarms as a user meets them: declared, listed, checked, raised and cleared in a replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command import run

PROJECT = """
[functions.slow]
handler = "app.handler"
timeout = 240
[queues.orders]
visibility_timeout = 1440
[event_source_mappings.orders]
event_source = "queues.orders"
function = "slow"
batch_size = 1
[alarms.late]
metric = "ApproximateAgeOfOldestMessage"
dimensions = { QueueName = "orders" }
threshold = 30
datapoints_to_alarm = 1
[alarms.failing]
metric = "Errors"
dimensions = { FunctionName = "slow" }
threshold = 0
treat_missing_data = "notBreaching"
[alarms.complaining]
function = "slow"
log_level = "WARNING"
threshold = 0
"""
HANDLER = """
import logging, time
def handler(event, context):
    time.sleep(190)
    if event["Records"][0]["body"] == "odd":
        logging.warning("odd")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "lambdarun.toml").write_text(PROJECT)
    line = {"time": "2026-11-25T02:00:20Z", "queue": "orders", "body": "odd"}
    (tmp_path / "orders.jsonl").write_text(json.dumps(line))
    return tmp_path


def replayed(folder: Path, *arguments: str) -> dict[str, Any]:
    told = run(folder, "replay", "orders.jsonl", "-o", "json", "--isolation", "inline", *arguments)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


# The message is sent at 02:00:20 and handled at 02:03:30. It is 40 s old at 02:01:00 (the sample of 02:01, which is whole at
# 02:02), and gone at 02:04:00 (the sample of 02:04, whole at 02:05).
def test_an_alarm_of_30_s_age_is_raised_and_cleared_at_the_minutes_of_the_rule(folder: Path) -> None:
    late = replayed(folder)["alarms"]["late"]
    assert late == {
        "metric": "ApproximateAgeOfOldestMessage (QueueName=orders)",
        "state": "OK",
        "reason": "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (25/11/26 02:04:00)] was not greater than the"
        " threshold (30.0) (minimum 1 datapoint for ALARM -> OK transition).",
        "raised": [
            {
                "raised": "2026-11-25T02:02:00.000000Z",
                "cleared": "2026-11-25T02:05:00.000000Z",
                "reason": "Threshold Crossed: 1 out of the last 1 datapoints [40.0 (25/11/26 02:01:00)] was greater"
                " than the threshold (30.0) (minimum 1 datapoint for OK -> ALARM transition).",
            }
        ],
    }


def test_the_summary_shows_each_alarm_with_its_times(folder: Path) -> None:
    said = run(folder, "replay", "orders.jsonl", "--isolation", "inline").stdout
    assert "ALARM        state              raised            cleared             for" in said
    assert "complaining  INSUFFICIENT_DATA  2026-11-25 02:04  2026-11-25 02:07  3 min" in said
    assert "failing      OK                 -                 -                     -" in said
    assert "late         OK                 2026-11-25 02:02  2026-11-25 02:05  3 min" in said
    assert '  complaining: "[WARNING]" in the log of slow: Threshold Crossed: 1 datapoint [1.0 (' in said


def test_a_run_fails_on_an_alarm_where_that_is_asked_for(folder: Path) -> None:
    given = ("replay", "orders.jsonl", "--isolation", "inline", "--fail-on")
    failed = run(folder, *given, "alarm")
    assert failed.returncode == 1
    assert "failed by --fail-on alarm: complaining, late\n" in failed.stderr
    assert run(folder, *given, "error").returncode == 0
    calm = PROJECT.replace("threshold = 30", "threshold = 3000").replace('"WARNING"', '"CRITICAL"')
    (folder / "lambdarun.toml").write_text(calm)
    assert run(folder, *given, "alarm").returncode == 0


def test_failing_on_alarms_takes_alarms(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.partition("[alarms.late]")[0])
    told = run(folder, "replay", "orders.jsonl", "--fail-on", "alarm")
    assert told.returncode == 2
    assert "--fail-on alarm: the project declares no alarm. Declare one: [alarms.NAME]." in told.stderr


def test_alarms_are_listed_and_counted(folder: Path) -> None:
    listed = run(folder, "list").stdout
    assert (
        "late         ApproximateAgeOfOldestMessage (QueueName=orders)  Maximum > 30 in 1 of 1 x 60 s"
        in listed
    )
    assert '"[WARNING]" in the log of slow' in listed
    document = json.loads(run(folder, "list", "-o", "json").stdout)["alarms"]
    assert document[1] == {
        "name": "failing",
        "alarm_description": "",
        "namespace": "AWS/Lambda",
        "metric_name": "Errors",
        "dimensions": {"FunctionName": "slow"},
        "unit": None,
        "statistic": "Sum",
        "period": 60,
        "evaluation_periods": 1,
        "datapoints_to_alarm": None,
        "comparison_operator": "GreaterThanThreshold",
        "threshold": 0.0,
        "treat_missing_data": "notBreaching",
        "evaluate_low_sample_count_percentile": "evaluate",
    }
    assert document[2]["log_pattern"] == '"[WARNING]"'
    assert run(folder, "validate").stdout.endswith("1 event source mapping, 3 alarms\n")
    assert json.loads(run(folder, "validate", "-o", "json").stdout)["alarms"] == 3


def test_an_unknown_metric_is_refused_with_the_nearest_name(folder: Path) -> None:
    text = PROJECT.replace('"ApproximateAgeOfOldestMessage"', '"AproximateAgeOfOldestMessage"')
    (folder / "lambdarun.toml").write_text(text)
    told = run(folder, "validate")
    assert told.returncode == 3
    assert (
        "alarms.late.metric: there is no metric 'AproximateAgeOfOldestMessage'. Did you mean \"ApproximateAge"
        in told.stderr
    )


def test_equal_seeds_raise_alarms_at_equal_times(folder: Path) -> None:
    assert replayed(folder, "--seed", "7")["alarms"] == replayed(folder, "--seed", "7")["alarms"]
