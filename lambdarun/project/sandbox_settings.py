"""What a function's table says of its sandbox: `ephemeral_storage`, `network`, `nat_gateway`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdarun.model.function import Network
from lambdarun.project.reading import Reading
from lambdarun.project.toml_text import toml_text


def sandbox_settings(reading: Reading, path: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a function that they give; what is wrong is found."""
    found: dict[str, Any] = {}
    storage = reading.table(given, "ephemeral_storage", path)
    reading.known(storage, ("size",), (*path, "ephemeral_storage"))
    if "size" in storage:
        found["ephemeral_storage"] = storage["size"]
    elif "ephemeral_storage" in given:
        reading.find((*path, "ephemeral_storage"), "has no size.", "Write { size = 512 }, in MB.")
    if "network" in given:
        try:
            found["network"] = Network(given["network"])
        except ValueError:
            choices = ", ".join(toml_text(one.value) for one in Network)
            reading.find(
                (*path, "network"), f"{toml_text(given['network'])} is no network.", f"Write {choices}."
            )
    if "nat_gateway" in given:
        found["nat_gateway"] = given["nat_gateway"]
        if given["nat_gateway"] is True and found.get("network", Network.OPEN) is not Network.VPC:
            reading.find(
                (*path, "nat_gateway"), "only a VPC has one.", 'Leave it out, or write network = "vpc".'
            )
            del found["nat_gateway"]
    return found
