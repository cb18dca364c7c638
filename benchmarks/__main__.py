"""`python -m benchmarks [NAME...]`: the table, or some of its parts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from benchmarks import (
    commands,
    days,
    filters,
    inline,
    invocations,
    layers,
    mappings,
    memory,
    parts,
    queues,
    runtime_api,
    sqs,
)
from benchmarks.table import Row, render

CASES: dict[str, Callable[[], Iterator[Row]]] = {
    "warm": invocations.warm,
    "parts": parts.parts,
    "trio": invocations.through_the_pump,
    "sixteen": invocations.sixteen,
    "cold": invocations.cold,
    "sandbox": invocations.cold_sandbox,
    "burst": invocations.burst,
    "deadline": invocations.deadline,
    "runtime-api": runtime_api.runtime_api,
    "memory": memory.memory,
    "accepts": queues.accepts,
    "throttles": queues.throttles,
    "replays": queues.replays,
    "mappings": mappings.mappings,
    "sqs": sqs.sqs,
    "inline": inline.inline,
    "days": days.days,
    "filters": filters.filters,
    "commands": commands.commands,
    "layers": layers.layers,
}


def main() -> None:
    """Measure and print."""
    chosen = sys.argv[1:] or list(CASES)
    unknown = [name for name in chosen if name not in CASES]
    if unknown:
        raise SystemExit(f"no such case: {', '.join(unknown)}. Choose from {', '.join(CASES)}.")
    rows = []
    for name in chosen:
        for row in CASES[name]():
            sys.stderr.write(f"{row.name}: {row.ratio or row.figure}\n")
            rows.append(row)
    print(render(rows))


if __name__ == "__main__":
    main()
