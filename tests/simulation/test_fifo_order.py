"""Order in every group, whatever fails: a few seeds of what `fifo_order.py` plays by the hundred."""

from __future__ import annotations

import pytest

from tests.simulation.fifo_order import Play


@pytest.mark.parametrize("seed", range(8))
def test_groups_keep_their_order_and_every_delivery_is_explained(seed: int) -> None:
    play = Play(seed, messages=1_000, groups=100).run()
    assert play.faults == []
    assert len(play.deleted) + len(play.dead) == 1_000
    # Else nothing was put to the test: messages failed, and groups were worked on side by side.
    assert play.deliveries.total() > 1_000
    assert play.overlaps_most > 1
