"""Changing the shipped and own stages as an administrator does: names, colours, norms, required fields, hiding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import pipelines
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Stage
from crm.requirements import requirements_of

log = structlog.get_logger(__name__)
CHANGEABLE = frozenset({"name_ru", "name_en", "colour", "norm_hours", "probability", "required", "is_hidden"})


@transaction.atomic
def stage_update(stage: Stage, *, by: Any, data: Mapping[str, Any]) -> Stage:
    """Change a stage; its code and kind are fixed, for rules are bound to them.

    Only an administrator may; InvalidInput names a requirement that the kind of record does not know.
    """
    actor = Actor.of(by)
    if actor.user is None or not actor.user.is_administrator:
        raise PermissionDenied(_("Only an administrator changes stages."))
    locked = Stage.objects.select_for_update(of=("self",)).select_related("pipeline").get(pk=stage.pk)
    if unknown := sorted(data.keys() - CHANGEABLE):
        raise _wrong(unknown[0], "read_only", _("This cannot be set directly."))
    if data.get("is_hidden") and locked.is_start:
        raise _wrong("is_hidden", "start_stage", _("New records begin here: the start stage cannot be hidden."))
    known = requirements_of(locked.pipeline.record_type)
    if missing := [code for code in data.get("required", ()) if code not in known]:
        text = _("%(codes)s: choose among %(names)s.") % {"codes": ", ".join(missing), "names": ", ".join(known)}
        raise _wrong("required", "unknown", text)
    for name, value in data.items():
        setattr(locked, name, list(dict.fromkeys(value)) if name == "required" else value)
    try:
        locked.full_clean()
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error
    locked.save(update_fields=sorted(data) or None)
    pipelines.changed()
    log.info("stage_changed_in_settings", stage=locked.key, fields=sorted(data), by=actor.name)
    return locked


def _wrong(name: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[{"pointer": f"/{name}", "code": code, "message": message}])
