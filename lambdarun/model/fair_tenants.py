"""Fair queues: on a standard queue a MessageGroupId names a tenant, and a noisy one waits behind the quiet ones.

A tenant becomes noisy with more than a tenth of the messages in flight and at least 30 of them. It is quiet again once
nothing of it waits, or after five minutes without a send. Quiet tenants' messages go first; of several noisy tenants the
one with the fewest messages in flight. A message without a group is a tenant of its own, and never noisy.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
"""

# AWS also counts a tenant's share of the recent processing time, over a time that it does not tell: left out here.

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.message import Message, State
from lambdarun.model.queue_records import TenantBecameNoisy, TenantBecameQuiet
from lambdarun.model.records import Record

_VISIBLE: Final = State.VISIBLE
_HIDDEN: Final = State.HIDDEN
_SHARE: Final = limits.NOISY_SHARE.value
_IN_FLIGHT: Final = limits.NOISY_IN_FLIGHT.value
_SILENT: Final = Duration(limits.NOISY_UNTIL_SILENT_FOR.value * SECOND)


@define(eq=False)
class _Tenant:
    name: str
    sent: Instant
    in_flight: int = 0
    waiting: int = 0
    """Visible and delayed."""
    passed_over: deque[Message] | None = None
    """While it is noisy: its messages whose turn has come, in order."""


@define(eq=False)
class FairTenants:
    """The tenants of one queue that have messages."""

    queue: str
    _tenants: dict[str, _Tenant] = field(factory=dict, init=False)
    _noisy: dict[str, _Tenant] = field(factory=dict, init=False)

    @property
    def noisy(self) -> list[str]:
        """The groups that are delayed, in the order in which they became noisy."""
        return list(self._noisy)

    def come(self, now: Instant, message: Message) -> None:
        """A message came."""
        name = message.message_group_id
        if name is not None:
            tenant = self._tenants.get(name)
            if tenant is None:
                tenant = self._tenants[name] = _Tenant(name, now)
            tenant.sent = now
            tenant.waiting += 1

    def hide(self, message: Message) -> None:
        """A message goes in flight."""
        tenant = self._of(message)
        if tenant is not None:
            tenant.waiting -= 1
            tenant.in_flight += 1

    def show(self, message: Message) -> None:
        """A message in flight is visible again."""
        tenant = self._of(message)
        if tenant is not None:
            tenant.waiting += 1
            tenant.in_flight -= 1

    def remove(self, message: Message) -> None:
        """A message is about to be gone."""
        tenant = self._of(message)
        if tenant is not None:
            if message.state is _HIDDEN:
                tenant.in_flight -= 1
            else:
                tenant.waiting -= 1
            if not tenant.waiting and not tenant.in_flight and tenant.passed_over is None:
                del self._tenants[tenant.name]

    def in_order(
        self, now: Instant, visible: deque[Message], count: int, records: list[Record]
    ) -> deque[Message]:
        """Take out of `visible` those `count` messages that a receive gets next."""
        self.calm(now, visible, records)
        chosen: deque[Message] = deque()
        while visible and len(chosen) < count:
            message = visible.popleft()
            if message.state is _VISIBLE:
                owner = self._noisy.get(message.message_group_id or "")
                if owner is None or owner.passed_over is None:
                    chosen.append(message)
                else:
                    owner.passed_over.append(message)
        # Each one taken counts as in flight already, so that several noisy tenants take turns within one receive.
        taken: dict[str, int] = {}
        while len(chosen) < count:
            most_patient = min(
                (tenant for tenant in self._noisy.values() if tenant.passed_over),
                key=lambda tenant: tenant.in_flight + taken.get(tenant.name, 0),
                default=None,
            )
            if most_patient is None or most_patient.passed_over is None:
                break
            message = most_patient.passed_over.popleft()
            if message.state is _VISIBLE:
                chosen.append(message)
                taken[most_patient.name] = taken.get(most_patient.name, 0) + 1
        return chosen

    def calm(self, now: Instant, visible: deque[Message], records: list[Record]) -> None:
        """End the noise of those of whom nothing waits, or nothing came for long."""
        for tenant in list(self._noisy.values()):
            if not tenant.waiting or now - tenant.sent >= _SILENT:
                self._end(tenant, visible)
                records.append(TenantBecameQuiet(now, self.queue, tenant.name))

    def look(self, now: Instant, received: Iterable[Message], hidden: int, records: list[Record]) -> None:
        """After a receive, with `hidden` messages in flight: did a tenant become noisy?"""
        for message in received:
            tenant = self._of(message)
            if (
                tenant is not None
                and tenant.passed_over is None
                and tenant.in_flight >= _IN_FLIGHT
                and tenant.in_flight * 100 > hidden * _SHARE
                and tenant.waiting
                and now - tenant.sent < _SILENT
            ):
                tenant.passed_over = deque()
                self._noisy[tenant.name] = tenant
                records.append(TenantBecameNoisy(now, self.queue, tenant.name, tenant.in_flight))

    def release(self, visible: deque[Message]) -> None:
        """Put what was passed over back before all others."""
        for tenant in self._noisy.values():
            if tenant.passed_over:
                visible.extendleft(reversed(tenant.passed_over))
                tenant.passed_over.clear()

    def _of(self, message: Message) -> _Tenant | None:
        name = message.message_group_id
        return None if name is None else self._tenants[name]

    def _end(self, tenant: _Tenant, visible: deque[Message]) -> None:
        del self._noisy[tenant.name]
        if tenant.passed_over:
            visible.extendleft(reversed(tenant.passed_over))
        tenant.passed_over = None
        if not tenant.waiting and not tenant.in_flight:
            del self._tenants[tenant.name]
