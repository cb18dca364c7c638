"""AWS's runtimes: which there are, which have ended. As `CreateFunction` said it in November 2025 (recorded)."""

from __future__ import annotations

from typing import Final

RUNTIMES: Final = (
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
    "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17",
    "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
)  # fmt: skip
"""Those that a function may name, in the order of AWS's own list."""
ENDED: Final = frozenset(
    {
        "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "dotnet5.0", "dotnet7", "go1.x", "java8",
        "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
        "provided", "python2.7", "python3.6", "python3.7", "ruby2.5", "ruby2.7",
    }
)  # fmt: skip
"""Those that AWS takes no more. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
