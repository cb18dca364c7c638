"""What a plan tries, and in how few trials it finds the least that will do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.errors import Place, UsageError
from lambdarun.model.arrival import Arrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.capacity_plan import Candidate, LeastConcurrency, subject_of
from lambdarun.model.declarations import Account, Project, Route
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import DeclaredDuration, Function
from lambdarun.model.instant import FIXED_START, SECOND, Duration, Instant
from lambdarun.model.queue import Queue


def function(name: str, **settings: object) -> Function:
    return Function(name=name, handler="a.b", code_uri=Path(), runtime="python3.11", **settings)  # type: ignore[arg-type]


def project(**others: object) -> Project:
    return Project(
        functions={
            "fn": function("fn", timeout=10),
            "other": function("other", reserved_concurrent_executions=50),
        },
        queues={"q": Queue(name="q", visibility_timeout=30)},
        mappings={"m": EventSourceMapping(name="m", queue="q", function="fn", batch_size=5)},
        **others,  # type: ignore[arg-type]
    )


def messages(queue: str = "q", count: int = 1) -> list[Arrival]:
    return [
        MessageArrival(time=Instant(FIXED_START), place=Place("x", n), queue=queue, body="x")
        for n in range(count)
    ]


@given(st.integers(1, 2_000), st.integers(1, 3_000), st.integers(1, 2_000))
def test_the_least_that_holds_is_found_and_one_less_was_tried(most: int, least: int, guess: int) -> None:
    search = LeastConcurrency(most, min(guess, most))
    tried = []
    while (concurrency := search.next()) is not None:
        assert concurrency not in tried
        tried.append(concurrency)
        search.tell(concurrency, concurrency >= least)
    assert len(tried) <= 2 * most.bit_length() + 1
    if least <= most:
        assert search.holds == least
        assert least == 1 or least - 1 in tried
    else:
        assert search.holds is None
        assert most in tried


def test_what_is_not_used_up_would_not_be_used_either_if_there_were_more() -> None:
    search = LeastConcurrency(1_000, 8)
    assert search.next() == 8
    search.tell(8, False, used_up=False)
    assert search.next() is None


def test_the_queue_with_its_mapping_and_function_is_what_is_planned() -> None:
    found = subject_of(project(), None, messages(), None)
    assert (found.queue.name, found.mapping.name, found.function.name) == ("q", "m", "fn")
    assert found.batch_sizes() == (1, 5, 10)
    assert found.visibility_timeouts() == (30, 60)
    tried = found.declared(Candidate(1, 60, 7))
    assert tried.functions["fn"].reserved_concurrent_executions == 7
    assert tried.mappings["m"].batch_size == 1
    assert tried.queues["q"].visibility_timeout == 60
    assert tried.functions["other"].reserved_concurrent_executions == 50
    assert found.changes(Candidate(5, 60, 7)) == {
        "functions.fn.reserved_concurrent_executions": 7,
        "queues.q.visibility_timeout": 60,
    }


def test_pollers_are_capped_where_aws_lets_them_be_and_nobody_has_said_so_yet() -> None:
    found = subject_of(project(), None, messages(), None)
    capped = found.capped(Candidate(1, 60, 7))
    assert capped == Candidate(1, 60, 7, maximum_concurrency=7)
    assert found.declared(capped).mappings["m"].maximum_concurrency == 7
    assert found.capped(Candidate(1, 60, 1)) is None
    assert found.capped(Candidate(1, 60, 1_001)) is None
    said = project()
    said.mappings["m"] = EventSourceMapping(name="m", queue="q", function="fn", maximum_concurrency=9)  # type: ignore[index]
    assert subject_of(said, None, messages(), None).capped(Candidate(1, 60, 7)) is None


def test_a_visibility_that_aws_would_refuse_is_not_tried() -> None:
    short = project()
    short.functions["fn"] = function("fn", timeout=40)  # type: ignore[index]
    assert subject_of(short, None, messages(), None).visibility_timeouts() == (240,)


def test_as_much_is_reserved_at_most_as_aws_lets_be_reserved() -> None:
    assert subject_of(project(), None, messages(), None).most == 1_000 - 100 - 50
    roomy = project(account=Account(concurrent_executions=100_000))
    assert subject_of(roomy, None, messages(), None).most == 1_250


def test_an_account_with_nothing_to_reserve_has_no_answer() -> None:
    small = project(account=Account(concurrent_executions=100))
    with pytest.raises(UsageError, match=r"an account's concurrency of 100 has nothing to reserve"):
        subject_of(small, None, messages(), None)


def test_a_disabled_mapping_reads_nothing_and_no_default_one_takes_its_place() -> None:
    off = project()
    off.mappings["m"] = EventSourceMapping(name="m", queue="q", function="fn", enabled=False)  # type: ignore[index]
    with pytest.raises(UsageError, match="nobody reads queue q: m is disabled"):
        subject_of(off, "fn", messages(), None)


def test_what_the_busiest_minute_needs_is_tried_first() -> None:
    timed = project()
    span = Duration(2 * SECOND)
    timed.functions["fn"] = function("fn", timeout=10, duration=DeclaredDuration(p50=span, p99=span))  # type: ignore[index]
    found = subject_of(timed, None, messages(), None)
    assert found.guess(messages(count=600), 1) == 20
    assert found.guess(messages(count=600), 10) == 2


def test_a_queue_that_only_a_route_gives_a_reader_has_awss_defaults() -> None:
    routed = project(routes=(Route(key="sqs", function="other"),))
    found = subject_of(routed, None, messages("else"), None)
    assert (found.function.name, found.mapping.batch_size, found.queue.visibility_timeout) == (
        "other",
        10,
        30,
    )


@pytest.mark.parametrize(
    ("arrivals", "wanted", "said"),
    [
        (
            [],
            None,
            "the recording holds no message of a queue. --through queues.NAME sends its events through one.",
        ),
        (messages("nobody"), None, "no mapping reads queue 'nobody'"),
        (messages(), "p", "--queue p: no message of the recording goes there. It has: q."),
        ([*messages(), *messages("nobody")], "nobody", "--queue nobody: no mapping reads queue 'nobody'"),
    ],
)
def test_without_one_queue_that_is_read_there_is_no_plan(
    arrivals: list[Arrival], wanted: str | None, said: str
) -> None:
    event = EventArrival(
        time=Instant(FIXED_START), place=Place("x"), source="s3", delivery=Delivery.ASYNC, payload=b"{}"
    )
    with pytest.raises(UsageError, match=re.escape(said)):
        subject_of(project(), None, [event, *arrivals], wanted)


def test_of_several_queues_one_must_be_named() -> None:
    two = project()
    two.queues["p"] = Queue(name="p")  # type: ignore[index]
    two.mappings["n"] = EventSourceMapping(name="n", queue="p", function="other")  # type: ignore[index]
    both = [*messages(), *messages("p")]
    with pytest.raises(UsageError, match=r"Name one with --queue\. It has: p, q\."):
        subject_of(two, None, both, None)
    assert subject_of(two, None, both, "p").function.name == "other"
