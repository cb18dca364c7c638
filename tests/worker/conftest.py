"""One zygote a module, real or virtual."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worker.zygote_in_test import Zygote


@pytest.fixture(scope="module")
def real_zygote() -> Iterator[Zygote]:
    """A zygote on the real clock."""
    zygote = Zygote(virtual=False)
    yield zygote
    zygote.close()


@pytest.fixture(scope="module")
def virtual_zygote() -> Iterator[Zygote]:
    """A zygote in virtual time."""
    zygote = Zygote(virtual=True)
    yield zygote
    zygote.close()
