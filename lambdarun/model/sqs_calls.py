"""SQS's API by the names of its actions: requests and answers are what botocore's JSON protocol has.

A blob is base64 text in answers, as in the JSON body; requests may bring it as bytes, too.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from lambdarun.aws import limits, sqs_messages, sqs_queue_messages
from lambdarun.model.effects import Answer, SqsReply
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.news import SqsCall
from lambdarun.model.queue import FIFO_SUFFIX, Queue, is_queue_name
from lambdarun.model.sqs_attributes import COUNTS, READABLE, Attributes
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_move_tasks import MoveTasks
from lambdarun.model.sqs_permissions import Permissions, check_tags
from lambdarun.model.sqs_receipts import Receipts
from lambdarun.model.sqs_receiving import LongPoll, Receiving
from lambdarun.model.sqs_request import SqsRequest
from lambdarun.model.sqs_room import LiveQueue, QueueRoom, page
from lambdarun.model.sqs_sending import Sending

OnAccount = Callable[[Instant, SqsRequest], dict[str, Any]]
OnQueue = Callable[[Instant, LiveQueue, SqsRequest], "dict[str, Any] | LongPoll"]


@define(eq=False)
class SqsCalls:
    """The API of one account's queues in a Region."""

    room: QueueRoom
    refuses_to_recreate: bool = False
    """Whether a deleted queue's name is taken for another 60 seconds, as on AWS. Off, so that tests need not wait."""
    _on_account: dict[str, OnAccount] = field(init=False)
    _on_queue: dict[str, OnQueue] = field(init=False)

    def __attrs_post_init__(self) -> None:
        room = self.room
        tasks, receipts, permissions = MoveTasks(room), Receipts(room), Permissions(room)
        sending, receiving = Sending(room), Receiving(room)
        self._on_account = {
            "CreateQueue": self._create,
            "GetQueueUrl": self._url,
            "ListQueues": self._list,
            "StartMessageMoveTask": tasks.start,
            "CancelMessageMoveTask": tasks.cancel,
            "ListMessageMoveTasks": tasks.listed,
        }
        self._on_queue = {
            "DeleteQueue": self._delete,
            "PurgeQueue": self._purge,
            "GetQueueAttributes": self._attributes,
            "SetQueueAttributes": self._set_attributes,
            "ListDeadLetterSourceQueues": self._sources,
            "SendMessage": sending.send,
            "SendMessageBatch": sending.send_batch,
            "ReceiveMessage": receiving.receive,
            "DeleteMessage": receipts.delete,
            "DeleteMessageBatch": receipts.delete_batch,
            "ChangeMessageVisibility": receipts.change,
            "ChangeMessageVisibilityBatch": receipts.change_batch,
            "AddPermission": permissions.add,
            "RemovePermission": permissions.remove,
            "TagQueue": permissions.tag,
            "UntagQueue": permissions.untag,
            "ListQueueTags": permissions.tags,
        }

    def call(self, now: Instant, action: str, request: Mapping[str, object]) -> dict[str, Any] | LongPoll:
        """Do what `action` says and return AWS's answer, or the receive that waits for it. Raises SqsError.

        What follows (pollers that see a message, tasks, waiting receives) happens in the region's next `advance`.
        """
        read = SqsRequest(request)
        on_queue = self._on_queue.get(action)
        if on_queue is not None:
            return on_queue(now, self.room.at_url(now, read.required("QueueUrl")), read)
        on_account = self._on_account.get(action)
        if on_account is None:
            raise SqsError.of(sqs_messages.ACTION_UNKNOWN, name=action)
        return on_account(now, read)

    def take(self, now: Instant, news: SqsCall) -> None:
        """The same for a caller with a ticket, who gets an Answer with the result or the error."""
        told: dict[str, Any] | SqsError
        try:
            answer = self.call(now, news.action, news.request)
        except SqsError as refused:
            told = refused
        else:
            if isinstance(answer, LongPoll):
                answer.ticket = news.ticket
                return
            told = answer
        self.room.admission.effects.append(Answer(news.ticket, SqsReply(told)))

    def _create(self, now: Instant, request: SqsRequest) -> dict[str, Any]:
        name = request.required("QueueName")
        given = request.text_table("Attributes")
        tags = {**request.text_table("tags"), **request.text_table("Tags")}
        fifo = given.get("FifoQueue", "").lower() == "true"
        if fifo and not (name.endswith(FIFO_SUFFIX) and is_queue_name(name)):
            raise SqsError.of(sqs_queue_messages.FIFO_QUEUE_NAME)
        if not is_queue_name(name) or name.endswith(FIFO_SUFFIX) is not fifo:
            raise SqsError.of(sqs_queue_messages.QUEUE_NAME)
        account, find = self.room.account, self.room.declaration
        there = self.room.named(now, name)
        if there is not None:
            own = there.attributes
            other = own.difference(given, own.changed(given, account, find), account)
            if other is not None:
                raise SqsError.of(sqs_queue_messages.QUEUE_EXISTS, name=other)
            return {"QueueUrl": self.room.url(name)}
        deleted = self.room.deleted.get(name)
        again = None if deleted is None else deleted + limits.RECREATE_INTERVAL.value * SECOND
        if self.refuses_to_recreate and again is not None and now < again:
            raise SqsError.of(sqs_queue_messages.DELETED_RECENTLY)
        wanted = Attributes(Queue(name=name)).changed(given, account, find)
        check_tags(name, tags, len(tags))
        self.room.open(now, wanted.queue, wanted.beside).tags.update(tags)
        return {"QueueUrl": self.room.url(name)}

    def _url(self, now: Instant, request: SqsRequest) -> dict[str, Any]:
        name = request.required("QueueName")
        owner = request.text("QueueOwnerAWSAccountId")
        if self.room.named(now, name) is None or owner not in (None, self.room.account.account_id):
            raise SqsError.of(sqs_queue_messages.QUEUE_MISSING)
        return {"QueueUrl": self.room.url(name)}

    def _list(self, now: Instant, request: SqsRequest) -> dict[str, Any]:
        prefix = request.text("QueueNamePrefix") or ""
        return self._paged(
            request, [name for name in self.room.names() if name.startswith(prefix)], "QueueUrls"
        )

    def _sources(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        # The lower case is AWS's.
        return {"queueUrls": [], **self._paged(request, self.room.sources(live.name), "queueUrls")}

    def _paged(self, request: SqsRequest, names: list[str], member: str) -> dict[str, Any]:
        bounds = limits.LISTED_QUEUES
        most = request.number("MaxResults")
        if most is not None and not bounds.low <= most <= bounds.high:
            raise SqsError.of(sqs_messages.MAX_RESULTS, value=most, most=bounds.high)
        after = self._after(request.text("NextToken"))
        told, last = page(names, bounds.default if most is None else most, after)
        answer: dict[str, Any] = {member: [self.room.url(name) for name in told]} if told else {}
        # Only who sets MaxResults is told that there is more.
        if last is not None and most is not None:
            answer["NextToken"] = base64.b64encode(self.room.url(last).encode()).decode()
        return answer

    def _after(self, token: str | None) -> str | None:
        """The name behind which a page begins: a token is the base64 of the URL of the last queue that was listed."""
        if not token:
            return None
        try:
            url = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, ValueError):
            url = ""
        name = url.rpartition("/")[2]
        if not name or url != self.room.url(name):
            raise SqsError.of(sqs_messages.NEXT_TOKEN, value=token)
        return name

    def _delete(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        self.room.close(now, live)
        return {}

    def _purge(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        interval = limits.PURGE_INTERVAL.value * SECOND
        if live.purged is not None and now < live.purged + interval:
            raise SqsError.of(sqs_queue_messages.PURGE_IN_PROGRESS, name=live.name)
        live.purged = now
        live.core.purge(now, self.room.records)
        self.room.stir(live)
        return {}

    def _attributes(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        names = request.texts("AttributeNames")
        for name in names:
            if name != "All" and name not in READABLE:
                raise SqsError.of(sqs_queue_messages.ATTRIBUTE_UNKNOWN, name=name)
        if not names:
            return {}
        counts = live.core.counts()
        told = live.attributes.texts(self.room.account)
        told |= dict(zip(COUNTS, map(str, (counts.visible, counts.delayed, counts.hidden)), strict=True))
        told["CreatedTimestamp"] = str(live.created // SECOND)
        told["LastModifiedTimestamp"] = str(live.modified // SECOND)
        if "All" not in names:
            told = {name: told[name] for name in dict.fromkeys(names) if name in told}
        return {"Attributes": told} if told else {}

    def _set_attributes(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        if "Attributes" not in request.members:
            raise SqsError.of(sqs_messages.PARAMETER_MISSING, name="Attributes")
        given = request.text_table("Attributes")
        changed = live.attributes.changed(given, self.room.account, self.room.declaration)
        self.room.configure(now, live, changed)
        # A shorter retention, or a delay of a FIFO queue, holds at once.
        live.core.advance(now, self.room.records)
        return {}
