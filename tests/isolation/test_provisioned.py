"""Provisioned concurrency under every isolation: environments are initialised ahead of their first event."""

from __future__ import annotations

import pytest
from attrs import evolve

from lambdarun.model.function import Alias
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.isolation import Isolation
from tests.conftest import Declare, project_of

TELLS = """
import os
print("imported")
CALLS = []
def handler(event, context):
    CALLS.append(event)
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], CALLS]
"""


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
def test_an_environment_is_initialised_ahead_and_hears_of_no_event_before_the_first(
    isolation: Isolation, clock: type[RealClock | VirtualClock], declare: Declare
) -> None:
    function = declare(TELLS)
    live = Alias(name="live", function_version="1", provisioned_concurrent_executions=1)
    function = evolve(function, versions={"1": evolve(function, version="1")}, aliases={"live": live})
    options = Options(isolation=isolation)
    with open_blocking_runtime(project_of(function), clock=clock(), options=options) as runtime:
        reply = runtime.invoke("fn:live", "first")
        assert reply.json() == ["provisioned-concurrency", ["first"]]
        assert not runtime.log.last("invocation.started").cold
        assert runtime.log.last("invocation.succeeded").init_us is None
