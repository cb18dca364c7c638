"""The grammar once more, as plainly as it can be said: one pattern, one event, every way to choose elements of arrays."""

from __future__ import annotations

import ipaddress
import itertools
import re
from typing import Any

Leaf = tuple[str, Any, dict[int, int]]


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether the event matches a valid pattern."""
    if not isinstance(event, dict):
        return False
    leaves: list[Leaf] = []
    _flatten(event, "", {}, leaves, itertools.count())
    return any(_branch_matches(branch, leaves) for branch in _branches(pattern, ""))


def _branches(pattern: dict[str, Any], prefix: str) -> list[dict[str, list[Any]]]:
    branches: list[dict[str, list[Any]]] = [{}]
    for name, value in pattern.items():
        if name == "$or":
            parts = [part for one in value for part in _branches(one, prefix)]
        elif isinstance(value, dict):
            parts = _branches(value, f"{prefix}{name}.")
        else:
            parts = [{prefix + name: value}]
        branches = [{**one, **part} for one in branches for part in parts]
    return branches


def _flatten(value: Any, name: str, places: dict[int, int], leaves: list[Leaf], arrays: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{name}.{key}" if name else key, places, leaves, arrays)
    elif isinstance(value, list):
        number = next(arrays)
        for index, element in enumerate(value):
            inside = {**places, number: index} if isinstance(element, dict | list) else places
            _flatten(element, name, inside, leaves, arrays)
    else:
        leaves.append((name, value, places))


def _branch_matches(branch: dict[str, list[Any]], leaves: list[Leaf]) -> bool:
    def from_here(names: list[str], chosen: dict[int, int]) -> bool:
        if not names:
            return True
        name, *rest = names
        beside = [
            (value, places)
            for other, value, places in leaves
            if other == name and all(chosen.get(array, index) == index for array, index in places.items())
        ]
        absent = any(one == {"exists": False} for one in branch[name])
        if absent and not beside and from_here(rest, chosen):
            return True
        return any(
            from_here(rest, {**chosen, **places})
            for value, places in beside
            if any(suits(one, value) for one in branch[name])
        )

    return from_here(sorted(branch), {})


def suits(asked: Any, value: Any) -> bool:
    """Whether a value at a leaf is what one member of a pattern's array asks for."""
    if not isinstance(asked, dict):
        return _same(asked, value)
    ((operator, operand),) = asked.items()
    text = value if isinstance(value, str) else None
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    match operator:
        case "exists":
            return bool(operand)
        case "exactly":
            return text == operand
        case "prefix" | "suffix":
            if text is None:
                return False
            if isinstance(operand, dict):
                text, operand = text.lower(), operand["equals-ignore-case"].lower()
            return text.startswith(operand) if operator == "prefix" else text.endswith(operand)
        case "equals-ignore-case":
            return text is not None and text.lower() == operand.lower()
        case "wildcard":
            regex = "".join(
                ".*" if piece == "*" else re.escape(piece[-1])
                for piece in re.findall(r"\\.|.", operand, re.DOTALL)
            )
            return text is not None and re.fullmatch(regex, text, re.DOTALL) is not None
        case "numeric":
            return number is not None and all(
                _compares(number, *pair) for pair in zip(operand[::2], operand[1::2], strict=True)
            )
        case "cidr":
            return text is not None and _within(text, operand)
        case "anything-but":
            if not isinstance(operand, dict):
                return not any(_same(one, value) for one in _listed(operand))
            ((inner, given),) = operand.items()
            return not any(suits({inner: one}, value) for one in _listed(given))
    raise AssertionError(operator)


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _same(asked: Any, value: Any) -> bool:
    if isinstance(asked, str) and isinstance(value, str):
        return asked == value or (_address(asked) is not None and _address(asked) == _address(value))
    if isinstance(asked, bool) or isinstance(value, bool) or asked is None or value is None:
        return asked is value
    if isinstance(asked, str) or isinstance(value, str):
        return False
    return float(asked) == float(value)


def _compares(number: float, operator: str, bound: float) -> bool:
    number, bound = float(number), float(bound)
    return {
        "=": number == bound,
        "<": number < bound,
        "<=": number <= bound,
        ">": number > bound,
        ">=": number >= bound,
    }[operator]


def _address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _within(text: str, cidr: str) -> bool:
    """event-ruler's range begins at the address that is written, not at the network's first."""
    address, network = _address(text), ipaddress.ip_network(cidr, strict=False)
    if address is None or address.version != network.version:
        return False
    return bool(ipaddress.ip_address(cidr.split("/")[0]) <= address and address in network)
