"""A layer as a function refers to it."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen

from lambdarun.errors import Place


@frozen(kw_only=True)
class Layer:
    """One version of a layer: a folder or a zip file whose content stands under /opt.

    Runtimes and architectures that a layer is made for are a remark on AWS too: nothing is refused for them.
    https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
    """

    content: Path
    name: str | None = None
    """None: the layer has no name, and its path is what tells it from others."""
    version: int = 1
    place: Place | None = field(default=None, eq=False)

    @property
    def label(self) -> str:
        """What a function's `layers` says of it: `layers.imaging:2`, or its path."""
        return f"layers.{self.name}:{self.version}" if self.name is not None else str(self.content)

    def is_version_of(self, other: Layer) -> bool:
        """Whether both are versions of the same layer."""
        if self.name is None or other.name is None:
            return self.content == other.content
        return self.name == other.name
