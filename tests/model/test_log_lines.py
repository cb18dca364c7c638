"""A handler's output as log events: nothing lost, nothing made up, whatever bytes it wrote."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.invocation_log import log_tail
from lambdarun.model.logged_invocation import told_type
from lambdarun.model.logging_config import ApplicationLogLevel, SystemLogLevel
from lambdarun.model.platform_events import LogLine, line_level, output_lines

levels = st.sampled_from(ApplicationLogLevel)
written = st.lists(
    st.binary(max_size=12)
    | st.builds(lambda level: json.dumps({"level": level}).encode(), levels.map(lambda one: one.value)),
    max_size=12,
).map(b"\n".join)


@given(written)
def test_lines_are_the_output_split_at_newlines_alone(output: bytes) -> None:
    lines = [line.text for line in output_lines(output)]
    text = output.decode("utf-8", "replace")
    assert "\n".join(lines) == text.removesuffix("\n") or not output
    assert all("\n" not in line for line in lines)


@given(written, levels, levels)
def test_a_lower_level_keeps_all_that_a_higher_one_keeps(
    output: bytes, one: ApplicationLogLevel, other: ApplicationLogLevel
) -> None:
    order = list(ApplicationLogLevel)
    low, high = sorted((one, other), key=order.index)
    kept = {
        level: [line.text for line in output_lines(output) if line.is_kept(level, SystemLogLevel.INFO)]
        for level in (low, high)
    }
    rest = iter(kept[low])
    assert all(line in rest for line in kept[high])  # a subsequence, in order


@given(st.text(max_size=40) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_any_line_has_a_level(line: str) -> None:
    assert line_level(line) in ApplicationLogLevel


def test_a_nest_deeper_than_any_parser_counts_as_info() -> None:
    assert line_level('{"level": "DEBUG", "a": ' + "[" * 100_000) is ApplicationLogLevel.INFO


def test_platform_and_application_levels_are_apart() -> None:
    system = LogLine("", SystemLogLevel.DEBUG)
    own = LogLine("", ApplicationLogLevel.DEBUG)
    assert not system.is_kept(ApplicationLogLevel.TRACE, SystemLogLevel.INFO)
    assert own.is_kept(ApplicationLogLevel.TRACE, SystemLogLevel.WARN)


@given(st.text(max_size=3_000))
def test_a_tail_is_at_most_two_marks_longer_than_its_limit(text: str) -> None:
    tail = log_tail(text * 3)
    assert len(tail) <= 4_102
    assert (text * 3).encode().endswith(tail.lstrip("\N{REPLACEMENT CHARACTER}".encode()))


def test_an_error_type_that_is_none_of_awss_kinds_is_unknown_to_the_platform() -> None:
    told = [
        "Runtime.ImportModuleError",
        "Function.Own",
        "Sandbox.Timedout",
        "ValueError",
        "Runtime.lower",
        "Own.Type",
    ]
    assert [told_type(one) for one in told] == [*told[:3], *["Runtime.Unknown"] * 3]
