"""How one function's log reads: its format, what its levels keep, and the tail that a caller may ask for."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from lambdarun.aws import limits
from lambdarun.model.declarations import Account
from lambdarun.model.function import Function
from lambdarun.model.invocation_log import invocation_log, log_tail
from lambdarun.model.logged_invocation import LoggedInvocation
from lambdarun.model.platform_events import json_log, output_lines


@frozen
class FunctionLog:
    """Renders the log of a function's invocations."""

    function: Function
    account: Account

    def text(self, told: LoggedInvocation) -> str:
        """What CloudWatch keeps of an invocation: whole lines."""
        config = self.function.logging
        if not config.is_json:
            return invocation_log(told, self.function.runtime)
        application, system = config.application_level, config.system_level
        return "".join(
            f"{line.text}\n"
            for line in json_log(told, self.function, self.account)
            if line.is_kept(application, system)
        )

    def output(self, output: bytes) -> Iterator[str]:
        """What CloudWatch keeps of a handler's output: event for event."""
        config = self.function.logging
        for line in output_lines(output):
            if not config.is_json or line.is_kept(config.application_level, config.system_level):
                yield line.text

    def tail(self, told: LoggedInvocation) -> bytes:
        """The last 4,096 bytes of an invocation's log (AWS: LogResult, before its base64).

        Taken before levels drop anything. In JSON only whole events are in it; in Text a character that is cut is
        replaced.
        """
        if not self.function.logging.is_json:
            return log_tail(invocation_log(told, self.function.runtime))
        kept: list[bytes] = []
        left = limits.LOG_TAIL_BYTES.value
        for line in reversed(list(json_log(told, self.function, self.account))):
            event = f"{line.text}\n".encode()
            if len(event) > left:
                break
            left -= len(event)
            kept.append(event)
        return b"".join(reversed(kept))
