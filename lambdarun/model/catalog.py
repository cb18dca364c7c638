"""The functions of an account as they now are: code and configuration, published versions, aliases.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

from typing import Final

from attrs import define, evolve, field, frozen

from lambdarun.model.declarations import Account, Project
from lambdarun.model.draws import Draws
from lambdarun.model.function import LATEST, Alias, AsyncInvokeConfiguration, Function, parted

# What is not code and configuration of a version: a change of it leaves environments as they are, and publishes
# nothing new.
_BESIDE: Final = (
    "asynchronous",
    "aliases",
    "place",
    "provisioned_concurrent_executions",
    "reserved_concurrent_executions",
    "version",
    "versions",
)


@frozen
class Callee:
    """A function as a caller names it: with a version or an alias, or without."""

    name: str
    qualifier: str
    """Empty: none was named, and $LATEST is meant."""
    arn: str | None
    """By which it is called; None: its own, without a qualifier."""

    @property
    def resource(self) -> str:
        """`thumbnail` or `thumbnail:live` (AWS's dimension Resource)."""
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name


# A name is looked up for each attempt, not kept: alias, version, code and configuration are resolved when an attempt
# begins, so what waits in a queue runs on the newest target. Hence one flat dictionary from whatever can be called to
# what then runs, rebuilt when something changes; only an alias with two versions needs more than the look.
@define(eq=False)
class Catalog:
    """Finds what a name means at the moment."""

    project: Project
    draws: Draws
    latest: dict[str, Function] = field(init=False)
    """$LATEST of each function."""
    unqualified: dict[str, Callee] = field(factory=dict, init=False)
    """Each function as it is called without a qualifier."""
    _versions: dict[str, dict[str, Function]] = field(factory=dict, init=False)
    _aliases: dict[str, dict[str, Alias]] = field(factory=dict, init=False)
    _digests: dict[str, str] = field(factory=dict, init=False)
    """What the code of a published version was, by `name:version`."""
    _direct: dict[str, Function] = field(factory=dict, init=False)
    _weighted: dict[str, tuple[Function, Function, float]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.latest = dict(self.project.functions)
        for name, function in self.latest.items():
            self._versions[name] = dict(function.versions)
            self._aliases[name] = dict(function.aliases)
            self.unqualified[name] = Callee(name, "", None)
            self._index(name)

    @property
    def account(self) -> Account:
        """Whose functions these are."""
        return self.project.account

    def get(self, resource: str) -> Function | None:
        """What runs now if `resource` (`thumbnail`, `thumbnail:2`, `thumbnail:live`) is called; None: there is no such
        thing. An alias of two versions draws, once for each call of this.
        """
        found = self._direct.get(resource)
        if found is not None or (weighted := self._weighted.get(resource)) is None:
            return found
        version, additional, weight = weighted
        # A stream an alias: another alias, or more calls of it, must not change which versions these calls meet.
        drawn = self.draws.stream(f"alias:{resource}").random()
        return additional if drawn < weight else version

    def has(self, resource: str) -> bool:
        """Whether `resource` can be called; draws nothing."""
        return resource in self._direct or resource in self._weighted

    def callee(self, resource: str) -> Callee:
        """`resource`, which is there, as something to call."""
        name, qualifier = parted(resource)
        arn = f"{self.account.function_arn(name)}:{qualifier}" if qualifier else None
        return Callee(name, qualifier, arn)

    def versions(self, name: str) -> dict[str, Function]:
        """The published versions of a function, by number."""
        return self._versions[name]

    def aliases(self, name: str) -> dict[str, Alias]:
        """The aliases of a function, by name."""
        return self._aliases[name]

    def asynchronous(self, callee: Callee) -> AsyncInvokeConfiguration:
        """How events for exactly this qualifier are retried: AWS keeps it for each by itself."""
        alias = self._aliases[callee.name].get(callee.qualifier)
        if alias is not None:
            return alias.asynchronous
        version = self._versions[callee.name].get(callee.qualifier)
        return (version or self.latest[callee.name]).asynchronous

    def publish(self, name: str, pinned: Function, digest: str) -> tuple[Function, bool]:
        """Make a version of `pinned` (a function's $LATEST with code that cannot change), whose code has `digest`.
        Returns it and whether it is new: unchanged code and configuration give the last version again.
        """
        versions = self._versions[name]
        last = max(versions, key=int, default="0")
        if (
            last in versions
            and self._digests.get(f"{name}:{last}") == digest
            and _same(versions[last], self.latest[name])
        ):
            return versions[last], False
        number = str(int(last) + 1)
        made = evolve(
            pinned,
            version=number,
            versions={},
            aliases={},
            asynchronous=AsyncInvokeConfiguration(),  # a new qualifier has AWS's defaults
        )
        versions[number] = made
        self._digests[f"{name}:{number}"] = digest
        self._index(name)
        return made, True

    def update(self, function: Function) -> bool:
        """Replace $LATEST of a function. Returns whether that needs new environments: for code and configuration, and
        where nothing at all differs, which means that what lies in its folder does.
        """
        name = function.name
        before = self.latest[name]
        # Its versions and aliases are kept here.
        after = evolve(function, versions=before.versions, aliases=before.aliases)
        self.latest[name] = after
        self._index(name)
        return after == before or not _same(before, after, code=True)

    def put_alias(self, name: str, alias: Alias) -> None:
        """Make or move an alias, whose versions are there."""
        self._aliases[name][alias.name] = alias
        self._index(name)

    def _index(self, name: str) -> None:
        latest, direct = self.latest[name], self._direct
        direct[name] = direct[f"{name}:{LATEST}"] = latest
        versions = {LATEST: latest, **self._versions[name]}
        for number, version in versions.items():
            direct[f"{name}:{number}"] = version
        for alias in self._aliases[name].values():
            resource = f"{name}:{alias.name}"
            direct.pop(resource, None)
            self._weighted.pop(resource, None)
            target = versions.get(alias.function_version)
            if target is None:
                continue  # a finding of the project's, and nothing to call
            for number, weight in alias.additional_version_weights.items():
                if number in versions:
                    self._weighted[resource] = (target, versions[number], weight)
            if resource not in self._weighted:
                direct[resource] = target


def _same(one: Function, other: Function, *, code: bool = False) -> bool:
    """Whether two have the same configuration; with `code` their code lies in one place too."""
    beside = {name: getattr(other, name) for name in _BESIDE}
    if not code:
        beside["code_uri"] = (
            other.code_uri
        )  # a version's code lies elsewhere; its digest says whether it is the same
    return evolve(one, **beside) == other
