"""Refusals of an app's own to changes of fields, asked by every creation and change of a record.

Stages have their guards in crm.stages; these are for columns: who may set a score, whose rows may be pointed at.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from crm.actors import Actor
from crm.errors import InvalidInput

# Gets the record as it would be saved, the names of the changed fields and who changes them; answers the field and
# the sentence of an objection, or nothing.
FieldGuard = Callable[[Any, Set[str], Actor], tuple[str, str] | None]
GUARDS: dict[str, list[FieldGuard]] = {}


def guard_fields(record_type: str, function: FieldGuard) -> None:
    """Register a guard; called from AppConfig.ready."""
    if function not in GUARDS.setdefault(record_type, []):
        GUARDS[record_type].append(function)


def require_allowed(record: Any, changed: Set[str], actor: Actor) -> None:
    """Raise InvalidInput with the first objection, naming the field."""
    for check in GUARDS.get(record.RECORD_TYPE, []):
        objection = check(record, changed, actor)
        if objection is not None:
            name, message = objection
            raise InvalidInput(
                message, errors=[{"pointer": f"/{name}" if name else "", "code": "refused", "message": message}]
            )
