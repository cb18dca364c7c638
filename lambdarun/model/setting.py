"""Fields that AWS bounds."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, field

from lambdarun.aws.limits import Setting


def setting(of: Setting, *, default: Any = ...) -> Any:
    """A field with AWS's default that refuses what AWS refuses. `default=None` makes it optional."""

    def within(_: object, attribute: Attribute[Any], value: int | None) -> None:
        if value is None and default is None:
            return
        if value is None or not of.low <= value <= of.high:
            side = f"above {of.high}" if value is not None and value > of.high else f"below {of.low}"
            raise ValueError(
                f"{attribute.name}: {value} is {side} {of.unit} (AWS: {of.source}). Choose {of.low} to {of.high}."
            )

    return field(default=of.default if default is ... else default, validator=within)
