"""Everything that only the shell can do: a closed union, the region's requests."""

from __future__ import annotations

from lambdarun.model.environment import Environment
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import InvokeReply, Refusal
from lambdarun.model.record_class import record

Reply = InvokeReply | Refusal


@record
class RunInvocation:
    """Hand an event to an environment, starting its process if it has none; tell what came of it."""

    invocation: Invocation


@record
class StopEnvironment:
    """End an environment: its process and its private folder.

    Nothing asks for it yet: AWS recycles idle environments when it likes, and here they live until the runtime closes.
    """

    environment: Environment


@record
class Answer:
    """Tell the caller who holds `ticket`."""

    ticket: int
    reply: Reply


Effect = RunInvocation | StopEnvironment | Answer
