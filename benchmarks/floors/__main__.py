"""Print the floors' absolute figures."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.floors import exchange, heap, processes


def main() -> None:
    """Measure each floor for a moment."""
    os.sched_setaffinity(0, {0})
    with exchange.worker(0) as channel:
        print(f"J                  {1e6 * median(exchange.round_trips(channel, 5_000)):8.1f} us")
    with exchange.worker(1) as channel:
        print(f"J2                 {1e6 * median(exchange.round_trips(channel, 5_000)):8.1f} us")
    os.sched_setaffinity(0, {0, 1})
    with tempfile.TemporaryDirectory() as folder:
        took = processes.fork_import_call(Path(folder), 50)
        print(f"fork+import+call   {1e3 * median(took):8.2f} ms")
    print(f"kill+wait          {1e3 * median(processes.kill_and_wait(50)):8.2f} ms")
    print(f"heap pushes        {heap.pushes_a_second(1_000_000):8.0f} /s")
    imports = [processes.command("-c", "import trio, attrs, structlog, click, cattrs") for _ in range(5)]
    print(f"imports            {1e3 * median(imports):8.0f} ms")
    click = [processes.command("-c", "import click") for _ in range(5)]
    print(f"import click       {1e3 * median(click):8.0f} ms")


if __name__ == "__main__":
    main()
