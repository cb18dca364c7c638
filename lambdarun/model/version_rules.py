"""What AWS refuses of versions, aliases and provisioned concurrency, whether declared or asked for in a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from attrs import frozen

from lambdarun.aws import limits, messages, version_messages
from lambdarun.aws.messages import ErrorText
from lambdarun.model.declarations import Account
from lambdarun.model.function import LATEST, Alias, Function


@frozen
class Fault:
    """One of AWS's errors, with the text that it has here."""

    text: ErrorText
    said: str


def _fault(text: ErrorText, **values: object) -> Fault:
    return Fault(text, text.of(**values))


def alias_fault(account: Account, function: str, versions: Collection[str], alias: Alias) -> Fault | None:
    """Why AWS would not make this alias of a function with these published versions.

    The order is that of the recorded test_notfound_and_invalid_routingconfigs as far as it tells.
    """
    weights = alias.additional_version_weights
    arn = account.function_arn(function)
    for number, weight in weights.items():
        if not number.isascii() or not number.isdigit():
            return _fault(version_messages.WEIGHT_OF_NO_NUMBER, version=number, weight=weight)
        if not 0.0 <= weight <= 1.0:
            return _fault(version_messages.WEIGHT_OUT_OF_BOUNDS, version=number, weight=float(weight))
    if len(weights) > limits.ALIAS_ADDITIONAL_VERSIONS.value:
        return _fault(version_messages.TOO_MANY_WEIGHTS, most=limits.ALIAS_ADDITIONAL_VERSIONS.value)
    if weights and alias.function_version == LATEST:
        return _fault(version_messages.LATEST_IN_WEIGHTED_ALIAS)
    if alias.function_version in weights:
        return _fault(version_messages.VERSION_WEIGHED_TWICE, version=alias.function_version)
    for number in (alias.function_version, *weights):
        if number != LATEST and number not in versions:
            return _fault(messages.FUNCTION_NOT_FOUND, arn=f"{arn}:{number}")
    return None


def conflict(qualifier: str, aliases: Mapping[str, Alias], provisioned: Collection[str]) -> Fault | None:
    """Why AWS would not provision `qualifier` beside the `provisioned` ones: a version has it by itself or by an alias."""
    alias = aliases.get(qualifier)
    if alias is not None:
        taken = any(one != qualifier and one in provisioned for one in _versions_of(alias))
        return _fault(version_messages.PROVISIONED_VERSION) if taken else None
    pointing = (one for one in aliases.values() if one.name in provisioned)
    if any(qualifier in _versions_of(one) for one in pointing):
        return _fault(version_messages.PROVISIONED_ALIAS)
    return None


def _versions_of(alias: Alias) -> tuple[str, ...]:
    return alias.function_version, *alias.additional_version_weights


def room_fault(
    account: Account, functions: Iterable[Function], provisioned: Mapping[str, int], function: Function
) -> Fault | None:
    """Why there is no room for what is `provisioned` (a total by function), seen from `function`, the last that asked."""
    wanted = provisioned.get(function.name, 0)
    if function.reserved_concurrent_executions is not None:
        over = wanted > function.reserved_concurrent_executions
        return _fault(version_messages.PROVISIONED_OVER_RESERVED) if over else None
    unreserved = account.concurrent_executions - wanted
    for other in functions:
        if other.reserved_concurrent_executions is not None:
            unreserved -= other.reserved_concurrent_executions
        elif other.name != function.name:
            unreserved -= provisioned.get(other.name, 0)
    if unreserved < 0:
        return _fault(version_messages.PROVISIONED_OVER_POOL, unreserved=unreserved + wanted)
    if unreserved < limits.UNRESERVED_MINIMUM.value:
        return _fault(version_messages.PROVISIONED_LEAVES_TOO_LITTLE)
    return None


def declared_provisioned(function: Function) -> dict[str, int]:
    """What a function declares of provisioned concurrency, by qualifier."""
    declared: list[tuple[str, Function | Alias]] = [*function.versions.items(), *function.aliases.items()]
    return {
        qualifier: one.provisioned_concurrent_executions
        for qualifier, one in declared
        if one.provisioned_concurrent_executions is not None
    }
