"""Which function, or which queue's mapping, gets a recorded event."""

from __future__ import annotations

from fnmatch import fnmatchcase

from attrs import define, field

from lambdarun.model.arrival import Arrival, MessageArrival
from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import LATEST, parted
from lambdarun.model.near_names import near_names
from lambdarun.model.queue import Queue, is_queue_name


@define(eq=False)
class Routing:
    """The project's routes by source or ARN, or one function for everything (`--function`)."""

    project: Project
    function: str | None = None
    _by_arn: list[tuple[str, str]] = field(init=False)
    _by_source: dict[str, str] = field(init=False)
    _by_queue: dict[str, list[EventSourceMapping]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._by_arn = [(route.key, route.function) for route in self.project.routes if ":" in route.key]
        for mapping in self.project.mappings.values():
            if self.function is None or mapping.function == self.function:
                self._by_queue.setdefault(mapping.queue, []).append(mapping)
        self._by_source = {route.key: route.function for route in self.project.routes if ":" not in route.key}

    def target(self, arrival: Arrival) -> str | None:
        """The function for `arrival`: `--function`, the recording's own word, a route by ARN, a route by source."""
        if self.function is not None:
            return self.function
        if arrival.function is not None and self._declares(arrival.function):
            return arrival.function
        if arrival.arn is not None:
            for pattern, function in self._by_arn:
                if fnmatchcase(arrival.arn, pattern):
                    return function
        if arrival.source in self._by_source:
            return self._by_source[arrival.source]
        # One function and no word for it: whatever is replayed can only be meant for that one.
        if len(self.project.functions) == 1:
            return next(iter(self.project.functions))
        return None

    def unrouted(self, arrival: Arrival) -> str:
        """Why `arrival` has no target, and what would give it one."""
        if arrival.function is not None and not self._declares(arrival.function):
            near = near_names(arrival.function, self.project.functions)
            hint = (
                f"did you mean {near[0]}?"
                if near
                else f"it has {', '.join(self.project.functions) or 'none'}"
            )
            return (
                f"the recording names function {arrival.function!r}, which the project does not have: {hint}"
            )
        if isinstance(arrival, MessageArrival):
            return f"no mapping reads queue {arrival.queue!r}: declare one, add a route for sqs, or name --function"
        return f'no route for {arrival.source}: add {arrival.source} = "FUNCTION" under [routes], or name --function'

    def _declares(self, name: str) -> bool:
        """Whether there is such a function, and such a version or alias of it."""
        bare, qualifier = parted(name)
        function = self.project.functions.get(bare)
        if function is None:
            return False
        return qualifier in ("", LATEST) or qualifier in function.versions or qualifier in function.aliases

    def queue(self, arrival: MessageArrival) -> Queue:
        """The declared queue of `arrival`, or one with AWS's defaults."""
        declared = self.project.queues.get(arrival.queue)
        return declared if declared is not None else Queue(name=arrival.queue)

    def no_queue(self, arrival: MessageArrival) -> str | None:
        """Why there can be no queue for `arrival`; None: there can."""
        if arrival.queue in self.project.queues or is_queue_name(arrival.queue):
            return None
        return f"{arrival.queue!r} is no queue's name"

    def mappings(self, queue: str) -> list[EventSourceMapping]:
        """The declared mappings of `queue`; with `--function` those of that function only."""
        return self._by_queue.get(queue, [])
