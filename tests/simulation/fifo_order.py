"""A FIFO queue, its mapping and a handler that fails, through the region and in virtual time: is the order held?

`python -m tests.simulation.fifo_order --seeds 200 --messages 10000` plays that and prints a table; the suite plays less.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from enum import Enum
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from lambdarun.errors import Place
from lambdarun.model.arrival import MessageArrival
from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.effects import RunInvocation
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.news import Arrive, Ended
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Succeeded, SystemFailed, Usage
from lambdarun.model.queue import Fifo, Queue, RedrivePolicy
from lambdarun.model.region import Region

FAILS: Final = 0.03
"""Of the messages that a handler works on."""
LOST: Final = 0.05
"""Of the invocations, where workers are lost."""
SECONDS: Final = 600
"""For so long messages are sent."""
_USAGE: Final = Usage(Duration(1), None, Duration(0), Duration(0), 1, b"", 0)


class Kind(Enum):
    """What goes wrong."""

    RAISES = "raises"
    REPORTS = "reports the rest"
    DEAD_LETTERS = "raises, dead letters"
    SHORT_OF_ROOM = "raises, throttled, lost"


KINDS: Final = tuple(Kind)


def project(kind: Kind) -> Project:
    """One FIFO queue with a mapping, whose function and dead-letter queue are as `kind` has them."""
    most = 2 if kind is Kind.DEAD_LETTERS else None
    room = 2 if kind is Kind.SHORT_OF_ROOM else None
    function = Function(
        name="worker",
        handler="a.b",
        code_uri=Path(),
        runtime="python3.11",
        timeout=5,
        reserved_concurrent_executions=room,
    )
    policy = None if most is None else RedrivePolicy(dead_letter_target="dead.fifo", max_receive_count=most)
    fifo = Fifo(content_based_deduplication=True)
    return Project(
        functions={"worker": function},
        queues={
            "jobs.fifo": Queue(name="jobs.fifo", redrive_policy=policy, fifo=fifo),
            "dead.fifo": Queue(name="dead.fifo"),
        },
        mappings={
            "jobs": EventSourceMapping(
                name="jobs",
                queue="jobs.fifo",
                function="worker",
                report_batch_item_failures=kind is Kind.REPORTS,
            )
        },
    )


@define(eq=False)
class Play:
    """One seed. By turns the handler raises; reports the failed message and all behind it; raises with a dead-letter queue
    after two receives; raises where there is room for two invocations, and loses one worker in twenty.
    """

    seed: int
    messages: int
    groups: int
    deliveries: Counter[str] = field(factory=Counter, init=False)
    """By body; `counts` holds what the last one's ApproximateReceiveCount said."""
    counts: dict[str, int] = field(factory=dict, init=False)
    failures: Counter[str] = field(factory=Counter, init=False)
    """Batches with this message that left it in the queue."""
    lost: Counter[str] = field(factory=Counter, init=False)
    """Invocations with this message whose worker was lost: they are tried again within the same receive."""
    dropped: Counter[str] = field(factory=Counter, init=False)
    """Receives of this message whose batch found no room in time."""
    late: Counter[str] = field(factory=Counter, init=False)
    """Batches with this message that succeeded when its visibility timeout was over: a FIFO queue refuses the delete."""
    deleted: set[str] = field(factory=set, init=False)
    dead: list[str] = field(factory=list, init=False)
    faults: list[str] = field(factory=list, init=False)
    overlaps_most: int = field(default=0, init=False)
    ended: Instant = field(default=Instant(0), init=False)
    region: Region = field(init=False)
    _chance: random.Random = field(init=False)
    _sent: dict[str, list[str]] = field(factory=dict, init=False)
    """Bodies by group, in order; the first one that is still there is at the group's index in `_next`."""
    _next: Counter[str] = field(factory=Counter, init=False)
    _running: dict[str, list[Instant]] = field(factory=dict, init=False)
    """By group: until when its messages are hidden for the batches that are under way."""
    _failing: dict[str, list[str]] = field(factory=dict, init=False)
    """By invocation: what it leaves in the queue."""
    _flying: list[tuple[Instant, int, Invocation, Outcome, list[str]]] = field(factory=list, init=False)
    _groups: dict[str, str] = field(factory=dict, init=False)
    _gone: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self.region = Region(project(self.kind), Draws(self.seed))

    @property
    def kind(self) -> Kind:
        """What goes wrong with this seed."""
        return KINDS[self.seed % len(KINDS)]

    def run(self) -> Play:
        """Play it to its end."""
        arrivals = self._arrivals()
        now, place = Instant(0), 0
        region = self.region
        while True:
            dues = [region.next_due(), self._flying[0][0] if self._flying else None]
            dues.append(arrivals[place].time if place < len(arrivals) else None)
            known = [due for due in dues if due is not None]
            if place == len(arrivals) and not self._flying and region.at_rest():
                self.ended = now
                self._check_end()
                return self
            now = min(known)
            while self._flying and self._flying[0][0] <= now:
                self._end(now)
            while place < len(arrivals) and arrivals[place].time <= now:
                region.take(now, Arrive([arrivals[place]]))
                place += 1
            records, effects = region.advance(now)
            for record in records:
                self._read(record)
            for effect in effects:
                if isinstance(effect, RunInvocation):
                    self._begin(now, effect.invocation)

    def _arrivals(self) -> list[MessageArrival]:
        made = []
        times = sorted(self._chance.uniform(0, SECONDS) for _ in range(self.messages))
        for number, sent in enumerate(times):
            group, body = f"g{self._chance.randrange(self.groups)}", f"m{number}"
            self._sent.setdefault(group, []).append(body)
            self._groups[body] = group
            made.append(
                MessageArrival(
                    time=Instant(round(sent * SECOND)), place=Place("simulation"), queue="jobs.fifo", body=body,
                    message_group_id=group, message_id=body,
                )
            )  # fmt: skip
        return made

    def _begin(self, now: Instant, invocation: Invocation) -> None:
        runs: dict[str, list[str]] = {}
        failed_at, order = None, []
        for place, record in enumerate(json.loads(invocation.payload)["Records"]):
            body, about = record["body"], record["attributes"]
            runs.setdefault(about["MessageGroupId"], []).append(body)
            order.append(body)
            self.deliveries[body] += 1
            self.counts[body] = int(about["ApproximateReceiveCount"])
            if failed_at is None and self._chance.random() < FAILS:
                failed_at = place
        for group, bodies in runs.items():
            first = self._next[group]
            expected = self._sent[group][first : first + len(bodies)]
            if bodies != expected:
                self.faults.append(f"{group} got {bodies} at {now}, and not {expected}")
            running = self._running.setdefault(group, [])
            if any(until > now for until in running):
                self.faults.append(f"{group} is in two batches at {now}")
            running.append(invocation.item.visible_until)
        self.overlaps_most = max(self.overlaps_most, len(self._flying) + 1)
        outcome, failed = self._outcome(order, failed_at)
        self.failures.update(failed)
        self._failing[invocation.request_id] = failed
        end = Instant(now + round(self._chance.uniform(0.01, 2) * SECOND))
        heappush(self._flying, (end, invocation.number, invocation, outcome, list(runs)))

    def _outcome(self, order: list[str], failed_at: int | None) -> tuple[Outcome, list[str]]:
        if self.kind is Kind.SHORT_OF_ROOM and self._chance.random() < LOST:
            self.lost.update(order)
            return SystemFailed("the worker was killed"), []
        if failed_at is None:
            return Succeeded(b"null"), []
        if self.kind is Kind.REPORTS:
            failed = order[failed_at:]
            reply = {"batchItemFailures": [{"itemIdentifier": body} for body in failed]}
            return Succeeded(json.dumps(reply).encode()), failed
        return FunctionFailed(Cause.RAISED, "E", b"{}"), order

    def _end(self, now: Instant) -> None:
        _, _, invocation, outcome, groups = heappop(self._flying)
        for group in groups:
            self._running[group].remove(invocation.item.visible_until)
        self.region.take(now, Ended(invocation, outcome, _USAGE))

    def _read(self, record: Any) -> None:
        if record.kind == "batch.settled":
            self.deleted.update(record.deleted)
            ended = record.deleted
            failing = self._failing.pop(record.request_id)
            self.late.update(body for body in record.failed if body not in failing)
        elif record.kind == "message.dead_lettered":
            self.dead.append(record.message_id)
            ended = (record.message_id,)
        else:
            if record.kind == "batch.dropped":
                self.dropped.update(record.message_ids)
            return
        self._gone.update(ended)
        for group in {self._groups[body] for body in ended}:
            bodies, first = self._sent[group], self._next[group]
            while first < len(bodies) and bodies[first] in self._gone:
                first += 1
            self._next[group] = first

    def _check_end(self) -> None:
        sent = {body for bodies in self._sent.values() for body in bodies}
        lost = sent - self.deleted - set(self.dead)
        if lost:
            self.faults.append(f"lost: {sorted(lost)}")
        if len(self.dead) != len(set(self.dead)) or self.deleted & set(self.dead):
            self.faults.append("a message ended twice")
        for body in sent:
            # Once for each batch that left it in the queue, and once more for the one that deleted it; a lost worker is one
            # delivery more of the same receive, a batch that was dropped a receive without a delivery.
            explained = self.failures[body] + self.late[body] + (body in self.deleted)
            if self.deliveries[body] != explained + self.lost[body]:
                said = f"{self.deliveries[body]} times, explained {explained} and {self.lost[body]}"
                self.faults.append(f"{body} was delivered {said}")
            if self.counts[body] != explained + self.dropped[body]:
                said = f"{self.counts[body]}, explained {explained} and {self.dropped[body]}"
                self.faults.append(f"the last receive of {body} said {said}")


def main() -> None:
    """Play many seeds and print what came of them."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--seeds", type=int, default=200)
    asked.add_argument("--messages", type=int, default=10_000)
    asked.add_argument("--groups", type=int, default=100)
    given = asked.parse_args()
    begun = time.perf_counter()
    totals: dict[str, Counter[str]] = {kind.value: Counter() for kind in KINDS}
    for seed in range(given.seeds):
        play = Play(seed, given.messages, given.groups).run()
        total = totals[play.kind.value]
        total.update(
            {
                "seeds": 1,
                "messages": given.messages,
                "deliveries": play.deliveries.total(),
                "again": play.deliveries.total() - len(play.deliveries),
                "late": play.late.total(),
                "lost": play.lost.total(),
                "dropped": play.dropped.total(),
                "deleted": len(play.deleted),
                "dead": len(play.dead),
                "faults": len(play.faults),
            }
        )
        total["most"] = max(total["most"], max(play.deliveries.values()))
        for fault in play.faults[:5]:
            sys.stdout.write(f"seed {seed}: {fault}\n")
    columns = (
        "seeds",
        "messages",
        "deliveries",
        "again",
        "most",
        "late",
        "lost",
        "dropped",
        "deleted",
        "dead",
        "faults",
    )
    sys.stdout.write(f"{'handler':24}" + "".join(f"{name:>11}" for name in columns) + "\n")
    for kind, total in totals.items():
        sys.stdout.write(f"{kind:24}" + "".join(f"{total[name]:>11,}" for name in columns) + "\n")
    sys.stdout.write(f"{time.perf_counter() - begun:.0f} s\n")
    raise SystemExit(any(total["faults"] for total in totals.values()))


if __name__ == "__main__":
    main()
