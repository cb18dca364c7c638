"""The scripts that a peer is asked too: here they run alone. With `LAMBDARUN_MOTO_SERVER` the peer is asked as well."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.differential.sqs_against_moto import JUDGEMENTS, Ours, Played
from tests.differential.sqs_scripts import script

MOTO = os.environ.get("LAMBDARUN_MOTO_SERVER")


@pytest.mark.parametrize("seed", range(40))
def test_a_script_is_answered_to_its_end_and_the_same_on_each_run(seed: int) -> None:
    one, other = Played(Ours()), Played(Ours())
    for action, members in script(seed, length=60):
        assert one.play(action, members) == other.play(action, members)


def test_each_judgement_says_who_is_right_and_by_what() -> None:
    judged = json.loads(JUDGEMENTS.read_text(encoding="utf-8"))["judgements"]
    assert judged
    for one in judged:
        re.compile(one["difference"])
        assert one["right"] in ("here", "moto", "open")
        assert one["why"]


@pytest.mark.skipif(MOTO is None, reason="LAMBDARUN_MOTO_SERVER names no moto_server")
def test_no_difference_to_moto_is_unjudged() -> None:
    command = [sys.executable, "-m", "tests.differential.sqs_against_moto", str(MOTO), "--seeds", "60"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
