"""What a handler sees and can reach in a sandbox, and what is left of it: nothing.

Recorded from AWS: test_runtime_introspection_x86, test_runtime_ulimits, test_introspection_invoke (../oracles).
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import MachineError
from lambdarun.model.declarations import Project
from lambdarun.model.function import Function, Network, running_runtime
from lambdarun.runtime.account import PID
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.sandbox import temporary_folder
from lambdarun.runtime.sandbox_facts import sandbox_facts
from lambdarun.runtime.tmpfs import used_bytes
from tests.conftest import Declare, project_of
from tests.processes import descendants, strays, survivors, watch

FACTS = sandbox_facts()
SANDBOXED = pytest.mark.skipif(not FACTS.sandboxed, reason=f"no sandbox here: {FACTS.why_not}")
Open = Callable[..., BlockingRuntime]
EVALUATES = """
import errno, multiprocessing, os, pwd, resource, signal, socket, subprocess, sys, time
def handler(event, context):
    if isinstance(event, str):
        return eval(event)
    names = dict(globals())
    exec(event[0], names)
    return names.get("told")
"""
NO_ROOM = """
told = None
with open("/tmp/big", "wb") as file:
    try:
        while True: file.write(bytes(1_048_576))
    except OSError as full:
        told = [errno.errorcode[full.errno], file.tell() // 1_048_576]
os.unlink("/tmp/big")
"""


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens a runtime in the given isolation; at its end nothing may be left of what it started."""
    before = set(descendants(os.getpid()))
    doors: list[Any] = []

    def make(
        project: Project, isolation: Isolation | None = Isolation.NAMESPACE, **more: Any
    ) -> BlockingRuntime:
        doors.append(open_blocking_runtime(project, options=Options(isolation=isolation), **more))
        runtime: BlockingRuntime = doors[-1].__enter__()
        return runtime

    yield make
    started = watch([pid for pid in descendants(os.getpid()) if pid not in before])
    for door in doors:
        door.__exit__(None, None, None)
    assert survivors(started) == []
    assert set(descendants(os.getpid())) == before


@pytest.fixture
def evaluating(declare: Declare, opened: Open) -> Callable[..., Callable[[Any], Any]]:
    """A sandboxed function that evaluates what it is sent."""

    def make(isolation: Isolation | None = Isolation.NAMESPACE, **settings: Any) -> Callable[[Any], Any]:
        runtime = opened(project_of(declare(EVALUATES, timeout=20, **settings)), isolation)
        return lambda event: runtime.invoke("fn", event).json()

    return make


@SANDBOXED
def test_a_handler_is_awss_user_in_awss_folders(evaluating: Any) -> None:
    ask = evaluating()
    assert ask("[os.getcwd(), pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid()]") == [
        "/var/task", "sbx_user1051", 993, 990,
    ]  # fmt: skip
    modes = {path: stat.filemode(ask(f"os.stat({path!r}).st_mode")) for path in ("/opt", "/tmp")}
    assert modes == {"/opt": "drwxr-xr-x", "/tmp": "drwxrwxrwt"}
    assert ask("[sys.executable, sys.prefix]") == [f"/var/lang/bin/{running_runtime()}", "/var/lang"]
    lib = f"/var/lang/lib/{running_runtime()}"
    zipped = f"/var/lang/lib/{running_runtime().replace('.', '')}.zip"
    own = ask("[p for p in sys.path if p.startswith('/var/lang/') and p.endswith('-packages')]")
    assert ask("sys.path") == [
        "/var/task", f"/opt/python/lib/{running_runtime()}/site-packages", "/opt/python",
        *own, "/var/runtime", zipped, lib, f"{lib}/lib-dynload",
    ]  # fmt: skip


@SANDBOXED
def test_a_handler_sees_no_process_and_no_file_of_the_machine(evaluating: Any, tmp_path: Path) -> None:
    ask = evaluating()
    assert ask("[os.getpid(), os.getppid(), sorted(p for p in os.listdir('/proc') if p.isdigit())]") == [
        2, 1, ["1", "2"],
    ]  # fmt: skip
    assert ask("os.listdir('/tmp')") == []
    assert ask(f"os.path.exists({str(tmp_path)!r})") is False
    assert (
        ask("[os.path.exists(p) for p in ('/home', '/root', '/etc/shadow', '/sys', '/run')]") == [False] * 5
    )
    assert ask("os.path.exists(os.path.expanduser('~/.aws'))") is False


@SANDBOXED
@pytest.mark.parametrize("path", ["/var/task/x", "/opt/x", "/etc/x", "/usr/x", "/var/lang/x", "/x"])
def test_nothing_but_tmp_can_be_written(evaluating: Any, path: str) -> None:
    ask = evaluating()
    told = ask(f"open({path!r}, 'w')")
    assert told["errorType"] == "OSError"
    assert told["errorMessage"] == f"[Errno 30] Read-only file system: '{path}'"
    assert ask("open('/tmp/x', 'w').write('abc')") == 3


@SANDBOXED
@pytest.mark.parametrize(("size", "usable"), [(512, 538_333_184), (600, 630_607_872)])
def test_tmp_has_the_size_that_is_configured_and_is_full_then(
    evaluating: Any, size: int, usable: int
) -> None:
    """512 MB show 538,333,184 bytes (recorded: ephemeral_storage)."""
    ask = evaluating(ephemeral_storage=size)
    assert ask("os.statvfs('/tmp').f_bavail * os.statvfs('/tmp').f_frsize") == usable
    if size == 512:
        assert ask([NO_ROOM]) == ["ENOSPC", 513]
        assert ask("open('/tmp/x', 'w').write('abc')") == 3


@SANDBOXED
@pytest.mark.parametrize("clock", [None, VirtualClock])
def test_tmp_survives_whatever_ends_the_process_and_is_the_environments_own(
    declare: Declare, opened: Open, clock: Any
) -> None:
    functions = [declare(EVALUATES, name=name, timeout=1) for name in ("fn", "other")]
    runtime = opened(project_of(*functions), clock=clock() if clock is not None else None)
    ends = ["os._exit(3)", "time.sleep(9)", "os.kill(os.getpid(), 9)", "sys.exit()"]
    for number, end in enumerate(ends, 1):
        assert (
            runtime.invoke("fn", "open('/tmp/kept', 'a').write('x') and len(open('/tmp/kept').read())").json()
            == number
        )
        assert runtime.invoke("fn", end).function_error == "Unhandled"
    assert runtime.invoke("fn", "[open('/tmp/kept').read(), os.getpid(), len(open('/proc/mounts').read().split(' /proc '))]"
        ).json() == ["xxxx", 2, 2]  # fmt: skip
    assert runtime.invoke("other", "os.listdir('/tmp')").json() == []
    environments = {
        record.environment for record in runtime.log.of("invocation.started") if record.function == "fn"
    }
    assert len(environments) == 1


@SANDBOXED
def test_limits_are_awss_where_the_machine_allows_as_much(evaluating: Any) -> None:
    ask = evaluating()
    limits = ask(
        "{n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith('RLIMIT_')}"
    )
    assert limits["RLIMIT_NOFILE"] == [1024, 1024]
    assert limits["RLIMIT_MEMLOCK"] == [65536, 65536]
    assert limits["RLIMIT_STACK"][0] == 8388608
    import resource

    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    assert limits["RLIMIT_CORE"][0] == (
        10737418240 if most == resource.RLIM_INFINITY else min(most, 10737418240)
    )
    status = ask("open('/proc/self/status').read()")
    assert "CapEff:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


VARIABLES = {
    "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "LD_LIBRARY_PATH", "PATH", "PWD", "PYTHONPATH", "SHLVL", "TZ",
    "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER", "_X_AMZN_TRACE_ID",
}  # fmt: skip


@SANDBOXED
def test_variables_are_the_documented_ones_and_nobodys_credentials(
    evaluating: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "SECRET", "HOME", "TMPDIR"):
        monkeypatch.setenv(name, "/mine")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
    ask = evaluating(environment={"OWN": "1", "PATH": "/opt/bin"})
    variables = ask("dict(os.environ)")
    extra = {"LC_CTYPE"} if running_runtime() not in ("python3.9", "python3.10", "python3.11") else set()
    # AWS_LAMBDA_RUNTIME_API has no server behind it for this engine; AWS_EC2_METADATA_DISABLED is ours.
    assert {name for name in variables if name not in ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_FORMAT")} == {
        *VARIABLES, *extra, "OWN",
    }  # fmt: skip
    assert variables["PATH"] == "/opt/bin"
    assert not any("mine" in value or "MINE" in value for value in variables.values())


def test_without_a_sandbox_home_and_tmp_are_private_folders(
    evaluating: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    ask = evaluating(Isolation.PROCESS)
    home, tmp, path = ask("[os.path.expanduser('~'), os.environ['TMPDIR'], 'AWS_PROFILE' in os.environ]")
    assert home == tmp
    assert path is False
    assert ask(
        "[open(os.path.join(os.environ['TMPDIR'], 'x'), 'w').write('abc'), os.listdir(os.environ['TMPDIR'])]"
    ) == [3, ["x"]]
    assert ask("resource.getrlimit(resource.RLIMIT_NOFILE)") == [1024, 1024]


@pytest.fixture
def server() -> Iterator[tuple[str, int]]:
    """A server on loopback of the machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


LOOPBACK = (
    "l = socket.create_server(('127.0.0.1', 0)); told = bool(socket.create_connection(l.getsockname()))"
)


@SANDBOXED
@pytest.mark.parametrize(
    ("settings", "reaches"),
    [
        ({}, True),
        ({"network": Network.NONE}, False),
        ({"network": Network.VPC}, False),
        ({"network": Network.VPC, "nat_gateway": True}, True),
    ],
    ids=["open", "none", "vpc", "vpc with NAT"],
)
def test_what_a_function_reaches_of_the_network(
    evaluating: Any, server: tuple[str, int], settings: dict[str, Any], reaches: bool
) -> None:
    ask = evaluating(**settings)
    assert ask([LOOPBACK]) is True
    told = ask(f"bool(socket.create_connection({server!r}, 5))")
    assert told is True if reaches else told["errorType"] == "ConnectionRefusedError"


@SANDBOXED
def test_without_a_nat_gateway_a_connection_hangs_until_the_timeout_and_alone_it_fails_at_once(
    declare: Declare, opened: Open
) -> None:
    source = "import socket\ndef handler(event, context): socket.create_connection((event, 80))\n"
    functions = [
        declare(source, name="inside", timeout=1, network=Network.VPC),
        declare(source, name="alone", timeout=9, network=Network.NONE),
    ]
    runtime = opened(project_of(*functions))
    for host in ("192.0.2.1", "example.com"):
        assert runtime.invoke("inside", host).json()["errorType"] == "Sandbox.Timedout"  # type: ignore[index,call-overload]
    said = runtime.invoke("alone", "192.0.2.1").json()["errorMessage"]  # type: ignore[index,call-overload]
    assert said == "[Errno 101] Network is unreachable"


@pytest.mark.parametrize("network", [Network.NONE, Network.VPC])
def test_without_a_sandbox_a_function_with_its_own_network_is_refused(
    declare: Declare, opened: Open, network: Network
) -> None:
    runtime = opened(project_of(declare(EVALUATES, network=network)), Isolation.PROCESS)
    with pytest.raises(
        MachineError, match=rf"functions.fn.network: '{network.value}' needs a network namespace"
    ):
        runtime.invoke("fn", "1")


@pytest.mark.parametrize("network", [Network.OPEN, Network.NONE])
def test_only_a_vpc_has_a_nat_gateway(network: Network) -> None:
    with pytest.raises(ValueError, match="nat_gateway: only a VPC has one"):
        Function(
            name="f",
            handler="a.b",
            code_uri=Path(),
            runtime=running_runtime(),
            network=network,
            nat_gateway=True,
        )


BAD = {
    "forks 2,000 processes": (
        "n = 0\nfor _ in range(2000):\n    try:\n        os.fork() or signal.pause()\n    except OSError as full:\n"
        "        told = errno.errorcode[full.errno]; break",
        "EAGAIN" if FACTS.processes_counted_by_namespace else ...,
    ),
    "opens 2,000 files": (
        "try:\n    opened = [os.open('/dev/null', 0) for _ in range(2000)]\nexcept OSError as full:\n"
        "    told = errno.errorcode[full.errno]",
        "EMFILE",
    ),
    "leaves a daemon": ("os.fork() or (os.setsid(), os.fork(), signal.pause()); told = 1", 1),
    "writes to its code": (
        "try: os.unlink('/var/task/' + os.listdir('/var/task')[0])\nexcept OSError as e: told = errno.errorcode[e.errno]",
        "EROFS",
    ),
    "kills its parent": ("os.kill(os.getppid(), 9); told = os.getppid()", 1),
    "kills all it can": ("os.fork() or signal.pause(); os.kill(-1, 9); told = 1", 1),
    "traces its parent": (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.ptrace(16, 1, 0, 0); told = errno.errorcode[ctypes.get_errno()]",
        "EPERM",
    ),
    "mounts": (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.mount(b'x', b'/mnt', b'tmpfs', 0, None); told = errno.errorcode[ctypes.get_errno()]",
        "EPERM",
    ),
}  # fmt: skip


@SANDBOXED
@pytest.mark.parametrize("clock", [None, VirtualClock], ids=["wall", "virtual"])
@pytest.mark.parametrize("bad", BAD)
def test_a_handler_that_attacks_its_world_has_its_outcome_and_nothing_is_left(
    declare: Declare, opened: Open, bad: str, clock: Any
) -> None:
    body, told = BAD[bad]
    runtime = opened(
        project_of(declare(EVALUATES, timeout=30, memory_size=2048)),
        clock=clock() if clock is not None else None,
    )
    said = runtime.invoke("fn", [body]).json()
    assert told is ... or said == told
    assert runtime.invoke("fn", "1 + 1").json() == 2
    runtime.invoke("fn", "os._exit(0)")
    assert runtime.invoke("fn", "len([p for p in os.listdir('/proc') if p.isdigit()])").json() == 2
    assert survivors(watch(strays(runtime))) == []


@SANDBOXED
@pytest.mark.parametrize(
    "sent", ["b''", "b'x'", "b'\\xff' * 40", "b'\\x20' + bytes(60)", "bytes(70_000)[:60_000]"]
)
def test_rubbish_on_the_runtimes_socket_ends_its_own_environment_alone(
    declare: Declare, opened: Open, sent: str
) -> None:
    body = (
        "for fd in map(int, os.listdir('/proc/self/fd')):\n    try:\n"
        f"        socket.socket(fileno=os.dup(fd)).send({sent})\n    except OSError: pass\n"
    )
    runtime = opened(project_of(declare(EVALUATES, timeout=2), declare(EVALUATES, name="other")))
    runtime.invoke("other", "1")
    assert runtime.invoke("fn", [body]).ok
    assert runtime.invoke("fn", "1 + 1").json() == 2
    assert runtime.invoke("other", "3").json() == 3


@SANDBOXED
def test_what_stands_in_tmp_can_be_counted_from_outside(declare: Declare, opened: Open) -> None:
    runtime = opened(project_of(declare(EVALUATES)))
    runtime.invoke("fn", "open('/tmp/x', 'wb').write(bytes(1_000_000))")
    [process] = runtime.driver.processes._processes.values()
    assert 1_000_000 <= used_bytes(temporary_folder().replace(PID, str(process.pid))) < 1_100_000


def test_the_namespace_where_it_cannot_be_is_refused_with_the_reason() -> None:
    from lambdarun.runtime.isolation import choose, fallback_notice

    with pytest.raises(
        MachineError, match=r"does not allow it \(no user namespaces: Operation not permitted\)"
    ):
        choose(Isolation.NAMESPACE, sandboxed=False, why_not="no user namespaces: Operation not permitted")
    assert choose(None, sandboxed=False, why_not="x") is Isolation.PROCESS
    assert fallback_notice("no user namespaces: x") == "isolation: process (no user namespaces: x)"
    assert fallback_notice(None) is None
