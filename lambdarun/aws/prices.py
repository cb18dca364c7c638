"""What AWS charges for invocations: US East (N. Virginia), x86, on demand, the first tier, without the free one."""

from __future__ import annotations

from attrs import frozen


@frozen
class Price:
    """So many dollars for one unit, as the page said in that month."""

    dollars: float
    unit: str
    source: str
    as_of: str


LAMBDA_PRICING = "https://aws.amazon.com/lambda/pricing/"

# The first 6 billion GB-seconds of a month. Initialisation is billed as duration since August 2025.
GB_SECOND = Price(0.000_016_666_7, "GB-second", LAMBDA_PRICING, "2025-08")
REQUEST = Price(0.000_000_2, "request", LAMBDA_PRICING, "2025-08")
