"""What is written as an event log is read back as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import fields

from lambdarun.model.happened import NOT_TOLD
from lambdarun.model.instant import FIXED_START, Instant
from lambdarun.model.invocation_log import report_line
from lambdarun.model.records import Record, RunEnded
from lambdarun.recordings.event_log import event_log
from lambdarun.views.results_line import ResultLines

SAMPLES: dict[str, Any] = {
    "str": 'a "text" \u2028 </script>',
    "int": 7,
    "bool": True,
    "bytes": b"\xc3\xbc\n",
    "Instant": Instant(FIXED_START + 1),
    "Duration": 1_500,
    "Duration | None": None,
    "RequestId": "8401c351-a1e2-4829-96c9-8204ceede099",
    "RequestId | None": None,
    "MessageId": "m-1",
    "tuple[MessageId, ...]": ("m-1", "m-2"),
    "Mapping[str, Mapping[str, object]]": {"Name": {"DataType": "String", "StringValue": "v"}},
}


def sample(kind: type[Any]) -> Any:
    return kind(**{attribute.name: SAMPLES[str(attribute.type)] for attribute in fields(kind)})


@pytest.mark.parametrize("kind", Record.__args__, ids=lambda kind: kind.kind)
def test_every_kind_of_record_is_read_back(kind: type[Any], tmp_path: Path) -> None:
    records = [sample(kind), RunEnded(FIXED_START, False)]
    path = tmp_path / "log.jsonl"
    path.write_text(ResultLines(virtual=False).lines(records), encoding="utf-8")
    assert list(event_log(path)) == records


def test_what_virtual_time_leaves_out_stays_untold(tmp_path: Path) -> None:
    (kind,) = [one for one in Record.__args__ if one.kind == "invocation.succeeded"]
    path = tmp_path / "log.jsonl"
    path.write_text(ResultLines(virtual=True).lines([sample(kind), RunEnded(FIXED_START, False)]))
    found, _ = event_log(path)
    assert found.max_memory_mb == NOT_TOLD
    assert report_line(found).endswith("\tMemory Size: 7 MB\t\n")
