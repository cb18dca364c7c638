"""The class decorator for small values that are made by the million."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# attrs' frozen classes cost three times as much to make (0.58 against 0.18 µs), so they are frozen
# for the type checker and plain at run time.
if TYPE_CHECKING:
    from attrs import frozen as record
else:
    from attrs import define

    def record(cls: type) -> type:
        """A slotted attrs class, compared by value."""
        # Said once: methods that attrs makes for each class double what an import takes.
        # No hash, as for any class whose values can change: nobody may put one into a set and then believe it frozen.
        cls.__eq__, cls.__repr__, cls.__hash__ = _equals, _shown, None
        return define(cls, eq=False, repr=False)


def _equals(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in _names(self))


def _shown(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in _names(self))
    return f"{type(self).__name__}({fields})"


def _names(self: Any) -> list[str]:
    return [attribute.name for attribute in self.__attrs_attrs__]


__all__ = ["record"]
