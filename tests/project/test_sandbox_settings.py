"""`ephemeral_storage`, `network` and `nat_gateway` of a function's table."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.function import Network
from lambdarun.project.project_file import load

FUNCTION = '[functions.f]\nhandler = "app.h"\n'


def test_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "lambdarun.toml"
    path.write_text(f'{FUNCTION}ephemeral_storage = {{ size = 1024 }}\nnetwork = "vpc"\nnat_gateway = true\n')
    function = load(path).functions["f"]
    assert (function.ephemeral_storage, function.network, function.nat_gateway) == (1024, Network.VPC, True)
    path.write_text(FUNCTION)
    function = load(path).functions["f"]
    assert (function.ephemeral_storage, function.network, function.nat_gateway) == (512, Network.OPEN, False)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "ephemeral_storage = { size = 511 }",
            "ephemeral_storage: 511 is below 512 MB (AWS's limit). Choose 512 to 10240.",
        ),
        (
            "ephemeral_storage = { size = 10241 }",
            "ephemeral_storage: 10241 is above 10240 MB (AWS's limit). Choose 512 to 10240.",
        ),
        (
            "ephemeral_storage = { sise = 512 }",
            'ephemeral_storage.sise: no such setting. Did you mean "size"?',
        ),
        ("ephemeral_storage = {}", "ephemeral_storage: has no size. Write { size = 512 }, in MB."),
        ("ephemeral_storage = 512", "ephemeral_storage: is no table."),
        ('network = "wifi"', 'network: "wifi" is no network. Write "open", "none", "vpc".'),
        ("network = 3", 'network: 3 is no network. Write "open", "none", "vpc".'),
        ("nat_gateway = true", 'nat_gateway: only a VPC has one. Leave it out, or write network = "vpc".'),
        ('network = "vpc"\nnat_gateway = "yes"', "nat_gateway: "),
    ],
)
def test_what_is_wrong_is_found_at_its_place(tmp_path: Path, setting: str, said: str) -> None:
    path = tmp_path / "lambdarun.toml"
    path.write_text(f"{FUNCTION}{setting}\n")
    with pytest.raises(ProjectErrors) as told:
        load(path)
    line = 2 + setting.count("\n") + 1
    assert any(
        str(found).startswith(f"{path}:{line}:") and f"functions.f.{said}" in str(found)
        for found in told.value.findings
    ), told.value.findings
