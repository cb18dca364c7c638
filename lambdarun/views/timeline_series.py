"""Series over time in buckets that widen as a run goes on: bounded memory, exact counts, gaps where nothing was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, field

from lambdarun.model.instant import MILLISECOND, SECOND, Instant
from lambdarun.views.histogram import Histogram

BUCKETS_MAX: Final = 600
"""So many buckets a series has at most; four hours and a week come to 240 and 336."""
_BUCKETS_OF_ALL: Final = 60_000
_BUCKETS_LEAST: Final = 60
"""Where hundreds of queues and functions have series, each has fewer buckets: all of them together take so many."""
# Widths that a person counts in and that CloudWatch's minutes fall into; each divides the next one, so that buckets are
# merged and never split.
_WIDTHS: Final = tuple(
    round(seconds * SECOND)
    for seconds in (
        *(0.1, 0.5, 1, 5, 15, 30),
        *(60, 300, 900, 1_800),
        *(3_600, 10_800, 21_600, 43_200, 86_400),
    )
)
_MISSING: Final = None


class Widening(Protocol):
    """A series whose buckets can be merged."""

    def widen(self, ratio: int) -> None:
        """Merge `ratio` buckets to one. A bucket's number is its start divided by its width."""


@define(eq=False)
class Scale:
    """Which bucket an instant is in. Buckets lie on whole multiples of their width since 1970, as CloudWatch's periods do."""

    first: Instant
    width: int = field(default=_WIDTHS[0], init=False)
    """Microseconds."""
    ends: int = field(init=False)
    """The first instant that is in no bucket of this width: `reach` it before it is told."""
    series: list[Widening] = field(factory=list, init=False)
    _most: int = field(default=BUCKETS_MAX, init=False)
    _step: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._measure()

    def reach(self, time: int) -> None:
        """Widen the buckets of all series until `time` is in one."""
        while time >= self.ends:
            self._step += 1
            wider = _WIDTHS[self._step] if self._step < len(_WIDTHS) else 2 * self.width
            ratio, self.width = wider // self.width, wider
            self._measure()
            for series in self.series:
                series.widen(ratio)

    def share(self, owners: int) -> None:
        """So many queues and functions have series: it holds from the next instant that is reached."""
        self._most = max(_BUCKETS_LEAST, min(BUCKETS_MAX, _BUCKETS_OF_ALL // owners))
        self._measure()

    @property
    def begin(self) -> int:
        """The number of the first bucket."""
        return self.first // self.width

    def _measure(self) -> None:
        self.ends = (self.begin + self._most) * self.width


def _merged(old: dict[int, int], ratio: int, join: Callable[[int, int], int]) -> dict[int, int]:
    new: dict[int, int] = {}
    for bucket, value in old.items():
        wide = bucket // ratio
        found = new.get(wide)
        new[wide] = value if found is None else join(found, value)
    return new


@define(eq=False)
class Count:
    """How often something happened."""

    found: dict[int, int] = field(factory=dict, init=False)

    def add(self, bucket: int, times: int = 1) -> None:
        """Count it in a bucket; 0 times tells that it could have happened and did not."""
        found = self.found
        found[bucket] = found.get(bucket, 0) + times

    def widen(self, ratio: int) -> None:
        """Merge buckets."""
        self.found = _merged(self.found, ratio, int.__add__)

    def values(self, begin: int, count: int) -> list[float | None]:
        """By bucket; None where nothing was told."""
        return [self.found.get(bucket, _MISSING) for bucket in range(begin, begin + count)]


@define(eq=False)
class Most:
    """The greatest of the values that were told in each bucket; nothing is carried from one to the next."""

    found: dict[int, int] = field(factory=dict, init=False)

    def add(self, bucket: int, value: int) -> None:
        """Tell a value."""
        found = self.found.get(bucket)
        if found is None or value > found:
            self.found[bucket] = value

    def widen(self, ratio: int) -> None:
        """Merge buckets."""
        self.found = _merged(self.found, ratio, max)

    def values(self, begin: int, count: int, per: int = 1) -> list[float | None]:
        """By bucket, divided by `per`; None where nothing was told."""
        found = (self.found.get(bucket) for bucket in range(begin, begin + count))
        return [value if value is None or per == 1 else value / per for value in found]


@define(eq=False)
class Gauge:
    """A value that stands until it changes: the greatest of each bucket."""

    idle: bool
    """Whether 0 is told for as long as it stands; else buckets in which it never rose are gaps."""
    value: int = field(default=0, init=False)
    found: dict[int, int] = field(factory=dict, init=False)
    _bucket: int | None = field(default=None, init=False)
    """The newest bucket that was told."""

    def set(self, bucket: int, value: int) -> None:
        """The value changes in a bucket."""
        found = self.found
        if bucket != self._bucket:
            self.carry(bucket)
            # What stood as the bucket began is one of its values too.
            if self._bucket is None or (not self.value and not self.idle):
                found[bucket] = value
            self._bucket = bucket
        if value > found.get(bucket, -1):
            found[bucket] = value
        self.value = value

    def carry(self, bucket: int, last: int | None = None) -> None:
        """Tell the value in all buckets up to this one, or up to `last` where nobody knows it any longer."""
        if self._bucket is None or bucket == self._bucket:
            return
        if self.value or self.idle:
            ends = bucket if last is None else max(self._bucket, min(bucket, last))
            for passed in range(self._bucket + 1, ends + 1):
                self.found[passed] = self.value
        self._bucket = bucket

    def widen(self, ratio: int) -> None:
        """Merge buckets."""
        self.found = _merged(self.found, ratio, max)
        if self._bucket is not None:
            self._bucket //= ratio

    def values(self, begin: int, count: int) -> list[float | None]:
        """By bucket; None where nothing was told."""
        return [self.found.get(bucket, _MISSING) for bucket in range(begin, begin + count)]


@define(eq=False)
class Spread:
    """Quantiles of durations (microseconds), told in milliseconds."""

    found: dict[int, Histogram] = field(factory=dict, init=False)

    def add(self, bucket: int, duration_us: int) -> None:
        """Count a duration."""
        found = self.found.get(bucket)
        if found is None:
            found = self.found[bucket] = Histogram()
        found.add(duration_us / MILLISECOND)

    def widen(self, ratio: int) -> None:
        """Merge buckets."""
        old, self.found = self.found, {}
        for bucket, histogram in old.items():
            wide = self.found.get(bucket // ratio)
            if wide is None:
                self.found[bucket // ratio] = histogram
            else:
                wide.merge(histogram)

    def values(self, begin: int, count: int, share: float) -> list[float | None]:
        """The quantile by bucket, in milliseconds; None where nothing was told."""
        found = (self.found.get(bucket) for bucket in range(begin, begin + count))
        return [None if one is None else round(one.quantile(share), 3) for one in found]
