"""What a deployment changes while a run lasts: code and configuration, versions, aliases, provisioned concurrency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, evolve

from lambdarun.aws import limits, messages, version_messages
from lambdarun.model.admission import Admission
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.effects import Answer, Deployed
from lambdarun.model.environment import StopReason
from lambdarun.model.function import LATEST, Function
from lambdarun.model.instant import Instant
from lambdarun.model.invoke_request import Refusal, refusal, resolve
from lambdarun.model.news import (
    Deployment,
    PublishVersion,
    PutAlias,
    PutProvisionedConcurrency,
    UpdateFunction,
)
from lambdarun.model.provisioning import ProvisionedConcurrencyConfig, Provisioning
from lambdarun.model.version_records import AliasPut, FunctionUpdated, VersionPublished
from lambdarun.model.version_rules import Fault, alias_fault, conflict, declared_provisioned, room_fault


# Each request is decided at once and answered in the same step. AWS takes seconds for an update, in which invocations
# run the old code; a run of ours would gain nothing by that.
@define(eq=False)
class Deployments:
    """Takes requests that change functions."""

    catalog: Catalog
    admission: Admission
    provisioning: Provisioning
    changed: Callable[[Function], None]
    """Told of each function whose $LATEST was updated, or of which an alias means another version."""

    def begin(self, now: Instant) -> None:
        """Allocate what the project declares: it is in place when a run begins."""
        for name, function in self.catalog.latest.items():
            for qualifier, requested in declared_provisioned(function).items():
                self._provision(now, name, qualifier, requested, before_run=True)

    def take(self, now: Instant, request: Deployment) -> None:
        """Do what is asked, or refuse it in AWS's words."""
        answer: Any
        match request:
            case PublishVersion():
                answer = self._publish(now, request)
            case UpdateFunction():
                answer = self._update(now, request.function)
            case PutAlias():
                answer = self._put_alias(now, request)
            case PutProvisionedConcurrency():
                answer = self._put_provisioned(now, request)
        if isinstance(answer, Fault):
            answer = refusal(answer.text, answer.said)
        self.admission.effects.append(
            Answer(request.ticket, answer if isinstance(answer, Refusal) else Deployed(answer))
        )

    def config(self, name: str, qualifier: str) -> ProvisionedConcurrencyConfig | Refusal:
        """How far provisioned concurrency is (AWS: GetProvisionedConcurrencyConfig)."""
        callee = self._provisionable(name, qualifier)
        if isinstance(callee, Refusal):
            return callee
        found = self.provisioning.allocations.get(callee.resource)
        if found is None:
            return refusal(
                version_messages.PROVISIONED_NOT_FOUND, version_messages.PROVISIONED_NOT_FOUND.text
            )
        return found.config()

    def _publish(self, now: Instant, request: PublishVersion) -> Function | Refusal:
        callee = resolve(self.catalog, request.function, None)
        if isinstance(callee, Refusal):
            return callee
        latest = self.catalog.latest[callee.name]
        pinned = evolve(latest, code_uri=request.code)
        version, new = self.catalog.publish(callee.name, pinned, request.digest)
        if new:
            self.admission.records.append(VersionPublished(now, callee.name, version.version, request.digest))
        return version

    def _update(self, now: Instant, function: Function) -> Function | Refusal | Fault:
        callee = resolve(self.catalog, function.name, None)
        if isinstance(callee, Refusal):
            return callee
        name = function.name
        reserved, provisioned = function.reserved_concurrent_executions, self._provisioned().get(name, 0)
        if reserved is not None and reserved < provisioned:
            text = version_messages.RESERVED_BELOW_PROVISIONED
            return Fault(text, text.of(reserved=reserved, provisioned=provisioned))
        if reserved and self._leaves_too_little(function):
            return Fault(messages.UNRESERVED_TOO_LOW, messages.UNRESERVED_TOO_LOW.text)
        new_environments = self.catalog.update(function)
        admission, latest = self.admission, self.catalog.latest[name]
        admission.ledger.reserve(latest)
        self.changed(latest)
        admission.records.append(FunctionUpdated(now, name, new_environments))
        if new_environments:
            for environment in admission.environments.outdate(latest.pool):
                admission.stop(now, environment, StopReason.UPDATED)
        return latest

    def _leaves_too_little(self, function: Function) -> bool:
        """Whether the function's reservation would leave less than AWS wants to be left to all others."""
        functions = {**self.catalog.latest, function.name: function}
        left, provisioned = self.catalog.account.concurrent_executions, self._provisioned()
        for name, one in functions.items():
            reserved = one.reserved_concurrent_executions
            left -= provisioned.get(name, 0) if reserved is None else reserved
        return left < limits.UNRESERVED_MINIMUM.value

    def _put_alias(self, now: Instant, request: PutAlias) -> Function | Refusal | Fault:
        callee = resolve(self.catalog, request.function, None)
        if isinstance(callee, Refusal):
            return callee
        name, alias, catalog = callee.name, request.alias, self.catalog
        fault = alias_fault(catalog.account, name, catalog.versions(name), alias)
        if fault is not None:
            return fault
        resource = f"{name}:{alias.name}"
        found = self.provisioning.allocations.get(resource)
        if found is not None and alias.function_version == LATEST:
            text = version_messages.PROVISIONED_UNPUBLISHED
            return Fault(text, text.text)
        catalog.put_alias(name, alias)
        self.changed(catalog.latest[name])
        [(additional, weight)] = alias.additional_version_weights.items() or [("", "")]
        self.admission.records.append(
            AliasPut(now, name, alias.name, alias.function_version, additional, str(weight))
        )
        target = self._target(name, alias.name)
        if found is not None and found.function is not target:
            self.provisioning.put(now, found.callee, target, found.requested)
        return target

    def _put_provisioned(
        self, now: Instant, request: PutProvisionedConcurrency
    ) -> ProvisionedConcurrencyConfig | Refusal | Fault:
        if request.requested < 1:
            text = version_messages.PROVISIONED_TOO_LOW
            return Fault(text, text.of(value=request.requested))
        callee = self._provisionable(request.function, request.qualifier, putting=True)
        if isinstance(callee, Refusal):
            return callee
        name, qualifier = callee.name, callee.qualifier
        taken = [
            one.callee.qualifier for one in self.provisioning.allocations.values() if one.callee.name == name
        ]
        fault = conflict(qualifier, self.catalog.aliases(name), taken)
        if fault is None:
            latest = self.catalog.latest
            wanted = self._provisioned()
            before = self.provisioning.allocations.get(callee.resource)
            wanted[name] = wanted.get(name, 0) + request.requested - (before.requested if before else 0)
            fault = room_fault(self.catalog.account, latest.values(), wanted, latest[name])
        if fault is not None:
            return fault
        return self._provision(now, name, qualifier, request.requested)

    def _provision(
        self, now: Instant, name: str, qualifier: str, requested: int, *, before_run: bool = False
    ) -> ProvisionedConcurrencyConfig:
        callee = self.catalog.callee(f"{name}:{qualifier}")
        target = self._target(name, qualifier)
        return self.provisioning.put(now, callee, target, requested, before_run=before_run).config()

    def _target(self, name: str, qualifier: str) -> Function:
        """The version that a qualifier means, of an alias of two its first."""
        alias = self.catalog.aliases(name).get(qualifier)
        number = qualifier if alias is None else alias.function_version
        return self.catalog.latest[name] if number == LATEST else self.catalog.versions(name)[number]

    def _provisioned(self) -> dict[str, int]:
        """What is asked for in all, by function."""
        wanted: dict[str, int] = {}
        for one in self.provisioning.allocations.values():
            wanted[one.callee.name] = wanted.get(one.callee.name, 0) + one.requested
        return wanted

    def _provisionable(self, name: str, qualifier: str, *, putting: bool = False) -> Callee | Refusal:
        """The version or alias that a request about provisioned concurrency means."""
        callee = resolve(self.catalog, name, qualifier)
        if isinstance(callee, Refusal):
            # Of a qualifier that is no number AWS says that there is no such alias.
            if (
                callee.code == messages.FUNCTION_NOT_FOUND.code
                and not qualifier.isdigit()
                and qualifier != LATEST
            ):
                arn = f"{self.catalog.account.function_arn(name)}:{qualifier}"
                return refusal(version_messages.ALIAS_NOT_FOUND, version_messages.ALIAS_NOT_FOUND.of(arn=arn))
            return callee
        alias = self.catalog.aliases(callee.name).get(callee.qualifier)
        if callee.qualifier in ("", LATEST) or (alias is not None and alias.function_version == LATEST):
            text = (
                version_messages.PROVISIONED_UNPUBLISHED
                if putting
                else version_messages.NO_PUBLISHED_RESOURCE
            )
            return refusal(text, text.text)
        return callee
