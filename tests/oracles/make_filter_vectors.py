"""Makes tests/data/filter_vectors.jsonl: patterns, events, and what three other matchers say of them.

Run by hand, with a Python 3.11 of a virtual environment of its own, which has `event-ruler`, `moto` and (without what it
depends on) `localstack-core`:

    python tests/oracles/make_filter_vectors.py > tests/data/filter_vectors.jsonl

The package `event-ruler` is not AWS's library of that name, which is Java and in no Python package: it wraps quamina, the
matcher in Go that the first author of AWS's wrote later, and knows a part of the grammar. LocalStack's engine is written
after recordings of AWS; moto's is a mock's. None of them is an authority: where they and we differ,
test_filter_vectors.py has the reason. AWS's own answers are in recorded_event_patterns.json.
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import types
from pathlib import Path
from typing import Any

COUNT = 3_500
TEXTS = ["", "x", "xy", "yx", "X", "y", "a b", "*", "1", "10.0.0.9", "10.0.1.9"]
NUMBERS: list[Any] = [0, 1, 1.0, -1, 2.5, 5, 100, 300.0, 1e3]
KEYS = ["a", "b", "c"]
OPERATORS = ["<", "<=", "=", ">", ">="]


def scalar(draw: random.Random) -> Any:
    kind = draw.random()
    if kind < 0.5:
        return draw.choice(TEXTS)
    return draw.choice(NUMBERS) if kind < 0.85 else draw.choice([None, True, False])


def numeric(draw: random.Random) -> list[Any]:
    low, high = sorted(draw.sample([-1, 0, 1, 2.5, 100], 2))
    if draw.random() < 0.5:
        return [draw.choice(OPERATORS), low]
    return [draw.choice([">", ">="]), low, draw.choice(["<", "<="]), high]


def condition(draw: random.Random) -> Any:
    text, other = draw.choice(TEXTS), draw.choice([one for one in TEXTS if one])
    makers = {
        "prefix": lambda: text,
        "suffix": lambda: text,
        "equals-ignore-case": lambda: text,
        "exists": lambda: draw.random() < 0.5,
        "numeric": lambda: numeric(draw),
        "wildcard": lambda: draw.choice(["*", "x*", "*x", "x*y", "*x*", "\\*", "x"]),
        "cidr": lambda: draw.choice(["10.0.0.0/24", "10.0.0.8/31", "::/8"]),
        "anything-but": lambda: draw.choice(
            [
                text,
                1,
                [text, other],
                [1, 100],
                {"prefix": other},
                {"suffix": other},
                {"equals-ignore-case": other},
                {"wildcard": "x*"},
                {"prefix": [other, "y"]},
            ]
        ),
    }
    name = draw.choice([*makers, "anything-but", "numeric", "exact", "exact", "exact"])
    if name == "exact":
        return scalar(draw)
    if name in ("prefix", "suffix") and draw.random() < 0.25:
        return {name: {"equals-ignore-case": text}}
    return {name: makers[name]()}


def shared_condition(draw: random.Random) -> Any:
    """One of the grammar that quamina has as well."""
    kind = draw.random()
    if kind < 0.6:
        return scalar(draw)
    if kind < 0.8:
        return {"exists": draw.random() < 0.6}
    return {"anything-but": draw.sample(TEXTS, 2)}


def leaf(draw: random.Random, shared: bool) -> list[Any]:
    # quamina takes `exists` and `anything-but` alone in their array.
    count = 1 if shared else draw.choice([1, 1, 1, 2, 3])
    return [shared_condition(draw) if shared else condition(draw) for _ in range(count)]


def pattern(draw: random.Random, shared: bool, depth: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key in draw.sample(KEYS, draw.choice([1, 1, 2])):
        if depth < 2 and draw.random() < (0.6 if shared else 0.3):
            made[key] = pattern(draw, shared, depth + 1)
        elif not shared and draw.random() < 0.06:
            made[f"{key}.{draw.choice(KEYS)}"] = leaf(draw, shared)
        else:
            made[key] = leaf(draw, shared)
    if not shared and depth < 2 and draw.random() < 0.08:
        made["$or"] = [{draw.choice(KEYS): leaf(draw, shared)} for _ in range(2)]
    return made


def near(draw: random.Random, asked: Any) -> Any:
    """A value that suits a member of a pattern's array, or nearly."""
    if not isinstance(asked, dict):
        return asked if draw.random() < 0.8 else scalar(draw)
    ((name, operand),) = asked.items()
    while isinstance(operand, dict):
        operand = next(iter(operand.values()))
    if isinstance(operand, list):
        operand = draw.choice([one for one in operand if one not in OPERATORS])
    if isinstance(operand, str) and draw.random() < 0.7:
        operand = operand.replace("*", draw.choice(["", "z"])).split("/")[0]
        return draw.choice([operand, f"{operand}z", f"z{operand}", operand.upper()])
    return operand if draw.random() < 0.6 and name != "exists" else scalar(draw)


def event_for(draw: random.Random, asked: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in asked.items():
        if key == "$or":
            made.update(event_for(draw, draw.choice(value)))
            continue
        if draw.random() < 0.1:
            continue
        if isinstance(value, dict):
            made[key] = event_for(draw, value)
            if draw.random() < 0.4:
                made[key] = [made[key], event_for(draw, value)]
            continue
        one: Any = near(draw, draw.choice(value))
        way = draw.random()
        if way < 0.1:
            one = [one, scalar(draw)] if way < 0.08 else []
        elif way < 0.14:
            one = {draw.choice(KEYS): one}
        if "." in key and draw.random() < 0.5:
            outer, inner = key.split(".")
            made[outer] = {inner: one}
        else:
            made[key] = one
    if draw.random() < 0.3:
        made.setdefault(draw.choice(KEYS), scalar(draw))
    return made


def quamina(pattern: str, event: str) -> str:
    from event_ruler import event_ruler

    try:
        return "1" if event_ruler.test_event_pattern(event, pattern) else "0"
    except RuntimeError:
        return "!"


def engine_of_localstack() -> Any:
    """Its module alone: what the package imports beside it is not needed."""
    spec = importlib.util.find_spec("localstack")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    for name in ("localstack.aws", "localstack.aws.api", "localstack.aws.api.events"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["localstack.aws.api.events"].InvalidEventPatternException = ValueError  # type: ignore[attr-defined]
    path = Path(spec.submodule_search_locations[0]) / "services" / "events" / "event_rule_engine.py"
    own = importlib.util.spec_from_file_location("event_rule_engine", path)
    assert own is not None
    assert own.loader is not None
    module = importlib.util.module_from_spec(own)
    own.loader.exec_module(module)
    return module


def localstack(engine: Any, pattern: str, event: str) -> str:
    try:
        compiled = engine.EventPatternCompiler().compile_event_pattern(pattern)
    except Exception:
        return "!"
    try:
        return "1" if engine.EventRuleEngine().evaluate_pattern_on_event(compiled, event) else "0"
    except Exception:
        return "?"


def moto(pattern: str, event: str) -> str:
    from moto.events.models import EventPattern

    try:
        return "1" if EventPattern(pattern, json.loads(pattern)).matches_event(json.loads(event)) else "0"
    except Exception:
        return "?"


def main() -> None:
    """Print them."""
    draw = random.Random(19)
    engine = engine_of_localstack()
    seen: set[tuple[str, str]] = set()
    while len(seen) < COUNT:
        shared = draw.random() < 0.4
        asked = pattern(draw, shared)
        event = event_for(draw, asked)
        texts = tuple(json.dumps(one, separators=(",", ":")) for one in (asked, event))
        if texts in seen or len(texts[0]) + len(texts[1]) > 150:
            continue
        seen.add(texts)
        said = (quamina(*texts) if shared else "-") + localstack(engine, *texts) + moto(*texts)
        print(f"[{texts[0]},{texts[1]},{json.dumps(said)}]")


if __name__ == "__main__":
    main()
