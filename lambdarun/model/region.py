"""Joins the cores: the shell's only door. It routes and holds no rule.

`take` hands it what happened, `next_due` says when it must be asked again, and `advance` answers with what follows:
records of what was decided and effects that only the shell can do. No waiting, no process, no clock: a `for` loop
plays a day of traffic, and equal inputs give equal answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from attrs import define, field

from lambdarun.model.admission import Admission
from lambdarun.model.arrival import Arrival, BatchArrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.async_invocation import AsyncInvocation
from lambdarun.model.async_queue import AsyncQueue
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.concurrency import ConcurrencyLedger
from lambdarun.model.declarations import Project
from lambdarun.model.deployment import Deployments
from lambdarun.model.draws import Draws
from lambdarun.model.effects import Answer, Effect
from lambdarun.model.environment import Environments
from lambdarun.model.event_source_mapping import EventSourceMapping, uuid_of
from lambdarun.model.function import Function
from lambdarun.model.handler_time import DurationMode, HandlerTime
from lambdarun.model.instant import Instant
from lambdarun.model.invoke_request import EMPTY_EVENT, InvokeReply, Refusal, accept_refusal, arrival_refusal
from lambdarun.model.lane_polling import LanePolling
from lambdarun.model.mapping_control import Mappings
from lambdarun.model.mapping_news import MappingRequest
from lambdarun.model.news import Accept, Arrive, Deployment, Ended, Invoke, News, Responded, Send, SqsCall
from lambdarun.model.open_queue import open_queue
from lambdarun.model.provisioning import Provisioning
from lambdarun.model.queue import Queue
from lambdarun.model.queue_polling import QueuePolling
from lambdarun.model.records import ArrivalUndelivered, Record
from lambdarun.model.recycling import IdleRecycling
from lambdarun.model.retried_lane import RetriedLane
from lambdarun.model.routing import Routing
from lambdarun.model.sqs_calls import SqsCalls
from lambdarun.model.sqs_room import QueueRoom
from lambdarun.model.sync_invocation import Callers, SyncArrivals
from lambdarun.model.wakes import Wakes


# How a step goes. `take` hands news to the one core that it concerns, which changes its state, appends records and
# effects to the admission's lists, and stirs whoever has to look again. `advance` wakes the stirred and the due until
# nobody is left, and hands the lists over. Nothing is decided here: a figure or an `if` on a limit in this file is in
# the wrong room.
#
# Joined with a core are its surroundings (a queue with its pollers, a lane with its function) in the `*_polling` and
# `*_invocation` modules: they know admission and wakes, so that the cores need not, and can be driven alone by their
# tests.
@define(eq=False)
class Region:
    """One account in one Region: every declared function, queue and mapping, and all that is under way."""

    project: Project
    draws: Draws
    durations: DurationMode = DurationMode.DECLARED
    routing_function: str | None = None
    """The function for every arrival (`--function`); None: the project's routes."""
    time: HandlerTime = field(init=False)
    catalog: Catalog = field(init=False)
    provisioning: Provisioning = field(init=False)
    deployments: Deployments = field(init=False)
    admission: Admission = field(init=False)
    wakes: Wakes = field(factory=Wakes, init=False)
    queues: dict[str, QueuePolling] = field(factory=dict, init=False)
    mappings: Mappings = field(init=False)
    sqs: SqsCalls = field(init=False)
    routing: Routing = field(init=False)
    _callers: Callers = field(init=False)
    _sync_arrivals: SyncArrivals = field(init=False)
    _asynchronous: dict[str, AsyncInvocation] = field(factory=dict, init=False)
    _lanes: dict[tuple[str, str, str], LanePolling] = field(factory=dict, init=False)
    _at_work: dict[QueuePolling, None] = field(factory=dict, init=False)
    _takers: dict[type, Callable[[Instant, Any], None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        project = self.project
        self.time = HandlerTime(self.durations, self.draws)
        self.catalog = catalog = Catalog(project, self.draws)
        ledger = ConcurrencyLedger(project.account, project.functions)
        self.admission = admission = Admission(ledger, Environments(self.draws), self.time, self.draws)
        admission.recycling = IdleRecycling(project.account.idle_time, admission, self.wakes)
        admission.provisioned = self.provisioning = Provisioning(admission, self.wakes)
        self.deployments = Deployments(catalog, admission, self.provisioning, self._updated)
        self.routing = Routing(project, self.routing_function)
        self.mappings = Mappings(catalog, admission, self.wakes, self.queues)
        self.sqs = SqsCalls(
            QueueRoom(project.account, admission, self.wakes, self.queues, self._open_unpolled)
        )
        self._callers = Callers(catalog, admission)
        self._sync_arrivals = SyncArrivals(catalog, admission, self.wakes)
        # A table, not a match: it is asked once for each piece of news, and a match of five classes costs five comparisons.
        self._takers = {
            Invoke: self._callers.invoke,
            Accept: self._accept,
            Send: self._send,
            SqsCall: self.sqs.take,
            Arrive: self._arrive,
            Ended: self._end,
            **dict.fromkeys(get_args(Deployment), self.deployments.take),
            **dict.fromkeys(get_args(MappingRequest), self.mappings.take),
            Responded: self._callers.respond,
        }
        for queue in project.queues.values():
            self._open_queue(queue, self.routing.mappings(queue.name))
        # A second pass: a dead-letter queue may be declared behind the queue that uses it.
        for queue in project.queues.values():
            if queue.redrive_policy is not None:
                target = self.queues[queue.redrive_policy.dead_letter_target]
                self.queues[queue.name].dead_letter = target
                self.queues[queue.name].queue.dead_letter = target.queue

    def take(self, now: Instant, news: News) -> None:
        """Be told that something happened at `now`. What follows is `advance`'s to say."""
        self._takers[type(news)](now, news)

    def next_due(self) -> Instant | None:
        """When somebody must call `advance`, even if nothing happens until then."""
        return self.wakes.next_due()

    def advance(self, now: Instant) -> tuple[list[Record], list[Effect]]:
        """Do what is due at `now`; returns all records and effects since the last call."""
        self.wakes.run(now)
        admission = self.admission
        told = admission.records, admission.effects
        # New lists, not cleared ones: what was handed over belongs to the driver now.
        admission.records, admission.effects = [], []
        return told

    def at_rest(self) -> bool:
        """Whether no retry, no message of a polled queue and no batch is left."""
        return (
            self._sync_arrivals.at_rest()
            and self.provisioning.at_rest()
            and all(queue.at_rest() for queue in self._asynchronous.values())
            and self.mappings.at_rest()
            and self._queues_at_rest()
            and all(lane.at_rest() for lane in self._lanes.values())
        )

    def _queues_at_rest(self) -> bool:
        # Asked after each step, so not of a thousand queues: only of those that were woken and left with something to do.
        at_work = self._at_work
        while at_work:
            queue = next(iter(at_work))
            if not queue.at_rest():
                return False
            del at_work[queue]
        return True

    def _end(self, now: Instant, news: Ended) -> None:
        self.admission.end(now, news.invocation, news.outcome, news.usage)

    def _accept(self, now: Instant, news: Accept) -> None:
        found = accept_refusal(self.catalog, news)
        if isinstance(found, Refusal):
            self._callers.refuse(now, news.ticket, news.function, found)
            return
        events = self._asynchronous.get(found.resource) or self._async(found)
        request_id = events.accept(now, news.payload or EMPTY_EVENT, news.source, news.duration)
        self.admission.effects.append(
            Answer(news.ticket, InvokeReply(202, request_id, None, None, b"", None))
        )

    def _send(self, now: Instant, news: Send) -> None:
        self.queues[news.queue].send(now, news.message)

    def _arrive(self, now: Instant, news: Arrive) -> None:
        queues, records, stir = self.queues, self.admission.records, self.wakes.stir
        for arrival in news.arrivals:
            # The common case in line: a recording is mostly messages for a queue that somebody polls.
            if isinstance(arrival, MessageArrival):
                polled = queues.get(arrival.queue)
                if polled is not None and polled.pollers and polled.queue.refusal(arrival) is None:
                    polled.queue.send(now, arrival, records)
                    stir(polled)
                else:
                    self._arrive_message(now, arrival)
            elif isinstance(arrival, EventArrival):
                self._arrive_event(now, arrival)
            else:
                self._arrive_batch(now, arrival)

    def _arrive_event(self, now: Instant, arrival: EventArrival) -> None:
        resource = self._target_of(now, arrival)
        if resource is None:
            return
        refusal = arrival_refusal(arrival)
        if refusal is not None:
            self._undelivered(now, arrival, refusal.message)
        elif arrival.delivery is Delivery.ASYNC:
            events = self._asynchronous.get(resource) or self._async(self.catalog.callee(resource))
            events.accept(now, arrival.payload or EMPTY_EVENT, arrival.source, arrival.duration)
        else:
            self._sync_arrivals.arrive(now, arrival, resource)

    def _arrive_message(self, now: Instant, arrival: MessageArrival) -> None:
        polled = self.queues.get(arrival.queue)
        if polled is None and (reason := self.routing.no_queue(arrival)) is not None:
            self._undelivered(now, arrival, reason)
            return
        if polled is None or not polled.pollers:
            resource = self._target_of(now, arrival)
            if resource is None:
                return
            # A recorded message whose queue nobody declared or polls: AWS's defaults, and the function that the routes name for
            # it.
            mapping = EventSourceMapping(
                name=arrival.queue,
                uuid=uuid_of(f"routed:{arrival.queue}"),
                queue=arrival.queue,
                function=resource,
            )
            if polled is None:
                polled = self._open_queue(self.routing.queue(arrival), [mapping])
            else:
                self.mappings.declare(polled, mapping)
        refusal = polled.queue.refusal(arrival)
        if refusal is not None:
            self._undelivered(now, arrival, refusal.message)
        else:
            polled.queue.send(now, arrival, self.admission.records)
            self.wakes.stir(polled)

    def _arrive_batch(self, now: Instant, arrival: BatchArrival) -> None:
        resource = self._target_of(now, arrival)
        if resource is None:
            return
        key = (arrival.source, arrival.lane, resource)
        lane = self._lanes.get(key)
        if lane is None:
            core = RetriedLane(f"{arrival.source}:{arrival.lane}", arrival.source)
            callee = self.catalog.callee(resource)
            lane = self._lanes[key] = LanePolling(core, callee, self.catalog, self.admission, self.wakes)
        lane.put(arrival)

    def _target_of(self, now: Instant, arrival: Arrival) -> str | None:
        target = self.routing.target(arrival)
        if target is None:
            self._undelivered(now, arrival, self.routing.unrouted(arrival))
        return target

    def _undelivered(self, now: Instant, arrival: Arrival, reason: str) -> None:
        self.admission.records.append(ArrivalUndelivered(now, str(arrival.place), arrival.source, reason))

    def _async(self, callee: Callee) -> AsyncInvocation:
        queue = AsyncQueue(self.catalog.asynchronous(callee))
        made = AsyncInvocation(callee, self.catalog, queue, self.admission, self.wakes)
        self._asynchronous[callee.resource] = made
        return made

    def _updated(self, function: Function) -> None:
        events = self._asynchronous.get(function.name)
        if events is not None:
            events.queue.configuration = function.asynchronous
        self.mappings.updated(function)

    def _open_queue(self, declared: Queue, mappings: list[EventSourceMapping]) -> QueuePolling:
        arn = self.project.account.queue_arn(declared.name)
        polled = QueuePolling(
            open_queue(declared, arn, self.draws), self.admission, self.wakes, self._at_work
        )
        self.queues[declared.name] = polled
        for mapping in mappings:
            self.mappings.declare(polled, mapping)
        return polled

    def _open_unpolled(self, declared: Queue) -> QueuePolling:
        return self._open_queue(declared, [])
