"""Every error that AWS answers: status, code and text, once, with its page. One section a service."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from lambdarun.aws.limits import LAMBDA_API


@frozen
class ErrorText:
    """One of AWS's errors. `key` is the member of the body that holds the text (AWS uses both spellings)."""

    status: int
    code: str
    text: str
    key: str
    source: str

    def of(self, **values: object) -> str:
        """The text with its values filled in."""
        return self.text.format(**values)


# --- Lambda: Invoke
FUNCTION_NOT_FOUND: Final = ErrorText(
    404, "ResourceNotFoundException", "Function not found: {arn}", "Message", f"{LAMBDA_API}/API_Invoke.html"
)
TOO_MANY_REQUESTS: Final = ErrorText(
    429, "TooManyRequestsException", "Rate Exceeded.", "message", f"{LAMBDA_API}/API_Invoke.html"
)
