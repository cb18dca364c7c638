"""Runtime and extensions ask in any order, lose connections, post twice: what the environment is told stays right."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lambdarun.model.environment_api import (
    EnvironmentApi,
    Initialised,
    Phase,
    Released,
    StartRuntime,
)
from lambdarun.model.extensions_api import FunctionFacts
from lambdarun.model.runtime_api import Event, Failed, Request, Returned, TooLarge

FACTS = FunctionFacts("fn", "$LATEST", "app.handler", "1")


class EnvironmentAnswersEachEventOnce(RuleBasedStateMachine):
    """The model: which event runs, whether it is answered, who waits where."""

    @initialize(external=st.integers(0, 3))
    def begin(self, external: int) -> None:
        self.api = EnvironmentApi(FACTS, "seed")
        self.names = [f"x{number}" for number in range(external)]
        self.identifiers: dict[str, str] = {}
        self.open: dict[int, str] = {}
        self.asked: dict[int, str] = {}
        self.keys = 0
        self.events = 0
        self.answers = 0
        self.started = self.initialised = self.released = 0
        self.delivered: set[int] = set()
        self.api.begin(self.names)
        self.take()

    def take(self) -> list[tuple[int, int, bytes]]:
        responses, happenings = self.api.take()
        for happening in happenings:
            self.started += isinstance(happening, StartRuntime)
            self.initialised += isinstance(happening, Initialised)
            self.released += isinstance(happening, Released)
            self.answers += isinstance(happening, Returned | Failed | TooLarge)
        for response in responses:
            # Nobody is answered twice, and nobody who is gone.
            asked = self.open.pop(response.key)
            if asked == "next" and response.status == 200:
                self.delivered.add(int(dict(response.headers)["Lambda-Runtime-Aws-Request-Id"]))
        return [(response.key, response.status, response.body) for response in responses]

    def ask(
        self, kind: str, method: str, path: str, body: bytes = b"", size: int | None = None, **headers: str
    ) -> int:
        self.keys += 1
        self.open[self.keys] = kind
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.api.ask(Request(self.keys, method, path, named, body, len(body) if size is None else size))
        key = self.keys
        for told, status, answer in self.take():
            if told == key and kind.startswith("register:") and status == 200:
                # The identifier is in a header; the seed gives it too.
                assert json.loads(answer)["functionName"] == "fn"
                self.identifiers[kind[9:]] = self.api.extensions._extensions[kind[9:]].identifier
        return key

    @rule(number=st.integers(0, 5))
    def register(self, number: int) -> None:
        self.ask(
            f"register:x{number}",
            "POST",
            "/2020-01-01/extension/register",
            b'{"events":["INVOKE"]}',
            lambda_extension_name=f"x{number}",
        )

    @rule(number=st.integers(0, 5))
    def extension_asks(self, number: int) -> None:
        identifier = self.identifiers.get(f"x{number}", "nobody")
        self.ask(
            f"extension:x{number}",
            "GET",
            "/2020-01-01/extension/event/next",
            lambda_extension_identifier=identifier,
        )

    @rule()
    def runtime_asks(self) -> None:
        if self.started:
            self.ask("next", "GET", "/2018-06-01/runtime/invocation/next")

    @rule(error=st.booleans(), behind=st.integers(0, 2), huge=st.booleans())
    def runtime_answers(self, error: bool, behind: int, huge: bool) -> None:
        if not self.started:
            return
        before = self.answers
        running = (
            self.api.phase is Phase.INVOCATION
            and self.answers < self.events
            and self.events in self.delivered
        )
        what = "error" if error else "response"
        path = f"/2018-06-01/runtime/invocation/{self.events - behind}/{what}"
        self.ask("post", "POST", path, b"{}", 7_000_000 if huge else None)
        assert self.answers - before == (1 if running and behind == 0 else 0)

    @rule(data=st.data())
    def a_connection_ends(self, data: st.DataObject) -> None:
        if self.open:
            key = data.draw(st.sampled_from(sorted(self.open)))
            del self.open[key]
            self.api.closed(key)

    @rule()
    def an_event_comes(self) -> None:
        if self.api.phase is Phase.IDLE:
            self.events += 1
            self.api.invoke(Event(str(self.events), b"{}", 1, "arn", "trace"))
            self.take()

    @rule(
        path=st.sampled_from(
            ["/", "/ping", "/2018-06-01/x", "/2020-01-01/extension/x", "/2022-07-01/telemetry"]
        ),
        method=st.sampled_from(["GET", "POST", "PUT"]),
    )
    def rubbish(self, path: str, method: str) -> None:
        assert self.ask("rubbish", method, path) not in self.open

    @invariant()
    def events_are_answered_once_and_released_behind_their_answer(self) -> None:
        assert self.started <= 1
        assert self.initialised <= 1
        assert self.released <= self.answers <= self.events
        assert self.events - self.released <= 1
        assert self.delivered <= set(range(1, self.events + 1))
        if self.api.phase is Phase.IDLE:
            assert self.initialised == 1
            assert self.released == self.events


TestEnvironmentAnswersEachEventOnce = EnvironmentAnswersEachEventOnce.TestCase
TestEnvironmentAnswersEachEventOnce.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None
)
