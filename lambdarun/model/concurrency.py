"""Who may run at once: the account's pool, reservations, provisioned concurrency, the scale-up rate and the requests a
second.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.declarations import Account
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.outcome import ThrottleReason


@define(eq=False)
class TokenBucket:
    """So many tokens at most, refilled continuously."""

    capacity: int
    per_second: int
    _tokens: int = field(init=False)
    _at: Instant = field(default=Instant(0), init=False)

    def __attrs_post_init__(self) -> None:
        # A full bucket at the start: nothing has run before the run.
        # Counted in millionths, so that a refill is exact in whole microseconds.
        self._tokens = self.capacity * SECOND

    def has(self, now: Instant) -> bool:
        """Whether a token is there at `now`."""
        if now > self._at:
            self._tokens = min(self.capacity * SECOND, self._tokens + (now - self._at) * self.per_second)
            self._at = now
        return self._tokens >= SECOND

    def take(self) -> None:
        """Take the token that `has` saw."""
        self._tokens -= SECOND


def requests_bucket(concurrency: int) -> TokenBucket:
    """The requests a second that so much concurrency may have."""
    rate = concurrency * limits.REQUESTS_PER_CONCURRENCY.value
    return TokenBucket(rate, rate)


@define(eq=False)
class FunctionShare:
    """What one function has of the account."""

    reserved: int | None
    scale_up: TokenBucket
    requests: TokenBucket | None
    running: int = 0
    on_demand: int = 0
    """Of those that run, the ones in environments that were not provisioned."""
    provisioned: int = 0
    """How much is allocated; it counts as used, busy or not."""


# Asked in this order, so that a refusal has its right reason: the function's own limit before the account's, slots
# before rates. Nothing is taken until all have agreed, so a refusal costs no token.
#
# A reservation is taken out of the account's pool whether it is used or not. That is why _unreserved_running stands
# beside running_account: functions without a reservation share what is left over, however idle the reserved ones are.
# Provisioned concurrency is taken out in the same way: out of the function's reservation where it has one, else out of
# the pool. What runs on it needs no other room, so only the rest is counted against these limits (`on_demand`).
#
# The totals are looked at too: while an allocation grows or shrinks, what was let in under the old figures still runs.
@define(eq=False)
class ConcurrencyLedger:
    """The slots of an account: taken before an invocation starts, given back when its environment is free."""

    account: Account
    functions: Mapping[str, Function]
    running_account: int = field(default=0, init=False)
    _unreserved_running: int = field(default=0, init=False)
    _unreserved: int = field(init=False)
    _requests: TokenBucket = field(init=False)
    _shares: dict[str, FunctionShare] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._requests = requests_bucket(self.account.concurrent_executions)
        for name, function in self.functions.items():
            self._shares[name] = _share(function)
        self._divide()

    def running(self, function_name: str) -> int:
        """Environments of a function that are busy."""
        return self._shares[function_name].running

    def take(
        self, now: Instant, function_name: str, new_environment: bool, rated: bool
    ) -> ThrottleReason | None:
        """Take a slot, or say why there is none. `rated` requests count against the requests a second."""
        share = self._shares[function_name]
        reserved = share.reserved
        if reserved is not None:
            if share.on_demand >= reserved - share.provisioned or share.running >= reserved:
                return ThrottleReason.RESERVED
        elif self._unreserved_running >= self._unreserved:
            return ThrottleReason.CONCURRENT
        if self.running_account >= self.account.concurrent_executions:
            return ThrottleReason.CONCURRENT
        if rated:
            if share.requests is not None and not share.requests.has(now):
                return ThrottleReason.RESERVED_RATE
            if not self._requests.has(now):
                return ThrottleReason.RATE
        if new_environment:
            # AWS does not document the reason of a refusal for the scale-up rate; none of its others fits better.
            if not share.scale_up.has(now):
                return ThrottleReason.CONCURRENT
            share.scale_up.take()
        if rated:
            self._requests.take()
            if share.requests is not None:
                share.requests.take()
        share.running += 1
        share.on_demand += 1
        self.running_account += 1
        if reserved is None:
            self._unreserved_running += 1
        return None

    def take_provisioned(self, function_name: str) -> bool:
        """Take a slot in what is allocated to a function, of which there is a free one; whether it may be used now."""
        share = self._shares[function_name]
        if share.reserved is not None and share.running >= share.reserved:
            return False
        if self.running_account >= self.account.concurrent_executions:
            return False
        share.running += 1
        self.running_account += 1
        return True

    def give_back(self, function_name: str) -> None:
        """Free the slot of an invocation that ended."""
        share = self._shares[function_name]
        share.running -= 1
        share.on_demand -= 1
        self.running_account -= 1
        if share.reserved is None:
            self._unreserved_running -= 1

    def give_back_provisioned(self, function_name: str) -> None:
        """Free the slot of an invocation that ended in a provisioned environment."""
        self._shares[function_name].running -= 1
        self.running_account -= 1

    def provision(self, function_name: str, allocated: int) -> None:
        """Be told how much is allocated to a function now."""
        self._shares[function_name].provisioned = allocated
        self._divide()

    def reserve(self, function: Function) -> None:
        """Be told that a function's reservation may be another one. What runs goes on."""
        share, reserved = self._shares[function.name], function.reserved_concurrent_executions
        if share.reserved == reserved:
            return
        share.reserved, share.requests = reserved, _share(function).requests
        self._divide()

    def _divide(self) -> None:
        shares = self._shares.values()
        held = sum(share.provisioned if share.reserved is None else share.reserved for share in shares)
        self._unreserved = self.account.concurrent_executions - held
        self._unreserved_running = sum(share.on_demand for share in shares if share.reserved is None)


def _share(function: Function) -> FunctionShare:
    burst = limits.SCALE_UP_ENVIRONMENTS.value
    scale_up = TokenBucket(burst, burst // limits.SCALE_UP_PERIOD.value)
    reserved = function.reserved_concurrent_executions
    return FunctionShare(reserved, scale_up, None if reserved is None else requests_bucket(reserved))
