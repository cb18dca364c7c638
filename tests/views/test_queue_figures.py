"""What is left in a queue, by the log: each message is sent once and ends once."""

from __future__ import annotations

from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import BatchSettled, MessageSent
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.mapping_records import MessagesFiltered
from lambdarun.model.queue_records import (
    GONE,
    MessageDeduplicated,
    MessageDuplicated,
    MessagesDeleted,
    MessagesMovedBack,
    QueuePurged,
)
from lambdarun.model.records import Record
from lambdarun.report.text import notes
from lambdarun.views.figures import QueueFigures
from lambdarun.views.summary import Summary


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND))


def figures(*happened: Record) -> QueueFigures:
    summary = Summary()
    summary.read([MessageSent(at(0), "q", name, 1) for name in "abcde"])
    summary.read(happened)
    return summary.queues["q"]


def settled(seconds: float, *ids: str) -> Record:
    return BatchSettled(at(seconds), "m", "q", "fn", RequestId("r"), "succeeded", ids, ())


def test_what_callers_delete_is_handled_and_what_was_gone_is_not_counted_again() -> None:
    found = figures(MessagesDeleted(at(1), "q", ("a", "b")), MessagesDeleted(at(2), "q", (GONE,)))
    assert (found.handled, found.left) == (2, 3)


def test_what_is_filtered_purged_or_moved_back_is_not_left_and_was_not_handled() -> None:
    found = figures(
        MessagesFiltered(at(1), "m", "q", "fn", ("a",)),
        MessagesMovedBack(at(2), "q", "other", ("b", "c")),
        QueuePurged(at(3), "q", 2),
    )
    assert (found.handled, found.removed, found.filtered, found.left) == (0, 5, 1, 0)


def test_the_summary_tells_what_filters_took_out() -> None:
    summary = Summary()
    summary.read([MessageSent(at(0), "q", "a", 1), MessagesFiltered(at(1), "m", "q", "fn", ("a",))])
    assert ("note: 1 message of q passed no filter and went unhandled", "") in list(notes(summary))


def test_a_copy_that_a_delete_missed_is_left_until_it_is_deleted_too() -> None:
    once = figures(settled(1, "a"), MessageDuplicated(at(1), "q", "a", at(0), ""))
    assert (once.deleted, once.handled, once.left) == (1, 0, 5)
    twice = figures(settled(1, "a"), MessageDuplicated(at(1), "q", "a", at(0), ""), settled(31, "a"))
    assert (twice.deleted, twice.handled, twice.left) == (2, 1, 4)


def test_what_a_fifo_queue_had_already_was_not_sent() -> None:
    found = figures(MessageDeduplicated(at(1), "q", "a", "g"))
    assert (found.sent, found.deduplicated, found.left) == (5, 1, 5)
