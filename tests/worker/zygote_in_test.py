"""A real zygote, driven packet by packet."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field

from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.worker import wire

REQUEST_ID_TEXT = "8401c351-a1e2-4829-96c9-8204ceede099"
NOW_US = 1_767_323_045_000_000


@define
class Reply:
    """What a handler's process answered."""

    kind: int
    flags: int
    error_type: str
    payload: bytes
    duration_us: int
    slept_us: int
    init_us: int


@define
class Worker:
    """One environment's process."""

    channel: socket.socket
    output: int
    pid: int = 0
    number: int = field(default=0, init=False)

    def run(
        self,
        payload: bytes,
        *,
        now_us: int = 0,
        timeout_s: int = 3,
        client_context: bytes = b"",
        request_id: str = REQUEST_ID_TEXT,
    ) -> Reply | None:
        """Hand over an event; None where the process ended instead of answering."""
        self.number += 1
        start = now_us or time.time_ns() // 1_000
        header = wire.RUN_HEADER.pack(
            wire.RUN, 0, 0, self.number, now_us, start + timeout_s * 1_000_000,
            request_id.encode(), len(client_context), len(payload),
        )  # fmt: skip
        self.channel.send(header + client_context + payload)
        while True:
            try:
                packet = self.channel.recv(wire.PACKET_MAX)
            except ConnectionResetError:
                return None
            if not packet:
                return None
            kind, flags, type_bytes, _, duration, slept, init, _, _, size = wire.REPLY_HEADER.unpack_from(
                packet
            )
            if kind != wire.INITIALISED:
                break
        start_of = wire.REPLY_HEADER.size + type_bytes
        body = packet[start_of:]
        if flags & wire.MEMFD:
            _, descriptors, _, _ = socket.recv_fds(self.channel, 1, 1)
            body = os.pread(descriptors[0], size, 0)
            os.close(descriptors[0])
        return Reply(
            kind, flags, packet[wire.REPLY_HEADER.size : start_of].decode(), body, duration, slept, init
        )

    def printed(self) -> str:
        """What it wrote since the last call."""
        parts = []
        while select.select([self.output], [], [], 0)[0]:
            part = os.read(self.output, 65_536)
            if not part:
                break
            parts.append(part)
        return b"".join(parts).replace(wire.INIT_END, b"").decode()


@define
class Zygote:
    """The zygote and its workers."""

    virtual: bool
    process: ZygoteProcess = field(init=False)
    workers: list[Worker] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.process = ZygoteProcess.start(virtual=self.virtual)

    def fork(self, root: Path, handler: str, **environ: str) -> Worker:
        """A process for a handler."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        worker = Worker(ours, read_end)
        configuration: dict[str, Any] = {
            "environ": {"PATH": os.environ["PATH"], "TZ": ":UTC", **environ},
            "task_root": str(root),
            "handler": handler,
            "arn": "arn:aws:lambda:us-east-1:123456789012:function:fn",
            "virtual": self.virtual,
            "seed": "0",
            "measured_sleep": False,
        }
        json.dumps(configuration)
        self.process.fork(configuration, [theirs.fileno(), write_end], worker)
        theirs.close()
        os.close(write_end)
        self.process.await_forks()
        for owner, pid in self.process.forked:
            owner.pid = pid
        self.process.forked.clear()
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End all of it, and what handlers left in their groups."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
        self.process.close()
        for worker in self.workers:
            worker.channel.close()
            os.close(worker.output)
