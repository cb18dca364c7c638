"""A mergeable histogram with logarithmic buckets: any quantile within half a per cent, whole counts, order-free.

A quantile is exact where its bucket holds one value, however often: what always takes 1,000 ms is not above 1,000 ms.
The idea is DDSketch's (Masson, Rim, Lee 2019).
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

from attrs import define, field

_RATIO: Final = 1.01
_LOG_RATIO: Final = log(_RATIO)


@define
class Histogram:
    """Counts of non-negative values."""

    count: int = 0
    total: float = 0.0
    least: float | None = None
    most: float | None = None
    _zeros: int = 0
    _buckets: dict[int, int] = field(factory=dict)
    _alone: dict[int, float | None] = field(factory=dict)
    """The only value of each bucket; None: it has several."""

    def add(self, value: float, times: int = 1) -> None:
        """Count a value, `times` times."""
        self.count += times
        self.total += value if times == 1 else value * times
        if self.least is None or value < self.least:
            self.least = value
        if self.most is None or value > self.most:
            self.most = value
        if value <= 0:
            self._zeros += times
        else:
            # One is by far the most frequent value, and its bucket is the first.
            bucket = 0 if value == 1 else ceil(log(value) / _LOG_RATIO)
            known = self._buckets.get(bucket)
            if known is None:
                self._buckets[bucket] = times
                self._alone[bucket] = value
            else:
                self._buckets[bucket] = known + times
                if self._alone[bucket] != value:
                    self._alone[bucket] = None

    def merge(self, other: Histogram) -> None:
        """Count all of another's values too."""
        self.count += other.count
        self.total += other.total
        self._zeros += other._zeros
        for value, choose in ((other.least, min), (other.most, max)):
            if value is not None:
                if choose is min:
                    self.least = value if self.least is None else min(self.least, value)
                else:
                    self.most = value if self.most is None else max(self.most, value)
        for bucket, count in other._buckets.items():
            known, alone = self._buckets.get(bucket, 0), other._alone[bucket]
            self._buckets[bucket] = known + count
            self._alone[bucket] = alone if not known or alone == self._alone[bucket] else None

    def quantile(self, share: float) -> float:
        """The value below which `share` (0 to 1) of all lie. 0.0 where there is none."""
        if not self.count or self.least is None or self.most is None:
            return 0.0
        rank = max(1, ceil(share * self.count))
        if rank == self.count:
            return self.most
        if rank <= self._zeros:
            return 0.0
        seen = self._zeros
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                alone = self._alone[bucket]
                if alone is not None:
                    return alone
                # Of all values in a bucket the one that is nearest to both ends, relatively; and never beyond what was really seen.
                middle = 2 * _RATIO**bucket / (_RATIO + 1)
                return min(max(middle, self.least), self.most)
        return self.most

    @property
    def mean(self) -> float:
        """The average; 0.0 where there is none."""
        return self.total / self.count if self.count else 0.0
