"""What the user can mend: each fault with its place, its remedy and its exit code."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen


@frozen
class Place:
    """Where in a file something stands; line and column count from 1, None where unknown."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class LambdarunError(Exception):
    """Something that the user can mend. `str()` of it is the whole message, without a prefix."""

    exit_code: ClassVar[int] = 1


class UsageError(LambdarunError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class RecordingError(LambdarunError):
    """An event file is missing, unreadable, or not what it should be."""

    exit_code = 2

    def __init__(self, place: Place, fault: str, mend: str) -> None:
        super().__init__(f"{place}: {fault} {mend}".rstrip())
        self.place, self.fault, self.mend = place, fault, mend


class ProjectError(LambdarunError):
    """The project file says something that cannot be."""

    exit_code = 3

    def __init__(self, place: Place, key: str, fault: str, mend: str) -> None:
        super().__init__(f"{place}: {key}: {fault} {mend}".rstrip())
        self.place, self.key, self.fault, self.mend = place, key, fault, mend


class ProjectErrors(LambdarunError):
    """All findings in a project file at once, one a line."""

    exit_code = 3

    def __init__(self, findings: list[ProjectError]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


class UnknownFunctionError(LambdarunError):
    """The function named on the command line is not in the project."""

    exit_code = 4


class MachineError(LambdarunError):
    """This machine cannot do what was asked: no interpreter, no port, no permission."""

    exit_code = 5
