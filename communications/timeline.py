"""Sentences of letters, messages and calls on the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.timeline import formatter

WAYS = {
    "letter": gettext_lazy("a letter"),
    "call": gettext_lazy("a call"),
    "missed_call": gettext_lazy("a missed call"),
    "message": gettext_lazy("a message"),
    "form": gettext_lazy("a form on the site"),
    "meeting": gettext_lazy("a meeting"),
}


def _with_file(text: str, data: Mapping[str, Any]) -> str:
    """The sentence of a letter, and the file that goes with it."""
    if not data.get("file"):
        return text
    return _("%(text)s. File: %(name)s") % {"text": text.rstrip("."), "name": data["file"]}


@formatter("client_contact", "message")
def _client_contact(data: Mapping[str, Any]) -> str:
    how = "missed_call" if data.get("is_missed") else str(data.get("how", ""))
    text = _("The client made contact: %(how)s.") % {"how": WAYS.get(how, how)}
    return " ".join(part for part in (text, data.get("point"), data.get("note")) if part)


@formatter("message_out", "message")
def _message_out(data: Mapping[str, Any]) -> str:
    text = _("To %(address)s: %(subject)s") % {"address": data.get("address", ""), "subject": data.get("subject", "")}
    return _with_file(text, data)


@formatter("message_sent", "message")
def _message_sent(data: Mapping[str, Any]) -> str:
    text = _("Sent to %(address)s: %(subject)s") % {
        "address": data.get("address", ""),
        "subject": data.get("subject", ""),
    }
    return _with_file(text, data)


@formatter("message_failed", "message")
def _message_failed(data: Mapping[str, Any]) -> str:
    return _("Not sent to %(address)s: %(subject)s. %(error)s") % {
        "address": data.get("address", ""),
        "subject": data.get("subject", ""),
        "error": data.get("error", ""),
    }


@formatter("message_unsure", "message")
def _message_unsure(data: Mapping[str, Any]) -> str:
    return _("It is unknown whether this left for %(address)s: %(subject)s. It is not sent twice by itself.") % {
        "address": data.get("address", ""),
        "subject": data.get("subject", ""),
    }


@formatter("message_arrived", "message")
def _message_arrived(data: Mapping[str, Any]) -> str:
    return _("The client has it, %(address)s: %(subject)s") % {
        "address": data.get("address", ""),
        "subject": data.get("subject", ""),
    }


@formatter("message_cancelled", "message")
def _message_cancelled(data: Mapping[str, Any]) -> str:
    return _("Not sent any more to %(address)s: %(subject)s") % {
        "address": data.get("address", ""),
        "subject": data.get("subject", ""),
    }


@formatter("message_in", "message")
def _message_in(data: Mapping[str, Any]) -> str:
    words = data.get("subject") or str(data.get("text", ""))[:200]
    if data.get("is_automatic"):
        return _("Auto-reply or bounce from %(address)s: %(words)s") % {
            "address": data.get("address", ""),
            "words": words,
        }
    return _("From %(address)s: %(words)s") % {"address": data.get("address", ""), "words": words}


def _lasted(seconds: int) -> str:
    """«3 мин 45 с»: how long a call was."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, _("%(number)s h")), (minutes, _("%(number)s min")), (rest, _("%(number)s s")))
    return " ".join(text % {"number": number} for number, text in units if number)


@formatter("call", "message")
def _call(data: Mapping[str, Any]) -> str:
    names = {
        ("in", False): _("Incoming call"),
        ("in", True): _("Missed call"),
        ("out", False): _("Outgoing call"),
        ("out", True): _("Outgoing call, no answer"),
    }
    text = names[str(data.get("direction", "in")), bool(data.get("is_missed"))]
    parts = [text, str(data.get("phone") or "")]
    if data.get("seconds"):
        parts.append(_lasted(int(data["seconds"])))
    line = " ".join(part for part in parts if part)
    return f"{line}. {data['note']}" if data.get("note") else f"{line}."


@formatter("webhook_called", "robot")
def _webhook_called(data: Mapping[str, Any]) -> str:
    return _("The webhook «%(name)s» was called, it answered %(status)s.") % {
        "name": data.get("name", ""),
        "status": data.get("status") or "",
    }


@formatter("webhook_failed", "robot")
def _webhook_failed(data: Mapping[str, Any]) -> str:
    return _("The webhook «%(name)s» was not called: %(error)s") % {
        "name": data.get("name", ""),
        "error": data.get("error", ""),
    }


OFF_REASONS = {
    "gone": gettext_lazy(
        "The webhook «%(name)s» is switched off: the other side answered that it wants no more (410)."
    ),
    "failing": gettext_lazy("The webhook «%(name)s» is switched off: nothing has got through for days."),
}


@formatter("webhook_off", "robot")
def _webhook_off(data: Mapping[str, Any]) -> str:
    return str(OFF_REASONS[str(data.get("why"))]) % {"name": data.get("name", "")}
