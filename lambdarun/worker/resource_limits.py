"""The limits of a handler's process, as AWS sets them (recorded: test_runtime_ulimits)."""

from __future__ import annotations

import resource
from collections.abc import Iterable

_CORE_BYTES = 10_737_418_240
PROCESSES_MAX = 742
AWSS = (
    (resource.RLIMIT_NOFILE, 1_024, 1_024),
    (resource.RLIMIT_CORE, _CORE_BYTES, _CORE_BYTES),
    (resource.RLIMIT_MEMLOCK, 65_536, 65_536),
    (resource.RLIMIT_STACK, 8_388_608, resource.RLIM_INFINITY),
)
# In the machine's own folders a crash must not leave its memory beside the user's code.
WITHOUT_SANDBOX = (
    (resource.RLIMIT_NOFILE, 1_024, 1_024),
    (resource.RLIMIT_CORE, 0, _CORE_BYTES),
    (resource.RLIMIT_STACK, 8_388_608, resource.RLIM_INFINITY),
)


def set_limits(limits: Iterable[tuple[int, int, int]]) -> None:
    """Set (number, soft, hard), as far as the machine allows."""
    for number, soft, hard in limits:
        _, most = resource.getrlimit(number)
        if most != resource.RLIM_INFINITY:
            soft = min(soft, most)
            hard = most if hard == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(number, (soft, hard))
