"""Rules between declarations: what AWS refuses, and what it advises against."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from lambdarun.aws import limits, mapping_messages, messages, version_messages
from lambdarun.errors import Place
from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.filter_advice import filter_advice
from lambdarun.model.function import LATEST, Function, running_runtime
from lambdarun.model.instant import SECOND, seconds
from lambdarun.model.key_text import key_text
from lambdarun.model.layer import Layer
from lambdarun.model.mapping_advice import Advice, advice, reservations
from lambdarun.model.mapping_rules import batch_faults, target
from lambdarun.model.queue import Queue
from lambdarun.model.queue_rules import redrive_faults
from lambdarun.model.runtime_faults import runtime_fault
from lambdarun.model.version_rules import alias_fault, conflict, declared_provisioned, room_fault


class Severity(Enum):
    """Whether a finding stops a run."""

    ERROR = "error"
    WARNING = "warning"


@frozen
class Finding:
    """One rule that a project breaks."""

    severity: Severity
    place: Place | None
    key: str
    text: str
    mend: str

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place is not None else ""
        return f"{where}{self.key}: {self.text} {self.mend}"


def check(project: Project, *, allow_short_visibility: bool = False) -> list[Finding]:
    """All findings. With `allow_short_visibility` a queue that AWS would refuse for a mapping is a warning only."""
    findings = _reserved(project) + _versions(project)
    for mapping in project.mappings.values():
        queue, function = project.queues.get(mapping.queue), project.function(mapping.function)
        if queue is not None and function is not None:
            findings += mapping_findings(
                mapping, queue, function, allow_short_visibility=allow_short_visibility
            )
    findings += [_warning(one) for one in reservations(project)]
    findings += _runtimes(project)
    findings += _layers(project)
    findings += _duplicates(project)
    findings += _dead_letters(project)
    findings += _durations(project)
    return findings


def mapping_findings(
    mapping: EventSourceMapping, queue: Queue, function: Function, *, allow_short_visibility: bool = False
) -> list[Finding]:
    """What AWS refuses or advises against in one mapping.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    key = f"event_source_mappings.{mapping.name}"
    visibility, timeout = queue.visibility_timeout, function.timeout
    window = mapping.maximum_batching_window_in_seconds
    findings = [
        Finding(Severity.WARNING, mapping.place, f"{key}.filter_criteria", *advice)
        for advice in filter_advice(mapping.filter_patterns)
    ]
    advised = limits.VISIBILITY_TIMES_TIMEOUT.value * timeout + window
    mend = f"Set {key_text(('queues', queue.name, 'visibility_timeout'))} to {advised} (six times the timeout{' and the window' if window else ''})."
    if visibility < timeout:
        # AWS refuses it when the mapping is made; raising the timeout later gets past that check, which the flag stands for.
        # With none at all each poller would receive each message without end, at one instant.
        severity = Severity.WARNING if allow_short_visibility and visibility else Severity.ERROR
        text = mapping_messages.VISIBILITY_BELOW_TIMEOUT.of(visibility=visibility, timeout=timeout) + "."
        findings.append(Finding(severity, mapping.place, key, text, mend))
    elif visibility < advised:
        text = (
            f"queue visibility timeout {visibility} s is below six times the function timeout ({timeout} s)."
        )
        findings.append(Finding(Severity.WARNING, mapping.place, key, text, mend))
    p99 = function.duration.p99 if function.duration is not None else 0
    if p99 >= visibility * SECOND > 0:
        text = f"the declared p99 duration {seconds(p99):g} s passes the queue's visibility timeout {visibility} s."
        findings.append(Finding(Severity.WARNING, mapping.place, key, text, mend))
    for fault in batch_faults(mapping):
        at = ".".join((key, *fault.key))
        findings.append(Finding(Severity.ERROR, mapping.place, at, f"{fault.said}.", fault.mend))
    policy = queue.redrive_policy
    if policy is not None and policy.max_receive_count < limits.MAX_RECEIVE_COUNT_ADVISED.value:
        least = limits.MAX_RECEIVE_COUNT_ADVISED.value
        text = f"max_receive_count {policy.max_receive_count} is below the {least} that AWS advises for queues read by Lambda:"
        fix = f"throttles alone can use it up. Set {least} or more."
        findings.append(Finding(Severity.WARNING, queue.place, key_text(("queues", queue.name)), text, fix))
    findings += [_warning(one) for one in advice(mapping, queue, function)]
    return findings


def _warning(one: Advice) -> Finding:
    return Finding(Severity.WARNING, one.place, one.key, one.text, one.mend)


def _reserved(project: Project) -> list[Finding]:
    reserved = sum(function.reserved_concurrent_executions or 0 for function in project.functions.values())
    concurrency = project.account.concurrent_executions
    if not reserved or concurrency - reserved >= limits.UNRESERVED_MINIMUM.value:
        return []
    place = next(f.place for f in project.functions.values() if f.reserved_concurrent_executions)
    text = messages.UNRESERVED_TOO_LOW.text
    mend = (
        f"Reserve at most {max(0, concurrency - limits.UNRESERVED_MINIMUM.value)} in total (now {reserved})."
    )
    return [Finding(Severity.ERROR, place, "reserved_concurrent_executions", text, mend)]


def _versions(project: Project) -> list[Finding]:
    """What AWS would refuse of aliases and of provisioned concurrency."""
    account, functions = project.account, project.functions
    findings, totals = [], {}
    for name, function in functions.items():
        key = f"functions.{name}"
        if function.provisioned_concurrent_executions is not None:
            said = version_messages.PROVISIONED_UNPUBLISHED.text
            mend = "Provision a version or an alias."
            findings.append(Finding(Severity.ERROR, function.place, key, said, mend))
        for alias in function.aliases.values():
            fault = alias_fault(account, name, function.versions, alias)
            on_latest = alias.function_version == LATEST and alias.provisioned_concurrent_executions
            said = fault.said if fault is not None else version_messages.PROVISIONED_UNPUBLISHED.text
            if fault is not None or on_latest:
                published = ", ".join(function.versions) or "none"
                mend = f"Published versions of {name}: {published}."
                place, at = alias.place, f"{key}.aliases.{alias.name}"
                findings.append(Finding(Severity.ERROR, place, at, _sentence(said), mend))
        asked: dict[str, int] = {}
        for qualifier, executions in declared_provisioned(function).items():
            fault = conflict(qualifier, function.aliases, asked)
            if fault is not None:
                place = function.aliases[qualifier].place if qualifier in function.aliases else function.place
                mend = "Provision the alias or its version, not both."
                findings.append(Finding(Severity.ERROR, place, key, _sentence(fault.said), mend))
            asked[qualifier] = executions
            totals[name] = sum(asked.values())
    for name in totals:
        fault = room_fault(account, functions.values(), totals, functions[name])
        if fault is not None:
            mend = f"Provision less (now {totals[name]}), or raise the limit."
            place = functions[name].place
            findings.append(Finding(Severity.ERROR, place, f"functions.{name}", _sentence(fault.said), mend))
    return findings


def _sentence(said: str) -> str:
    return said if said.endswith(".") else f"{said}."


def _runtimes(project: Project) -> list[Finding]:
    findings = []
    for function in project.functions.values():
        fault = runtime_fault(function.runtime, running_runtime())
        if fault is not None:
            key = f"functions.{function.name}.runtime"
            findings.append(Finding(Severity.ERROR, function.place, key, *fault))
    return findings


def _layers(project: Project) -> list[Finding]:
    """https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html"""
    findings = []
    for function in project.functions.values():
        key, layers = f"functions.{function.name}.layers", function.layers
        place = layers[0].place if layers else None
        most = limits.LAYERS_PER_FUNCTION.value
        if len(layers) > most:
            text = messages.TOO_MANY_LAYERS.of(most=most)
            mend = f"It has {len(layers)}: put some of them together."
            findings.append(Finding(Severity.ERROR, place, key, text, mend))
        for number, layer in enumerate(layers):
            other = next((one for one in layers[:number] if one.is_version_of(layer)), None)
            if other is not None:
                one, two = (_layer_label(project, each) for each in (other, layer))
                text = messages.SAME_LAYER_TWICE.of(one=one, other=two)
                findings.append(Finding(Severity.ERROR, place, key, text, "Leave one of them out."))
                break
    return findings


def _layer_label(project: Project, layer: Layer) -> str:
    if layer.name is None:
        return str(layer.content)
    return project.account.layer_arn(layer.name, layer.version)


def _duplicates(project: Project) -> list[Finding]:
    first: dict[tuple[str, str, str], str] = {}
    findings = []
    for mapping in project.mappings.values():
        other = first.setdefault(target(mapping), mapping.name)
        if other != mapping.name:
            text = mapping_messages.MAPPING_EXISTS.of(
                arn=project.account.queue_arn(mapping.queue), function=mapping.function, uuid=other
            )
            key = f"event_source_mappings.{mapping.name}"
            findings.append(Finding(Severity.ERROR, mapping.place, key, f"{text}.", "Delete one of them."))
    return findings


def _dead_letters(project: Project) -> list[Finding]:
    findings = [
        Finding(Severity.ERROR, queue.place, key_text(("queues", queue.name, "redrive_policy")), said, mend)
        for queue, said, mend in redrive_faults(project.account, project.queues)
    ]
    for queue in project.queues.values():
        seen = [queue.name]
        policy = queue.redrive_policy
        while policy is not None:
            target = policy.dead_letter_target
            if target in seen:
                text = f"dead letters go round: {' -> '.join([*seen, target])}."
                key = key_text(("queues", queue.name, "redrive_policy"))
                findings.append(
                    Finding(Severity.ERROR, queue.place, key, text, "Let one of them end the chain.")
                )
                break
            seen.append(target)
            policy = project.queues[target].redrive_policy if target in project.queues else None
    return findings


def _durations(project: Project) -> list[Finding]:
    findings = []
    for function in project.functions.values():
        if function.duration is not None and function.duration.p99 >= function.timeout * SECOND:
            text = f"the declared p99 duration {seconds(function.duration.p99):g} s reaches the timeout {function.timeout} s:"
            mend = "such invocations time out. Raise the timeout or lower the duration."
            findings.append(
                Finding(Severity.WARNING, function.place, f"functions.{function.name}", text, mend)
            )
    return findings
