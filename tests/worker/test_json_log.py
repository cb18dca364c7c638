"""The JSON log format against AWS's own Python client: the same handlers, the same lines to the byte but for times."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.zygote_in_test import REQUEST_ID_TEXT, Zygote

# Runs awslambdaric's whole loop with a client that has one event; what it logs goes to standard output.
ORACLE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

class Event:
    invoke_id, event_body, content_type, tenant_id = sys.argv[3], b"{}", "application/json", None
    x_amzn_trace_id = client_context = cognito_identity = invocation_id = None
    invoked_function_arn, deadline_time_in_ms = "arn", 4102444800000

class Client:
    marshaller = LambdaMarshaller()
    events = [Event()]
    def wait_next_invocation(self):
        if not self.events:
            sys.stdout.flush()
            os._exit(0)
        return self.events.pop()
    def post_invocation_result(self, *_): pass
    def post_invocation_error(self, *_): pass
    def post_init_error(self, *_): pass

bootstrap.run(sys.argv[2], Client())
"""
HEAD = "import logging\nlog = logging.getLogger('app')\n"
CASES = {
    "info": "def h(e, c): log.info('hello %s', 'you')",
    "levels": "def h(e, c):\n    for n in ('debug', 'info', 'warning', 'error', 'critical'): getattr(log, n)(n)",
    "root": "def h(e, c): logging.warning('of the root')",
    "odd level": "def h(e, c):\n    log.log(25, 'between')\n    log.log(99, 'above')\n    log.log(7, 'below')",
    "non ascii": "def h(e, c): log.warning('gr\\u00fc\\u00dfe \\U0001f600')",
    "dict": "def h(e, c): log.warning({'a': 1, 'b': [None, 2.5]})",
    "dict with arguments": "def h(e, c): log.warning('%(a)s', {'a': 1})",
    "text that is json": "def h(e, c): log.warning('{\"a\": 1}')",
    "not serialisable": "def h(e, c): log.warning({'a': {1}, 'b': b'x', 'c': 1j})",
    "odd keys": "def h(e, c): log.warning({1: 2, None: 3})",
    "extra": "def h(e, c): log.warning('x', extra={'order': 'A1', 'none': None, 'set': {1}, 'level': 'mine', 'nested': {'a': 1}})",
    "extra reserved": "def h(e, c): log.warning('x', extra={'requestId': 'own', 'tenant_id_': 1, '_frame': 2})",
    "exc_info": "def h(e, c):\n    try: 1 / 0\n    except ZeroDivisionError: log.exception('failed')",
    "exc_info chained": "def h(e, c):\n    try:\n        try: 1 / 0\n        except ZeroDivisionError as f: raise ValueError('outer') from f\n    except ValueError: log.error('failed', exc_info=True)",
    "stack_info": "def h(e, c): log.warning('x', stack_info=True)",
    "of a module": "log.warning('importing')\ndef h(e, c): pass",
    "print": "def h(e, c): print('plain'); c.log('without a newline'); print({'level': 'DEBUG'})",
    "many lines": "def h(e, c): log.warning('one\\ntwo\\r\\nthree')",
    "own handler": "class H(logging.Handler):\n    def emit(self, r): print(r.levelname, r.levelno)\nlogging.getLogger().addHandler(H())\ndef h(e, c): log.log(35, 'x')",
    "level set later": "def h(e, c):\n    logging.getLogger().setLevel('DEBUG')\n    log.debug('seen')",
    "raises": "def h(e, c): raise ValueError('gr\\u00fc\\u00dfe')",
    "raises without text": "def h(e, c): raise RuntimeError",
    "not marshalled": "def h(e, c): return {1}",
    "init raises": "raise ValueError('no')",
    "init import error": "import nothing_of_that_name",
    "init syntax error": "def h(:",
    "no handler": "x = 1",
}  # fmt: skip
TIMES = re.compile(r'("timestamp": ")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z')
# Frames of either client: where an import fails within importlib, and those of a stack that reaches into the client.
OWN = re.compile(r'"  File \\"[^"\\]*(?:awslambdaric|lambdarun/worker)/[^"\\]*\\"(?:[^"\\]|\\.)*"(?:, )?')


def same(text: str) -> str:
    """Without what must differ: times, and frames of the client itself."""
    return OWN.sub("", TIMES.sub(r"\1", text))


def both(zygote: Zygote, root: Path, source: str, **environ: str) -> tuple[str, str]:
    (root / "app.py").write_text(HEAD + source + "\n", encoding="utf-8")
    base = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12", **environ}
    ran = subprocess.run(
        [sys.executable, "-c", ORACLE, str(root), "app.h", REQUEST_ID_TEXT],
        capture_output=True, encoding="utf-8", check=False, cwd=root,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", **base},
    )  # fmt: skip
    worker = zygote.fork(root, "app.h", **base)
    worker.run(b"{}")
    return same(ran.stdout), same(worker.printed())


@pytest.mark.parametrize("name", CASES)
def test_json_lines_are_those_of_awss_client(real_zygote: Zygote, tmp_path: Path, name: str) -> None:
    environ = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
    awss, ours = both(real_zygote, tmp_path, CASES[name], **environ)
    assert ours == awss
    assert name == "print" or not [
        line for line in ours.splitlines() if line[:1] != "{" and line[:1].islower()
    ]


@pytest.mark.parametrize("level", ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "", "other"])
@pytest.mark.parametrize("log_format", ["JSON", "Text", "json"])
def test_the_root_loggers_level_follows_the_variable(
    real_zygote: Zygote, tmp_path: Path, log_format: str, level: str
) -> None:
    environ = {"AWS_LAMBDA_LOG_FORMAT": log_format, "AWS_LAMBDA_LOG_LEVEL": level}
    awss, ours = both(real_zygote, tmp_path, CASES["levels"], **environ)
    assert ours == awss
    told = ours.count("\n")
    assert told == {"TRACE": 5, "DEBUG": 5, "INFO": 4, "ERROR": 2, "FATAL": 1}.get(level, 3)


def test_one_functions_format_does_not_reach_the_next_of_the_same_zygote(
    real_zygote: Zygote, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(f"{HEAD}def h(e, c): log.info('i'); log.warning('w')\n")
    in_json = real_zygote.fork(tmp_path, "app.h", AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="INFO")
    in_text = real_zygote.fork(tmp_path, "app.h")
    for worker in (in_json, in_text):
        worker.run(b"{}")
    assert [json.loads(line)["level"] for line in in_json.printed().splitlines()] == ["INFO", "WARNING"]
    assert [line.split("\t")[0] for line in in_text.printed().splitlines()] == ["[WARNING]"]
