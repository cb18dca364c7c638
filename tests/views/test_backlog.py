"""A queue's backlog against its target age, read from records."""

from __future__ import annotations

import pytest

from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    MessageDeadLettered,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.records import InvocationStarted, InvocationSucceeded, Record, RunEnded
from lambdarun.report.text import render
from lambdarun.views.backlog import Backlogs, QueueBacklog
from lambdarun.views.message_ages import MessageAges
from lambdarun.views.summary import Summary

START = Instant(1_800_000_000 * SECOND)
MINUTE = 60 * SECOND


def at(seconds: float) -> Instant:
    return Instant(START + round(seconds * SECOND))


def summary_of(records: list[Record], target_s: int = 60) -> Summary:
    summary = Summary(backlogs=Backlogs({"q": Duration(target_s * SECOND)}))
    summary.read(records)
    return summary


def worked(
    first: int, count: int, begin: float, duration_s: float, visible: int, running: int = 1
) -> list[Record]:
    """A batch of messages `first` and following, received and done."""
    request = RequestId(f"r{first}")
    ids = tuple(f"m{n}" for n in range(first, first + count))
    span = Duration(round(duration_s * SECOND))
    return [
        BatchReceived(at(begin), "m", "q", "fn", ids, at(0), visible, count),
        InvocationStarted(at(begin), "fn", request, 1, 1, "m", 1, False, running, running, Duration(0)),
        InvocationSucceeded(
            at(begin + duration_s), "fn", request, 1, 1, at(begin), span, None, 128, 0, b"null"
        ),
        BatchSettled(at(begin + duration_s), "m", "q", "fn", request, "succeeded", ids, ()),
    ]


def backlog(records: list[Record], target_s: int = 60) -> QueueBacklog:
    return summary_of(records, target_s).backlogs.told()["q"]


SENT: list[Record] = [MessageSent(at(n / 10), "q", f"m{n}", 1) for n in range(20)]


def test_figures_are_those_of_the_arithmetic() -> None:
    found = backlog(
        [*SENT, *worked(0, 10, 2, 4, visible=10, running=2), *worked(10, 10, 7, 4, visible=0, running=1)]
    )
    assert (found.duration_s, found.batch, found.message_s) == (4, 10, 0.4)
    assert found.rate == pytest.approx(10)  # one each tenth of a second
    assert found.rate_of_busiest_minute == 20 / 60
    assert (found.largest, found.environments, found.each) == (20, 2, 10)
    assert found.acceptable == 150
    assert found.environments_needed == 1
    assert found.needed_concurrency(10) == 4
    assert found.drained_s == 5


def test_the_target_is_passed_at_the_first_instant_at_which_a_message_is_older() -> None:
    found = backlog([*SENT, *worked(0, 10, 2, 4, visible=10), *worked(10, 10, 7, 4, visible=0)], target_s=8)
    # m10, sent at 1.0, was done at 11.0 only; m9 at 6.0 already.
    assert found.ages.passed == at(9)
    assert found.ages.most == 10 * SECOND
    assert found.ages.late == 10


def test_a_target_that_is_just_reached_is_kept() -> None:
    found = backlog([*SENT, *worked(0, 10, 2, 4, visible=10), *worked(10, 10, 7, 4, visible=0)], target_s=10)
    assert (found.ages.late, found.ages.passed) == (0, None)


def test_what_is_left_at_the_end_has_the_age_it_then_has() -> None:
    found = backlog([*SENT, *worked(0, 10, 2, 4, visible=10), RunEnded(at(71.5), False)])
    assert found.ages.most == 70.5 * SECOND
    assert found.ages.passed == at(61)


def test_a_message_that_is_received_for_the_third_time_counts_no_longer() -> None:
    ages = MessageAges(Duration(60 * SECOND))
    ages.add(at(0), "m")
    for second in (10, 20, 30):
        ages.receive(at(second), "m")
    ages.leave(at(500), "m")
    assert (ages.most, ages.late) == (30 * SECOND, 0)


def test_returned_messages_go_on_to_age() -> None:
    returned = MessageReturned(at(30), "q", "m0", 1, None)
    found = backlog([SENT[0], *worked(0, 1, 1, 1, visible=0)[:2], returned, *worked(0, 1, 70, 1, visible=0)])
    assert found.ages.most == 71 * SECOND


def test_in_a_dead_letter_queue_that_is_read_the_age_runs_from_the_move() -> None:
    moved = MessageDeadLettered(at(100), "source", "q", "m0", 3, "body", {})
    sent = MessageSent(at(0), "source", "m0", 1)
    found = backlog([sent, moved, *worked(0, 1, 130, 1, visible=0)], target_s=30)
    assert found.ages.most == 31 * SECOND
    assert (found.ages.late, found.ages.passed) == (1, at(130))
    assert found.sent == 1


def test_the_summary_tells_it_where_a_target_is_declared_and_nowhere_else() -> None:
    records = [*SENT, *worked(0, 10, 2, 4, visible=10), *worked(10, 10, 7, 4, visible=0)]
    text = render(summary_of(records, 8))
    [head] = [line.split() for line in text.splitlines() if line.startswith("BACKLOG OF")]
    [row] = [line.split() for line in text.splitlines() if line.startswith("q ") and " 8 s" in line]
    assert head[2:6] == ["target", "oldest", "older", "largest"]
    assert row[:5] == ["q", "8", "s", "10", "s"]
    assert "  q: 10 messages/s need 4 at once (4 s for a batch of 10)" in text
    assert "  q: the oldest message passed 8 s first at 2027-01-15 08:00:09.000 UTC" in text
    assert summary_of(records, 8).as_json()["backlogs"]["q"]["target_passed"] == "2027-01-15T08:00:09.000000Z"
    plain = Summary()
    plain.read(records)
    assert "BACKLOG" not in render(plain)
    assert plain.as_json()["backlogs"] == {}
