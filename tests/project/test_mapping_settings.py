"""What a project file may say of a queue's mapping, and how AWS's refusals read there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.event_source_mapping import EventSourceMapping, ProvisionedPollers
from lambdarun.project.project_file import load

HEAD = '[functions.f]\nhandler = "app.h"\n[queues.q]\n[event_source_mappings.m]\nevent_source = "queues.q"\nfunction = "f"\n'
LINE = HEAD.count("\n") + 1


def loaded(tmp_path: Path, settings: str) -> EventSourceMapping:
    path = tmp_path / "lambdarun.toml"
    path.write_text(HEAD + settings)
    return load(path).mappings["m"]


def refusals(tmp_path: Path, settings: str) -> list[str]:
    with pytest.raises(ProjectErrors) as told:
        loaded(tmp_path, settings)
    return [str(finding).removeprefix(f"{tmp_path}/") for finding in told.value.findings]


def test_all_settings_of_a_mapping_are_read(tmp_path: Path) -> None:
    made = loaded(
        tmp_path,
        "batch_size = 10000\nmaximum_batching_window_in_seconds = 300\nenabled = false\n"
        'function_response_types = ["ReportBatchItemFailures"]\nscaling_config = { maximum_concurrency = 1000 }\n'
        'metrics_config = { metrics = ["EventCount"] }\n',
    )
    assert (made.batch_size, made.maximum_batching_window_in_seconds, made.enabled) == (10_000, 300, False)
    assert (made.report_batch_item_failures, made.maximum_concurrency, made.event_count) == (
        True,
        1_000,
        True,
    )


@pytest.mark.parametrize(
    ("table", "pollers"),
    [
        ("{ minimum_pollers = 3, maximum_pollers = 8 }", (3, 8)),
        ("{ minimum_pollers = 3 }", (3, 200)),
        ("{ maximum_pollers = 8 }", (2, 8)),
    ],
)
def test_provisioned_pollers_have_awss_defaults(tmp_path: Path, table: str, pollers: tuple[int, int]) -> None:
    made = loaded(tmp_path, f"provisioned_poller_config = {table}\n")
    assert made.provisioned_pollers == ProvisionedPollers(
        minimum_pollers=pollers[0], maximum_pollers=pollers[1]
    )


@pytest.mark.parametrize("setting", ["scaling_config", "provisioned_poller_config", "metrics_config"])
def test_an_empty_configuration_is_none(tmp_path: Path, setting: str) -> None:
    made = loaded(tmp_path, f"{setting} = {{}}\n")
    assert (made.maximum_concurrency, made.provisioned_pollers, made.event_count) == (None, None, False)


CONSTRAINT = (
    "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must have value {}"
)


@pytest.mark.parametrize(
    ("setting", "key", "said", "mend"),
    [
        (
            "batch_size = 0",
            "batch_size",
            ("0", "batchSize", "greater than or equal to 1"),
            "Choose 1 to 10000.",
        ),
        (
            "batch_size = 10001",
            "batch_size",
            ("10001", "batchSize", "less than or equal to 10000"),
            "Choose 1 to 10000.",
        ),
        (
            "maximum_batching_window_in_seconds = 301",
            "maximum_batching_window_in_seconds",
            ("301", "maximumBatchingWindowInSeconds", "less than or equal to 300"),
            "Choose 0 to 300.",
        ),
        (
            "scaling_config = { maximum_concurrency = 1 }",
            "scaling_config.maximum_concurrency",
            ("1", "scalingConfig.maximumConcurrency", "greater than or equal to 2"),
            "Choose 2 to 1000.",
        ),
        (
            "scaling_config = { maximum_concurrency = 1001 }",
            "scaling_config.maximum_concurrency",
            ("1001", "scalingConfig.maximumConcurrency", "less than or equal to 1000"),
            "Choose 2 to 1000.",
        ),
        (
            "provisioned_poller_config = { minimum_pollers = 1 }",
            "provisioned_poller_config.minimum_pollers",
            ("1", "provisionedPollerConfig.minimumPollers", "greater than or equal to 2"),
            "Choose 2 to 200.",
        ),
        (
            "provisioned_poller_config = { maximum_pollers = 10001 }",
            "provisioned_poller_config.maximum_pollers",
            ("10001", "provisionedPollerConfig.maximumPollers", "less than or equal to 10000"),
            "Choose 2 to 10000.",
        ),
    ],
)
def test_a_number_out_of_bounds_is_refused_at_its_key_in_awss_words(
    tmp_path: Path, setting: str, key: str, said: tuple[str, str, str], mend: str
) -> None:
    (found,) = refusals(tmp_path, f"{setting}\n")
    place, _, rest = found.partition(": ")
    assert place.startswith(f"lambdarun.toml:{LINE}:")
    assert rest == f"event_source_mappings.m.{key}: {CONSTRAINT.format(*said)}. {mend}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            "batch_size = 11\n",
            "batch_size: Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10.",
        ),
        (
            "scaling_config = { maximum_concurrency = 5 }\nprovisioned_poller_config = { minimum_pollers = 2 }\n",
            "scaling_config: MaximumConcurrency and ProvisionedPollerConfig cannot be specified together.",
        ),
        (
            "provisioned_poller_config = { minimum_pollers = 9, maximum_pollers = 8 }\n",
            "provisioned_poller_config: MinimumPollers 9 must be less than or equal to MaximumPollers 8.",
        ),
        (
            'function_response_types = ["Other"]\n',
            "function_response_types: 1 validation error detected: Value '[Other]' at 'functionResponseTypes' failed to"
            " satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set:"
            " [ReportBatchItemFailures]].",
        ),
        (
            'metrics_config = { metrics = ["KafkaMetrics"] }\n',
            "metrics_config.metrics: Unsupported MetricsConfig parameter for given event source mapping type.",
        ),
        (
            'metrics_config = { metrics = ["Everything"] }\n',
            "metrics_config.metrics: 1 validation error detected: Value '[Everything]' at 'metricsConfig.metrics'",
        ),
        ('batch_size = "10"\n', 'batch_size: "10" is no whole number. Write a whole number.'),
        ("enabled = 1\n", "enabled: 1 is neither true nor false."),
        ("scaling_config = 5\n", "scaling_config: 5 is no table. Write { maximum_concurrency = ... }."),
        ("metrics_config = { metrics = 5 }\n", "metrics_config.metrics: 5 is no list."),
        (
            "scaling_config = { maximum_concurency = 5 }\n",
            'scaling_config.maximum_concurency: no such setting. Did you mean "maximum_concurrency"?',
        ),
    ],
)
def test_what_aws_refuses_of_a_mapping_is_refused_at_its_key(
    tmp_path: Path, settings: str, said: str
) -> None:
    (found,) = refusals(tmp_path, settings)
    assert found.startswith(f"lambdarun.toml:{LINE}:")
    assert f"event_source_mappings.m.{said}" in found


def test_a_mapping_has_the_same_uuid_in_every_run(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").uuid == loaded(tmp_path, "batch_size = 3\n").uuid


def test_the_time_of_a_mappings_states_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lambdarun.toml"
    path.write_text('[account]\nmapping_delay = "90s"\n')
    assert load(path).account.mapping_delay == 90_000_000
    path.write_text('[account]\nmapping_delay = "0s"\n')
    with pytest.raises(ProjectErrors, match=r"lambdarun.toml:2:1: account.mapping_delay: must be above 0"):
        load(path)
