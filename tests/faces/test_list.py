"""`lambdarun list` of queues: what is declared of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faces.command import run

PROJECT = """
[queues."jobs.fifo"]
content_based_deduplication = true
deduplication_scope = "messageGroup"
fifo_throughput_limit = "perMessageGroupId"
receive_message_wait_time_seconds = 5
target_age = "30s"

[queues.dead]
delay_seconds = 7
redrive_allow_policy = { redrive_permission = "denyAll" }
"""


def test_queues_are_told_where_no_function_is_declared(tmp_path: Path) -> None:
    (tmp_path / "lambdarun.toml").write_text(PROJECT)
    none, heads, fifo, standard = [line for line in run(tmp_path, "list").stdout.splitlines() if line]
    assert none == "the project declares no function"
    assert heads.split() == [
        "QUEUE",
        "VISIBILITY",
        "RETENTION",
        "DEAD",
        "LETTERS",
        "DELAY",
        "FIFO",
        "TARGET",
        "AGE",
    ]
    assert "deduplicates by content, high throughput" in fifo
    assert fifo.endswith("30 s")
    assert standard.split() == ["dead", "30", "s", "4", "days", "-", "7", "s", "-", "-"]


def test_every_setting_of_a_queue_is_in_the_document(tmp_path: Path) -> None:
    (tmp_path / "lambdarun.toml").write_text(PROJECT)
    fifo, standard = json.loads(run(tmp_path, "list", "-o", "json").stdout)["queues"]
    assert fifo == {
        "name": "jobs.fifo",
        "visibility_timeout": 30,
        "delay_seconds": 0,
        "message_retention_period": 345_600,
        "maximum_message_size": 1_048_576,
        "receive_message_wait_time_seconds": 5,
        "redrive_policy": None,
        "redrive_allow_policy": {"redrive_permission": "allowAll", "source_queues": []},
        "fifo_queue": True,
        "content_based_deduplication": True,
        "deduplication_scope": "messageGroup",
        "fifo_throughput_limit": "perMessageGroupId",
        "target_age_s": 30.0,
        "duplicates": 0.0,
        "sampling": False,
    }
    assert standard["redrive_allow_policy"] == {"redrive_permission": "denyAll", "source_queues": []}
    assert standard["fifo_queue"] is False
