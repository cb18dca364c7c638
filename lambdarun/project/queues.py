"""Queues of a project file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from lambdarun.model.instant import Duration
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.tables import QUEUE_KEYS


@define(eq=False)
class QueueReader:
    """Reads one kind of declaration."""

    reading: Reading

    def read(self, name: str, given: Mapping[str, Any]) -> Queue:
        """One queue. Raises Unusable."""
        path = ("queues", name)
        self.reading.known(given, QUEUE_KEYS, path)
        if name.endswith(".fifo"):
            self.reading.find(path, "FIFO queues are not built yet.", "Declare a standard queue.")
            raise Unusable
        fields = {key: value for key, value in given.items() if key in QUEUE_KEYS and key != "redrive_policy"}
        if "target_age" in given:
            fields["target_age"] = self._target_age(path, given["target_age"])
        policy = given.get("redrive_policy")
        if policy is not None:
            fields["redrive_policy"] = self._redrive(path, policy)
        return self.reading.make(
            Queue,
            path,
            {**fields, "name": name, "place": self.reading.locator.place(*self.reading.prefix, *path)},
        )

    def _target_age(self, path: tuple[str, ...], given: Any) -> Duration:
        own = (*path, "target_age")
        before = len(self.reading.findings)
        found = self.reading.span(own, given)
        if len(self.reading.findings) > before:
            raise Unusable
        if not found:
            self.reading.find(own, "no message is that young.", 'Write an age above 0: "60s".')
            raise Unusable
        return found

    def _redrive(self, path: tuple[str, ...], given: Any) -> RedrivePolicy:
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
