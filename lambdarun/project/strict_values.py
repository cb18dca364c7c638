"""Declarations made of a project file's values without bending any."""

from __future__ import annotations

from typing import Final

import cattrs

from lambdarun.project.toml_text import toml_text

_WHAT: Final = {
    int: "no whole number",
    float: "no number",
    str: "no text",
    bool: "neither true nor false",
}
_WRITE: Final = {
    int: "Write a whole number.",
    float: "Write a number.",
    str: "Put it in quotes.",
    bool: "Write true or false.",
}


class WrongType(Exception):
    """A value of another type than its setting has."""

    def __init__(self, value: object, wanted: type) -> None:
        super().__init__(f"{toml_text(value)} is {_WHAT[wanted]}.")
        self.mend = _WRITE[wanted]


# cattrs would make "3" of 3 and True of 1: AWS refuses such values, and a typing error would act as something else.
def _strict_converter() -> cattrs.Converter:
    """Structures declarations without bending values: a text is no number, a number is no truth value."""
    converter = cattrs.Converter()
    # What the reader has made already (paths, references, nested declarations) passes as it is.
    converter.register_structure_hook_func(lambda wanted: wanted not in _WHAT, lambda value, _: value)

    def strictly(value: object, wanted: type) -> object:
        # A whole number is a number, too.
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise WrongType(value, wanted)
        return value

    for wanted in _WHAT:
        converter.register_structure_hook(wanted, strictly)
    converter.register_structure_hook(
        int | None, lambda value, _: None if value is None else strictly(value, int)
    )
    return converter


CONVERTER: Final = _strict_converter()
