"""Sentences of the timeline about construction objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from crm.timeline import formatter


@formatter("object_made", "field")
def _object_made(data: Mapping[str, Any]) -> str:
    """On the lead or deal from which an object was made; says so when duplicates were shown and set aside."""
    text = _("An object was made: «%(name)s».") % {"name": data.get("name", "")}
    others = data.get("despite")
    if others:
        text += " " + _("It was made although similar ones exist: %(names)s.") % {"names": ", ".join(others)}
    return text


@formatter("object_origin", "field")
def _object_origin(data: Mapping[str, Any]) -> str:
    """On the object itself."""
    text = _("Made from «%(record)s».") % {"record": data.get("record", "")}
    others = data.get("despite")
    if others:
        text += " " + _("It was made although similar ones exist: %(names)s.") % {"names": ", ".join(others)}
    return text


@formatter("object_used", "field")
def _object_used(data: Mapping[str, Any]) -> str:
    return _("Linked to the object «%(name)s» that was in the registry already.") % {"name": data.get("name", "")}


@formatter("object_linked_to", "field")
def _object_linked_to(data: Mapping[str, Any]) -> str:
    return _("«%(record)s» was linked to this object.") % {"record": data.get("record", "")}


@formatter("object_duplicate", "robot")
def _object_duplicate(data: Mapping[str, Any]) -> str:
    if data.get("certain"):
        return _("The object «%(name)s» is the same building: use it, or make a new one all the same.") % {
            "name": data.get("name", "")
        }
    return _("The object «%(name)s» is probably the same building.") % {"name": data.get("name", "")}
