"""Pure cores held to their rules over drawn inputs."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.batch_failures import AllSucceeded, Malformed, Partial, verdict
from lambdarun.model.due_queue import DueQueue
from lambdarun.model.instant import Instant
from lambdarun.model.invoke_request import async_refusal, not_json_refusal
from lambdarun.model.json_fault import json_fault
from lambdarun.model.wakes import Wakes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
IDS = ("a", "b", "c")
IDENTIFIERS = st.sampled_from([*IDS, "z", "", None, 3])
ENTRIES = st.fixed_dictionaries({"itemIdentifier": IDENTIFIERS}) | st.sampled_from(
    [{}, None, "a", {"foo": "a"}]
)


@given(JSON, st.integers(0, 60), st.integers(0, 255))
def test_a_fault_is_told_just_where_a_json_text_is_broken(value: Any, at: int, byte: int) -> None:
    """A text with one byte changed: what Python reads is no fault, and what it does not read has a place in the text."""
    data = bytearray(json.dumps(value, ensure_ascii=False).encode())
    data[at % len(data)] = byte
    payload = bytes(data)
    try:
        json.loads(payload.decode())
    except ValueError:
        fault = json_fault(payload)
        lines = payload.split(b"\n")
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
        assert fault.text
        assert not_json_refusal(payload).status == 400
    else:
        assert async_refusal(payload) is None


@given(st.lists(ENTRIES, max_size=4))
def test_a_reply_that_reports_is_partial_exactly_where_every_entry_names_a_known_item(
    entries: list[Any],
) -> None:
    found = verdict(json.dumps({"batchItemFailures": entries}).encode(), IDS)
    named = [entry.get("itemIdentifier") if isinstance(entry, dict) else None for entry in entries]
    if not entries:
        assert found == AllSucceeded()
    elif all(name in IDS for name in named):
        assert found == Partial(frozenset(named))
    else:
        assert found == Malformed()


@given(JSON)
def test_a_reply_that_reports_nothing_succeeds(value: Any) -> None:
    if not (isinstance(value, dict) and "batchItemFailures" in value):
        assert verdict(json.dumps(value).encode(), IDS) == AllSucceeded()


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40))
def test_what_waits_leaves_in_order_of_time_and_then_of_arrival(steps: list[tuple[int, int]]) -> None:
    queue: DueQueue[int] = DueQueue()
    waiting: list[tuple[int, int]] = []
    now = 0
    for number, (due, passes) in enumerate(steps):
        queue.put(Instant(now + due), number)
        waiting.append((now + due, number))
        now += passes
        ready = sorted(item for item in waiting if item[0] <= now)
        waiting = [item for item in waiting if item[0] > now]
        assert queue.take_due(Instant(now)) == [number for _, number in ready]
        assert queue.next_due() == min((due for due, _ in waiting), default=None)


class Sleeper:
    """Wants to be woken at the instants of a list, one after another."""

    def __init__(self, instants: list[int]) -> None:
        self.instants = sorted(set(instants))
        self.woken: list[int] = []

    def wake(self, now: Instant) -> None:
        self.woken.append(now)
        self.instants = [instant for instant in self.instants if instant > now]

    def next_due(self) -> Instant | None:
        return Instant(self.instants[0]) if self.instants else None


@given(st.lists(st.lists(st.integers(1, 50), max_size=6), min_size=1, max_size=5), st.data())
def test_every_sleeper_is_woken_at_each_of_its_instants_and_at_no_other(
    plans: list[list[int]], data: Any
) -> None:
    wakes = Wakes()
    sleepers = [Sleeper(plan) for plan in plans]
    wanted = [[0, *sleeper.instants] for sleeper in sleepers]
    for sleeper in sleepers:
        wakes.stir(sleeper)
    wakes.run(Instant(0))
    last = 0
    while (due := wakes.next_due()) is not None:
        assert due > last
        assert due == min(sleeper.instants[0] for sleeper in sleepers if sleeper.instants)
        last = due
        if data.draw(st.booleans()):
            stirred = data.draw(st.integers(0, len(sleepers) - 1))
            wakes.stir(sleepers[stirred])
            if due not in wanted[stirred]:
                wanted[stirred] = sorted([*wanted[stirred], due])
        wakes.run(due)
    assert [sleeper.woken for sleeper in sleepers] == wanted
