"""What both doors offer for changing functions while a run lasts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lambdarun.model.function import Alias, Function
from lambdarun.model.instant import Instant
from lambdarun.model.invoke_request import Refusal
from lambdarun.model.news import (
    PublishVersion,
    PutAlias,
    PutProvisionedConcurrency,
    UpdateFunction,
)
from lambdarun.model.provisioning import ProvisionedConcurrencyConfig
from lambdarun.runtime.driver import RealDriver, VirtualDriver
from lambdarun.runtime.mapping_door import MappingDoor
from lambdarun.runtime.pinned_code import drop_doubtful_caches, pin
from lambdarun.runtime.requests import InvocationRefused


# Plain methods, for trio too: each is decided in one step, and nothing of it waits. All raise InvocationRefused with
# AWS's error where AWS would answer with one.
class DeploymentDoor(MappingDoor):
    """Versions, aliases, provisioned concurrency, updates and event source mappings of an open runtime."""

    __slots__ = ()

    def publish_version(self, function: str) -> str:
        """Publish the function's present code and configuration (AWS: PublishVersion); returns the version's number.
        Unchanged, they are the last version again. The code is copied: what its folder holds later is not the
        version's.
        """
        driver = self.driver
        latest = driver.region.catalog.latest.get(function)
        code, digest = Path(), ""
        if latest is not None:  # else AWS's refusal says so
            code, digest = pin(latest.code_uri, Path(driver.processes.folder, "versions"))
        made = self.ask(lambda ticket: PublishVersion(ticket, function, code, digest))
        version: str = made.version
        return version

    def update_function(self, function: Function) -> None:
        """Replace the function of that name (AWS: UpdateFunctionCode, UpdateFunctionConfiguration,
        PutFunctionConcurrency). New invocations get new environments, running ones finish on the old; a change of
        reserved concurrency or of asynchronous settings alone leaves environments as they are. The same declaration
        again means that the code in its folder is another.
        """
        drop_doubtful_caches(function.code_uri)
        self.ask(lambda ticket: UpdateFunction(ticket, function))

    def put_alias(
        self,
        function: str,
        name: str,
        version: str,
        *,
        additional_version_weights: Mapping[str, float] | None = None,
    ) -> None:
        """Make or move an alias (AWS: CreateAlias, UpdateAlias), to one version, or to two of which the second has a
        weight. Raises ValueError where the name is none.
        """
        alias = Alias(
            name=name, function_version=version, additional_version_weights=additional_version_weights or {}
        )
        self.ask(lambda ticket: PutAlias(ticket, function, alias))

    def put_provisioned_concurrency(
        self, function: str, qualifier: str, executions: int
    ) -> ProvisionedConcurrencyConfig:
        """Have so many environments of a version or alias initialised ahead (AWS: PutProvisionedConcurrencyConfig).

        As on AWS that takes a minute or more: see `provisioned_concurrency` for when it is READY.
        """
        put = self.ask(lambda ticket: PutProvisionedConcurrency(ticket, function, qualifier, executions))
        config: ProvisionedConcurrencyConfig = put
        return config

    def provisioned_concurrency(self, function: str, qualifier: str) -> ProvisionedConcurrencyConfig:
        """How far it is (AWS: GetProvisionedConcurrencyConfig)."""
        found = self.driver.region.deployments.config(function, qualifier)
        if isinstance(found, Refusal):
            raise InvocationRefused(found)
        return found


def begin(driver: RealDriver | VirtualDriver) -> bool:
    """Have what the project declares of provisioned concurrency allocated; whether that takes work of processes."""
    now: Instant = driver.clock.now()
    driver.region.deployments.begin(now)
    if not driver.region.provisioning.allocations:
        return False
    driver.step(now)
    return True


def await_provisioned(driver: RealDriver | VirtualDriver, timeout_s: float) -> bool:
    """Wait up to `timeout_s` for what is being allocated; whether to call again."""
    if driver.region.provisioning.at_rest():
        return False
    if isinstance(driver, RealDriver):
        driver.pump(min(timeout_s, driver.seconds_until_due()))
    else:
        driver.collect(timeout_s)
        driver.happen_now()
    return not driver.region.provisioning.at_rest()
