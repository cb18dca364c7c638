"""The same random scripts of calls against this queue service and against moto's: every difference, judged.

    python -m venv /tmp/moto && /tmp/moto/bin/pip install 'moto[server]'
    python -m tests.differential.sqs_against_moto /tmp/moto/bin/moto_server --seeds 400

Each kind of difference is looked up in `sqs_judgements.json`, which says who is right, and by what. One that is not in there
is printed with the script that led to it, and the run fails. A script ends where the two have come apart.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.instant import MILLISECOND, Instant
from lambdarun.model.region import Region
from lambdarun.model.sqs_error import SqsError
from tests.differential.sqs_scripts import ACCOUNT, Step, script

JUDGEMENTS = Path(__file__).with_name("sqs_judgements.json")
Answer = dict[str, Any]


class Ours:
    """This service."""

    def __init__(self) -> None:
        self.region = Region(Project(), Draws(0))
        self.now = Instant(1_700_000_000_000_000)

    def call(self, action: str, members: dict[str, Any]) -> Answer:
        self.now = Instant(self.now + MILLISECOND)
        try:
            told = self.region.sqs.call(self.now, action, members)
        except SqsError as refused:
            told = {"Error": {"Code": refused.code, "Message": refused.message, "Status": refused.status}}
        self.region.advance(self.now)
        assert isinstance(told, dict)
        return json.loads(json.dumps(told))  # as a body of JSON


@define
class Moto:
    """A server of moto's, spoken to as SDKs do."""

    address: str

    def reset(self) -> None:
        urllib.request.urlopen(
            urllib.request.Request(f"{self.address}/moto-api/reset", method="POST")
        ).close()

    def call(self, action: str, members: dict[str, Any]) -> Answer:
        headers = {
            "X-Amz-Target": f"AmazonSQS.{action}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=x",
        }
        request = urllib.request.Request(self.address, json.dumps(members).encode(), headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return dict(json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as refused:
            body = refused.read()
            try:
                told = json.loads(body)
            except ValueError:
                return {
                    "Error": {
                        "Code": f"HTTP {refused.code}",
                        "Message": body.decode()[:80],
                        "Status": refused.code,
                    }
                }
            code = (
                (refused.headers.get("x-amzn-query-error") or told.get("__type", ""))
                .split(";")[0]
                .rpartition("#")[2]
            )
            return {
                "Error": {
                    "Code": code,
                    "Message": told.get("message", told.get("Message")),
                    "Status": refused.code,
                }
            }
        finally:
            # A message that is shown at once is shown to moto's next millisecond.
            time.sleep(0.0015)


@define
class Played:
    """One service in the course of a script: its handles by number, its ids by order."""

    service: Ours | Moto
    receipts: list[tuple[str, str]] = field(factory=list)
    ids: dict[str, str] = field(factory=dict)

    def play(self, action: str, members: dict[str, Any]) -> Answer:
        told = self.service.call(action, self._resolved(members))
        if action == "ReceiveMessage":
            for one in told.get("Messages") or []:
                self.receipts.append((members["QueueUrl"]["$queue"], one["ReceiptHandle"]))
        return dict(self._plain(told))

    def _resolved(self, members: Any, queue: str = "plain") -> Any:
        if isinstance(members, list):
            return [self._resolved(one, queue) for one in members]
        if not isinstance(members, dict):
            return members
        if "$queue" in members:
            return f"http://localhost/{ACCOUNT}/{members['$queue']}"
        if "$receipt" in members:
            return self._receipt(members["$receipt"])[1]
        if "$of" in members:
            return f"http://localhost/{ACCOUNT}/{self._receipt(0)[0]}"
        return {name: self._resolved(value, queue) for name, value in members.items()}

    def _receipt(self, number: int) -> tuple[str, str]:
        """One of the last six that its queue gave, so that a call has receipts of one queue only."""
        own = [one for one in self.receipts if one[0] == self.receipts[-1][0]][-6:] if self.receipts else []
        return own[number % len(own)] if own else ("plain", "AQEB-none")

    def _plain(self, told: Any, name: str = "") -> Any:
        if isinstance(told, dict):
            return {key: self._plain(value, key) for key, value in told.items()}
        if isinstance(told, list):
            return [self._plain(one, name) for one in told]
        if name == "MessageId":
            return self.ids.setdefault(told, f"message {len(self.ids)}")
        if name in ("ReceiptHandle", "SequenceNumber", "SenderId"):
            return f"<{name}>"
        if name.endswith("Timestamp"):
            return f"<{len(str(told))} digits>"
        if name in ("QueueUrl", "QueueUrls", "queueUrls"):
            return str(told).rpartition("/")[2]
        if name in ("Policy", "RedrivePolicy"):
            return json.loads(told)
        return told


@define
class Difference:
    """A kind of difference, with an example."""

    kind: str
    ours: Any
    theirs: Any
    parts: bool
    """Whether the two are in different states from here on."""


def differences(action: str, ours: Answer, theirs: Answer) -> Iterator[Difference]:
    """What the two answered differently."""
    if "Error" in ours or "Error" in theirs:
        codes = [told["Error"]["Code"] if "Error" in told else "done" for told in (ours, theirs)]
        if codes[0] != codes[1]:
            why = f" ({_shape(ours['Error']['Message'])})" if "Error" in ours else ""
            yield Difference(f"{action}: {codes[0]}{why}, moto {codes[1]}", ours, theirs, "done" in codes)
            return
        for member in ("Message", "Status"):
            one, other = ours["Error"][member], theirs["Error"][member]
            if one != other:
                kind = f"{action}: {member.lower()} of {codes[0]}: {_shape(one)}, moto {_shape(other)}"
                yield Difference(kind, one, other, False)
        return
    received = [[one["MessageId"] for one in told.get("Messages", ())] for told in (ours, theirs)]
    if received[0] != received[1] and len(received[0]) == len(received[1]):
        yield Difference("ReceiveMessage: other messages, or in another order", ours, theirs, True)
        return
    yield from _members(action, ours, theirs, action)


def _members(path: str, ours: Any, theirs: Any, action: str) -> Iterator[Difference]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            if key not in theirs:
                yield Difference(f"{path}.{key}: only here", ours[key], None, _parts(action, path, key))
            elif key not in ours:
                yield Difference(f"{path}.{key}: only in moto", None, theirs[key], _parts(action, path, key))
            else:
                yield from _members(f"{path}.{key}", ours[key], theirs[key], action)
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield Difference(f"{path}: {_more(ours, theirs)}", ours, theirs, True)
        else:
            for one, other in zip(ours, theirs, strict=True):
                yield from _members(f"{path}[]", one, other, action)
    elif ours != theirs:
        yield Difference(f"{path}: another value", ours, theirs, _parts(action, path, ""))


def _more(ours: list[Any], theirs: list[Any]) -> str:
    return "more here" if len(ours) > len(theirs) else "more in moto"


def _parts(action: str, path: str, key: str) -> bool:
    return (
        (action in ("ReceiveMessage",) and path == "ReceiveMessage")
        or (path.endswith("MessageId") and not key)
        or key
        in (
            "Successful",
            "Failed",
        )
    )


def _shape(text: str) -> str:
    """An error's text without its values."""
    text = re.sub(r"\{.*\}|'[^']*'|\"[^\"]*\"", "X", str(text))
    return re.sub(r"Value \S* for|-?\d+", lambda found: "Value X for" if "Value" in found[0] else "N", text)


def played(seed: int, moto: Moto) -> Iterator[tuple[Difference, int, list[Step]]]:
    """The differences of one script, each with its step."""
    moto.reset()
    here, there = Played(Ours()), Played(moto)
    steps = script(seed)
    for number, (action, members) in enumerate(steps):
        found = list(differences(action, here.play(action, members), there.play(action, members)))
        for one in found:
            yield one, number, steps
        if any(one.parts for one in found):
            return


def judgement(kind: str, judged: list[dict[str, str]]) -> dict[str, str] | None:
    """What was judged of that kind of difference; None: nobody has."""
    return next((one for one in judged if re.fullmatch(one["difference"], kind)), None)


def main() -> int:
    """Play the scripts, print each kind of difference once with its count and its judgement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("moto_server")
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [asked.moto_server, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    moto = Moto(f"http://127.0.0.1:{port}/")
    try:
        _await(moto)
        return _report(moto, range(asked.first, asked.first + asked.seeds))
    finally:
        server.terminate()
        server.wait()


def _await(moto: Moto) -> None:
    for _ in range(100):
        try:
            moto.reset()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("moto's server did not start")


def _report(moto: Moto, seeds: range) -> int:
    judged = json.loads(JUDGEMENTS.read_text(encoding="utf-8"))["judgements"]
    counts: Counter[str] = Counter()
    examples: dict[str, tuple[Difference, int, int, list[Step]]] = {}
    calls = 0
    for seed in seeds:
        for found, number, steps in played(seed, moto):
            counts[found.kind] += 1
            examples.setdefault(found.kind, (found, seed, number, steps))
        calls += len(script(seed))
    unjudged = [kind for kind in counts if judgement(kind, judged) is None]
    by: Counter[str] = Counter()
    for kind, count in counts.most_common():
        found = judgement(kind, judged)
        if found is not None:
            by[found["right"]] += 1
            print(f"{count:5}  {found['right']:>6}  {kind}\n               {found['why']}")
    for kind in unjudged:
        example, seed, number, steps = examples[kind]
        print(
            f"NEW {counts[kind]:5}  {kind}\n   seed {seed}, step {number}: {json.dumps(steps[number])[:300]}"
        )
        print(f"   here: {json.dumps(example.ours)[:300]}\n   moto: {json.dumps(example.theirs)[:300]}")
    print(
        f"{len(seeds)} scripts, up to {calls} calls: {len(counts)} kinds of difference; right: {dict(by)}; not judged: {len(unjudged)}"
    )
    return 1 if unjudged else 0


if __name__ == "__main__":
    sys.exit(main())
