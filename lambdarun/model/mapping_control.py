"""The event source mappings of a region: made, changed, disabled and deleted while messages are in flight.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, evolve, field

from lambdarun.aws import limits, mapping_messages
from lambdarun.aws.messages import ErrorText
from lambdarun.model.admission import Admission
from lambdarun.model.catalog import Catalog
from lambdarun.model.due_queue import DueQueue
from lambdarun.model.effects import Answer, Deployed
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import Instant
from lambdarun.model.invoke_request import Refusal, refusal, resolve
from lambdarun.model.mapping_answers import described, mapping_arn
from lambdarun.model.mapping_news import CreateMapping, DeleteMapping, MappingRequest, UpdateMapping
from lambdarun.model.mapping_records import MappingChanged
from lambdarun.model.mapping_requests import MappingRequests
from lambdarun.model.mapping_rules import bounds_fault, target
from lambdarun.model.mapping_state import BECOMES, MappingState
from lambdarun.model.queue_mapping import QueueMapping
from lambdarun.model.queue_polling import MappingPolling, QueuePolling
from lambdarun.model.wakes import Wakes

_GONE: Final = ""


@define(eq=False)
class KeptMapping:
    """A mapping with its pollers, and what it is becoming."""

    declaration: EventSourceMapping
    poller: MappingPolling
    state: MappingState
    modified: Instant
    becomes: MappingState | None = None
    """The state that follows by itself; None: the mapping goes."""
    next: EventSourceMapping | None = None
    """The settings that an update brings, when it is through."""
    tags: dict[str, str] = field(factory=dict)


# A request is answered at once with the state that it leads to (Creating, Updating, ...); what it asks for takes effect
# when that state is over. Two things do not wait: a mapping that is to be disabled or deleted receives no more from its
# request on. Invocations under way end as they would have, and delete what succeeded.
@define(eq=False)
class Mappings:
    """Takes requests about mappings, and has their states go on."""

    catalog: Catalog
    admission: Admission
    wakes: Wakes
    queues: Mapping[str, QueuePolling]
    _kept: dict[str, KeptMapping] = field(factory=dict, init=False)
    _passing: DueQueue[KeptMapping] = field(factory=DueQueue, init=False)
    _requests: MappingRequests = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._requests = MappingRequests(self.catalog, self.queues)

    def declare(self, polled: QueuePolling, mapping: EventSourceMapping) -> None:
        """Have a mapping that is in place when a run begins."""
        state = MappingState.ENABLED if mapping.enabled else MappingState.DISABLED
        self._keep(Instant(0), polled, mapping, state)

    def updated(self, function: Function) -> None:
        """Be told that a function's $LATEST or an alias of it is another: its timeout stretches the visibility of messages."""
        for kept in self._kept.values():
            mapping = kept.poller.mapping
            if mapping.function.name == function.name:
                mapping.run(self._requests.function(kept.declaration.function))

    def take(self, now: Instant, request: MappingRequest) -> None:
        """Do what is asked, or refuse it in AWS's words."""
        match request:
            case CreateMapping():
                answer = self._create(now, request.request)
            case UpdateMapping():
                answer = self._update(now, request.uuid, request.request)
            case DeleteMapping():
                answer = self._delete(now, request.uuid)
        reply = answer if isinstance(answer, Refusal) else Deployed(answer)
        self.admission.effects.append(Answer(request.ticket, reply))

    def get(self, uuid: str) -> dict[str, Any] | Refusal:
        """What AWS answers to GetEventSourceMapping."""
        kept = self._kept.get(uuid)
        if kept is None:
            return _refusal_of(mapping_messages.MAPPING_NOT_FOUND)
        return self._described(kept)

    def list(
        self, source: str | None, function: str | None, after: str | None, most: int
    ) -> dict[str, Any] | Refusal:
        """What AWS answers to ListEventSourceMappings: of a queue's ARN, of a function, or all; a hundred at most.

        The marker is the UUID of the last one that was told.
        """
        fault = bounds_fault(("max_items",), most, limits.LIST_ITEMS)
        if fault is not None:
            return refusal(fault.text, fault.said)
        resource = None
        if function is not None:
            callee = resolve(self.catalog, function, None)
            if isinstance(callee, Refusal):
                return callee
            resource = callee.resource
        found = [
            kept
            for kept in self._kept.values()
            if source in (None, self.catalog.account.queue_arn(kept.declaration.queue))
            and resource in (None, kept.declaration.function)
        ]
        if after is not None:
            uuids = [kept.declaration.uuid for kept in found]
            found = found[uuids.index(after) + 1 :] if after in uuids else []
        told = found[: min(most, limits.MAPPINGS_LISTED.value)]
        answer: dict[str, Any] = {"EventSourceMappings": [self._described(kept) for kept in told]}
        if len(told) < len(found):
            answer["NextMarker"] = told[-1].declaration.uuid
        return answer

    def tags(self, arn: str) -> dict[str, str] | Refusal:
        """The tags of the mapping with that ARN, to be read and changed."""
        if re.fullmatch(mapping_messages.TAGGED_ARN_PATTERN, arn) is None:
            text = mapping_messages.TAGGED_ARN_INVALID
            return refusal(text, text.of(arn=arn, pattern=mapping_messages.TAGGED_ARN_PATTERN))
        uuid = arn.rpartition(":")[2]
        kept = self._kept.get(uuid)
        if kept is None or arn != mapping_arn(self.catalog.account, uuid):
            text = mapping_messages.TAGGED_MAPPING_NOT_FOUND
            return refusal(text, text.of(arn=arn))
        return kept.tags

    def wake(self, now: Instant) -> None:
        """Have states end whose time is over."""
        for kept in self._passing.take_due(now):
            self._pass(now, kept)

    def next_due(self) -> Instant | None:
        """When the next state ends."""
        return self._passing.next_due()

    def at_rest(self) -> bool:
        """Whether no mapping is on its way to another state."""
        return not len(self._passing)

    def _create(self, now: Instant, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        invalid = self._requests.invalid(request)
        if invalid is not None:
            return invalid
        uuid = self._new_uuid()
        made = self._requests.created(request, uuid)
        if isinstance(made, Refusal):
            return made
        conflict = self._conflict(made)
        if conflict is not None:
            return conflict
        polled = self.queues[made.queue]
        kept = self._keep(now, polled, made, MappingState.CREATING if made.enabled else MappingState.DISABLED)
        kept.tags.update(request.get("Tags", {}))
        if made.enabled:
            self._wait(now, kept, MappingState.ENABLED)
        self._tell(now, kept)
        return self._described(kept)

    def _update(self, now: Instant, uuid: str, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        invalid = self._requests.invalid(request)
        if invalid is not None:
            return invalid
        kept = self._kept.get(uuid)
        if kept is None:
            return _refusal_of(mapping_messages.MAPPING_NOT_FOUND)
        if not kept.state.is_settled:
            return _refusal_of(mapping_messages.MAPPING_UPDATE_IN_USE)
        before = kept.declaration
        after = self._requests.updated(before, request)
        if isinstance(after, Refusal):
            return after
        conflict = self._conflict(after)
        if conflict is not None:
            return conflict
        enabled = MappingState.ENABLED if after.enabled else MappingState.DISABLED
        state = MappingState.UPDATING
        if enabled is not kept.state:
            state = MappingState.ENABLING if after.enabled else MappingState.DISABLING
        self._enter(now, kept, state)
        kept.next = after
        if state is MappingState.DISABLING:
            self._stop(now, kept)
        self._wait(now, kept, enabled)
        self._tell(now, kept)
        # The answer shows what was asked for, as recorded (test_sqs_event_source_mapping_update). What Get shows until it
        # is through, no recording tells: the guide says that changes are not seen before.
        return described(self.catalog.account, after, kept.state, kept.modified)

    def _delete(self, now: Instant, uuid: str) -> dict[str, Any] | Refusal:
        kept = self._kept.get(uuid)
        if kept is None:
            return _refusal_of(mapping_messages.MAPPING_NOT_FOUND)
        if not kept.state.is_settled:
            return _refusal_of(mapping_messages.MAPPING_DELETE_IN_USE)
        self._enter(now, kept, MappingState.DELETING)
        self._stop(now, kept)
        self._wait(now, kept, None)
        self._tell(now, kept)
        return self._described(kept)

    def _conflict(self, made: EventSourceMapping) -> Refusal | None:
        wanted = target(made)
        for kept in self._kept.values():
            # What an update brings is as good as there.
            theirs = [target(one) for one in (kept.declaration, kept.next) if one is not None]
            uuid = kept.declaration.uuid
            if uuid != made.uuid and wanted in theirs:
                text = mapping_messages.MAPPING_EXISTS
                arn = self.catalog.account.queue_arn(made.queue)
                return refusal(text, text.of(arn=arn, function=made.function, uuid=uuid))
        return None

    def _keep(
        self, now: Instant, polled: QueuePolling, mapping: EventSourceMapping, state: MappingState
    ) -> KeptMapping:
        account, catalog = self.catalog.account, self.catalog
        function = self._requests.function(mapping.function)
        # The core polls what is enabled; one that is being made is not yet.
        core = QueueMapping(
            evolve(mapping, enabled=state is MappingState.ENABLED), function, polled.queue, account.region
        )
        poller = MappingPolling(core, catalog.callee(mapping.function), catalog, self.admission, polled)
        polled.add(poller)
        kept = self._kept[mapping.uuid] = KeptMapping(mapping, poller, state, now)
        return kept

    def _wait(self, now: Instant, kept: KeptMapping, becomes: MappingState | None) -> None:
        assert becomes in BECOMES[kept.state], f"{kept.state} does not become {becomes}"
        kept.becomes = becomes
        self._passing.put(Instant(now + self.catalog.account.mapping_delay), kept)
        self.wakes.stir(self)

    def _enter(self, now: Instant, kept: KeptMapping, state: MappingState) -> None:
        assert state in BECOMES[kept.state], f"{kept.state} does not become {state}"
        kept.state = state
        kept.modified = now

    def _pass(self, now: Instant, kept: KeptMapping) -> None:
        polled, state = kept.poller.queue, kept.becomes
        if state is None:
            polled.remove(kept.poller)
            del self._kept[kept.declaration.uuid]
            self._tell(now, kept, _GONE)
            return
        if kept.next is not None:
            self._change(now, kept, kept.next)
        self._enter(now, kept, state)
        if state is MappingState.ENABLED and not kept.poller.mapping.polls:
            polled.begin(kept.poller)
        self._tell(now, kept)

    def _change(self, now: Instant, kept: KeptMapping, after: EventSourceMapping) -> None:
        kept.declaration, kept.next = after, None
        poller = kept.poller
        poller.callee = self.catalog.callee(after.function)
        function = self._requests.function(after.function)
        poller.mapping.change(now, after, function, self.admission.records)
        poller.queue.settled(poller)

    def _stop(self, now: Instant, kept: KeptMapping) -> None:
        kept.poller.queue.stop(now, kept.poller)

    def _tell(self, now: Instant, kept: KeptMapping, state: str | None = None) -> None:
        declared, mapping = kept.declaration, kept.poller.mapping
        self.admission.records.append(
            MappingChanged(
                now,
                declared.name,
                declared.queue,
                mapping.function.name,
                declared.uuid,
                kept.state.value if state is None else state,
                declared.event_count,
                mapping.fleet.allowed if mapping.polls else 0,
                declared.provisioned_pollers is not None,
            )
        )

    def _described(self, kept: KeptMapping) -> dict[str, Any]:
        return described(self.catalog.account, kept.declaration, kept.state, kept.modified)

    def _new_uuid(self) -> str:
        # Not among the ids of messages and invocations: one mapping more must not change those.
        bits = self.admission.draws.stream("mappings").getrandbits
        return f"{bits(32):08x}-{bits(16):04x}-4{bits(12):03x}-{0x8000 | bits(14):04x}-{bits(48):012x}"


def _refusal_of(text: ErrorText) -> Refusal:
    return refusal(text, text.text)
