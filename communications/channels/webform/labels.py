"""What a field of a form is called in the text of a request: in words for people, not in a site's code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from communications.channels.webform.names import own_meaning, telling_part
from crm.normalize import one_line

MEANINGS: dict[str, Any] = {
    "name": pgettext_lazy("person", "Name"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "patronymic": gettext_lazy("Patronymic"),
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "text": gettext_lazy("Message"),
    "purpose": gettext_lazy("Purpose"),
    "sizes": gettext_lazy("Sizes"),
    "length": gettext_lazy("Length"),
    "width": gettext_lazy("Width"),
    "height": gettext_lazy("Height"),
    "area": gettext_lazy("Area"),
    "address": gettext_lazy("Address"),
    "city": gettext_lazy("City"),
    "region": gettext_lazy("Region"),
    "company": gettext_lazy("Company"),
    "inn": gettext_lazy("INN"),
    "start": gettext_lazy("Planned construction start"),
    "amount": gettext_lazy("Budget"),
    "consent": gettext_lazy("Agrees to receive messages"),
}
_WORDS: dict[str, Any] = {
    "subject": gettext_lazy("Subject"),
    "yoursubject": gettext_lazy("Subject"),
    "title": gettext_lazy("Title"),
    "color": gettext_lazy("Colour"),
    "colour": gettext_lazy("Colour"),
    "quantity": gettext_lazy("Quantity"),
    "count": gettext_lazy("Quantity"),
    "price": gettext_lazy("Price"),
    "date": gettext_lazy("Date"),
    "time": gettext_lazy("Time"),
    "product": gettext_lazy("Product"),
    "products": gettext_lazy("Product"),
    "service": gettext_lazy("Service"),
    "services": gettext_lazy("Service"),
    "type": gettext_lazy("Type"),
    "country": gettext_lazy("Country"),
    "position": gettext_lazy("Position"),
    "checkbox": gettext_lazy("Tick"),
    "privacy": gettext_lazy("Consent to the processing of personal data"),
    "agree": gettext_lazy("Consent"),
    "agreement": gettext_lazy("Consent"),
    "leads": gettext_lazy("Title"),
    "deals": gettext_lazy("Title"),
    "unsorted": gettext_lazy("Title"),
}
_TICKED = {"on": True, "true": True, "yes": True, "checked": True, "off": False, "false": False, "no": False}
_CAMEL = re.compile(r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])")
_NO_WORD = re.compile(r"[_\s]+|(?<=\w)-(?=\w)")


def label_of(name: str, meaning: str = "", labels: Mapping[str, str] | None = None) -> str:
    """The label of a field: the form's own one, that of its meaning, a usual word, else its name made readable."""
    if own := (labels or {}).get(name, ""):
        return own
    told = telling_part(name)
    if re.search("[а-яё]", told, re.IGNORECASE):
        # A site that names its fields in Russian has said it best.
        return _readable(told)
    if meaning in MEANINGS:
        return str(MEANINGS[meaning])
    if not meaning and own_meaning(told) == "name":
        # "products[0][name]" is what the product is called, "leads[add][0][name]" the title of a request.
        parts = [part for part in re.split(r"[.\[\]]+", name) if part.strip() and not part.isdigit()]
        told = next((part for part in reversed(parts[:-1]) if part != "add"), told)
    word = re.sub(r"[\W\d_]", "", told).lower()
    return str(_WORDS[word]) if word in _WORDS else _readable(told)


def value_of(value: str) -> str:
    """A value as people say it: a tick that was sent as "on" is "yes"."""
    ticked = _TICKED.get(value.strip().lower())
    return value if ticked is None else (_("yes") if ticked else _("no"))


def line_of(name: str, value: str, meaning: str = "", labels: Mapping[str, str] | None = None) -> str:
    """One line of a request's text."""
    label = label_of(name, meaning, labels) if name else ""
    return f"{label}: {value_of(value)}" if label else value


def _readable(name: str) -> str:
    words = one_line(_NO_WORD.sub(" ", _CAMEL.sub(" ", name))).rstrip(" *:?")
    return words[:1].upper() + words[1:]
