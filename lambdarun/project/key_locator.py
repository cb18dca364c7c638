"""Where each key of a TOML text stands: tomllib tells positions only of syntax errors."""

from __future__ import annotations

import re
import tomllib
from typing import Final

from lambdarun.errors import Place

# A scan, not a parser: tomllib has accepted the text already, so only the places of keys are looked for. Where this
# scan is wrong, an error names the table around the key instead of the key.
_KEY_PART: Final = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
_TABLE: Final = re.compile(r"\s*\[{1,2}(?P<key>[^\]]+)\]{1,2}\s*(?:#.*)?")
_MULTILINE: Final = re.compile(r'"""|\'\'\'')

Path = tuple[str, ...]


def locate_keys(text: str) -> dict[Path, tuple[int, int]]:
    """(line, column) of each table header and key of a valid TOML text, keys of inline tables included."""
    found: dict[Path, tuple[int, int]] = {}
    table: Path = ()
    quote: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if quote is not None:
            quote = None if quote in line else quote
            continue
        header = _TABLE.fullmatch(line)
        if header is not None and "=" not in line.split("#")[0].replace("==", ""):
            table = _split(header["key"])
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], (number, line.index("[") + 1))
            continue
        _scan_keys(line, 0, table, number, found)
        opened = _MULTILINE.search(line)
        if opened is not None and line.count(opened[0]) % 2:
            quote = opened[0]
    return found


def _split(key: str) -> Path:
    parts = []
    at = 0
    while (match := _KEY_PART.match(key, at)) is not None:
        parts.append(next(part for part in match.groups() if part is not None))
        at = match.end()
        if at >= len(key) or key[at] != ".":
            break
        at += 1
    return tuple(parts)


def _scan_keys(line: str, at: int, table: Path, number: int, found: dict[Path, tuple[int, int]]) -> int:
    """Note the key that begins at `at`, and those of an inline table behind it; returns where it ended."""
    parts: list[str] = []
    start: int | None = None
    while (match := _KEY_PART.match(line, at)) is not None:
        group = next(index for index in (1, 2, 3) if match[index] is not None)
        start = match.start() + len(match[0]) - len(match[0].lstrip()) if start is None else start
        parts.append(match[group])
        at = match.end()
        if line[at : at + 1] == ".":
            at += 1
            continue
        break
    if start is None or line[at : at + 1] != "=":
        return len(line)
    path = (*table, *parts)
    for depth in range(len(table) + 1, len(path) + 1):
        found.setdefault(path[:depth], (number, start + 1))
    return _scan_value(line, at + 1, path, number, found)


def _scan_value(line: str, at: int, path: Path, number: int, found: dict[Path, tuple[int, int]]) -> int:
    while line[at : at + 1].isspace():
        at += 1
    if line[at : at + 1] == "{":
        at += 1
        while at < len(line) and line[at] != "}":
            before = at
            at = _scan_keys(line, at, path, number, found)
            while at < len(line) and line[at] in " \t,":
                at += 1
            if at == before:
                return len(line)
        return at + 1
    depth = 0
    while at < len(line):
        char = line[at]
        if char in "\"'":
            end = line.find(char, at + 1)
            while char == '"' and end > 0 and line[end - 1] == "\\":
                end = line.find(char, end + 1)
            at = len(line) if end < 0 else end
        elif char in "[{":
            depth += 1
        elif char in "]}" and depth:
            depth -= 1
        elif char in ",}#" and not depth:
            return at
        at += 1
    return at


class KeyLocator:
    """A file's keys and their places."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._text = text
        self._keys = locate_keys(text)

    def place(self, *path: str) -> Place:
        """Where a key stands; the nearest table around it where the key itself was not found."""
        while path:
            if path in self._keys:
                return Place(self.file, *self._keys[path])
            path = path[:-1]
        return Place(self.file)

    def place_within(self, path: Path, value: str, line: int, column: int) -> Place:
        """Where line and column of a text that stands at `path` are in the file; the key's place where the text is not
        written as it is, but with escapes or as a table.
        """
        key = self.place(*path)
        begin = 0
        for _ in range((key.line or 1) - 1):
            begin = self._text.index("\n", begin) + 1
        written = re.compile(rf"""('''|\"\"\"|'|")\n?({re.escape(value)})\1""").search(self._text, begin)
        if written is None:
            return key
        at = written.start(2)
        first = self._text.count("\n", 0, at) + 1
        before = at - (self._text.rfind("\n", 0, at) + 1) if line == 1 else 0
        return Place(self.file, first + line - 1, before + column)


def syntax_place(file: str, fault: tomllib.TOMLDecodeError) -> Place:
    """The place that tomllib names in its message."""
    match = re.search(r"at line (\d+), column (\d+)", str(fault))
    return Place(file, int(match[1]), int(match[2])) if match else Place(file)
