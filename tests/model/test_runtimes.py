"""Names of runtimes, and what they say of how a function is run."""

from __future__ import annotations

import pytest

from lambdarun.model.runtimes import Family, family_of, version_of


@pytest.mark.parametrize(
    ("runtime", "family", "version"),
    [
        ("python3.11", Family.PYTHON, "python:3.11"),
        ("nodejs20.x", Family.NODEJS, "nodejs:20"),
        ("provided", Family.PROVIDED, "provided"),
        ("provided.al2023", Family.PROVIDED, "provided:al2023"),
        ("java21", None, "java21"),
        ("nodejs20", None, "nodejs:20"),
        ("provided.al3", None, "provided:al3"),
    ],
)
def test_a_runtimes_name_says_its_family_and_version(
    runtime: str, family: Family | None, version: str
) -> None:
    assert family_of(runtime) is family
    assert version_of(runtime) == version
