"""In which state a mapping is, as AWS tells it.

https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class MappingState(Enum):
    """AWS's names."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    UPDATING = "Updating"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    DELETING = "Deleting"

    @property
    def is_settled(self) -> bool:
        """Whether a mapping stays in it until somebody asks for something."""
        return self in (MappingState.ENABLED, MappingState.DISABLED)


BECOMES: Final[Mapping[MappingState, tuple[MappingState | None, ...]]] = {
    MappingState.CREATING: (MappingState.ENABLED,),
    MappingState.ENABLING: (MappingState.ENABLED,),
    MappingState.ENABLED: (MappingState.UPDATING, MappingState.DISABLING, MappingState.DELETING),
    # As it was before: what was disabled is so again.
    MappingState.UPDATING: (MappingState.ENABLED, MappingState.DISABLED),
    MappingState.DISABLING: (MappingState.DISABLED,),
    MappingState.DISABLED: (MappingState.UPDATING, MappingState.ENABLING, MappingState.DELETING),
    MappingState.DELETING: (None,),
}
"""What may follow each state; None: the mapping is gone. What is not in the table cannot happen."""
