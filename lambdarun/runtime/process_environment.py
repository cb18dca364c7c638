"""The variables that a handler's process gets: AWS's documented set on a clean base.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os
from typing import Final

from lambdarun.model.declarations import Account
from lambdarun.model.environment import Environment
from lambdarun.model.function import Function
from lambdarun.model.runtimes import Family, family_of
from lambdarun.runtime.view import View

# Nothing of the user's shell reaches a handler but what development needs: coverage of handlers, breakpoints,
# debuggers, libraries. A variable that is set here and not on AWS would hide a fault until the function is deployed.
_PASSED_ON: Final = (
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
    "PYTHONBREAKPOINT",
)
_RESERVED_FOLDERS: Final = ("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR")
# Recorded: python3.9 to 3.11 have none, 3.12 and 3.14 do.
_WITHOUT_LC_CTYPE: Final = frozenset({"python3.8", "python3.9", "python3.10", "python3.11"})
_XRAY_AL2: Final = "169.254.79.129"


def process_environment(account: Account, environment: Environment, view: View) -> dict[str, str]:
    """All variables of an environment's process; the user's own cannot replace AWS's reserved ones."""
    function = environment.function
    passed = {
        name: os.environ[name] for name in os.environ if name in _PASSED_ON or name.startswith("PYDEVD_")
    }
    return {
        **passed,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        # Without it boto3 stalls on an address that nobody answers.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        **_of_view(function, view),
        **function.environment,
        **_of_family(function, view),
        "_HANDLER": function.handler,
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": environment.initialisation_type.value,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": environment.log_stream,
        **_logging(function),
        # Nobody's credentials: a handler that reaches real AWS by mistake is refused there.
        "AWS_ACCESS_KEY_ID": "ASIALAMBDARUN0000000",
        "AWS_SECRET_ACCESS_KEY": "lambdarun",
        "AWS_SESSION_TOKEN": "lambdarun",
        **{name: value for name, value in view.variables.items() if name in _RESERVED_FOLDERS},
    }


def _of_view(function: Function, view: View) -> dict[str, str]:
    """What names folders; recorded: only Python has PYTHONPATH, and `provided.al2` nothing of /var/lang."""
    python = family_of(function.runtime) is Family.PYTHON
    told = {name: value for name, value in view.variables.items() if python or name != "PYTHONPATH"}
    if function.runtime == "provided.al2":
        for name in ("PATH", "LD_LIBRARY_PATH"):
            if name in told:
                kept = [one for one in told[name].split(os.pathsep) if not one.startswith("/var/lang/")]
                told[name] = os.pathsep.join(kept)
    return told


def _of_family(function: Function, view: View) -> dict[str, str]:
    """What differs from runtime to runtime: recorded (test_introspection_invoke)."""
    family = family_of(function.runtime)
    if function.runtime == "provided.al2":
        # The one runtime whose recording has another address of the X-Ray daemon.
        return {"AWS_XRAY_DAEMON_ADDRESS": f"{_XRAY_AL2}:2000", "_AWS_XRAY_DAEMON_ADDRESS": _XRAY_AL2}
    if family is Family.PROVIDED:
        return {}
    told = {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "PWD": view.task_root,
        "SHLVL": "0",
    }
    if family is Family.NODEJS:
        version = function.runtime.removeprefix("nodejs").removesuffix(".x")
        layers = [f"{view.opt}/nodejs/node{version}/node_modules", f"{view.opt}/nodejs/node_modules"]
        folders = [*(layers if view.opt is not None else []), view.task_root]
        told["NODE_PATH"] = os.pathsep.join(folders)
    elif function.runtime not in _WITHOUT_LC_CTYPE:
        told["LC_CTYPE"] = "C.UTF-8"
    return told


def _logging(function: Function) -> dict[str, str]:
    """Recorded: absent unless a LoggingConfig was given, and the level for JSON alone."""
    given = function.logging_config
    if given is None:
        return {}
    level = {"AWS_LAMBDA_LOG_LEVEL": given.application_level.value} if given.is_json else {}
    return {"AWS_LAMBDA_LOG_FORMAT": given.log_format.value, **level}
