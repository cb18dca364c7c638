"""Lambda's platform lines in the Text log format, to the tab.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html; the `Status:` fields as recorded in 2026.
"""

from __future__ import annotations

from typing import Final

INIT_START: Final = "INIT_START Runtime Version: {runtime}\tRuntime Version ARN: {arn}\n"
START: Final = "START RequestId: {request_id} Version: {version}\n"
END: Final = "END RequestId: {request_id}\n"
REPORT: Final = (
    "REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\tBilled Duration: {billed_ms} ms\t"
    "Memory Size: {memory_mb} MB\t"
)
MAX_MEMORY: Final = "Max Memory Used: {max_memory_mb} MB\t"
INIT_DURATION: Final = "Init Duration: {init_ms:.2f} ms\t"
INIT_REPORT: Final = "INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\t{status}\n"
STATUS_TIMEOUT: Final = "Status: timeout"
STATUS_ERROR: Final = "Status: error\tError Type: {error_type}"
