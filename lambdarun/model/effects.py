"""Everything that only the shell can do: a closed union, the region's requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdarun.model.environment import Environment
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import InvokeReply, Refusal
from lambdarun.model.record_class import record
from lambdarun.model.sqs_error import SqsError


@record
class Deployed:
    """A request that changes functions was done; `result` is what AWS would answer with."""

    result: Any


@record
class SqsReply:
    """A call on a queue was answered, with a result or with AWS's error."""

    answer: Mapping[str, Any] | SqsError


Reply = InvokeReply | Refusal | Deployed | SqsReply


@record
class RunInvocation:
    """Hand an event to an environment, starting its process if it has none; tell what came of it.

    An `Initialisation` has no event: the process is to import the handler, and that is all.
    """

    invocation: Invocation


@record
class StopEnvironment:
    """End an environment: its process and its private folder. It has no work."""

    environment: Environment


@record
class Answer:
    """Tell the caller who holds `ticket`."""

    ticket: int
    reply: Reply


Effect = RunInvocation | StopEnvironment | Answer
