"""The packets between the runtime and its processes: the one definition, for both ends.

All travel over AF_UNIX SOCK_SEQPACKET sockets, one packet a message. A payload of more than INLINE_MAX bytes
travels in a memfd: the packet's header has MEMFD set and no payload behind it, and the *next* packet is one byte
with the descriptor (SCM_RIGHTS). So the common packet is a plain send and a plain recv.

Two kinds of socket:

* The zygote's: `FORK` with a JSON configuration and two descriptors or more (the environment's end of its own socket,
  the write end of its output pipe, members' files of control groups to enter) -> `FORKED` with the process id. `REAP`
  with a process id, sent once the process is known to be dead -> `REAPED` with the wait status. A process id stays valid until it is reaped. In a
  sandbox the ids are those of the zygote's PID namespace; the credentials of FORKED hold the runtime's own.
* An environment's: `RUN` -> one of `RESULT`, `ERROR`, `INIT_ERROR`, `NOT_JSON`; `INIT` -> `INITIALISED`,
  `INIT_ERROR`. The first RUN may be sent before
  the process exists: the socket keeps it.
"""

from __future__ import annotations

import struct

# A packet has to fit into the receiver's buffer whole; a larger one would make every receive allocate more (128 KB
# cost 54 µs).
INLINE_MAX = 60_000
PACKET_MAX = 65_536

# --- kinds
FORK = 1
FORKED = 2
REAP = 3
REAPED = 4
GREETING = 5
"""The zygote's first packet: the kind, then JSON: whether environments are sandboxed, and if not, why."""
FORGET = 6
"""The kind, then the key of an environment that is gone: what was kept of it is let go."""
RUN = 16
INIT = 17
"""Import the handler and answer INITIALISED or INIT_ERROR; there is no event yet. A header of RUN, alone."""
RESULT = 32
"""The handler returned; the payload is its result as JSON text."""
ERROR = 33
"""The handler raised or its result has no JSON form; the payload is the error object."""
INIT_ERROR = 34
"""The handler could not be imported; the payload is the error object. The process exits with 1 behind it."""
NOT_JSON = 35
"""The event is no JSON: the handler was not called."""

INITIALISED = 36
"""Only before a process's first reply: the handler is imported, its time-out runs from here. Header alone. It is the
reply to INIT."""

OVERSLEPT = 37
"""Virtual time: the handler slept until its deadline. Header alone; the process exits with 1 behind it."""

PAUSED = 38
RESUMED = 39
"""A debugger has stopped the handler, and lets it go on: its time-out is held meanwhile. Header alone."""

RELEASED = 40
"""Behind a reply with LINGERS: all have asked for the next event. `duration_us` is the whole invocation's."""

TOO_LARGE = 41
"""A runtime of its own posted a result over the limit, and was refused. Header alone."""

CRASHED = 42
"""What the environment needs has ended; the payload is the platform's error object. The process exits behind it."""

REPLIES = frozenset(
    {
        RESULT,
        ERROR,
        INIT_ERROR,
        NOT_JSON,
        INITIALISED,
        OVERSLEPT,
        PAUSED,
        RESUMED,
        RELEASED,
        TOO_LARGE,
        CRASHED,
    }
)

# --- flags
# Bits of one byte, some for RUN, some for replies.
MEMFD = 1
"""The payload is in a memfd that follows in the next packet."""
MAY_RUN = 2
"""Reply: a thread besides the main one, or a child, lives: stop the process group between invocations."""
COLD = 4
"""Reply: this process ran its first invocation; `init_us` and `init_slept_us` hold."""
RAW = 8
"""Reply: the payload is bytes as the handler returned them, no JSON."""
INIT_WITHIN = 16
"""Run: initialisation counts against the deadline."""
HAD_CHILDREN = 32
"""Reply: this process has had children, so its own resident size is not all that was used."""

LINGERS = 64
"""Reply: its caller can be answered, but the environment is busy until RELEASED."""
EXTENDED = 128
"""INITIALISED: extensions run here: the process is asked to end, and given time, before it is killed."""

RUN_HEADER = struct.Struct("<BBHIQQ36sII")
"""kind, flags, arn_bytes, number, now_us, deadline_us, request_id (text of a UUID),
client_context_bytes, payload_bytes. Then: invoked ARN (none = the configured one), client context, payload.

now_us: virtual time at which the invocation begins, microseconds since 1970; 0 on the real clock.
deadline_us: when the function times out, microseconds since 1970, on whichever clock holds. In a process's first
invocation the time that its initialisation took is added to it (a cold start is outside the time-out), but with
INIT_WITHIN.
"""

REPLY_HEADER = struct.Struct("<BBHIQQQQII")
"""kind, flags, error_type_bytes, number, duration_us (real), slept_us (virtual), init_us (real),
init_slept_us (virtual), max_memory_kb, payload_bytes. Then: error type (UTF-8), payload."""

INIT_END = b"\0\xfflambdarun: initialised\xff\0"
"""In an environment's output: what stands before it was written while the handler was imported. Only where anything
was."""

PID = struct.Struct("<BiII")
"""FORKED, REAP, REAPED: kind, process id, wait status (as os.wait4 gives it), resident size in KB: the
greatest that it had (REAPED), or what it had from the fork on (FORKED). The status is 0 but in REAPED."""
LOST = 0xFFFFFFFF
"""A wait status that nobody can tell: the process was reaped by another."""
