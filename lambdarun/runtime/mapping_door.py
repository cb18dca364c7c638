"""What both doors offer for event source mappings while a run lasts: AWS's calls, with AWS's names and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdarun.aws import limits
from lambdarun.model.effects import Reply
from lambdarun.model.invoke_request import Refusal
from lambdarun.model.mapping_news import CreateMapping, DeleteMapping, MappingRequest, UpdateMapping
from lambdarun.model.mapping_shapes import CREATE, LIST, SETTINGS, ListOf, Shape, TextMap, check
from lambdarun.model.news import Deployment
from lambdarun.runtime.driver import RealDriver, VirtualDriver
from lambdarun.runtime.requests import InvocationRefused, deployed


# The parameters are AWS's, as an SDK takes them, and the answers are AWS's bodies: a test that makes mappings by boto3
# reads the same here, ResponseMetadata with the status too. LastModified is a number of seconds, as on the wire.
class MappingDoor:
    """Event source mappings of an open runtime. All calls raise InvocationRefused with AWS's error where AWS would
    answer with one, and TypeError for a parameter that they do not have.

    >>> from lambdarun.model.declarations import Project
    >>> from lambdarun.model.function import Function
    >>> from lambdarun.model.queue import Queue
    >>> from lambdarun.runtime.blocking import open_blocking_runtime
    >>> from lambdarun.runtime.clock import VirtualClock
    >>> from pathlib import Path
    >>> function = Function(name="f", handler="app.h", code_uri=Path(), runtime="python3.11")
    >>> project = Project(functions={"f": function}, queues={"jobs": Queue(name="jobs")})
    >>> arn = project.account.queue_arn("jobs")
    >>> with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
    ...     made = runtime.create_event_source_mapping(EventSourceArn=arn, FunctionName="f", BatchSize=1)
    ...     runtime.advance(seconds=1)
    ...     made["State"], runtime.get_event_source_mapping(UUID=made["UUID"])["State"]
    ('Creating', 'Enabled')
    """

    __slots__ = ()
    driver: RealDriver | VirtualDriver

    def wake(self) -> None:
        """Have whoever serves dues look at once at what is due."""

    def create_event_source_mapping(self, **request: Any) -> dict[str, Any]:
        """Have a function called with the messages of a declared queue (AWS: CreateEventSourceMapping). It receives
        from the end of its state Creating on: the account's `mapping_delay`.
        """
        check(request, CREATE, "create_event_source_mapping", ("FunctionName",))
        return _answered(self.ask(lambda ticket: CreateMapping(ticket, request)), 202)

    def update_event_source_mapping(self, **request: Any) -> dict[str, Any]:
        """Change the settings of the mapping `UUID`, enable or disable it (AWS: UpdateEventSourceMapping). New settings
        hold from the end of its state Updating on; one that is to be disabled receives nothing more from now on.
        """
        uuid = _uuid(request, "update_event_source_mapping")
        check(request, SETTINGS, "update_event_source_mapping")
        return _answered(self.ask(lambda ticket: UpdateMapping(ticket, uuid, request)), 202)

    def delete_event_source_mapping(self, **request: Any) -> dict[str, Any]:
        """Delete the mapping `UUID` (AWS: DeleteEventSourceMapping); what it has under way ends as it would have."""
        uuid = _uuid(request, "delete_event_source_mapping")
        check(request, {}, "delete_event_source_mapping")
        return _answered(self.ask(lambda ticket: DeleteMapping(ticket, uuid)), 202)

    def get_event_source_mapping(self, **request: Any) -> dict[str, Any]:
        """The settings and the state of the mapping `UUID` (AWS: GetEventSourceMapping)."""
        uuid = _uuid(request, "get_event_source_mapping")
        check(request, {}, "get_event_source_mapping")
        return _answered(_told(self.driver.region.mappings.get(uuid)), 200)

    def list_event_source_mappings(self, **request: Any) -> dict[str, Any]:
        """All mappings, or those of `EventSourceArn` and `FunctionName` (AWS: ListEventSourceMappings); at most
        `MaxItems`, and never more than a hundred: `NextMarker` is the `Marker` for those behind.
        """
        check(request, LIST, "list_event_source_mappings")
        source, function, marker = (
            request.get(name) for name in ("EventSourceArn", "FunctionName", "Marker")
        )
        most = request.get("MaxItems", limits.LIST_ITEMS.default)
        return _answered(_told(self.driver.region.mappings.list(source, function, marker, most)), 200)

    def tag_resource(self, **request: Any) -> None:
        """Give the mapping whose ARN is `Resource` the `Tags` too (AWS: TagResource). Functions have no tags here."""
        check(request, {"Resource": str, "Tags": TextMap()}, "tag_resource", ("Resource", "Tags"))
        self._tags(request).update(request["Tags"])

    def untag_resource(self, **request: Any) -> None:
        """Take the tags named in `TagKeys` from a mapping (AWS: UntagResource)."""
        shapes: dict[str, Shape] = {"Resource": str, "TagKeys": ListOf(str)}
        check(request, shapes, "untag_resource", shapes)
        tags = self._tags(request)
        for key in request["TagKeys"]:
            tags.pop(key, None)

    def list_tags(self, **request: Any) -> dict[str, dict[str, str]]:
        """The tags of a mapping (AWS: ListTags)."""
        check(request, {"Resource": str}, "list_tags", ("Resource",))
        return {"Tags": dict(self._tags(request))}

    def _tags(self, request: dict[str, Any]) -> dict[str, str]:
        return _told(self.driver.region.mappings.tags(request["Resource"]))

    def ask(self, news: Callable[[int], Deployment | MappingRequest]) -> Any:
        """What AWS would answer to a request that is decided in one step. Raises InvocationRefused."""
        got: list[Reply] = []
        self.driver.submit(news(self.driver.ticket(got.append)))
        self.wake()
        [reply] = got
        return deployed(reply)


def _uuid(request: dict[str, Any], call: str) -> str:
    """Takes the mapping's UUID out of a request."""
    if "UUID" not in request:
        raise TypeError(f"{call} needs the mapping's UUID.")
    return str(request.pop("UUID"))


# As recorded: Create, Update and Delete are answered with 202, since they go on behind their answers.
def _answered(body: dict[str, Any], status: int) -> dict[str, Any]:
    return {**body, "ResponseMetadata": {"HTTPStatusCode": status}}


def _told(answer: dict[str, Any] | Refusal) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        raise InvocationRefused(answer)
    return answer
