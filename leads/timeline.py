"""What happens to leads, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from crm.normalize import format_phone
from crm.requirements import requirements_of
from crm.timeline import formatter


@formatter("lead_qualified", "robot")
def _qualified(data: Mapping[str, Any]) -> str:
    names = {"name": data.get("responsible") or "—", "former": data.get("former") or "—"}
    text = {
        "repeat": _("Repeat request: the client is known, responsible is %(name)s."),
        "repeat_no_owner": _("Repeat request: nobody is responsible for the client, so it goes to %(name)s."),
        "repeat_inactive": _("Repeat request: %(former)s no longer works here, so it goes to %(name)s."),
        "repeat_absent": _("Repeat request: %(former)s is away for long, so it goes to %(name)s."),
        "owned": _("The request came to %(name)s directly."),
        "owner_inactive": _("%(former)s is switched off, so the request goes to %(name)s."),
        "complete": _("All data for qualifying are there; responsible is %(name)s."),
        "completed": _("The data that were missing are there now; responsible is %(name)s."),
        "incomplete": _("Data for qualifying are missing; responsible is %(name)s."),
        "unowned": _("Nobody is responsible yet, so the request goes to %(name)s."),
        "no_head": _("There is nobody to give the request to: add a sales head."),
    }[str(data.get("why"))] % names
    return f"{text} {_missing(data)}".strip()


def _missing(data: Mapping[str, Any]) -> str:
    known = requirements_of("lead")
    labels = [str(known[code].label) for code in data.get("missing", []) if code in known]
    return _("Missing: %(fields)s.") % {"fields": ", ".join(labels)} if labels else ""


@formatter("client_linked", "field")
def _client_linked(data: Mapping[str, Any]) -> str:
    text = _("Linked to the client %(name)s.") % {"name": data.get("name", "")}
    return f"{text} {_given(data)}".strip()


def _given(data: Mapping[str, Any]) -> str:
    values = [value if "@" in value else format_phone(value) for value in data.get("points", [])]
    return _("Added to the client: %(values)s.") % {"values": ", ".join(values)} if values else ""


@formatter("client_unlinked", "field")
def _client_unlinked(data: Mapping[str, Any]) -> str:
    if data.get("title"):
        return _("The request «%(title)s» was linked by mistake; its phones and e-mails are taken away again.") % {
            "title": data["title"]
        }
    return _("The link to the client %(name)s was taken back.") % {"name": data.get("name", "")}


@formatter("lead_linked", "field")
def _lead_linked(data: Mapping[str, Any]) -> str:
    return _("New request: «%(title)s».") % {"title": data.get("title", "")}


@formatter("converted", "stage")
def _converted(data: Mapping[str, Any]) -> str:
    made = [str(name) for name in (data.get("deal"), data.get("company"), data.get("contact")) if name]
    return _("Converted: %(names)s.") % {"names": ", ".join(f"«{name}»" for name in made)}


@formatter("conversion_undone", "stage")
def _conversion_undone(data: Mapping[str, Any]) -> str:
    if data.get("title"):
        return _("The conversion of the lead «%(title)s» was undone.") % {"title": data["title"]}
    names = ", ".join(f"«{name}»" for name in data.get("names", []))
    return _("The conversion was undone. In the trash: %(names)s.") % {"names": names or "—"}


@formatter("made_from_lead", "field")
def _made_from_lead(data: Mapping[str, Any]) -> str:
    return _("Made from the lead «%(title)s».") % {"title": data.get("title", "")}


@formatter("request_joined", "field")
def _request_joined(data: Mapping[str, Any]) -> str:
    text = _("The request of the lead «%(title)s» was added to this deal.") % {"title": data.get("title", "")}
    return f"{text}\n{data['text']}" if data.get("text") else text


@formatter("copies_made", "field")
def _copies_made(data: Mapping[str, Any]) -> str:
    deals = ", ".join(f"№{pk}" for pk, _title in data.get("deals", []))
    return _("Copies of the deal «%(title)s» were made: %(deals)s.") % {"title": data.get("title", ""), "deals": deals}


@formatter("copies_undone", "field")
def _copies_undone(data: Mapping[str, Any]) -> str:
    return _("The copies of the deal «%(title)s» were taken back (%(count)s).") % {
        "title": data.get("title", ""),
        "count": data.get("count", 0),
    }


@formatter("copied_from", "field")
def _copied_from(data: Mapping[str, Any]) -> str:
    return _("A copy from the deal «%(title)s», №%(id)s.") % {"title": data.get("title", ""), "id": data.get("id", "")}


def _passed(data: Mapping[str, Any]) -> str:
    lines = [f"«{row.get('rule', '')}» – {row.get('why', '')}" for row in data.get("passed", [])]
    return _("Passed over: %(rows)s.") % {"rows": "; ".join(lines)} if lines else ""


@formatter("lead_routed", "robot")
def _lead_routed(data: Mapping[str, Any]) -> str:
    to = data.get("to") or "—"
    text = _("Routing table, row «%(rule)s»: the lead goes to %(to)s.") % {
        "rule": data.get("rule", ""),
        "to": f"{to} ({data['how']})" if data.get("how") else to,
    }
    why = _("Conditions: %(conditions)s.") % {"conditions": data.get("conditions", "")}
    return " ".join(part for part in (text, why, _passed(data), _missing(data)) if part)


@formatter("lead_not_routed", "robot")
def _lead_not_routed(data: Mapping[str, Any]) -> str:
    name = data.get("responsible") or "—"
    text = _("No row of the routing table takes the lead: it stays with %(name)s.") % {"name": name}
    return f"{text} {_passed(data)}".strip()
