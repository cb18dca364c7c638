"""Synchronous invocation: a caller waits, nobody retries; but some services that call so try again themselves."""

from __future__ import annotations

from attrs import define, field

from lambdarun.model.admission import Admission
from lambdarun.model.arrival import EventArrival
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.draws import RequestId
from lambdarun.model.due_queue import DueQueue
from lambdarun.model.effects import Answer
from lambdarun.model.function_log import FunctionLog
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import (
    EMPTY_EVENT,
    InvokeReply,
    Refusal,
    not_json_refusal,
    request_refusal,
    throttled_refusal,
)
from lambdarun.model.logged_invocation import LoggedInvocation
from lambdarun.model.news import Invoke, Responded
from lambdarun.model.outcome import FunctionFailed, NotJson, Outcome, Succeeded, Throttled, Usage
from lambdarun.model.records import (
    ArrivalAnswered,
    EnvironmentInitialised,
    InvocationFailed,
    InvocationSucceeded,
    OutputCaptured,
    RequestRefused,
)
from lambdarun.model.sync_caller import next_attempt
from lambdarun.model.wakes import Wakes


@define(eq=False)
class Callers:
    """Requests through the API: each holds a ticket and gets one answer."""

    catalog: Catalog
    admission: Admission

    def invoke(self, now: Instant, request: Invoke) -> None:
        """Run a function for a caller, or refuse."""
        admission = self.admission
        found = request_refusal(self.catalog, request)
        if isinstance(found, Refusal):
            self.refuse(now, request.ticket, request.function, found)
            return
        if request.dry_run:
            request_id = admission.draws.new_id()
            admission.effects.append(
                Answer(request.ticket, InvokeReply(204, request_id, None, None, b"", None))
            )
            return
        invocation = Invocation(
            found.function,
            admission.draws.new_id(),
            request.payload or EMPTY_EVENT,
            self,
            request,
            "sync",
            client_context=found.client_context,
            invoked_arn=found.callee.arn,
            qualifier=found.callee.qualifier,
        )
        reason = admission.start(now, invocation)
        if reason is not None:
            admission.effects.append(Answer(request.ticket, throttled_refusal(reason)))

    def refuse(self, now: Instant, ticket: int, function: str, refusal: Refusal) -> None:
        """Answer with an AWS error, and record it."""
        self.admission.records.append(
            RequestRefused(now, function, refusal.status, refusal.code, refusal.message)
        )
        self.admission.effects.append(Answer(ticket, refusal))

    def respond(self, now: Instant, news: Responded) -> None:
        """Answer a caller whose invocation is not over yet; one that wants the log waits for its end."""
        invocation, outcome = news.invocation, news.outcome
        if isinstance(invocation.item, Invoke) and not invocation.item.log_tail:
            invocation.answered = True
            reply = sync_reply(invocation, outcome, None)
            self.admission.effects.append(Answer(invocation.item.ticket, reply))

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Answer the caller."""
        if invocation.answered:
            return
        request: Invoke = invocation.item
        tail = self._log_tail(invocation, usage) if request.log_tail else None
        self.admission.effects.append(Answer(request.ticket, sync_reply(invocation, outcome, tail)))

    def _log_tail(self, invocation: Invocation, usage: Usage) -> bytes | None:
        # This step's own: the admission has recorded the end a moment ago, right before it told us.
        ended: InvocationSucceeded | InvocationFailed | None = None
        within: Duration | None = None
        for told in reversed(self.admission.records):
            if ended is None:
                if isinstance(told, InvocationSucceeded | InvocationFailed):
                    ended = told
            elif isinstance(told, EnvironmentInitialised) and told.environment == ended.environment:
                within = told.init_us if ended.init_us is None else None
                break
            elif not isinstance(told, OutputCaptured):
                break
        if ended is None:
            return None  # it did not run
        return FunctionLog(invocation.function, self.catalog.account).tail(
            LoggedInvocation(
                ended=ended,
                output=usage.output,
                # An initialisation within the invocation is no part of what stands before START.
                init_output=0 if invocation.init_within else usage.init_output,
                dropped_bytes=usage.output_dropped,
                failed_init=invocation.failed_init,
                within=within,
                log_stream=invocation.environment.log_stream,
            )
        )


def sync_reply(invocation: Invocation, outcome: Outcome, tail: bytes | None) -> InvokeReply | Refusal:
    """What AWS answers to a synchronous request that came to `outcome`."""
    match outcome:
        case Succeeded():
            version = invocation.function.version
            return InvokeReply(200, invocation.request_id, version, None, outcome.payload, tail)
        case FunctionFailed():
            # Always Unhandled, whatever happened: recorded by LocalStack's TestLambdaErrors.
            version = invocation.function.version
            return InvokeReply(200, invocation.request_id, version, "Unhandled", outcome.payload, tail)
        case NotJson():
            return not_json_refusal(invocation.payload)
        case _:
            return Refusal(500, "ServiceException", outcome.text, "Message", None)


@define(eq=False)
class ReplayedRequest:
    """A recorded synchronous request, and how often it was tried."""

    arrival: EventArrival
    callee: Callee
    request_id: RequestId
    attempts: int = 0


@define(eq=False)
class SyncArrivals:
    """Recorded events of services that call synchronously."""

    catalog: Catalog
    admission: Admission
    wakes: Wakes
    _again: DueQueue[ReplayedRequest] = field(factory=DueQueue, init=False)
    _running: int = field(default=0, init=False)

    def arrive(self, now: Instant, arrival: EventArrival, resource: str) -> None:
        """Run a function, or a version or alias of it, for a recorded request."""
        callee = self.catalog.callee(resource)
        self._attempt(now, ReplayedRequest(arrival, callee, self.admission.draws.new_id()))

    def _attempt(self, now: Instant, request: ReplayedRequest) -> None:
        arrival = request.arrival
        if request.attempts:
            request.request_id = self.admission.draws.new_id()
        request.attempts += 1
        function = self.catalog.get(request.callee.resource)
        assert function is not None
        invocation = Invocation(
            function,
            request.request_id,
            arrival.payload or EMPTY_EVENT,
            self,
            request,
            "sync",
            request.attempts,
            recorded=arrival.duration,
            invoked_arn=request.callee.arn,
            qualifier=request.callee.qualifier,
        )
        reason = self.admission.start(now, invocation)
        if reason is None:
            self._running += 1
        else:
            self._follow(now, request, Throttled(reason), Duration(0))

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Let the calling service decide whether it tries again."""
        self._running -= 1
        self._follow(now, invocation.item, outcome, usage.duration)

    def _follow(
        self, now: Instant, request: ReplayedRequest, outcome: Outcome | Throttled, took: Duration
    ) -> None:
        arrival = request.arrival
        wait = next_attempt(arrival.source, request.attempts, outcome, took)
        if wait is not None:
            self._again.put(Instant(now + wait), request)
            self.wakes.stir(self)
            return
        match outcome:
            case Succeeded():
                result = "succeeded"
            case FunctionFailed():
                result = "failed"
            case Throttled():
                result = "throttled"
            case _:
                result = "refused"
        self.admission.records.append(
            ArrivalAnswered(
                now,
                str(arrival.place),
                arrival.source,
                request.callee.name,
                request.request_id,
                result,
                request.attempts,
            )
        )

    def wake(self, now: Instant) -> None:
        """Try again what is due."""
        for request in self._again.take_due(now):
            self._attempt(now, request)

    def next_due(self) -> Instant | None:
        """When the next request is tried again."""
        return self._again.next_due()

    def at_rest(self) -> bool:
        """Whether no request runs or waits."""
        return not self._running and not len(self._again)
