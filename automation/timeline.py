"""Sentences of what rules did; the same words stand on the record's timeline and in the list of a rule's runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from automation.actions.content import field_label
from crm import pipelines
from crm.timeline import formatter


def _moved(data: Mapping[str, Any]) -> str:
    try:
        name = pipelines.stage(str(data.get("to"))).name
    except KeyError:
        name = str(data.get("to", ""))
    return _("moved to «%(stage)s»") % {"stage": name}


def _day(data: Mapping[str, Any]) -> str:
    day = str(data.get("day", ""))
    shown = f"{date.fromisoformat(day):%d.%m.%Y}" if day else ""
    return _("was due on %(day)s and is not made up for so late") % {"day": shown}


OUTCOMES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "task_made": lambda data: _("task: %(title)s") % {"title": data.get("title", "")},
    "task_instead": lambda data: (
        _("task instead of a message: %(title)s. %(why)s")
        % {"title": data.get("title", ""), "why": data.get("why", "")}
    ),
    "moved": _moved,
    "letter_queued": lambda data: _("message to %(address)s") % {"address": data.get("address", "")},
    "letter_held": lambda data: (
        _("no letter: %(address)s is on the exclusion list") % {"address": data.get("address", "")}
    ),
    "reminded": lambda data: (
        _("nothing happened for %(days)s days, told %(name)s")
        % {"days": data.get("days", ""), "name": data.get("name", "")}
    ),
    "assigned": lambda data: _("responsible: %(name)s") % {"name": data.get("name", "")},
    "qualified": lambda data: _("the lead was qualified"),
    "routed": lambda data: (
        _("given by the routing table to %(name)s") % {"name": data["name"]}
        if data.get("name")
        else _("no row of the routing table took the lead")
    ),
    "registered": lambda data: _("the object was looked for in the registry"),
    "object_known": lambda data: (
        _("no object was made: «%(object)s» is the same building") % {"object": data.get("object", "")}
    ),
    "webhook_queued": lambda data: _("calls the webhook «%(name)s»") % {"name": data.get("name", "")},
    "object_follows": lambda data: (
        _("responsible for «%(object)s»: %(name)s") % {"object": data.get("object", ""), "name": data.get("name", "")}
    ),
    "told": lambda data: _("told %(names)s: %(text)s") % {"names": data.get("names", ""), "text": data.get("text", "")},
    "field_set": lambda data: (
        _("set the field «%(field)s»: %(value)s")
        % {
            "field": field_label(str(data.get("of", "")), str(data.get("field", ""))),
            "value": data.get("value") or _("empty"),
        }
    ),
    "commented": lambda data: _("wrote a comment: %(text)s") % {"text": data.get("text", "")},
    "missed": _day,
    "skipped": lambda data: _("skipped by %(name)s") % {"name": data.get("name", "")},
    "postponed": lambda data: (
        _("put off by %(name)s to %(day)s") % {"name": data.get("name", ""), "day": data.get("day", "")}
    ),
}


def outcome_sentence(code: str, data: Mapping[str, Any]) -> str:
    """What a rule did, in the reader's language."""
    return OUTCOMES[code](data) if code in OUTCOMES else code


@formatter("rule_done", "robot")
def _rule_done(data: Mapping[str, Any]) -> str:
    return _("Rule «%(rule)s»: %(outcome)s.") % {
        "rule": data.get("rule", ""),
        "outcome": outcome_sentence(str(data.get("outcome", "")), data).rstrip("."),
    }


@formatter("robot_says", "robot")
def _robot_says(data: Mapping[str, Any]) -> str:
    return f"«{data.get('title', '')}»: {data.get('text', '')}"


@formatter("stands_still", "robot")
def _stands_still(data: Mapping[str, Any]) -> str:
    days = int(data.get("days") or 0)
    text = ngettext(
        "«%(title)s» has stood still for %(days)s day.", "«%(title)s» has stood still for %(days)s days.", days
    ) % {"title": data.get("title", ""), "days": days}
    return f"{text} {_('Responsible')}: {data['responsible']}" if data.get("responsible") else text
