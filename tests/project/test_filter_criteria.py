"""Filters of a project file's mappings: AWS's text for a wrong one, its reason, and the line that it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.consistency import Severity, check
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.project.project_file import load

MAPPING = """
[functions.f]
handler = "app.handler"
[queues.q]
[event_source_mappings.m]
event_source = "queues.q"
function = "f"
"""


def mapping(tmp_path: Path, more: str) -> EventSourceMapping:
    path = tmp_path / "lambdarun.toml"
    path.write_text(MAPPING + more)
    return load(path).mappings["m"]


def findings(tmp_path: Path, more: str) -> list[str]:
    with pytest.raises(ProjectErrors) as told:
        mapping(tmp_path, more)
    return [str(finding).removeprefix(f"{tmp_path}/") for finding in told.value.findings]


def test_a_pattern_is_awss_text_or_a_table_of_toml(tmp_path: Path) -> None:
    declared = mapping(
        tmp_path,
        'filter_criteria = { filters = [{ pattern = \'{"body": {"a": ["x"]}}\' },'
        " { pattern = { body = { b = [{ exists = true }] } } }] }\n",
    )
    assert declared.filter_patterns == ('{"body": {"a": ["x"]}}', '{"body": {"b": [{"exists": true}]}}')


def test_no_filters_are_no_filter(tmp_path: Path) -> None:
    assert mapping(tmp_path, "filter_criteria = { filters = [] }\n").filter_patterns == ()
    assert mapping(tmp_path, "filter_criteria = {}\n").filter_patterns == ()


def test_a_wrong_pattern_is_told_with_its_line(tmp_path: Path) -> None:
    given = """[[event_source_mappings.m.filter_criteria.filters]]
pattern = '{"body": {"a": ["x"]}}'
[[event_source_mappings.m.filter_criteria.filters]]
pattern = '''
{
  "body": {"state": "open"}
}'''
"""
    assert findings(tmp_path, given) == [
        "lambdarun.toml:13:21: event_source_mappings.m.filter_criteria.filters: Invalid filter pattern definition."
        ' "state" must be an object or an array (at body.state). Mend the pattern there.'
    ]


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        (
            "{ filters = [{ pattern = '{' }] }",
            "8:46: event_source_mappings.m.filter_criteria.filters: Invalid filter pattern definition. Unexpected end-of-input.",
        ),
        (
            "{ filters = [{ pattern = { body = { t = [2026-01-02] } } }] }",
            "8:21: event_source_mappings.m.filter_criteria.filters: a date of TOML is no value of JSON. ",
        ),
        ("{ filters = ['{}'] }", 'filters: "{}" is no filter. Write { filters = [{ pattern = '),
        ("{ filters = '{}' }", 'filters: "{}" is no list. '),
        ("'{}'", 'filter_criteria: "{}" is no table. '),
        ("{ filtres = [] }", 'filter_criteria.filtres: no such setting. Did you mean "filters"?'),
        ("{ all_operators = 1, filters = [] }", "all_operators: 1 is neither true nor false. "),
        (
            "{ filters = [{ pattern = { body = { a = [{ wildcard = 'x*' }] } } }] }",
            "Invalid filter pattern definition. wildcard is for event buses: event source mappings take it only with all_operators (at body.a[0]).",
        ),
    ],
)
def test_what_is_no_filter_is_refused(tmp_path: Path, criteria: str, said: str) -> None:
    (found,) = findings(tmp_path, f"filter_criteria = {criteria}\n")
    assert said in found


def test_more_than_five_filters_need_a_quota_that_allows_them(tmp_path: Path) -> None:
    six = ", ".join(['{ pattern = \'{"body": {"a": [1]}}\' }'] * 6)
    more = f"filter_criteria = {{ filters = [{six}] }}\n"
    (found,) = findings(tmp_path, more)
    assert "6 filters are more than the 5 of this account. Put patterns together with $or, or raise" in found
    quota = "[account]\nfilters_per_mapping = 10\n"
    assert len(mapping(tmp_path, more + quota).filter_patterns) == 6
    (found,) = findings(tmp_path, quota.replace("10", "11"))
    assert "account.filters_per_mapping: 11 is above 10 filters (AWS's limit). Choose 5 to 10." in found


def test_event_buses_operators_are_a_switch(tmp_path: Path) -> None:
    criteria = "filter_criteria = { all_operators = true, filters = [{ pattern = { body = { a = [{ wildcard = 'x*' }] } } }] }\n"
    assert mapping(tmp_path, criteria).filter_patterns == ('{"body": {"a": [{"wildcard": "x*"}]}}',)


def test_a_mapping_made_in_python_is_checked_as_well() -> None:
    with pytest.raises(
        ValueError, match=r"filter_patterns: Invalid filter pattern definition\. Filter is not an object"
    ):
        EventSourceMapping(name="m", queue="q", function="f", filter_patterns=("null",))


def test_what_a_filter_may_not_do_as_it_seems_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lambdarun.toml"
    pattern = '{"body": {"a": [1], "a": [2]}, "attributes": {"SenderId": ["x"]}}'
    path.write_text(f"{MAPPING}filter_criteria = {{ filters = [{{ pattern = '{pattern}' }}] }}\n")
    said = [finding for finding in check(load(path)) if finding.key.endswith("filter_criteria")]
    assert {finding.severity for finding in said} == {Severity.WARNING}
    assert [f"{finding.text} {finding.mend}" for finding in said] == [
        "patterns look at attributes; AWS's guide names body alone for queues. Look at body.",
        "body.a stands twice in a pattern: AWS takes the last. Leave one out.",
    ]
