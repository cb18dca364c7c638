"""A queue's switches for tests of faults, which are ours and not AWS's."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.project.project_file import load


def test_duplicates_and_sampling_are_read(tmp_path: Path) -> None:
    path = tmp_path / "lambdarun.toml"
    path.write_text("[queues.jobs]\nduplicates = 0.01\nsampling = true\n[queues.others]\nduplicates = 0\n")
    queues = load(path).queues
    assert (queues["jobs"].duplicates, queues["jobs"].sampling) == (0.01, True)
    assert (queues["others"].duplicates, queues["others"].sampling) == (0, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[queues.jobs]\nduplicates = 0.9\n",
            "2:1: queues.jobs.duplicates: 0.9 is no share of deletes. Choose 0 to 0.5.",
        ),
        (
            '[queues.jobs]\nduplicates = "1 %"\n',
            '2:1: queues.jobs.duplicates: "1 %" is no number. Write a number.',
        ),
        (
            "[queues.jobs]\nsampling = 1\n",
            "2:1: queues.jobs.sampling: 1 is neither true nor false. Write true or false.",
        ),
        (
            "[queues.'jobs.fifo']\nduplicates = 0.1\n",
            '2:1: queues."jobs.fifo".duplicates: a FIFO queue delivers none. Leave it out.',
        ),
        (
            "[queues.'jobs.fifo']\nsampling = true\n",
            '2:1: queues."jobs.fifo".sampling: AWS asks all servers of a FIFO queue. Leave it out.',
        ),
    ],
)
def test_what_they_cannot_be_is_refused_at_its_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "lambdarun.toml"
    path.write_text(text)
    with pytest.raises(ProjectErrors) as told:
        load(path)
    (finding,) = told.value.findings
    assert str(finding).removeprefix(f"{path}:") == said
