"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import NewMessage, Received
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.queue_records import QueuePurged, TenantBecameNoisy, TenantBecameQuiet
from lambdarun.model.sqs_queue import SqsQueue


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND))


def open_queue(**settings: Any) -> SqsQueue:
    settings.setdefault("visibility_timeout", 3_600)
    return SqsQueue(Queue(name="q", **settings), "arn:aws:sqs:us-east-1:123456789012:q", Draws(0))


def send(queue: SqsQueue, tenant: str | None, count: int, when: float = 0) -> None:
    for number in range(count):
        queue.send(at(when), NewMessage(body=f"{tenant}{number}", message_group_id=tenant), [])


def receive(queue: SqsQueue, count: int, when: float = 0, records: list[Any] | None = None) -> list[Received]:
    records = [] if records is None else records
    queue.advance(at(when), records)
    found = []
    for _ in range(-(-count // 10)):
        found += queue.receive(at(when), min(10, count - len(found)), records)
    return found


def tenants(received: list[Received]) -> str:
    return "".join(one.message.body[0] for one in received)


def test_below_30_messages_in_flight_messages_come_in_the_order_of_their_sends() -> None:
    queue = open_queue()
    send(queue, "a", 25)
    receive(queue, 15)
    send(queue, "b", 2)
    assert tenants(receive(queue, 12)) == "a" * 10 + "bb"


def test_a_noisy_tenants_messages_come_behind_those_of_quiet_ones() -> None:
    queue = open_queue()
    send(queue, "a", 100)
    records: list[Any] = []
    receive(queue, 30, records=records)
    assert records == [TenantBecameNoisy(at(0), "q", "a", 30)]
    send(queue, "b", 2)
    send(queue, None, 1)
    assert tenants(receive(queue, 5)) == "bbNaa"
    assert queue.counts().visible == 68


def test_a_tenth_of_the_messages_in_flight_is_not_too_much() -> None:
    queue = open_queue()
    records: list[Any] = []
    send(queue, None, 270)
    receive(queue, 270)
    send(queue, "a", 40)
    receive(queue, 30, records=records)
    # 30 of 300 are a tenth, 31 of 301 are more.
    assert records == []
    receive(queue, 1, records=records)
    assert records == [TenantBecameNoisy(at(0), "q", "a", 31)]


def test_of_two_noisy_tenants_the_one_with_fewer_messages_in_flight_comes_first() -> None:
    queue = open_queue()
    send(queue, "a", 60)
    receive(queue, 40)
    send(queue, "b", 60)
    assert tenants(receive(queue, 30)) == "b" * 30
    assert tenants(receive(queue, 12)) == "b" * 10 + "ab"


def test_a_tenant_is_quiet_once_nothing_of_it_waits() -> None:
    queue = open_queue()
    send(queue, "a", 35)
    receive(queue, 30)
    records: list[Any] = []
    assert tenants(receive(queue, 5, 1)) == "aaaaa"
    receive(queue, 1, 2, records)
    assert records == [TenantBecameQuiet(at(2), "q", "a")]
    send(queue, "a", 1, 3)
    send(queue, "b", 1, 3)
    assert tenants(receive(queue, 2, 3)) == "ab"


def test_a_tenant_is_quiet_after_five_minutes_without_a_send() -> None:
    queue = open_queue()
    send(queue, "a", 50)
    receive(queue, 30)
    send(queue, "b", 2, 299)
    assert tenants(receive(queue, 1, 299)) == "b"
    send(queue, "c", 1, 300)
    assert tenants(receive(queue, 21, 300)) == "a" * 20 + "b"


def test_in_flight_messages_that_were_deleted_or_came_back_make_no_noise() -> None:
    queue = open_queue(visibility_timeout=30)
    send(queue, "a", 60)
    received = receive(queue, 29)
    queue.delete_all(received[:10])
    records: list[Any] = []
    receive(queue, 10, 1, records)
    assert records == []
    # At 30 the first come back; those of the second receive are in flight.
    receive(queue, 19, 30, records)
    assert [type(record) for record in records if isinstance(record, TenantBecameNoisy)] == []
    receive(queue, 1, 30, records)
    assert records[-1] == TenantBecameNoisy(at(30), "q", "a", 30)


def test_a_redrive_task_and_a_purge_find_what_was_passed_over() -> None:
    queue = open_queue()
    send(queue, "a", 40)
    receive(queue, 30)
    send(queue, "b", 1)
    receive(queue, 1)
    assert len(queue.take_out(100)) == 10
    send(queue, "a", 5)
    queue.purge(at(1), [])
    assert queue.counts().visible == 0
    send(queue, "a", 1)
    assert tenants(receive(queue, 1)) == "a"


def test_a_redrive_task_sees_what_it_takes_out_next() -> None:
    queue = open_queue()
    send(queue, "a", 40)
    receive(queue, 30)
    send(queue, "b", 2)
    assert tenants(receive(queue, 1)) == "b"
    for _ in range(11):
        first = queue.next_out()
        assert queue.take_out(1) == [first]
    assert queue.next_out() is None


def test_a_message_that_moves_leaves_its_place_in_the_receive_to_the_next() -> None:
    policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=1)
    queue = open_queue(visibility_timeout=30, redrive_policy=policy)
    queue.dead_letter = dead = open_queue()
    send(queue, "a", 10)
    receive(queue, 10)
    queue.advance(at(31), [])
    send(queue, "b", 1, when=31)
    assert tenants(queue.receive(at(31), 10, [])) == "b"
    assert dead.counts().visible == 10


def test_the_end_of_a_tenants_noise_is_told_without_another_receive_and_by_a_purge() -> None:
    queue = open_queue()
    send(queue, "a", 40)
    taken = receive(queue, 40)
    records: list[Any] = []
    queue.delete_all(taken)
    queue.advance(at(1), records)
    assert records == [TenantBecameQuiet(at(1), "q", "a")]
    send(queue, "a", 50, when=2)
    receive(queue, 30, 2, records)
    queue.purge(at(3), records)
    assert records[1:] == [
        TenantBecameNoisy(at(2), "q", "a", 30),
        QueuePurged(at(3), "q", 50),
        TenantBecameQuiet(at(3), "q", "a"),
    ]


STEP = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["a", "b", None]), st.integers(1, 40)),
    st.tuples(st.just("receive"), st.just(None), st.integers(1, 40)),
    st.tuples(st.just("delete"), st.just(None), st.integers(1, 20)),
    st.tuples(st.just("wait"), st.just(None), st.sampled_from([1, 30, 400])),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_noise_loses_and_invents_nothing(steps: list[tuple[str, str | None, int]]) -> None:
    queue, now, sent = open_queue(visibility_timeout=30), 0, 0
    held: list[Received] = []
    deleted: set[int] = set()
    for what, tenant, count in steps:
        if what == "send":
            send(queue, tenant, count, now)
            sent += count
        elif what == "receive":
            held += receive(queue, count, now)
        elif what == "delete":
            done, held = held[:count], held[count:]
            assert list(queue.delete_all(done)) == []
            deleted |= {one.message.number for one in done}
        else:
            now += count
            queue.advance(at(now), [])
        counts = queue.counts()
        assert counts.visible + counts.hidden == sent - len(deleted)
    now += 3_600
    last = receive(queue, sent + 10, now)
    assert sorted(one.message.number for one in last) == sorted(set(range(1, sent + 1)) - deleted)
