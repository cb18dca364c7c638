"""A setting of AWS's that is not built is refused by its name, wherever it stands; nothing is stored and ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.project.project_file import load
from lambdarun.project.tables import (
    ALARM_KEYS,
    FUNCTION_KEYS,
    MAPPING_KEYS,
    NOT_BUILT,
    NOT_FOR_QUEUES,
    QUEUE_KEYS,
    TOP_KEYS,
)

FUNCTION = '[functions.f]\nhandler = "app.h"\n'
QUEUE = "[queues.q]\n"
MAPPING = f'{FUNCTION}{QUEUE}[event_source_mappings.m]\nevent_source = "queues.q"\nfunction = "f"\n'


def findings(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "lambdarun.toml"
    path.write_text(text)
    with pytest.raises(ProjectErrors) as told:
        load(path)
    return [str(finding).removeprefix(f"{tmp_path}/") for finding in told.value.findings]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        *((FUNCTION, f"functions.f.{key}", value) for key, value in {
            "dead_letter_config": '{ target = "queues.q" }', "tracing_config": '{ mode = "Active" }',
            "vpc_config": "{ subnet_ids = [] }",
            "architectures": '["arm64"]', "snap_start": '{ apply_on = "PublishedVersions" }',
            "file_system_configs": "[]", "image_config": "{}", "role": '"arn"',
            "kms_key_arn": '"arn"', "recursive_loop": '"Allow"', "function_url_config": "{}", "tags": "{}", "package_type": '"Image"',
        }.items()),
        (FUNCTION, "functions.f.async.on_failure", '"queues.q"'),
        (FUNCTION, "functions.f.async.on_success", '"queues.q"'),
        *((QUEUE, f"queues.q.{key}", value) for key, value in {
            "kms_master_key_id": '"alias/key"', "kms_data_key_reuse_period_seconds": "300", "policy": "{}",
            "sqs_managed_sse_enabled": "true", "tags": "{}",
        }.items()),
        *((MAPPING, f"event_source_mappings.m.{key}", value) for key, value in {
            "kms_key_arn": '"arn"',
        }.items()),
    ],
)  # fmt: skip
def test_a_setting_that_is_not_built_is_refused_by_name(
    tmp_path: Path, text: str, key: str, value: str
) -> None:
    *table, name = key.split(".")
    given = f"{text}[{'.'.join(table)}]\n" if table[-1] == "async" else text
    line = given.count("\n") + 1
    said = findings(tmp_path, f"{given}{name} = {value}\n")
    assert said == [
        f"lambdarun.toml:{line}:1: {key}: is AWS's, but not built yet. Leave it out: it would do nothing."
    ]


STREAMS_ALONE = {
    "maximum_retry_attempts": ("3", "MaximumRetryAttempts"),
    "bisect_batch_on_function_error": ("true", "BisectBatchOnFunctionError"),
    "parallelization_factor": ("2", "ParallelizationFactor"),
    "starting_position": ('"LATEST"', "StartingPosition"),
    "starting_position_timestamp": ("1767323045", "StartingPositionTimestamp"),
    "tumbling_window_in_seconds": ("30", "TumblingWindowInSeconds"),
    "destination_config": ("{}", "DestinationConfig"),
    "maximum_record_age_in_seconds": ("60", "MaximumRecordAgeInSeconds"),
}


@pytest.mark.parametrize("key", sorted({*NOT_FOR_QUEUES, *STREAMS_ALONE}))
def test_a_setting_of_streams_is_refused_for_a_queue_in_awss_words(tmp_path: Path, key: str) -> None:
    value, parameter = STREAMS_ALONE[key]
    line = MAPPING.count("\n") + 1
    assert findings(tmp_path, f"{MAPPING}{key} = {value}\n") == [
        f"lambdarun.toml:{line}:1: event_source_mappings.m.{key}: Unsupported {parameter} parameter for given event"
        " source mapping type. Leave it out: it is for streams."
    ]


@pytest.mark.parametrize("table", ["streams", "topics", "buses", "rules", "schedules", "tables"])
def test_a_kind_of_resource_that_is_not_built_is_refused_by_name(tmp_path: Path, table: str) -> None:
    assert findings(tmp_path, f"{FUNCTION}[{table}.x]\n") == [
        f"lambdarun.toml:3:1: {table}: is AWS's, but not built yet. Leave it out: it would do nothing."
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f'{FUNCTION}runtime = "java21"\n',
            'functions.f.runtime: "java21" is AWS\'s, but not built yet. Functions run here under: python*, ',
        ),
        (
            MAPPING.replace('"queues.q"', '"streams.s"'),
            'event_source: "streams.s" is not built yet as a source. Write "queues.NAME".',
        ),
        (f'{FUNCTION}packaging = "Image"\n', "functions.f.packaging: no such setting. Known here: handler, "),
        (f"{MAPPING}batch_sise = 3\n", 'batch_sise: no such setting. Did you mean "batch_size"?'),
        (
            f'{MAPPING}function_response_types = ["Other"]\n',
            "1 validation error detected: Value '[Other]' at 'functionResponseTypes' failed to",
        ),
    ],
    ids=["runtime", "stream", "unknown", "misspelt", "response type"],
)
def test_what_is_no_setting_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in finding for finding in findings(tmp_path, text))


def test_nothing_is_both_built_and_not() -> None:
    """Except where one name is a setting of two things, of which one is built."""
    assert not NOT_BUILT & {*TOP_KEYS, *FUNCTION_KEYS, *QUEUE_KEYS, *MAPPING_KEYS, *ALARM_KEYS}
