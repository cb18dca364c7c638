"""Our bootstrap against AWS's own Python client, awslambdaric: the same handlers, the same payloads and log blocks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lambdarun.worker import wire
from tests.worker.zygote_in_test import REQUEST_ID_TEXT, Zygote

# Runs a handler through awslambdaric's own functions, with a client object that keeps what is posted.
ORACLE = r"""
import base64, io, json, os, sys, types
sys.path.insert(0, sys.argv[1])
os.environ.update(json.loads(sys.argv[4]))
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller, to_json

class Client:
    marshaller = LambdaMarshaller()
    def post_invocation_result(self, invoke_id, result, content_type, *_):
        self.posted = ("result", content_type, result)
    def post_invocation_error(self, invoke_id, error, xray, *_):
        self.posted = ("error", "", error)
    def post_init_error(self, error, *_):
        self.posted = ("init", error["errorType"], to_json(error))
    def wait_next_invocation(self):
        raise StopIteration

class Sink(bootstrap.StandardLogSink):
    lines = []
    def log_error(self, lines):
        self.lines += lines

client, sink = Client(), Sink()
client.posted = None
try:
    handler = bootstrap._get_handler(sys.argv[2])
except bootstrap.FaultException as e:
    error = bootstrap.make_error(e.msg, e.exception_type, e.trace)
    bootstrap.log_error(error, sink)
    client.post_init_error(error)
except Exception:
    error = bootstrap.build_fault_result(sys.exc_info(), None)
    bootstrap.log_error(error, sink)
    client.post_init_error(error)
else:
    sys.stdout = io.StringIO()
    bootstrap.handle_event_request(client, handler, sys.argv[5], sys.argv[3].encode(), "application/json", sys.argv[6] or None, None,
                                   "arn:aws:lambda:us-east-1:123456789012:function:fn", 4102444800000, None, sink)
    sys.stdout = sys.__stdout__
kind, extra, body = client.posted
body = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
print(json.dumps([kind, extra, base64.b64encode(body).decode(), sink.lines]))
"""

CASES = {
    "none": "def h(e, c): return None",
    "number": "def h(e, c): return 3",
    "float": "def h(e, c): return 0.1",
    "text": "def h(e, c): return 'text'",
    "true": "def h(e, c): return True",
    "list": "def h(e, c): return [1, 'a', None, {'b': [2.5]}]",
    "empty": "def h(e, c): return {}",
    "echo": "def h(e, c): return e",
    "non_ascii": "def h(e, c): return {'gr\\u00fc\\u00dfe': '\\u20ac \\U0001f600'}",
    "tuple": "def h(e, c): return (1, (2, 3))",
    "named_tuple": "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef h(e, c): return {'p': P(1, [2])}",
    "nan": "def h(e, c): return [float('nan'), float('inf'), -float('inf')]",
    "decimal": "from decimal import Decimal as D\ndef h(e, c): return {'a': D('1.10'), 'b': D('1E+3'), 'c': D('NaN')}",
    "bytes": "def h(e, c): return b'raw \\xff bytes'",
    "bytes_inside": "def h(e, c): return {'b': b'text', b'k': 1}",
    "odd_keys": "def h(e, c): return {1: 2, None: 3, True: 4, 1.5: 5}",
    "surrogate": "def h(e, c): return '\\ud800'",
    "line_separator": "def h(e, c): return '\\u2028'",
    "big_number": "def h(e, c): return 12345678901234567890123",
    "set": "def h(e, c): return {1}",
    "set_inside": "def h(e, c): return {'a': [{1}]}",
    "datetime": "import datetime\ndef h(e, c): return {'now': datetime.datetime(2026, 1, 1)}",
    "tuple_key": "def h(e, c): return {(1, 2): 3}",
    "circle": "def h(e, c):\n    a = []\n    a.append(a)\n    return a",
    "raises": "def h(e, c):\n    raise ValueError('no')",
    "raises_deep": "def f(n):\n    if n: f(n - 1)\n    raise KeyError('key')\ndef h(e, c):\n    f(3)",
    "raises_without_text": "def h(e, c):\n    raise RuntimeError",
    "raises_lines": "def h(e, c):\n    raise ValueError('one\\ntwo \\u20ac')",
    "raises_own": "class Broken(Exception):\n    pass\ndef h(e, c):\n    raise Broken('x', 2)",
    "raises_from": "def h(e, c):\n    try:\n        1 / 0\n    except ZeroDivisionError as f:\n        raise ValueError('outer') from f",
    "raises_in_json": "import json\ndef h(e, c):\n    json.loads('{')",
    "assertion": "def h(e, c):\n    assert e == 1, 'is not one'",
    "memory_error": "def h(e, c):\n    raise MemoryError('little')",
    "bad_arguments": "def h(e):\n    return e",
    "not_callable": "h = 3",
    "missing": "x = 1",
    "syntax": "def h(e, c:\n    pass",
    "import_error": "import nothing_of_that_name\ndef h(e, c): pass",
    "import_from_error": "from os import nothing_of_that_name\ndef h(e, c): pass",
    "raises_at_import": "raise Exception('Runtime startup fails')",
    "raises_at_import_deep": "def f():\n    return {}['x']\nf()",
}
HANDLERS = {
    "no_dot": "handler",
    "builtin_module": "sys.exit",
    "no_module": "nowhere.h",
    "slash": "folder/app.h",
    "dots": "folder.app.h",
    "empty_name": "echo.",
}
KINDS = {wire.RESULT: "result", wire.ERROR: "error", wire.INIT_ERROR: "init"}


def oracle(
    root: Path, handler: str, event: str, environ: dict[str, str], client_context: str
) -> tuple[str, bytes, list[str]]:
    import base64

    ran = subprocess.run(
        [sys.executable, "-c", ORACLE, str(root), handler, event, json.dumps(environ), REQUEST_ID_TEXT, client_context],
        capture_output=True, text=True, check=True, cwd=root,
    )  # fmt: skip
    kind, _, body, lines = json.loads(ran.stdout.splitlines()[-1])
    return kind, base64.b64decode(body), lines


def check(
    zygote: Zygote, root: Path, handler: str, *, runtime: str = "python3.11", client_context: str = ""
) -> None:
    environ = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}", "AWS_LAMBDA_FUNCTION_NAME": "fn"}
    kind, body, lines = oracle(root, handler, '{"k": [1, "\u20ac"]}', environ, client_context)
    worker = zygote.fork(root, handler, **environ)
    reply = worker.run('{"k": [1, "\u20ac"]}'.encode(), client_context=client_context.encode())
    assert reply is not None
    assert KINDS[reply.kind] == kind
    if reply.flags & wire.RAW:
        assert reply.payload == body
        return
    assert same_frames(reply.payload) == same_frames(body)
    if kind != "result":
        assert reply.error_type == json.loads(body)["errorType"]
    if lines:
        assert same_frames("\n".join(lines).encode()) in same_frames(worker.printed().encode())


OWN = r"(?:<string>|[^\"\\]*(?:awslambdaric|lambdarun/worker)/[^\"\\]*)"
OWN_IN_JSON = re.compile(rf'"  File \\"{OWN}\\"(?:[^"\\]|\\.)*"(?:, )?')
OWN_IN_LOG = re.compile(rf'\u00a0\u00a0File "{OWN}", [^\n]*\n(?:\u00a0{{4}}[^\n]*\n?)?')


def same_frames(text: bytes) -> str:
    """Without the frames of either client itself: where all frames are its own, AWS does not cut them off."""
    return OWN_IN_LOG.sub("", OWN_IN_JSON.sub("", text.decode("utf-8", "surrogatepass")).rstrip() + "\n")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("runtime", ["python3.11", "python3.12"])
def test_payloads_are_awss_to_the_byte(real_zygote: Zygote, tmp_path: Path, name: str, runtime: str) -> None:
    (tmp_path / f"case_{name}.py").write_text(CASES[name] + "\n", encoding="utf-8")
    check(real_zygote, tmp_path, f"case_{name}.h", runtime=runtime)


@pytest.mark.parametrize("name", HANDLERS)
def test_handler_names_are_resolved_as_aws_resolves_them(
    real_zygote: Zygote, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "app.py").write_text("def h(e, c): return 'found'\n", encoding="utf-8")
    (tmp_path / "echo.py").write_text("def h(e, c): return e\n", encoding="utf-8")
    check(real_zygote, tmp_path, HANDLERS[name])


def test_a_client_context_that_is_no_json(real_zygote: Zygote, tmp_path: Path) -> None:
    (tmp_path / "echo_c.py").write_text("def h(e, c): return e\n", encoding="utf-8")
    check(real_zygote, tmp_path, "echo_c.h", client_context="{nope")


def test_context_attributes_are_awss(real_zygote: Zygote, tmp_path: Path) -> None:
    source = (
        "def h(e, c):\n"
        "    names = sorted(n for n in vars(c) if not n.startswith('_'))\n"
        "    return [names, repr(c), c.w3c(), c.client_context.client.app_title, hasattr(c.client_context, 'other')]\n"
    )
    (tmp_path / "look.py").write_text(source, encoding="utf-8")
    given = '{"custom": {"a": 1}, "client": {"app_title": "t"}, "other": 1, "w3c": {"traceparent": "x"}}'
    check(real_zygote, tmp_path, "look.h", client_context=given)
