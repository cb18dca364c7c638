"""A whole replay: open a runtime under trio, play the recording, close it."""

from __future__ import annotations

from collections.abc import Iterable

import trio

from lambdarun.errors import LambdarunError
from lambdarun.model.arrival import Arrival
from lambdarun.model.declarations import Project
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.journal import ForgetfulStore
from lambdarun.runtime.session import open_runtime


def replay(
    project: Project, clock: RealClock | VirtualClock, options: Options, arrivals: Iterable[Arrival]
) -> bool:
    """Play `arrivals` until all that comes of them is settled. True: Ctrl-C ended it before; nothing runs any more.

    The log goes to the readers of `options`, and is kept nowhere.
    """
    try:
        trio.run(_replay, project, clock, options, arrivals)
    except BaseException as fault:
        return _is_interrupt(fault)
    return False


async def _replay(
    project: Project, clock: RealClock | VirtualClock, options: Options, arrivals: Iterable[Arrival]
) -> None:
    async with open_runtime(project, clock=clock, store=ForgetfulStore(), options=options) as runtime:
        await runtime.replay(arrivals)


def _is_interrupt(fault: BaseException) -> bool:
    """True for Ctrl-C, wherever it struck; raises anything else, what a user can mend out of its group."""
    # trio delivers Ctrl-C into whatever task runs, so it comes alone or within the groups of nurseries, side by side
    # with what the other tasks made of being cancelled.
    leaves = [fault]
    while isinstance(leaves[0], BaseExceptionGroup):
        leaves = [*leaves[0].exceptions, *leaves[1:]]
    for leaf in leaves:
        if isinstance(leaf, LambdarunError):
            raise leaf from None
    if isinstance(leaves[0], KeyboardInterrupt):
        return True
    raise fault
