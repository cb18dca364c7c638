"""Any result, held against AWS's own marshaller: the same text, or an error from both."""

from __future__ import annotations

import collections
import decimal
import enum
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarun.worker import marshal


class Text(str):
    __slots__ = ()


class Raw(bytes):
    pass


class Whole(int):
    pass


class Real(float):
    pass


class Exact(decimal.Decimal):
    pass


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Items(list[Any]):
    pass


class Both(tuple[Any, ...]):
    __slots__ = ()


class Table(dict[Any, Any]):
    pass


class Row(dict[Any, Any]):
    def _asdict(self) -> dict[str, Any]:
        return {"row": dict(self)}


class Point(NamedTuple):
    x: Any
    y: Any


SINGLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(),
    st.text().map(Text),
    st.binary(max_size=4),
    st.binary(max_size=4).map(Raw),
    st.integers().map(Whole),
    st.floats().map(Real),
    st.decimals(),
    st.decimals(allow_nan=False).map(Exact),
    st.sampled_from([Colour.RED, Level.HIGH, decimal.Decimal("sNaN"), {1}, object(), 1j]),
)
# No two of them have one text: AWS's client writes such a key twice.
KEYS = st.sampled_from(
    ["a", "\u00e9", Text("t"), b"k", Raw(b"r"), b"\xff", None, True, 2, 2.5, Whole(7), Real(9.5), Level.HIGH, Colour.RED, (1,)]
)  # fmt: skip


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, max_size=3)
    tables = st.dictionaries(KEYS, inner, max_size=3)
    return st.one_of(
        several,
        several.map(tuple),
        several.map(Items),
        several.map(Both),
        tables,
        tables.map(Table),
        tables.map(Row),
        tables.map(collections.OrderedDict),
        tables.map(lambda table: collections.defaultdict(list, table)),
        st.builds(Point, inner, inner),
    )


RESULTS = st.recursive(SINGLE, nested, max_leaves=8)


@pytest.fixture(params=["python3.11", "python3.12"], scope="module")
def theirs(request: pytest.FixtureRequest) -> Iterator[LambdaMarshaller]:
    """AWS's marshaller as of one runtime, and ours set to the same."""
    environment = f"AWS_Lambda_{request.param}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EXECUTION_ENV", environment)
        marshal.use_runtime(environment)
        yield LambdaMarshaller()
    marshal.use_runtime("")


@settings(max_examples=400, deadline=None)
@given(result=RESULTS)
def test_a_result_is_written_as_awss_client_writes_it(theirs: LambdaMarshaller, result: Any) -> None:
    try:
        expected = theirs.marshal_response(result)[0]
    except Exception:
        with pytest.raises((TypeError, ValueError)):
            marshal.marshal(result)
        return
    body, _ = marshal.marshal(result)
    assert body == (expected if isinstance(expected, bytes) else expected.encode("utf-8", "surrogatepass"))


def test_the_encoder_is_as_good_as_new_after_a_result_that_it_refused() -> None:
    shared: list[Any] = [1]
    bad: list[Any] = [shared]
    bad.append(bad)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for refused in (bad, deep, [shared, {1}], [shared, b"\xff"]):
        with pytest.raises((ValueError, TypeError, RecursionError)):
            marshal.marshal(refused)
        assert json.loads(marshal.marshal([shared, shared])[0]) == [[1], [1]]
