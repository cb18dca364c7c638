"""What a layer of 200 MB costs: its extraction in the first run, and nothing to speak of in those behind it."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from zipfile import ZIP_DEFLATED, ZipFile

from benchmarks.floors.processes import command
from benchmarks.subjects import CODE
from benchmarks.table import Row, at_most, interleaved

FILES, FILE_BYTES = 2_000, 100_000
PROJECT = '[functions.f]\nhandler = "bench_app.hello"\nlayers = ["layer.zip"]\n'


def layer(path: Path) -> None:
    """200 MB in 2,000 files, of which compression takes a half, as with libraries."""
    draws = random.Random(7)
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(FILES):
            content = draws.randbytes(FILE_BYTES // 2) + bytes(FILE_BYTES // 2)
            archive.writestr(f"python/package_{number % 100}/data_{number}.bin", content)


def layers() -> Iterator[Row]:
    """`lambdarun invoke` of a hello handler with the layer, against the same without."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench_app.py").write_text(CODE)
        layer(folder / "layer.zip")
        with_it, without = folder / "lambdarun.toml", folder / "plain" / "lambdarun.toml"
        without.parent.mkdir()
        (without.parent / "bench_app.py").write_text(CODE)
        with_it.write_text(PROJECT)
        without.write_text(PROJECT.partition("layers")[0])
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        time.sleep(2.1)  # a file that is younger than that is hashed in each run

        def run(file: Path) -> float:
            return command("-m", "lambdarun", "-q", "--config", str(file), "invoke", "f")

        try:
            plain = median(run(without) for _ in range(5))
            first = run(with_it)
            # A plain unpacking is what the first run cannot do without.
            with ZipFile(folder / "layer.zip") as archive:
                begun = time.perf_counter()
                archive.extractall(folder / "out")
                bare = time.perf_counter() - begun
            yield Row(
                "200 MB layer, first run",
                f"{bare * 1e3:,.0f} ms unzip",
                f"{first * 1e3:,.0f} ms",
                f"{first / plain:.1f} x a run without",
                "",
                True,
            )
            yield at_most(
                "200 MB layer, second run",
                interleaved(lambda: run(without), lambda: run(with_it), 15),
                1.2,
                "ms",
                1e3,
            )
        finally:
            if before is None:
                del os.environ["XDG_CACHE_HOME"]
            else:
                os.environ["XDG_CACHE_HOME"] = before
