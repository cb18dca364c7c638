"""Why functions in a VPC time out: they have no internet without a NAT gateway."""

from __future__ import annotations

from attrs import define, field

from lambdarun.aws import platform_errors
from lambdarun.model.declarations import Project
from lambdarun.model.function import Network
from lambdarun.model.records import InvocationFailed, Record


@define(eq=False)
class VpcTimeouts:
    """Reads records; tells the likely cause of time-outs.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
    """

    project: Project
    _counts: dict[str, int] = field(factory=dict, init=False)

    def read(self, records: list[Record]) -> None:
        """Count the time-outs of functions whose network answers nothing."""
        for record in records:
            if (
                isinstance(record, InvocationFailed)
                and record.error_type == platform_errors.TIMED_OUT.error_type
            ):
                function = self.project.functions.get(record.function)
                if function is not None and function.network is Network.VPC and not function.nat_gateway:
                    self._counts[function.name] = self._counts.get(function.name, 0) + 1

    def notes(self) -> list[str]:
        """One for each function that timed out so."""
        return [
            f"{name} timed out {'once' if count == 1 else f'{count:,} times'}: a function in a VPC has no internet without a"
            " NAT gateway (nat_gateway = true gives it one)"
            for name, count in sorted(self._counts.items())
        ]
