"""What the recorded tests saw of their sandbox, looked at again in ours."""

from __future__ import annotations

import platform
import resource
from typing import Any

import pytest

from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.sandbox_facts import sandbox_facts
from tests.oracles.scenarios import Stage, as_recorded, project

LOOKS = """
import getpass, os, platform, stat, subprocess
def handler(event, context):
    return {
        "event": event,
        "user_login_name": getpass.getuser(),
        "user_whoami": subprocess.check_output("whoami").decode().strip(),
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "pwd": os.getcwd(),
        "paths": {
            path.replace("/", "_") + "_mode": stat.filemode(os.stat(path).st_mode)
            for path in ("/var/task", "/opt", "/tmp")
        },
    }
"""
LIMITS = """
import resource
NAMES = "AS CORE CPU DATA FSIZE MEMLOCK NOFILE RSS STACK".split()
def handler(event, context):
    return {"RLIMIT_" + name: resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in NAMES}
"""


def introspection_of_the_sandbox(stage: Stage) -> Any:
    if platform.machine() != "x86_64":
        pytest.skip("recorded on x86_64")
    stage.folder.chmod(0o755)  # /var/task has the mode of the project's folder
    return {"invoke_runtime_x86_introspection": _seen(stage, LOOKS)}


def limits_of_the_sandbox(stage: Stage) -> Any:
    wanted = 10_737_418_240
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if most != resource.RLIM_INFINITY and most < wanted:
        pytest.skip(f"this machine allows core files of {most} bytes, AWS's limit is {wanted}")
    return {"invoke_runtime_ulimits": _seen(stage, LIMITS)}


def _seen(stage: Stage, source: str) -> Any:
    facts = sandbox_facts()
    if not facts.sandboxed:
        pytest.skip(f"no sandbox here: {facts.why_not}")
    declared = project(stage.function(source))
    with open_blocking_runtime(declared, options=Options(isolation=Isolation.NAMESPACE)) as runtime:
        return as_recorded(runtime.invoke("fn", {}))
