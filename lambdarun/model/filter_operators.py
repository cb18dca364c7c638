"""The operators of event patterns: each JSON value of a pattern's array to a condition.

What is taken and what is refused is AWS's event-ruler's (its JsonRuleCompiler), which EventBridge, Pipes and event source
mappings share. https://github.com/aws/event-ruler, and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lambdarun.aws import filter_messages as say
from lambdarun.model.filter_addresses import address_range, single_address
from lambdarun.model.filter_conditions import (
    Absent,
    Affix,
    AnythingBut,
    Condition,
    Dialect,
    Equals,
    EqualsIgnoreCase,
    Exists,
    NumericRange,
    Positive,
    Wildcard,
    folded,
)
from lambdarun.model.filter_text import as_double, is_number, shown

# AWS bounds the states of the machine that it makes of wildcards, and does not say how. It has refused six stars
# (content_wildcard_complex_EXC), and its guide's patterns of five pass.
_STARS_MAX: Final = 5


def condition(value: Any, dialect: Dialect) -> Condition:
    """The condition that one member of a key's array stands for. Raises ValueError with the reason."""
    if isinstance(value, dict):
        return _operator(value, dialect)
    if isinstance(value, list):
        raise ValueError(say.NO_VALUE)
    if isinstance(value, str):
        return single_address(value) or Equals(value)
    return Equals(as_double(value) if is_number(value) else value)


def _operator(given: dict[str, Any], dialect: Dialect) -> Condition:
    if not given:
        raise ValueError(say.NO_OPERATOR)
    name, operand = next(iter(given.items()))
    if name not in _OPERATORS:
        raise ValueError(say.UNKNOWN_OPERATOR.format(name=name))
    inner = next(iter(operand), "") if name == "anything-but" and isinstance(operand, dict) else ""
    for used in (name, f"{name}/{inner}"):
        if used in dialect.refuses:
            what = used.replace("/", " with ")
            raise ValueError(f"{what} is for event buses: {dialect.name} take it only with all_operators")
    made = _OPERATORS[name](operand)
    if len(given) > 1:
        raise ValueError(say.TOO_MANY_ELEMENTS if name in ("numeric", "anything-but") else say.ONE_KEY)
    return made


def _exactly(operand: Any) -> Condition:
    return Equals(_text(operand, "exact"))


def _prefix(operand: Any) -> Condition:
    return _affix(operand, "prefix", at_end=False)


def _suffix(operand: Any) -> Condition:
    return _affix(operand, "suffix", at_end=True)


def _affix(operand: Any, name: str, *, at_end: bool) -> Condition:
    if not isinstance(operand, dict):
        return Affix(_text(operand, name), at_end)
    if not operand:
        raise ValueError(say.NO_INNER_OPERATOR.format(name=name.capitalize()))
    inner, text = next(iter(operand.items()))
    if inner != "equals-ignore-case":
        raise ValueError(say.UNSUPPORTED_INNER.format(name=name, inner=inner))
    made = Affix(folded(_text(text, inner)), at_end, ignore_case=True)
    if len(operand) > 1:
        raise ValueError(say.ONE_KEY)
    return made


def _ignore_case(operand: Any) -> Condition:
    return EqualsIgnoreCase(folded(_text(operand, "equals-ignore-case")))


def _wildcard(operand: Any) -> Condition:
    return _pieces(_text(operand, "wildcard"))


def _cidr(operand: Any) -> Condition:
    return address_range(_text(operand, "prefix"))  # so it is worded there, too: content_ip_address_type_EXC


def _exists(operand: Any) -> Condition:
    if not isinstance(operand, bool):
        raise ValueError(say.EXISTS_NO_BOOLEAN)
    return Exists() if operand else Absent()


def _text(operand: Any, name: str) -> str:
    if not isinstance(operand, str):
        raise ValueError(say.NO_TEXT.format(name=name))
    return operand


def _pieces(text: str) -> Wildcard:
    pieces = [""]
    at = 0
    while at < len(text):
        if text[at] == "*":
            if text[at + 1 : at + 2] == "*":
                raise ValueError(say.CONSECUTIVE_WILDCARDS.format(position=_position(text, at)))
            pieces.append("")
        elif text[at] == "\\":
            if text[at + 1 : at + 2] not in ("*", "\\"):
                raise ValueError(say.INVALID_ESCAPE.format(position=_position(text, at)))
            at += 1
            pieces[-1] += text[at]
        else:
            pieces[-1] += text[at]
        at += 1
    if len(pieces) - 1 > _STARS_MAX:
        raise ValueError(say.TOO_COMPLEX)
    return Wildcard(tuple(pieces))


def _position(text: str, at: int) -> int:
    """Where event-ruler says that a character is: it counts bytes, from the quotation mark on."""
    return len(text[:at].encode("utf-8", "surrogatepass")) + 1


def _anything_but(operand: Any) -> Condition:
    if isinstance(operand, dict):
        return _anything_but_inner(operand)
    members = operand if isinstance(operand, list) else [operand]
    if not isinstance(operand, list | str) and not is_number(operand):
        raise ValueError(say.BUT_NO_VALUE)
    texts = [one for one in members if isinstance(one, str)]
    numbers = [one for one in members if is_number(one)]
    if len(texts) + len(numbers) < len(members):
        raise ValueError(say.BUT_LIST)
    if bool(texts) == bool(numbers):
        raise ValueError(say.BUT_MIXED)
    return AnythingBut(tuple(Equals(one if isinstance(one, str) else as_double(one)) for one in members))


def _anything_but_inner(operand: dict[str, Any]) -> Condition:
    if not operand:
        raise ValueError(say.NO_INNER_OPERATOR.format(name="Anything-But"))
    name, given = next(iter(operand.items()))
    if name not in _INNER:
        raise ValueError(say.UNSUPPORTED_INNER.format(name="anything-but", inner=name))
    if not isinstance(given, list | str) and not is_number(given):
        raise ValueError(say.BUT_NO_VALUE)
    make, no_text = _INNER[name]
    made = []
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, str):
            raise ValueError(no_text)
        if not one and name in ("prefix", "suffix"):
            raise ValueError(say.BUT_EMPTY)
        made.append(make(one))
    if len(operand) > 1:
        raise ValueError(say.TOO_MANY_ELEMENTS)
    return AnythingBut(tuple(made))


_AFFIX_NO_TEXT: Final = say.NO_TEXT.format(name="prefix/suffix")
_INNER: Final[dict[str, tuple[Callable[[str], Positive], str]]] = {
    "prefix": (Affix, _AFFIX_NO_TEXT),
    "suffix": (lambda text: Affix(text, at_end=True), _AFFIX_NO_TEXT),
    "equals-ignore-case": (lambda text: EqualsIgnoreCase(folded(text)), say.BUT_IGNORE_CASE),
    "wildcard": (_pieces, say.NO_TEXT.format(name="wildcard")),
}


def _numeric(operand: Any) -> Condition:
    if not isinstance(operand, list):
        raise ValueError(say.NUMERIC_NO_ARRAY)
    first, rest = next(iter(operand), None), operand[1:]
    if not isinstance(first, str):
        raise ValueError(say.NUMERIC_MEMBER.format(member=shown(first) if operand else "]"))
    if first not in ("=", "<", "<=", ">", ">="):
        raise ValueError(say.NUMERIC_OPERATOR.format(operator=first))
    bound = _bound(rest, "equals" if first == "=" else first)
    if len(rest) == 1:
        if first == "=":
            return Equals(bound)
        if first in ("<", "<="):
            return NumericRange(high=bound, high_open=first == "<")
        return NumericRange(low=bound, low_open=first == ">")
    if first not in (">", ">="):
        raise ValueError(say.TOO_MANY_ELEMENTS)
    return _closed(bound, first == ">", rest[1:])


def _closed(low: float, low_open: bool, rest: list[Any]) -> Condition:
    second = rest[0]
    if not isinstance(second, str):
        raise ValueError(say.NUMERIC_BAD_VALUE.format(value=shown(second)))
    if second not in ("<", "<="):
        raise ValueError(say.NUMERIC_BAD_OPERATOR.format(operator=second))
    high = _bound(rest[1:], second)
    if len(rest) > 2:
        raise ValueError(say.NUMERIC_TOO_MANY)
    if low >= high:
        raise ValueError(say.NUMERIC_EMPTY_RANGE)
    return NumericRange(low, high, low_open, second == "<")


def _bound(rest: list[Any], operator: str) -> float:
    # event-ruler also refuses bounds beyond 5.0e9. AWS's services have been seen to compare wider numbers, as doubles.
    if not rest or not is_number(rest[0]):
        raise ValueError(say.NUMERIC_NO_NUMBER.format(operator=operator))
    return as_double(rest[0])


_OPERATORS: Final[dict[str, Callable[[Any], Condition]]] = {
    "exactly": _exactly,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "wildcard": _wildcard,
    "cidr": _cidr,
}
