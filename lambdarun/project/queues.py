"""Queues of a project file.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NoReturn, TypeVar

from attrs import define, evolve

from lambdarun.aws import limits, sqs_queue_messages
from lambdarun.aws.messages import ErrorText
from lambdarun.model.instant import Duration
from lambdarun.model.queue import (
    FIFO_SUFFIX,
    DeduplicationScope,
    Fifo,
    FifoThroughputLimit,
    Queue,
    RedriveAllowPolicy,
    RedrivePermission,
    RedrivePolicy,
)
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.tables import QUEUE_KEYS
from lambdarun.project.toml_text import toml_text

Choice = TypeVar("Choice", bound=Enum)
Path = tuple[str, ...]

_FIFO_KEYS: Final = {
    "content_based_deduplication": sqs_queue_messages.ATTRIBUTE_UNKNOWN.of(name="ContentBasedDeduplication"),
    "deduplication_scope": sqs_queue_messages.ATTRIBUTE_OF_FIFO.of(name="DeduplicationScope"),
    "fifo_throughput_limit": sqs_queue_messages.ATTRIBUTE_OF_FIFO.of(name="FifoThroughputLimit"),
}
"""Keys that only FIFO queues have, with what AWS says of them on another."""
_NESTED: Final = ("redrive_policy", "redrive_allow_policy", "fifo_queue", "target_age", *_FIFO_KEYS)


@define(eq=False)
class QueueReader:
    """Reads one kind of declaration."""

    reading: Reading

    def read(self, name: str, given: Mapping[str, Any]) -> Queue:
        """One queue. Raises Unusable."""
        path = ("queues", name)
        before = len(self.reading.findings)
        self.reading.known(given, QUEUE_KEYS, path)
        fields = {key: value for key, value in given.items() if key in QUEUE_KEYS and key not in _NESTED}
        self._kind(path, name, given)
        fifo = self._fifo(path, name, given)
        if "target_age" in given:
            fields["target_age"] = self._target_age(path, given["target_age"])
        policy = given.get("redrive_policy")
        if policy is not None:
            fields["redrive_policy"] = self._redrive(path, policy)
        allow = given.get("redrive_allow_policy")
        if allow is not None:
            fields["redrive_allow_policy"] = self._allow(path, allow)
        if len(self.reading.findings) > before:
            raise Unusable
        place = self.reading.locator.place(*self.reading.prefix, *path)
        try:
            made = self.reading.make(Queue, path, {**fields, "name": name, "place": place})
        except ValueError as fault:
            self.reading.bounds(path, str(fault))
            raise Unusable from None
        return evolve(made, fifo=fifo)

    def _kind(self, path: Path, name: str, given: Mapping[str, Any]) -> None:
        """A FIFO queue is one by its name; who says `fifo_queue` as well must say the same."""
        fifo = given.get("fifo_queue")
        own = (*path, "fifo_queue")
        if fifo is None:
            return
        if not isinstance(fifo, bool):
            self.reading.find(own, f"{toml_text(fifo)} is neither true nor false.", "Write true or false.")
        elif fifo and not name.endswith(FIFO_SUFFIX):
            said = sqs_queue_messages.FIFO_QUEUE_NAME.text
            self.reading.find(own, said, f'Call it "{name}{FIFO_SUFFIX}", or leave fifo_queue out.')
        elif not fifo and name.endswith(FIFO_SUFFIX):
            said = f"{sqs_queue_messages.QUEUE_NAME.text}."
            self.reading.find(own, said, f'Call it "{name.removesuffix(FIFO_SUFFIX)}", or say true.')

    def _fifo(self, path: Path, name: str, given: Mapping[str, Any]) -> Fifo | None:
        if not name.endswith(FIFO_SUFFIX):
            for key, said in _FIFO_KEYS.items():
                if key in given:
                    mend = f'A FIFO queue has it: call the queue "{name}{FIFO_SUFFIX}".'
                    self.reading.find((*path, key), said, mend)
            return None
        by_content = given.get("content_based_deduplication", False)
        if not isinstance(by_content, bool):
            said = f"{toml_text(by_content)} is neither true nor false."
            self.reading.find((*path, "content_based_deduplication"), said, "Write true or false.")
        scope = self._choice(path, given, "deduplication_scope", DeduplicationScope.QUEUE)
        limit = self._choice(path, given, "fifo_throughput_limit", FifoThroughputLimit.PER_QUEUE)
        if limit is FifoThroughputLimit.PER_MESSAGE_GROUP_ID and scope is DeduplicationScope.QUEUE:
            said = f"{sqs_queue_messages.PER_GROUP_NEEDS_SCOPE.text}."
            mend = 'Set deduplication_scope = "messageGroup" as well.'
            self.reading.find((*path, "fifo_throughput_limit"), said, mend)
            return None
        return Fifo(
            content_based_deduplication=by_content is True,
            deduplication_scope=scope,
            fifo_throughput_limit=limit,
        )

    def _target_age(self, path: Path, given: Any) -> Duration:
        own = (*path, "target_age")
        before = len(self.reading.findings)
        found = self.reading.span(own, given)
        if len(self.reading.findings) > before:
            raise Unusable
        if not found:
            self.reading.find(own, "no message is that young.", 'Write an age above 0: "60s".')
            raise Unusable
        return found

    def _choice(self, path: Path, given: Mapping[str, Any], key: str, default: Choice) -> Choice:
        """One of AWS's words; the default, and a finding, where it is none."""
        value = given.get(key, default.value)
        kind = type(default)
        try:
            return kind(value)
        except ValueError:
            attribute = "".join(part.title() for part in key.split("_"))
            said = sqs_queue_messages.ATTRIBUTE_VALUE.of(name=attribute)
            words = " or ".join(f'"{one.value}"' for one in kind)
            self.reading.find((*path, key), f"{toml_text(value)}: {said}", f"Write {words}.")
            return default

    def _redrive(self, path: Path, given: Any) -> RedrivePolicy:
        own = (*path, "redrive_policy")
        if not isinstance(given, dict) or "dead_letter_target" not in given:
            self.reading.find(
                own, "names no dead_letter_target.", 'Write { dead_letter_target = "queues.NAME" }.'
            )
            raise Unusable
        self.reading.known(given, ("dead_letter_target", "max_receive_count"), own)
        target = self.reading.reference((*own, "dead_letter_target"), given["dead_letter_target"], "queues")
        rest = {key: value for key, value in given.items() if key == "max_receive_count"}
        return self.reading.make(RedrivePolicy, own, {**rest, "dead_letter_target": target})

    def _allow(self, path: Path, given: Any) -> RedriveAllowPolicy:
        own = (*path, "redrive_allow_policy")
        mend = 'Write { redrive_permission = "allowAll" } or "denyAll", or "byQueue" with source_queues.'
        if not isinstance(given, dict):
            self._refuse(own, sqs_queue_messages.ALLOW_FORMAT, given, mend)
        self.reading.known(given, ("redrive_permission", "source_queues"), own)
        try:
            permission = RedrivePermission(given.get("redrive_permission"))
        except ValueError:
            self._refuse(own, sqs_queue_messages.ALLOW_FORMAT, given, mend)
        sources = given.get("source_queues")
        if permission is not RedrivePermission.BY_QUEUE:
            if sources is not None:
                self._refuse(own, sqs_queue_messages.ALLOW_ARNS_WITHOUT, given, mend)
            return RedriveAllowPolicy(redrive_permission=permission)
        if not isinstance(sources, list) or not sources:
            mend = 'Write source_queues = ["queues.NAME"].'
            self._refuse(own, sqs_queue_messages.ALLOW_WITHOUT_ARNS, given, mend)
        if len(sources) > limits.REDRIVE_SOURCE_QUEUES.value:
            self._refuse(own, sqs_queue_messages.ALLOW_TOO_MANY, given, 'Allow all with "allowAll".')
        names = [self.reading.reference((*own, "source_queues"), source, "queues") for source in sources]
        return RedriveAllowPolicy(redrive_permission=permission, source_queues=tuple(names))

    def _refuse(self, path: Path, text: ErrorText, given: Any, mend: str) -> NoReturn:
        shown = json.dumps(given, separators=(",", ":"), default=str)
        said = text.of(value=shown, most=limits.REDRIVE_SOURCE_QUEUES.value)
        self.reading.find(path, said, mend)
        raise Unusable
