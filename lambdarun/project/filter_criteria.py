"""Filters of an event source mapping in a project file: `filter_criteria = { filters = [{ pattern = '...' }] }`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lambdarun.aws import limits
from lambdarun.aws.filter_messages import INVALID_FILTER
from lambdarun.errors import ProjectError
from lambdarun.model.event_filter import FilterSource, PatternFault, source_pattern
from lambdarun.model.filter_conditions import EVENT_BUS, EVENT_SOURCE_MAPPING
from lambdarun.model.key_text import key_text
from lambdarun.project.reading import Reading
from lambdarun.project.toml_text import toml_text

_WRITE = 'Write { filters = [{ pattern = \'{"body": {"state": ["open"]}}\' }] }.'


def read_filter_criteria(
    reading: Reading, mapping: tuple[str, ...], given: Mapping[str, Any], most: int
) -> dict[str, Any]:
    """The fields of a mapping that its filters are; what is wrong of them is found, at its line, and left out.

    `most` is the account's quota. A pattern is AWS's text, or the table that the text would say.
    """
    path = (*mapping, "filter_criteria")
    criteria = given.get("filter_criteria", {})
    if not isinstance(criteria, dict):
        reading.find(path, f"{toml_text(criteria)} is no table.", _WRITE)
        return {}
    reading.known(criteria, ("filters", "all_operators"), path)
    every = criteria.get("all_operators", False)
    if not isinstance(every, bool):
        reading.find(
            (*path, "all_operators"), f"{toml_text(every)} is neither true nor false.", "Write true or false."
        )
    filters = criteria.get("filters", [])
    at = (*path, "filters")
    if not isinstance(filters, list):
        reading.find(at, f"{toml_text(filters)} is no list.", _WRITE)
        return {}
    if len(filters) > most:
        # The text with which AWS refuses them has not been seen.
        highest = limits.FILTERS_PER_MAPPING.high
        reading.find(
            at,
            f"{len(filters)} filters are more than the {most} of this account.",
            f"Put patterns together with $or, or raise account.filters_per_mapping (AWS allows up to {highest}).",
        )
    patterns = (_pattern(reading, at, one, every is True) for one in filters)
    return {"filter_patterns": tuple(one for one in patterns if one), "all_filter_operators": every is True}


def _pattern(reading: Reading, path: tuple[str, ...], given: Any, every: bool) -> str | None:
    if not isinstance(given, dict) or list(given) != ["pattern"]:
        reading.find(path, f"{toml_text(given)} is no filter.", _WRITE)
        return None
    said = given["pattern"]
    try:
        text = said if isinstance(said, str) else json.dumps(said)
    except TypeError:
        reading.find(path, "a date of TOML is no value of JSON.", "Write it as a text.")
        return None
    try:
        source_pattern(text, FilterSource.SQS, EVENT_BUS if every else EVENT_SOURCE_MAPPING)
    except PatternFault as fault:
        whole = (*reading.prefix, *path)
        place = reading.locator.place_within(whole, text, fault.line, fault.column)
        where = f" (at {fault.key})" if fault.key else ""
        told = f"{INVALID_FILTER.text} {fault.reason.rstrip('.')}{where}."
        reading.findings.append(ProjectError(place, key_text(path), told, "Mend the pattern there."))
        return None
    return text
