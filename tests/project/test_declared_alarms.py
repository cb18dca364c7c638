"""`[alarms.NAME]`: AWS's PutMetricAlarm in snake case, its short forms, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.alarm import (
    Alarm,
    ComparisonOperator,
    LowSamples,
    MissingData,
    Percentile,
    Statistic,
    WatchedLog,
    WatchedMetric,
)
from lambdarun.model.event_source_mapping import uuid_of
from lambdarun.project.project_file import load

PROJECT = """[functions.thumbnail]
handler = "app.handler"
code_uri = "code"
[functions.told]
handler = "app.handler"
code_uri = "code"
logging_config = { log_format = "JSON" }
[queues.orders]
[alarms.a]
"""
QUEUE = 'metric = "ApproximateAgeOfOldestMessage"\ndimensions = { QueueName = "orders" }\n'
LOG = 'function = "thumbnail"\nthreshold = 0\n'


def alarm(folder: Path, text: str) -> Alarm:
    return load(write(folder, text)).alarms["a"]


def write(folder: Path, text: str) -> Path:
    (folder / "code").mkdir(exist_ok=True)
    path = folder / "lambdarun.toml"
    path.write_text(PROJECT + text)
    return path


def findings(folder: Path, text: str) -> list[str]:
    with pytest.raises(ProjectErrors) as told:
        load(write(folder, text))
    return [str(finding).removeprefix(f"{folder}/lambdarun.toml:") for finding in told.value.findings]


def test_the_short_form_takes_the_metrics_own_statistic_and_one_minute(tmp_path: Path) -> None:
    found = alarm(tmp_path, f"{QUEUE}threshold = 30\n")
    assert found.watched == WatchedMetric(
        "AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "orders"),)
    )
    assert (found.statistic, found.threshold) == (Statistic.MAXIMUM, 30.0)
    assert (found.period, found.evaluation_periods, found.datapoints_to_alarm) == (60, 1, None)
    assert found.comparison_operator is ComparisonOperator.GREATER
    assert found.treat_missing_data is MissingData.MISSING


def test_the_long_form_is_awss(tmp_path: Path) -> None:
    text = """
namespace = "AWS/Lambda"
metric_name = "Duration"
dimensions = { FunctionName = "thumbnail", Resource = "thumbnail" }
extended_statistic = "p99.9"
unit = "Milliseconds"
period = 300
evaluation_periods = 5
datapoints_to_alarm = 3
comparison_operator = "LessThanOrEqualToThreshold"
threshold = 1.5
treat_missing_data = "notBreaching"
evaluate_low_sample_count_percentile = "ignore"
alarm_description = "slow"
"""
    found = alarm(tmp_path, text)
    assert found.watched == WatchedMetric(
        "AWS/Lambda",
        "Duration",
        (("FunctionName", "thumbnail"), ("Resource", "thumbnail")),
        "Milliseconds",
    )
    assert found.statistic == Percentile(99.9)
    assert (found.period, found.evaluation_periods, found.datapoints_to_alarm) == (300, 5, 3)
    assert found.comparison_operator is ComparisonOperator.LESS_OR_EQUAL
    assert (found.threshold, found.treat_missing_data) == (1.5, MissingData.NOT_BREACHING)
    assert (found.low_samples, found.description) == (LowSamples.IGNORE, "slow")


def test_operators_have_signs(tmp_path: Path) -> None:
    found = alarm(tmp_path, f'{QUEUE}threshold = 30\ncomparison_operator = ">="\n')
    assert found.comparison_operator is ComparisonOperator.GREATER_OR_EQUAL


def test_a_metric_of_a_users_own_takes_its_namespace_and_the_average(tmp_path: Path) -> None:
    text = 'metric = "Latency"\nnamespace = "Shop"\ndimensions = { B = "2", A = "1" }\nthreshold = 1\n'
    found = alarm(tmp_path, text)
    assert found.watched == WatchedMetric("Shop", "Latency", (("A", "1"), ("B", "2")))
    assert found.statistic is Statistic.AVERAGE


def test_a_metric_of_lambdas_may_be_the_regions(tmp_path: Path) -> None:
    assert alarm(tmp_path, 'metric = "Throttles"\nthreshold = 0\n').watched == WatchedMetric(
        "AWS/Lambda", "Throttles", ()
    )


@pytest.mark.parametrize(
    ("function", "level", "event"),
    [
        ("thumbnail", "ERROR", "[ERROR]\t2026-11-25T02:00:00.000Z\tid\tno"),
        ("thumbnail", "WARN", "[WARNING]\t2026-11-25T02:00:00.000Z\tid\tno"),
        ("told", "ERROR", '{"level": "ERROR", "message": "no"}'),
        ("told", "WARNING", '{"level": "WARNING", "message": "no"}'),
    ],
)
def test_a_log_level_is_found_in_the_functions_own_format(
    tmp_path: Path, function: str, level: str, event: str
) -> None:
    found = alarm(tmp_path, f'function = "{function}"\nlog_level = "{level}"\nthreshold = 0\n')
    assert isinstance(found.watched, WatchedLog)
    assert found.watched.pattern.matches(event)
    assert not found.watched.pattern.matches(event.replace(level, "INFO").replace("WARNING", "INFO"))
    assert found.statistic is Statistic.SUM


def test_a_log_pattern_is_a_metric_filters(tmp_path: Path) -> None:
    found = alarm(tmp_path, f"{LOG}log_pattern = 'ERROR -\"will retry\"'\ndefault_value = 0\n")
    assert isinstance(found.watched, WatchedLog)
    assert found.watched.counts_zeros
    assert found.watched.pattern.matches("ERROR x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'metric = "ApproximateAgeOfOldestMesage"\nthreshold = 1\n',
            "10:1: alarms.a.metric: there is no metric 'ApproximateAgeOfOldestMesage'. Did you mean"
            ' "ApproximateAgeOfOldestMessage"? A metric of your own needs its namespace.',
        ),
        (
            'namespace = "AWS/SQS"\nmetric_name = "Errors"\nthreshold = 1\n',
            "11:1: alarms.a.metric_name: there is no metric 'Errors'. Metrics: ApproximateAge",
        ),
        (
            'metric = "IteratorAge"\ndimensions = { FunctionName = "thumbnail" }\nthreshold = 30000\n',
            "10:1: alarms.a.metric: nothing here emits IteratorAge yet.",
        ),
        (
            'metric = "Errors"\nnamespace = "AWS/Lamda"\nthreshold = 1\n',
            '11:1: alarms.a.namespace: nothing here emits AWS/Lamda. Did you mean "AWS/Lambda"?',
        ),
        (
            'metric = "Errors"\ndimensions = { FunctionName = "thumbnial" }\nthreshold = 1\n',
            "11:16: alarms.a.dimensions.FunctionName: there is no function 'thumbnial'. Did you mean \"thumbnail\"?",
        ),
        (
            'metric = "NumberOfMessagesSent"\ndimensions = { QueueName = "order" }\nthreshold = 1\n',
            "11:16: alarms.a.dimensions.QueueName: there is no queue 'order'. Did you mean \"orders\"?",
        ),
        (
            'metric = "Errors"\ndimensions = { FunctionNam = "thumbnail" }\nthreshold = 1\n',
            'alarms.a.dimensions.FunctionNam: Errors has no dimension \'FunctionNam\'. Did you mean "FunctionName"?',
        ),
        (
            'metric = "Errors"\ndimensions = { Resource = "thumbnail" }\nthreshold = 1\n',
            "alarms.a.dimensions: CloudWatch has no Errors under exactly these dimensions. Write {",
        ),
        (
            'metric = "Errors"\ndimensions = { FunctionName = "thumbnail", Resource = "thumbnail:9" }\nthreshold = 1\n',
            "alarms.a.dimensions.Resource: there is no function 'thumbnail:9'.",
        ),
        (
            'metric = "NumberOfMessagesSent"\nthreshold = 1\n',
            'CloudWatch has no NumberOfMessagesSent under exactly these dimensions. Write { QueueName = "..." }.',
        ),
        (
            'metric = "ClaimedAccountConcurrency"\ndimensions = { FunctionName = "thumbnail" }\nthreshold = 1\n',
            "ClaimedAccountConcurrency has no dimension 'FunctionName'. Its dimensions: none.",
        ),
        (
            'metric = "ApproximateNumberOfGroupsWithInflightMessages"\ndimensions = { QueueName = "orders" }\n'
            "threshold = 1\n",
            "is of FIFO queues only, and orders is a standard queue.",
        ),
        (
            'metric = "ApproximateNumberOfNoisyGroups"\ndimensions = { QueueName = "jobs.fifo" }\nthreshold = 1\n'
            '[queues."jobs.fifo"]\n',
            "is of standard queues only, and jobs.fifo is a FIFO queue.",
        ),
        (QUEUE, "9:1: alarms.a: has no threshold."),
        (f'{QUEUE}threshold = "30"\n', "alarms.a.threshold: \"30\" is no number."),
        (f"{QUEUE}threshold = true\n", "alarms.a.threshold: true is no number."),
        (f"{QUEUE}threshold = nan\n", "alarms.a.threshold: nan is no number"),
        (f"{QUEUE}threshold = 1\nperiod = 90\n", "alarms.a.period: 90 is no multiple of 60 s."),
        (f"{QUEUE}threshold = 1\nperiod = 10\n", "alarms.a.period: 10 s is for metrics of high resolution"),
        (f'{QUEUE}threshold = 1\nperiod = "60"\n', 'alarms.a.period: "60" is no whole number.'),
        (f"{QUEUE}threshold = 1\nevaluation_periods = 0\n", "alarms.a.evaluation_periods: 0 is below 1"),
        (f"{QUEUE}threshold = 1\ndatapoints_to_alarm = 2\n", "alarms.a.datapoints_to_alarm: 2 is above"),
        (f"{QUEUE}threshold = 1\nevaluation_periods = 2000\n", "alarms.a.evaluation_periods: 2000 periods of 60 s"),
        (f'{QUEUE}threshold = 1\nstatistic = "sum"\n', 'alarms.a.statistic: "sum" is none of SampleCount, Sum'),
        (f'{QUEUE}threshold = 1\nstatistic = "p99"\n', 'Write extended_statistic = "p99".'),
        (f'{QUEUE}threshold = 1\nstatistic = "Sum"\nextended_statistic = "p99"\n', "does not go with a statistic."),
        (f'{QUEUE}threshold = 1\nextended_statistic = "tm90"\n', '"tm90": trimmed means are AWS\'s, but not built yet.'),
        (f'{QUEUE}threshold = 1\nextended_statistic = "p101"\n', '"p101" is no percentile.'),
        (f'{QUEUE}threshold = 1\ncomparison_operator = "=="\n', "alarms.a.comparison_operator: \"==\" is none of"),
        (
            f'{QUEUE}threshold = 1\ncomparison_operator = "LessThanLowerThreshold"\n',
            'Did you mean "LessThanThreshold"?',
        ),
        (f'{QUEUE}threshold = 1\ntreat_missing_data = "notbreaching"\n', 'Did you mean "notBreaching"?'),
        (f'{QUEUE}threshold = 1\nunit = "Count"\n', "alarms.a.unit: ApproximateAgeOfOldestMessage is not in Count."),
        (
            f'{QUEUE}threshold = 1\nevaluate_low_sample_count_percentile = "ignore"\n',
            "acts on percentiles only.",
        ),
        (f'{QUEUE}threshold = 1\nmetric_name = "Errors"\n', "alarms.a.metric_name: says the same as metric."),
        (f"{QUEUE}threshold = 1\nthreshhold = 2\n", 'alarms.a.threshhold: no such setting. Did you mean "threshold"?'),
        *(
            (f"{QUEUE}threshold = 1\n{key} = []\n", f"alarms.a.{key}: is AWS's, but not built yet.")
            for key in ("alarm_actions", "ok_actions", "insufficient_data_actions", "metrics", "tags")
        ),
        ("threshold = 1\n", "9:1: alarms.a: names no metric."),
        (f"{LOG}", "has to have either a log_level or a log_pattern."),
        (f'{LOG}log_level = "ERROR"\nlog_pattern = "x"\n', "has to have either a log_level or a log_pattern."),
        (f'{LOG}log_level = "ERORR"\n', 'alarms.a.log_level: "ERORR" is no level. Did you mean "ERROR"?'),
        (f'{LOG}log_pattern = "[ip, user]"\n', "alarms.a.log_pattern: is a pattern of space-delimited fields, which is not"),
        (f'{LOG}log_pattern = "x"\nmetric = "Errors"\n', "alarms.a.metric: does not go with an alarm on a log."),
        (f'{LOG}log_pattern = "x"\ndefault_value = 1\n', "alarms.a.default_value: 1 is not built."),
        ('function = "thumb"\nlog_level = "ERROR"\nthreshold = 0\n', "alarms.a.function: there is no function 'thumb'."),
        ('log_level = "ERROR"\nthreshold = 0\n', "alarms.a: names no function."),
    ],
)  # fmt: skip
def test_what_cannot_be_an_alarm_is_refused_at_its_key(tmp_path: Path, text: str, said: str) -> None:
    found = findings(tmp_path, text)
    assert any(said in one for one in found), found


MAPPING = """[event_source_mappings.counted]
event_source = "queues.orders"
function = "thumbnail"
metrics_config = { metrics = ["EventCount"] }
[event_source_mappings.plain]
event_source = "queues.orders"
function = "told"
"""


def test_a_mappings_metric_is_watched_by_its_name_or_its_uuid(tmp_path: Path) -> None:
    def watching(mapping: str) -> str:
        return (
            'metric = "PolledEventCount"\nthreshold = 0\n'
            f'dimensions = {{ EventSourceMappingUUID = "{mapping}" }}\n{MAPPING}'
        )

    uuid = uuid_of("counted")
    expected = WatchedMetric("AWS/Lambda", "PolledEventCount", (("EventSourceMappingUUID", uuid),))
    assert alarm(tmp_path, watching("counted")).watched == expected
    assert alarm(tmp_path, watching(uuid)).watched == expected
    (unknown,) = findings(tmp_path, watching("contued"))
    assert "there is no event source mapping 'contued'. Did you mean \"counted\"?" in unknown
    (silent,) = findings(tmp_path, watching("plain"))
    assert (
        'plain does not publish PolledEventCount. Give it metrics_config = { metrics = ["EventCount"] }'
        in silent
    )


def test_a_function_has_no_metrics_of_mappings_and_a_mapping_none_of_functions(tmp_path: Path) -> None:
    (told,) = findings(
        tmp_path, 'metric = "PolledEventCount"\ndimensions = { FunctionName = "thumbnail" }\nthreshold = 0\n'
    )
    assert "PolledEventCount has no dimension 'FunctionName'. Its dimensions: EventSourceMappingUUID." in told
    (told,) = findings(
        tmp_path, 'metric = "Errors"\ndimensions = { EventSourceMappingUUID = "x" }\nthreshold = 0\n'
    )
    assert "Errors has no dimension 'EventSourceMappingUUID'." in told


def test_all_faults_of_an_alarm_are_told_at_once(tmp_path: Path) -> None:
    text = f'{QUEUE}period = 90\ncomparison_operator = "=="\ntreat_missing_data = "no"\n'
    assert len(findings(tmp_path, text)) == 4  # no threshold either
