"""A recording's reader never loses an event and never takes a cut file for a whole one."""

from __future__ import annotations

import gzip
import json
import tempfile
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.errors import RecordingError
from lambdarun.model.arrival import EventArrival
from lambdarun.recordings.read import Recording

EVENTS = st.lists(
    st.dictionaries(st.text(max_size=5).map("k{}".format), st.integers() | st.text(max_size=6), max_size=3),
    min_size=1, max_size=6,
)  # fmt: skip
FORMS = {
    "lines": lambda events: "".join(f"{json.dumps(event)}\n" for event in events),
    "lines with blanks": lambda events: "\n\n".join(json.dumps(event, ensure_ascii=False) for event in events) + "\r\n \n",
    "array": lambda events: json.dumps(events, indent=1),
    "one after another": lambda events: "".join(json.dumps(event, indent=2) for event in events),
    "timed lines": lambda events: "".join(
        json.dumps({"time": 1_767_323_045_000 + number, "event": event}) + "\n" for number, event in enumerate(events)
    ),
}  # fmt: skip


def read(data: bytes) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.json"
        path.write_bytes(data)
        arrivals = list(Recording([path]))
    assert all(isinstance(arrival, EventArrival) for arrival in arrivals)
    assert [a.time for a in arrivals] == sorted(a.time for a in arrivals)
    return [json.loads(arrival.payload) for arrival in arrivals if isinstance(arrival, EventArrival)]


@pytest.mark.parametrize("form", sorted(FORMS))
@given(events=EVENTS, packed=st.booleans())
def test_every_event_of_every_form_arrives_once_and_in_order(
    form: str, events: list[Any], packed: bool
) -> None:
    data = FORMS[form](events).encode("utf-8", "surrogatepass")
    assert read(gzip.compress(data) if packed else data) == events


def whole_events(form: str, events: list[Any], cut: str) -> int:
    """How many events stand in `cut` to their end."""
    if form == "one after another":
        ends = accumulate(len(json.dumps(event, indent=2)) for event in events)
        return sum(end <= len(cut) for end in ends)
    if form == "array":
        return 0
    return sum(bool(line.strip()) for line in cut.split("\n")[:-1])


@pytest.mark.parametrize("form", sorted(FORMS))
@given(events=EVENTS, data=st.data())
def test_a_file_cut_inside_an_event_is_refused_with_its_place(
    form: str, events: list[Any], data: Any
) -> None:
    """A cut between two whole lines cannot be seen: then every event before it is there."""
    whole = FORMS[form](events)
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    try:
        found = read(cut.encode("utf-8", "surrogatepass"))
    except RecordingError as told:
        fault = told
    else:
        assert found == events[: len(found)]
        assert len(found) >= whole_events(form, events, cut)
        assert form != "array"
        return
    assert "recording.json" in str(fault)
