"""Twenty behaviours that emulators get wrong (the fidelity table of invocations), with real handlers, row by row.

Rows whose rule lives in one core alone stand in that core's tests, under the same kind of name.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from lambdarun.model.declarations import Account, Project
from lambdarun.model.function import Alias, AsyncInvokeConfiguration, Function
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.layer import Layer
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from lambdarun.views.metrics import Metrics
from tests.conftest import Declare, lasting, project_of
from tests.interpreters import stand_in

BOTH_CLOCKS = pytest.mark.parametrize("clock", [None, VirtualClock], ids=["wall", "virtual"])
ECHO = "def handler(e, c): return e\n"


def opened(clock: Any, *functions: Function, **others: Any) -> Any:
    return open_blocking_runtime(project_of(*functions, **others), clock=clock and clock())


@BOTH_CLOCKS
@pytest.mark.parametrize(
    ("source", "handler"),
    [
        ("def h(e, c): raise ValueError\n", "h"),
        ("def h(e, c): return {1}\n", "h"),
        ("def h(e, c): return 'x' * 7_000_000\n", "h"),
        ("import sys\ndef h(e, c): sys.exit(1)\n", "h"),
        ("import nowhere_at_all\n", "h"),
        ("", "h"),
    ],
    ids=["raises", "set", "too large", "exits", "no module", "no handler"],
)
def test_runtime_row_02_whatever_failed_is_unhandled_on_200(
    declare: Declare, clock: Any, source: str, handler: str
) -> None:
    with opened(clock, declare(source, handler=handler)) as runtime:
        reply = runtime.invoke("fn")
        assert (reply.status, reply.function_error, reply.executed_version) == (200, "Unhandled", "$LATEST")
        assert {"errorType", "errorMessage"} <= set(reply.json())


def test_runtime_row_03_no_word_of_a_time_out_depends_on_the_clock(declare: Declare) -> None:
    said = []
    for clock in (None, VirtualClock):
        with opened(clock, declare("import time\ndef handler(e, c): time.sleep(5)\n", timeout=1)) as runtime:
            said.append(re.sub(rb"[0-9a-f-]{36}", b"ID", runtime.invoke("fn").payload))
    assert said[0] == said[1]
    assert json.loads(said[0])["errorMessage"] == "RequestId: ID Error: Task timed out after 1.00 seconds"


@pytest.mark.parametrize(("slept", "in_time"), [(2.999, True), (3, False), (3.001, False)])
def test_runtime_row_04_the_deadline_is_hard_and_a_late_success_is_told_nowhere(
    declare: Declare, slept: float, in_time: bool
) -> None:
    source = f"import time\ndef handler(e, c):\n    time.sleep({slept})\n    return 'done'\n"
    with opened(VirtualClock, declare(source, timeout=3)) as runtime:
        reply = runtime.invoke("fn")
        assert (reply.payload == b'"done"') is in_time
        assert len(runtime.log.of("invocation.succeeded")) == in_time
        ended = runtime.log.last("invocation.succeeded" if in_time else "invocation.failed")
        assert ended.duration_us == (round(slept * SECOND) if in_time else 3 * SECOND)


@pytest.mark.parametrize("timeout", [3, 30, 900])
def test_runtime_row_05_the_remaining_time_counts_down_from_the_configured_timeout(
    declare: Declare, timeout: int
) -> None:
    source = (
        "import time\ndef handler(e, c):\n    found = []\n"
        "    for _ in range(3):\n        found.append(c.get_remaining_time_in_millis())\n        time.sleep(0.5)\n"
        "    return found\n"
    )
    with opened(VirtualClock, declare(source, timeout=timeout)) as runtime:
        for _ in range(2):  # cold and warm
            left = runtime.invoke("fn").json()
            assert all(abs(ms - (timeout * 1_000 - 500 * n)) <= 1 for n, ms in enumerate(left))


KEEPS = """
import os, sys, time
COUNT = 0
def handler(event, context):
    global COUNT
    COUNT += 1
    kept = os.path.join(os.environ.get("TMPDIR", "/tmp"), "kept")
    found = [COUNT, os.path.exists(kept)]
    open(kept, "w").close()
    if event == "raise": raise ValueError
    if event == "exit": os._exit(1)
    if event == "hang":
        while True: time.sleep(0.1)
    return found
"""


@BOTH_CLOCKS
@pytest.mark.parametrize(("event", "after"), [("raise", [2, True]), ("exit", [1, True]), ("hang", [1, True])])
def test_runtime_rows_06_07_what_survives_an_exception_an_exit_and_a_time_out(
    declare: Declare, clock: Any, event: str, after: list[object]
) -> None:
    """Globals survive an exception alone; the private folder survives all of them, in the same environment."""
    with opened(clock, declare(KEEPS, timeout=1)) as runtime:
        assert not runtime.invoke("fn", event).ok
        assert runtime.invoke("fn").json() == after
        started = runtime.log.of("invocation.started")
        assert len({record.environment for record in started}) == 1
        assert started[1].cold is (event != "raise")


def test_runtime_row_08_no_environment_works_on_two_events_and_globals_are_its_own(declare: Declare) -> None:
    source = "N = 0\ndef handler(e, c):\n    global N\n    N += 1\n    print(N)\n"
    with opened(VirtualClock, declare(source, duration=lasting(2))) as runtime:
        for _ in range(3):
            runtime.accept("fn")
        runtime.settle()
        for _ in range(3):
            runtime.accept("fn")
        runtime.settle()
        started = runtime.log.of("invocation.started")
        assert [record.cold for record in started] == [True] * 3 + [False] * 3
        assert len({record.environment for record in started}) == 3
        assert [record.text for record in runtime.log.of("output.captured")] == [b"1\n"] * 3 + [b"2\n"] * 3


@BOTH_CLOCKS
def test_runtime_row_09_an_event_is_answered_before_it_runs_with_202_and_nothing(
    declare: Declare, clock: Any
) -> None:
    with opened(clock, declare("def handler(e, c): return 'x'\n")) as runtime:
        reply = runtime.accept("fn", {"a": 1})
        assert (reply.status, reply.payload, reply.function_error, reply.executed_version) == (
            202,
            b"",
            None,
            None,
        )
        assert runtime.log.of("invocation.succeeded") == []
        runtime.settle()
        assert runtime.log.last("invocation.succeeded").request_id == reply.request_id


def test_runtime_row_10_throttled_attempts_cost_nothing_until_the_events_age(declare: Declare) -> None:
    """The one slot is taken for ever: back-off from 1 s to 5 min, then the age ends it with no attempt made."""
    slow = declare(
        "def handler(e, c): pass\n",
        reserved_concurrent_executions=1, timeout=900, duration=lasting(899),
        asynchronous=AsyncInvokeConfiguration(maximum_event_age_in_seconds=800),
    )  # fmt: skip
    with opened(VirtualClock, slow) as runtime:
        for _ in range(2):
            runtime.accept("fn")
        runtime.settle()
        waits = runtime.log.seconds("invocation.throttled")
        gaps = [later - earlier for earlier, later in pairwise(waits)]
        assert gaps == [1, 2, 4, 8, 16, 32, 64, 128, 256][: len(gaps)]
        assert len(gaps) >= 8
        ended = runtime.log.last("event.discarded")
        assert (ended.condition, ended.attempts) == ("EventAgeExceeded", 0)


def test_runtime_row_11_the_look_ahead_ends_an_event_before_a_retry_that_would_be_too_late(
    declare: Declare,
) -> None:
    source = "def handler(e, c): raise ValueError\n"
    settings = AsyncInvokeConfiguration(maximum_event_age_in_seconds=100)
    with opened(VirtualClock, declare(source, asynchronous=settings)) as runtime:
        runtime.accept("fn")
        runtime.settle()
        assert runtime.log.seconds("invocation.started") == [0, 60]
        assert runtime.log.seconds("event.discarded") == [60]
        assert len({record.request_id for record in runtime.log.of("invocation.started")}) == 1


def refusal_of(runtime: BlockingRuntime, name: str, **request: Any) -> Any:
    with pytest.raises(InvocationRefused) as refused:
        runtime.invoke(name, **request)
    return refused.value.refusal


@pytest.mark.parametrize(
    ("reserved", "running", "reason"),
    [
        (0, 0, "ReservedFunctionConcurrentInvocationLimitExceeded"),
        (1, 1, "ReservedFunctionConcurrentInvocationLimitExceeded"),
        (None, 100, "ConcurrentInvocationLimitExceeded"),
    ],
)
def test_runtime_row_13_a_synchronous_throttle_is_429_with_its_exact_reason(
    declare: Declare, reserved: int | None, running: int, reason: str
) -> None:
    function = declare(
        "def handler(e, c): pass\n", reserved_concurrent_executions=reserved, duration=lasting(60), timeout=90
    )
    account = Account(concurrent_executions=100 + (reserved or 0))
    project = Project(account=account, functions={"fn": function})
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        for _ in range(running):
            runtime.accept("fn")
        runtime.advance(seconds=1)
        refusal = refusal_of(runtime, "fn")
        assert (refusal.status, refusal.code) == (429, "TooManyRequestsException")
        assert json.loads(refusal.body()) == {"Reason": reason, "Type": "User", "message": "Rate Exceeded."}


def test_runtime_row_13_zero_reserved_is_refused_for_callers_and_ends_events_at_once(
    declare: Declare,
) -> None:
    with opened(VirtualClock, declare(ECHO, reserved_concurrent_executions=0)) as runtime:
        assert refusal_of(runtime, "fn").reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert runtime.accept("fn").status == 202
        runtime.settle()
        assert runtime.log.seconds("event.discarded") == [0]
        ended = runtime.log.last("event.discarded")
        assert (ended.condition, ended.attempts) == ("ZeroReservedConcurrency", 0)
        assert runtime.log.of("invocation.started") == []


@pytest.mark.parametrize("qualifier", ["1", "prod"])
def test_runtime_row_14_no_version_or_alias_is_there_for_any_way_of_calling(
    declare: Declare, qualifier: str
) -> None:
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:fn:{qualifier}"
    with opened(VirtualClock, declare(ECHO)) as runtime:
        for refusal in (
            refusal_of(runtime, "fn", qualifier=qualifier),
            refusal_of(runtime, f"fn:{qualifier}"),
        ):
            assert (refusal.status, refusal.code, refusal.message) == (
                404, "ResourceNotFoundException", f"Function not found: {arn}",
            )  # fmt: skip
        assert runtime.invoke("fn", qualifier="$LATEST").executed_version == "$LATEST"


@BOTH_CLOCKS
def test_runtime_row_15_the_log_tail_is_there_if_asked_for_and_has_the_platforms_lines(
    declare: Declare, clock: Any
) -> None:
    with opened(clock, declare("def handler(e, c):\n    print('x' * e)\n")) as runtime:
        assert runtime.invoke("fn", 10).log_tail is None
        tail = runtime.invoke("fn", 10, log_tail=True).log_tail
        assert re.fullmatch(
            rb"START RequestId: \S+ Version: \$LATEST\nx{10}\nEND RequestId: \S+\nREPORT RequestId: .*\t\n",
            tail,
        )
        long = runtime.invoke("fn", 9_000, log_tail=True).log_tail
        assert len(long) == 4_096
        assert long.startswith(b"x")
        assert b"START" not in long
        assert runtime.accept("fn", 10).log_tail is None
        runtime.settle()


@pytest.mark.parametrize("payload", [b"{", b"[1,]", b"{'a': 1}", b"\xff"])
def test_runtime_row_16_json_is_checked_for_events_too(declare: Declare, payload: bytes) -> None:
    with opened(VirtualClock, declare(ECHO)) as runtime:
        with pytest.raises(InvocationRefused) as refused:
            runtime.accept("fn", payload=payload)
        assert (refused.value.refusal.status, refused.value.refusal.code) == (
            400,
            "InvalidRequestContentException",
        )
        runtime.settle()
        assert runtime.log.of("event.accepted") == runtime.log.of("invocation.started") == []


@pytest.mark.parametrize(
    ("runtime_name", "text"),
    [
        ("python3.11", rb'{"a": [1, "\u00fc"], "b": null}'),
        ("python3.12", '{"a": [1, "ü"], "b": null}'.encode()),
    ],
)
def test_runtime_row_16_separators_and_text_are_those_of_awss_client(
    declare: Declare, runtime_name: str, text: bytes
) -> None:
    from attrs import evolve

    function = evolve(declare(ECHO), runtime=runtime_name)
    project = Project(functions={"fn": function}, interpreters=stand_in(function.code_uri, runtime_name))
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        assert runtime.invoke("fn", payload='{"a":[1,"ü"],"b":null}'.encode()).payload == text


def test_runtime_row_17_the_memory_used_is_the_processes_own(declare: Declare) -> None:
    source = "KEPT = []\ndef handler(e, c):\n    KEPT.append(bytearray(b'x') * e)\n"
    with opened(VirtualClock, declare(source, memory_size=512)) as runtime:
        runtime.invoke("fn", 1)
        runtime.invoke("fn", 64 << 20)
        before, after = (record.max_memory_mb for record in runtime.log.of("invocation.succeeded"))
        assert 5 < before < 60
        assert before + 60 <= after <= before + 70


def test_runtime_row_17_initialisation_is_billed_and_shown_once(declare: Declare) -> None:
    from lambdarun.model.invocation_log import report_line

    function = declare(ECHO, duration=lasting(0.0105), init_duration=Duration(250_250))
    with opened(VirtualClock, function) as runtime:
        runtime.invoke("fn")
        runtime.invoke("fn")
        cold, warm = (report_line(record) for record in runtime.log.of("invocation.succeeded"))
    assert "\tDuration: 10.50 ms\tBilled Duration: 261 ms\tMemory Size: 128 MB\t" in cold
    assert cold.endswith("\tInit Duration: 250.25 ms\t\n")
    assert "\tBilled Duration: 11 ms\t" in warm
    assert "Init Duration" not in warm


def test_runtime_row_19_the_variables_are_awss_and_nothing_of_the_callers(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    monkeypatch.setenv("AWS_PROFILE", "production")
    source = "import os\ndef handler(e, c): return dict(os.environ)\n"
    with opened(None, declare(source, environment={"MINE": "y"})) as runtime:
        found = runtime.invoke("fn").json()
    wanted = {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "PATH", "TZ", "MINE",
    }  # fmt: skip
    assert wanted <= set(found)
    assert not {"SECRET_OF_THE_CALLER", "AWS_PROFILE", "HOME", "AWS_LAMBDA_FUNCTION_TIMEOUT"} & set(found)
    assert (found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], found["TZ"]) == ("128", ":UTC")
    assert found["AWS_ACCESS_KEY_ID"] != ""


def test_runtime_row_20_the_key_of_an_errors_text_is_the_services_own(declare: Declare) -> None:
    with opened(VirtualClock, declare(ECHO)) as runtime:
        missing = json.loads(refusal_of(runtime, "nobody").body())
        broken = json.loads(refusal_of(runtime, "fn", payload=b"{").body())
        large = refusal_of(runtime, "fn", payload=b'"' + b"x" * 7_000_000 + b'"')
    assert set(missing) == {"Type", "Message"}
    assert set(broken) == {"Type", "message"}
    assert (large.status, large.code) == (413, "RequestEntityTooLargeException")


def test_runtime_row_20_an_event_over_a_megabyte_is_413_with_the_events_limit(declare: Declare) -> None:
    with opened(VirtualClock, declare(ECHO)) as runtime:
        exact = b'"' + b"x" * (1_048_576 - 2) + b'"'
        assert runtime.accept("fn", payload=exact).status == 202
        with pytest.raises(InvocationRefused) as refused:
            runtime.accept("fn", payload=exact + b" ")
        assert (refused.value.refusal.status, refused.value.refusal.message) == (
            413, "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
        )  # fmt: skip
        runtime.settle()


def test_runtime_row_20_metrics_of_a_success_a_failure_and_a_throttle(declare: Declare) -> None:
    function = declare("def handler(e, c):\n    if e: raise ValueError\n", reserved_concurrent_executions=1)
    metrics = Metrics()
    with opened(VirtualClock, function) as runtime:
        runtime.invoke("fn", 0)
        runtime.invoke("fn", 1)
        metrics.read(runtime.log)
    points = {
        line["metric"]: line["statistics"]
        for line in map(json.loads, metrics.lines())
        if line["dimensions"] == {"FunctionName": "fn"}
    }
    assert (points["Invocations"]["sum"], points["Invocations"]["count"]) == (2, 2)
    assert (points["Errors"]["sum"], points["Errors"]["count"], points["Errors"]["avg"]) == (1, 2, 0.5)
    assert points["Throttles"]["sum"] == 0


def test_runtime_row_14_an_alias_is_drawn_for_each_invocation_and_the_number_is_told(
    declare: Declare,
) -> None:
    function = declare("def handler(e, c): return [c.function_version, c.invoked_function_arn]\n")
    live = Alias(name="live", function_version="1", additional_version_weights={"2": 0.5})
    versions = {number: evolve(function, version=number) for number in ("1", "2")}
    with opened(VirtualClock, evolve(function, versions=versions, aliases={"live": live})) as runtime:
        replies = [runtime.invoke("fn", qualifier="live") for _ in range(40)]
        assert {reply.executed_version for reply in replies} == {"1", "2"}
        arn = "arn:aws:lambda:us-east-1:123456789012:function:fn:live"
        assert all(reply.json() == [reply.executed_version, arn] for reply in replies)


@BOTH_CLOCKS
def test_runtime_row_18_layers_land_in_opt_merged_in_order_behind_the_code(
    clock: Any, declare: Declare, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name / "python"
        folder.mkdir(parents=True)
        (folder / "both.py").write_text(f"WHO = {name!r}\n")
        (folder / f"{name}.py").write_text("")
        (folder / "own.py").write_text(f"WHO = {name!r}\n")
    (tmp_path / "own.py").write_text("WHO = 'code'\n")
    source = "import both, first, second, own\ndef handler(e, c): return [both.WHO, own.WHO]\n"
    layers = (Layer(content=tmp_path / "first"), Layer(content=tmp_path / "second"))
    with opened(clock, declare(source, layers=layers)) as runtime:
        assert runtime.invoke("fn").json() == ["second", "code"]
