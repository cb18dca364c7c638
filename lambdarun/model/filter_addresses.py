"""IP addresses in patterns and events, as AWS's event-ruler reads them (its CIDR class)."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from lambdarun.aws import filter_messages as say
from lambdarun.model.filter_conditions import AddressRange

_V4: Final = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)")
_V6: Final = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,9}")


def address(text: str) -> tuple[int, int] | None:
    """The number and the bits (32, 128) of an address; None for any other text."""
    parts = _V4.fullmatch(text)
    if parts is not None:
        value = 0
        for part in parts.groups():
            if len(part) > 9 or int(part) > 255:
                return None
            value = value << 8 | int(part)
        return value, 32
    if _V6.fullmatch(text) is None:
        return None
    try:
        return int(IPv6Address(text)), 128
    except AddressValueError:
        return None


def single_address(text: str) -> AddressRange | None:
    """A string that is an address stands for the address: "::1" is "0:0:0:0:0:0:0:1"."""
    found = address(text)
    return None if found is None else AddressRange(found[0], found[0], found[1])


def address_range(text: str) -> AddressRange:
    """The addresses of a CIDR. Raises ValueError with event-ruler's reason."""
    parts = text.split("/")
    while parts and not parts[-1]:  # Java's split drops what is empty at the end
        parts.pop()
    if len(parts) != 2:
        raise ValueError(say.CIDR_ONE_SLASH)
    if _WHOLE.fullmatch(parts[1]) is None:
        raise ValueError(say.CIDR_NO_INTEGER)
    mask = int(parts[1])
    if mask < 0:
        raise ValueError(say.CIDR_NEGATIVE)
    found = address(parts[0])
    if found is None:
        looks = _V4.fullmatch(parts[0]) or _V6.fullmatch(parts[0])
        raise ValueError((say.CIDR_INVALID if looks else say.CIDR_NONSTANDARD).format(address=parts[0]))
    low, bits = found
    if mask >= bits:
        raise ValueError(say.CIDR_V4_BITS if bits == 32 else say.CIDR_V6_BITS)
    # It counts from the address that is written, not from the first of its network.
    return AddressRange(low, low | (1 << (bits - mask)) - 1, bits)
