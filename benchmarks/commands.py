"""Whole commands, against the imports that they cannot do without."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.floors.processes import command
from benchmarks.subjects import CODE
from benchmarks.table import Row, at_most, interleaved


def commands() -> Iterator[Row]:
    """`lambdarun invoke` of a hello handler, and `lambdarun --help`."""
    with tempfile.TemporaryDirectory() as name:
        app = Path(name) / "bench_app.py"
        app.write_text(CODE)
        pair = interleaved(
            lambda: command("-c", "import trio, attrs, structlog, click, cattrs"),
            lambda: command("-m", "lambdarun", "-q", "invoke", f"{app}:hello"),
            9,
        )
        yield at_most("lambdarun invoke", pair, 1.2, "ms", 1e3)
        pair = interleaved(
            lambda: command("-c", "import click"), lambda: command("-m", "lambdarun", "--help"), 9
        )
        yield at_most("lambdarun --help", pair, 2.5, "ms", 1e3)
