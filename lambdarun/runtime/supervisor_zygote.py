"""The zygote that forks supervisors: trio, h11 and both APIs are imported once, so a fork costs milliseconds.

Started as `python -m lambdarun.runtime.supervisor_zygote CONTROL_FD real`, like the worker's own, whose socket and
packets it shares.
"""

from __future__ import annotations

import socket

from lambdarun.runtime import supervisor
from lambdarun.worker import resource_limits, sandbox, wire
from lambdarun.worker.zygote import Zygote, main


class SupervisorZygote(Zygote):
    """A zygote whose forks become supervisors."""

    def load(self, virtual: bool, sandboxed: bool) -> None:
        """The supervisor stands where the worker's bootstrap does; time is always real in it."""
        self.wire, self.bootstrap, self.virtual_time, self.limits = wire, supervisor, None, resource_limits
        self.sandbox_module = sandbox if sandboxed else None


def _make(control: socket.socket, virtual: bool, patch_folder: str | None, sandboxed: str | None) -> Zygote:
    return SupervisorZygote(control, False, None, sandboxed)


if __name__ == "__main__":
    main(_make)
