"""Runtimes that are programs of their own, beside a bare HTTP round trip on the same kind of socket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from attrs import evolve

from benchmarks.floors import http
from benchmarks.invocations import took_warm
from benchmarks.subjects import function, only
from benchmarks.table import Pair, Row, at_most, interleaved
from lambdarun.model.function import Function
from lambdarun.model.runtimes import Engine
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.journal import ForgetfulStore

COUNT = 300
_MOST_MS = 1.3
_NODE = "exports.echo = async (event) => event;\n"


def runtime_api() -> Iterator[Row]:
    """AWS's own Python client, and Node.js where it is there."""
    with tempfile.TemporaryDirectory() as name:
        made = function(Path(name), "echo")
        pair = _beside_http(evolve(made, engine=Engine.RIC))
        yield at_most("runtime-api: awslambdaric", pair, 3)
        took_ms = pair.subject * 1_000
        yield Row("its invocation", "", f"{took_ms:.2f} ms", "", f"<= {_MOST_MS} ms", took_ms <= _MOST_MS)
        if shutil.which("node") is not None:
            (Path(name) / "bench.js").write_text(_NODE)
            pair = _beside_http(evolve(made, handler="bench.echo", runtime="nodejs20.x"))
            yield Row(
                "runtime-api: Node.js", f"{pair.floor * 1e6:,.1f} us", f"{pair.subject * 1e6:,.1f} us",
                f"{pair.ratio:.2f} x", "", True,
            )  # fmt: skip


def _beside_http(made: Function) -> Pair:
    with http.server() as connection, open_blocking_runtime(only(made), store=ForgetfulStore()) as runtime:
        http.round_trips(connection, COUNT)
        took_warm(runtime, COUNT)
        return interleaved(
            lambda: median(http.round_trips(connection, COUNT)), lambda: median(took_warm(runtime, COUNT))
        )
