"""Why an alarm is in its state, in CloudWatch's words (DescribeAlarms: StateReason)."""

from __future__ import annotations

from typing import Final

from attrs import frozen

# The page shows some of them in its sample events, two are recorded (test_put_metric_alarm, test_breaching_alarm_actions),
# and the others are as alarms of many accounts have told them in public.
_EVENTS: Final = (
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"
)


@frozen
class ReasonText:
    """A text with places for values."""

    text: str
    source: str = _EVENTS

    def of(self, **values: object) -> str:
        """The text with its values filled in."""
        return self.text.format(**values)


UNCHECKED: Final = ReasonText("Unchecked: Initial alarm creation")
UNKNOWN: Final = ReasonText("Insufficient Data: {datapoints} unknown.")
CROSSED: Final = ReasonText("Threshold Crossed: {count} [{points}] {were} {relation}{treated}.")
"""Where DatapointsToAlarm is not set."""
CROSSED_OF: Final = ReasonText(
    "Threshold Crossed: {count} out of the last {periods} datapoints [{points}] {were} {relation}{treated}"
    " (minimum {minimum} for {transition} transition)."
)
RECEIVED: Final = ReasonText("Threshold Crossed: {datapoints} received for {periods}{treated}.")
TREATED: Final = ReasonText(" and {datapoints} treated as [{treatment}]")
RELATION: Final = ReasonText("{comparison} the threshold ({threshold})")
TO_ALARM: Final = ReasonText("OK -> ALARM")
# Also of an alarm that was in INSUFFICIENT_DATA.
TO_OK: Final = ReasonText("ALARM -> OK")
BREACHING: Final = ReasonText("Breaching")
NOT_BREACHING: Final = ReasonText("NonBreaching")
