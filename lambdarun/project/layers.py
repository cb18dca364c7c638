"""`layers = [...]` of a function, and the named layers with their versions that `[layers]` declares.

    [functions.thumbnail]
    layers = ["layers/fonts", "layers/tools.zip", "layers.imaging", "layers.data:1"]

    [layers]
    data = "layers/data.zip"        # version 1, and no other
    imaging = { 1 = "layers/imaging-1.zip", 2 = "layers/imaging" }

A text that begins with `layers.` names one of these, as everywhere (KIND.NAME), and without a number its latest version;
AWS's own form, the version's ARN, does the same. Every other text is a path; a folder whose name begins with `layers.`
is written with `./` before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import messages
from lambdarun.model.declarations import Account
from lambdarun.model.layer import Layer
from lambdarun.project.reading import Reading
from lambdarun.project.toml_text import toml_text

_REFERENCE: Final = re.compile(r"layers\.(?P<name>[^:]+)(?::(?P<version>.*))?")
_ARN: Final = re.compile(
    r"arn:aws:lambda:(?P<region>[^:]+):(?P<account>[0-9]{12}):layer:(?P<name>[^:]+):(?P<version>[0-9]+)"
)
# https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
_NAME: Final = r"[a-zA-Z0-9-_]{1,140}"
_VERSION: Final = r"[1-9][0-9]*"


def is_package(path: Path) -> bool:
    """Whether `path` can hold code or a layer: a folder, or a file, which has to be a zip file."""
    return path.is_dir() or path.is_file()


@define(eq=False)
class LayerReader:
    """Finds the layers that functions refer to."""

    reading: Reading
    account: Account
    document: Mapping[str, Any]
    _named: dict[str, dict[int, Path]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        for name, given in self.reading.table(self.document, "layers", ()).items():
            path = ("layers", name)
            if not re.fullmatch(_NAME, name):
                self.reading.find(
                    path, "is no name for a layer.", "Use letters, digits, - and _, at most 140 of them."
                )
            versions = {"1": given} if isinstance(given, str) else given
            if not isinstance(versions, dict) or not versions:
                self.reading.find(path, "has no version.", 'Write "PATH", or { 1 = "PATH", 2 = "PATH" }.')
                continue
            self._named[name] = {}
            for number, content in versions.items():
                at = path if isinstance(given, str) else (*path, number)
                if not re.fullmatch(_VERSION, number):
                    mend = "Write whole numbers: 1, 2 and so on; those of deleted versions stay free."
                    self.reading.find(at, "is no version.", mend)
                else:
                    self._named[name][int(number)] = self._content(at, content)

    def of(self, path: tuple[str, ...], given: Mapping[str, Any]) -> tuple[Layer, ...]:
        """The layers of the function at `path`; what is wrong with them is found."""
        listed = given.get("layers", [])
        at = (*path, "layers")
        if not isinstance(listed, list):
            self.reading.find(at, f"{toml_text(listed)} is no list.", 'Write ["layers/imaging"].')
            return ()
        return tuple(layer for one in listed if (layer := self._layer(at, one)) is not None)

    def _layer(self, at: tuple[str, ...], given: Any) -> Layer | None:
        place = self.reading.locator.place(*self.reading.prefix, *at)
        if not isinstance(given, str):
            self.reading.find(at, f"{toml_text(given)} is no text.", "Put it in quotes.")
            return None
        arn = _ARN.fullmatch(given)
        if arn is not None and arn["region"] != self.account.region:
            said = messages.LAYER_ELSEWHERE.of(region=self.account.region)
            self.reading.find(at, said, "Name a version of this Region.")
            return None
        if arn is None and given.startswith("arn:"):
            said = f"{messages.LAYER_MALFORMED.of(arn=given)}."
            self.reading.find(at, said, "Write the ARN of a layer's version, or layers.NAME.")
            return None
        match = arn or _REFERENCE.fullmatch(given)
        if match is None:
            return Layer(content=self._content(at, given), place=place)
        name, number = match["name"], match["version"]
        versions = self._named.get(name, {})
        own = arn is None or arn["account"] == self.account.account_id
        wanted = max(versions, default=1) if number is None else int(number) if number.isdecimal() else 0
        if not own or wanted not in versions:
            missing = given if arn is not None else self.account.layer_arn(name, wanted or 1)
            self.reading.find(at, messages.LAYER_MISSING.of(arn=missing), self._mend(name, versions))
            return None
        return Layer(content=versions[wanted], name=name, version=wanted, place=place)

    def _mend(self, name: str, versions: Mapping[int, Path]) -> str:
        if versions:
            return f"It has: {', '.join(map(str, sorted(versions)))}."
        declared = ", ".join(self._named) or "none"
        return f'Declare it: [layers] {name} = "PATH". Declared: {declared}.'

    def _content(self, at: tuple[str, ...], given: Any) -> Path:
        content = self.reading.root / str(given)
        if not isinstance(given, str):
            self.reading.find(at, f"{toml_text(given)} is no text.", "Put it in quotes.")
        elif not is_package(content):
            said = f"there is no folder and no zip file {content}."
            self.reading.find(at, said, "Name one that holds the layer, from the project file's folder.")
        return content.resolve()
