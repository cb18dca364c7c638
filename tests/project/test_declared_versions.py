"""Versions, aliases, provisioned concurrency and idle time in the project file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.consistency import check
from lambdarun.model.declarations import DEFAULT_IDLE_TIME, Project
from lambdarun.model.instant import span_of
from lambdarun.project.project_file import load
from tests.faces.command import run

GOOD = """
[account]
idle_time = { least = "2m", most = "3h" }

[functions.thumbnail]
handler = "app.handler"
code_uri = "code"
timeout = 30
environment = { TABLE = "orders" }
reserved_concurrent_executions = 9
async = { maximum_retry_attempts = 0 }

[functions.thumbnail.versions.1]
code_uri = "old"
timeout = 7
provisioned_concurrent_executions = 2

[functions.thumbnail.versions.2]
environment = { TABLE = "new" }

[functions.thumbnail.aliases.live]
function_version = "2"
routing_config = { additional_version_weights = { "1" = 0.25 } }
async = { maximum_retry_attempts = 1 }

[queues.jobs]
visibility_timeout = 180

[event_source_mappings.jobs]
event_source = "queues.jobs"
function = "thumbnail:live"

[routes]
s3 = "thumbnail:1"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("code", "old"):
        (tmp_path / name).mkdir()
        source = f"def handler(event, context):\n    return [{name!r}, context.function_version]\n"
        (tmp_path / name / "app.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(folder: Path, text: str) -> Project:
    file = folder / "lambdarun.toml"
    file.write_text(text)
    return load(file)


def test_a_version_is_its_function_but_for_what_it_says_itself(folder: Path) -> None:
    project = loaded(folder, GOOD)
    function = project.functions["thumbnail"]
    one, two = function.versions["1"], function.versions["2"]
    assert (one.version, one.timeout, one.code_uri.name, dict(one.environment)) == (
        "1", 7, "old", {"TABLE": "orders"},
    )  # fmt: skip
    assert (two.version, two.timeout, two.code_uri.name, dict(two.environment)) == (
        "2", 30, "code", {"TABLE": "new"},
    )  # fmt: skip
    # Kept for each qualifier by itself, with AWS's defaults.
    retries = [one.asynchronous, function.aliases["live"].asynchronous, function.asynchronous]
    assert [each.maximum_retry_attempts for each in retries] == [2, 1, 0]
    assert one.provisioned_concurrent_executions == 2
    assert dict(function.aliases["live"].additional_version_weights) == {"1": 0.25}
    assert not check(project)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [('"10m"', 600, 600), ('{ least = "2m", most = "3h" }', 120, 10_800)],
)
def test_idle_time_is_fixed_or_drawn_between_bounds(folder: Path, value: str, least: int, most: int) -> None:
    found = loaded(folder, f"[account]\nidle_time = {value}\n").account.idle_time
    assert found is not None
    assert (found.least, found.most) == (span_of(seconds=least), span_of(seconds=most))


def test_idle_time_may_be_without_end_and_has_a_default(folder: Path) -> None:
    assert loaded(folder, '[account]\nidle_time = "never"\n').account.idle_time is None
    assert loaded(folder, "").account.idle_time == DEFAULT_IDLE_TIME


HEAD = '[functions.f]\nhandler = "app.handler"\ncode_uri = "code"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[functions.f.versions.01]\n", "functions.f.versions.01: is no version number. Number versions as AWS does: 1, 2, 3."),
        ("[functions.f.versions.1]\ntimeout = 901\n", "functions.f.versions.1.timeout: 901 is above 900 s"),
        ("[functions.f.versions.1]\nreserved_concurrent_executions = 1\n", "reserved_concurrent_executions: no such setting."),
        ("[functions.f.versions.1]\ncode_uri = 'gone'\n", "functions.f.versions.1.code_uri: there is no folder"),
        ("[functions.f.versions]\n1 = 3\n", "functions.f.versions.1: is no table. Write [functions.f.versions.1]."),
        ("[functions.f.aliases.live]\n", 'functions.f.aliases.live: has no function_version. Write function_version = "1".'),
        ("[functions.f.aliases.live]\nfunction_version = 1\n", "functions.f.aliases.live.function_version: 1 is no text."),
        ("[functions.f.aliases.7]\nfunction_version = '1'\n", "functions.f.aliases.7: '7' is no alias."),
        ("[functions.f.aliases.live]\nfunction_version = '$LATEST'\nrouting_config = { additional_version_weights = { 1 = 'x' } }\n",
         "additional_version_weights.1: \"x\" is no number. Write a number from 0.0 to 1.0."),
        ("[functions.f.aliases.live]\nfunction_version = '$LATEST'\nprovisioned_concurrent_executions = 0\n", "0 is below 1 executions"),
        ("[routes]\ns3 = 'f:live'\n", "routes.s3: there is no function 'f:live'."),
        ("[queues.q]\n[event_source_mappings.m]\nevent_source = 'queues.q'\nfunction = 'f:2'\n", "there is no function 'f:2'."),
        ("[account]\nidle_time = { least = '3m' }\n", "account.idle_time: needs a least and a most."),
        ("[account]\nidle_time = { least = '3m', most = '2m' }\n", "account.idle_time: must be above 0, the least not above the most."),
        ("[account]\nidle_time = 'soon'\n", "\"soon\" is no duration."),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_place(folder: Path, text: str, said: str) -> None:
    with pytest.raises(ProjectErrors) as told:
        loaded(folder, f"{HEAD}{text}")
    assert any(said in str(finding) for finding in told.value.findings), [*map(str, told.value.findings)]
    assert len(told.value.findings) == 1
    assert told.value.findings[0].place.line is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("provisioned_concurrent_executions = 1\n",
         "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
        ("[functions.f.aliases.live]\nfunction_version = '3'\n",
         "Function not found: arn:aws:lambda:us-east-1:123456789012:function:f:3."),
        ("[functions.f.versions.1]\n[functions.f.aliases.live]\nfunction_version = '$LATEST'\n"
         "routing_config = { additional_version_weights = { 1 = 0.5 } }\n",
         "$LATEST is not supported for an alias pointing to more than 1 version."),
        ("[functions.f.versions.1]\nprovisioned_concurrent_executions = 1\n"
         "[functions.f.aliases.live]\nfunction_version = '1'\nprovisioned_concurrent_executions = 1\n",
         "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version."),
        ("reserved_concurrent_executions = 1\n[functions.f.versions.1]\nprovisioned_concurrent_executions = 2\n",
         "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function."),
        ("[functions.f.versions.1]\nprovisioned_concurrent_executions = 901\n",
         "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of"
         " [100]."),
        ("[functions.f.versions.1]\nprovisioned_concurrent_executions = 1001\n",
         "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."),
        ("[functions.f.aliases.live]\nfunction_version = '$LATEST'\nprovisioned_concurrent_executions = 1\n",
         "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
    ],
)  # fmt: skip
def test_what_aws_refuses_is_a_finding_in_its_words(folder: Path, text: str, said: str) -> None:
    findings = check(loaded(folder, f"{HEAD}{text}"))
    assert [finding.text for finding in findings] == [said]
    assert findings[0].place is not None


def test_versions_can_be_listed_and_called_by_name(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(GOOD)
    listed = run(folder, "list")
    rows = [line.split("  ") for line in listed.stdout.splitlines()]
    told = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["thumbnail:1", "app.handler in old", "2"] in told
    assert ["thumbnail:live", "75% 2, 25% 1", "-"] in told
    whole = json.loads(run(folder, "list", "-o", "json").stdout)
    assert whole["functions"][0]["aliases"]["live"]["function_version"] == "2"
    assert run(folder, "validate").stdout == "ok: 1 function, 1 queue, 1 event source mapping\n"
    for arguments in (("thumbnail:1",), ("thumbnail", "--qualifier", "1")):
        ran = run(folder, "invoke", *arguments, "--timeout", "3", "-o", "json")
        reply = json.loads(ran.stdout)
        assert (reply["executedVersion"], reply["payload"]) == ("1", ["old", "1"])
        assert " Version: 1" in ran.stderr
    assert run(folder, "invoke", "thumbnail:3").returncode != 0
    (folder / "event.json").write_text("{}")
    ran = run(folder, "replay", "event.json", "--function", "thumbnail:1", "-o", "json")
    figures = json.loads(ran.stdout)["functions"]["thumbnail"]
    assert (figures["versions"], figures["provisioned_concurrency"]["invocations"]) == ({"1": 1}, 1)
