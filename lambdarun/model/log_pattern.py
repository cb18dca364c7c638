"""Filter patterns of CloudWatch Logs: which log events a metric filter counts.

Terms (`ERROR`, `"[ERROR]" -"retry"`, `?ERROR ?WARN`) and JSON (`{ $.level = "ERROR" && $.latency > 500 }`).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from attrs import field, frozen

from lambdarun.aws import limits
from lambdarun.model.json_log_pattern import JsonExpression, PatternFault

_TERM: Final = re.compile(r'\s*([?-]?)\s*(?:"((?:[^"\\]|\\.)*)"|(\w+))(?=\s|$)', re.ASCII)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPED: Final = re.compile(r"\\(.)")


@frozen
class LogPattern:
    """A compiled pattern; made by `compile`."""

    text: str
    _matches: Callable[[str], bool] = field(eq=False, repr=False)

    @classmethod
    def compile(cls, text: str) -> LogPattern:
        """Read a pattern. Raises PatternFault where CloudWatch would refuse it, and where it is not built.

        >>> errors = LogPattern.compile('ERROR -"will retry"')
        >>> errors.matches("[ERROR] no route"), errors.matches("[ERROR] no route, will retry")
        (True, False)
        """
        most = limits.LOG_PATTERN_LENGTH.high
        if len(text) > most:
            raise PatternFault(f"has {len(text)} characters, above {most}.", "Shorten it.")
        start = text.strip()
        if "%" in _QUOTED.sub("", start):
            raise PatternFault("has a regular expression, which is not built yet.", "Write terms or JSON.")
        if start.startswith("["):
            said = "is a pattern of space-delimited fields, which is not built yet."
            raise PatternFault(said, 'Write terms; one with brackets stands in quotes: "[ERROR]".')
        if start.startswith("{"):
            return cls(text, _json(JsonExpression.parse(start)))
        return cls(text, _terms(start))

    def matches(self, event: str) -> bool:
        """Whether it matches a log event."""
        return self._matches(event)


def _json(expression: JsonExpression) -> Callable[[str], bool]:
    def matches(event: str) -> bool:
        if not event.startswith("{"):
            return False
        try:
            document: Any = json.loads(event)
        except (ValueError, RecursionError):
            return False
        return expression.holds(document)

    return matches


def _terms(text: str) -> Callable[[str], bool]:
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise PatternFault(
                f"{text[at:].strip()!r} is no term.",
                "A term with anything but letters, digits and _ stands in double quotes.",
            )
        quoted = match[2]
        term = match[3] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        terms[match[1]].append(term)
        at = match.end()
    required, excluded, optional = terms[""], terms["-"], terms["?"]
    if optional and (required or excluded):
        # AWS: "If you combine ? with other filter patterns, the question mark will be ignored."
        raise PatternFault(
            "mixes terms with ? and without.", "CloudWatch would ignore the question marks: write one kind."
        )

    def matches(event: str) -> bool:
        if optional:
            return any(term in event for term in optional)
        return all(term in event for term in required) and not any(term in event for term in excluded)

    return matches
