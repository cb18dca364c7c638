"""CloudWatch's decision, by the examples of its own page.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.alarm import (
    Alarm,
    AlarmState,
    ComparisonOperator,
    LowSamples,
    MissingData,
    Percentile,
    Statistic,
    WatchedMetric,
)
from lambdarun.model.alarm_evaluation import Datapoint, evaluate, evaluation_range, number
from lambdarun.model.instant import SECOND, Instant, parse_instant

AT = parse_instant("2026-11-25T02:00:00Z")
AGE = WatchedMetric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "orders"),))
VALUES = {"0": 30.0, "X": 31.0}


def alarm(
    periods: int = 1, enough: int | None = None, treatment: MissingData = MissingData.MISSING, **more: object
) -> Alarm:
    return Alarm(
        name="late",
        watched=AGE,
        statistic=Statistic.MAXIMUM,
        threshold=30,
        evaluation_periods=periods,
        datapoints_to_alarm=enough,
        treat_missing_data=treatment,
        **more,  # type: ignore[arg-type]
    )


def points(text: str) -> list[Datapoint | None]:
    """`0 - X`: within, a gap, breaching; the last minute is 02:00."""
    signs = text.split()
    first = AT - (len(signs) - 1) * 60 * SECOND
    return [
        Datapoint(Instant(first + n * 60 * SECOND), VALUES[sign]) if sign in VALUES else None
        for n, sign in enumerate(signs)
    ]


def state(of: Alarm, text: str) -> str:
    verdict = evaluate(of, points(text))
    return "retain" if verdict is None else verdict.state.value


# The page's tables, with the columns missing, ignore, breaching, notBreaching. Its evaluation range is 5.
THREE_OF_THREE = [
    ("0 - X - X", "OK", "OK", "OK", "OK"),
    ("0 - - - -", "OK", "OK", "OK", "OK"),
    ("- - - - -", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", "ALARM", "retain", "ALARM", "OK"),
    # Of the table that the page had until 2020.
    ("- - - - X", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
    ("X - - - -", "ALARM", "retain", "ALARM", "OK"),
]
TWO_OF_THREE = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "OK", "ALARM", "OK"),
    ("- - - X -", "ALARM", "retain", "ALARM", "OK"),
    ("- - - - X", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
]


@pytest.mark.parametrize("treatment", list(MissingData), ids=lambda treatment: treatment.value)
@pytest.mark.parametrize(
    ("enough", "row"), [*((3, row) for row in THREE_OF_THREE), *((2, row) for row in TWO_OF_THREE)]
)
def test_the_pages_tables_of_missing_data_hold(
    enough: int, row: tuple[str, ...], treatment: MissingData
) -> None:
    expected = dict(zip(MissingData, row[1:], strict=True))[treatment]
    assert state(alarm(3, enough, treatment), row[0]) == expected


def test_the_range_is_two_periods_more_than_are_evaluated() -> None:
    assert evaluation_range(alarm(3)) == 5


def test_a_fresh_breach_among_gaps_raises_nothing_until_it_is_as_old_as_the_datapoints_needed() -> None:
    assert [state(alarm(3), text) for text in ("- - - - X", "- - - X -", "- - X - -")] == [
        "INSUFFICIENT_DATA",
        "INSUFFICIENT_DATA",
        "ALARM",
    ]


def test_the_pages_figure_is_raised_at_the_third_breach_and_cleared_at_the_first_good_one() -> None:
    values = ["0", "0", "X", "X", "X", "0", "0", "0", "X", "0"]
    states = [state(alarm(3), " ".join(values[max(0, n - 4) : n + 1])) for n in range(2, 10)]
    assert states == ["OK", "OK", "ALARM", "OK", "OK", "OK", "OK", "OK"]


@pytest.mark.parametrize(
    ("operator", "breaching"),
    [
        (ComparisonOperator.GREATER, [31]),
        (ComparisonOperator.GREATER_OR_EQUAL, [30, 31]),
        (ComparisonOperator.LESS, [29]),
        (ComparisonOperator.LESS_OR_EQUAL, [29, 30]),
    ],
)
def test_operators_compare_as_they_are_called(operator: ComparisonOperator, breaching: list[int]) -> None:
    of = alarm(comparison_operator=operator)
    raised = [
        value
        for value in (29, 30, 31)
        if (verdict := evaluate(of, [Datapoint(AT, value)])) and verdict.state is AlarmState.ALARM
    ]
    assert raised == breaching


def reason(of: Alarm, text: str) -> str:
    verdict = evaluate(of, points(text))
    assert verdict is not None
    return verdict.reason


# As alarms of real accounts told them; the numbers are ours.
@pytest.mark.parametrize(
    ("of", "text", "told"),
    [
        (
            alarm(1, 1),
            "- - X",
            "Threshold Crossed: 1 out of the last 1 datapoints [31.0 (25/11/26 02:00:00)] was greater than the"
            " threshold (30.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            alarm(3, 3),
            "0 0 X X X",
            "Threshold Crossed: 3 out of the last 3 datapoints [31.0 (25/11/26 02:00:00), 31.0 (25/11/26 01:59:00),"
            " 31.0 (25/11/26 01:58:00)] were greater than the threshold (30.0) (minimum 3 datapoints for OK -> ALARM"
            " transition).",
        ),
        (
            alarm(3, 2),
            "0 0 X 0 0",
            "Threshold Crossed: 2 out of the last 3 datapoints [30.0 (25/11/26 02:00:00), 30.0 (25/11/26 01:59:00)]"
            " were not greater than the threshold (30.0) (minimum 2 datapoints for ALARM -> OK transition).",
        ),
        (
            alarm(20, 1, MissingData.NOT_BREACHING, comparison_operator=ComparisonOperator.GREATER_OR_EQUAL),
            "- " * 21 + "X",
            "Threshold Crossed: 1 out of the last 20 datapoints [31.0 (25/11/26 02:00:00)] was greater than or equal"
            " to the threshold (30.0) and 19 missing datapoints were treated as [NonBreaching] (minimum 1 datapoint"
            " for OK -> ALARM transition).",
        ),
        (
            alarm(3),
            "0 0 X X X",
            "Threshold Crossed: 3 datapoints [31.0 (25/11/26 02:00:00), 31.0 (25/11/26 01:59:00), 31.0 (25/11/26"
            " 01:58:00)] were greater than the threshold (30.0).",
        ),
        (
            alarm(8, None, MissingData.BREACHING, comparison_operator=ComparisonOperator.LESS_OR_EQUAL),
            "- - - - - - - - - X",
            "Threshold Crossed: 1 datapoint [31.0 (25/11/26 02:00:00)] was not less than or equal to the threshold"
            " (30.0) and 7 missing datapoints were treated as [Breaching].",
        ),
        (
            alarm(2, None, MissingData.BREACHING),
            "- - - -",
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as"
            " [Breaching].",
        ),
        (
            alarm(1, 1, MissingData.NOT_BREACHING),
            "- - -",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as"
            " [NonBreaching].",
        ),
        (
            alarm(3, 2, MissingData.BREACHING),
            "- - - - 0",
            "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as"
            " [Breaching].",
        ),
        (
            alarm(3, 3),
            "- - X - -",
            "Threshold Crossed: 1 out of the last 3 datapoints [31.0 (25/11/26 01:58:00)] was greater than the"
            " threshold (30.0) (minimum 3 datapoints for OK -> ALARM transition).",
        ),
        (alarm(1), "- - -", "Insufficient Data: 1 datapoint was unknown."),
        (alarm(3), "- - - - -", "Insufficient Data: 3 datapoints were unknown."),
    ],
)
def test_reasons_are_told_in_cloudwatchs_words(of: Alarm, text: str, told: str) -> None:
    assert reason(of, text) == told


def test_awss_recorded_reasons_are_held() -> None:
    """What CloudWatch answered LocalStack's tests test_put_metric_alarm and test_breaching_alarm_actions of 2023."""
    metric = WatchedMetric("test", "my-metric1", (("InstanceId", "abc"),))
    of = Alarm(
        name="put",
        watched=metric,
        statistic=Statistic.AVERAGE,
        threshold=2.0,
        treat_missing_data=MissingData.NOT_BREACHING,
    )
    raised = evaluate(of, [None, None, Datapoint(parse_instant("2023-10-26T16:42:00Z"), 21.5)])
    assert raised is not None
    assert raised.reason == (
        "Threshold Crossed: 1 datapoint [21.5 (26/10/23 16:42:00)] was greater than the threshold (2.0)."
    )
    silent = alarm(2, None, MissingData.BREACHING)
    assert reason(silent, "- - - -") == (
        "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as"
        " [Breaching]."
    )


def test_a_percentile_of_too_few_values_is_left_alone_where_that_is_asked_for() -> None:
    of = Alarm(name="p", watched=AGE, statistic=Percentile(99), threshold=30, low_samples=LowSamples.IGNORE)
    assert evaluate(of, [Datapoint(AT, 31, 999)]) is None
    assert evaluate(of, [Datapoint(AT, 31, 1_000)]) is not None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0"), (1, "1.0"), (-2.5, "-2.5"), (9_999_999, "9999999.0"), (10_000_000, "1.0E7"), (123_456_789, "1.23456789E8"),
        (0.001, "0.001"), (0.000_12, "1.2E-4"), (1e22, "1.0E22"), (-1.5e-9, "-1.5E-9"), (1.016_666_666_666_666_6, "1.0166666666666666"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_java_writes_a_double(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_written_so_reads_as_itself(value: float) -> None:
    assert float(number(value)) == value


DATA = st.lists(st.sampled_from("0X-"), min_size=5, max_size=5).map(" ".join)


@given(DATA, st.integers(1, 3), st.sampled_from(list(MissingData)))
def test_three_real_datapoints_or_more_are_judged_without_gaps(
    text: str, enough: int, treatment: MissingData
) -> None:
    real = [sign for sign in reversed(text.split()) if sign != "-"][:3]
    if len(real) == 3:
        expected = "ALARM" if real.count("X") >= enough else "OK"
        assert state(alarm(3, enough, treatment), text) == expected


@given(DATA, st.integers(1, 3))
def test_gaps_as_breaches_are_never_milder_than_gaps_as_good_ones(text: str, enough: int) -> None:
    good = state(alarm(3, enough, MissingData.NOT_BREACHING), text)
    bad = state(alarm(3, enough, MissingData.BREACHING), text)
    assert not (good == "ALARM" and bad == "OK")
    assert {good, bad} <= {"OK", "ALARM"}


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"period": 90}, "no multiple of 60"),
        ({"period": 0}, "no multiple of 60"),
        ({"period": 10}, "high resolution, which are not built"),
        ({"evaluation_periods": 0}, "below 1"),
        ({"evaluation_periods": 2, "datapoints_to_alarm": 3}, "above evaluation_periods"),
        ({"evaluation_periods": 1_441}, "86400"),
        ({"period": 3_600, "evaluation_periods": 169}, "604800"),
        ({"threshold": float("nan")}, "no number"),
        ({"name": "x" * 256}, "1 to 255"),
        ({"name": "a\n"}, "control"),
        ({"description": "x" * 1_025}, "1024"),
    ],
)
def test_what_awss_api_would_refuse_cannot_be_declared(given_: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Alarm(**{"name": "a", "watched": AGE, "statistic": Statistic.SUM, "threshold": 1, **given_})  # type: ignore[arg-type]


def test_an_alarm_that_looks_back_for_more_than_a_day_is_evaluated_each_hour() -> None:
    assert alarm().evaluated_every == 60
    of = Alarm(
        name="a", watched=AGE, statistic=Statistic.SUM, threshold=1, period=86_400, evaluation_periods=3
    )
    assert of.evaluated_every == 3_600
