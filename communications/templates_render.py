"""Templates of letters: named placeholders only, filled from a record; a missing value is named, never left blank."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from communications.models import MessageTemplate
from crm import preferences, titles
from crm.errors import InvalidInput
from crm.models import Contact, StagedRecord
from crm.normalize import one_line

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# What its writer means as one, in whichever letters: the client must never read it.
IN_BRACES = re.compile(r"\{([^{}]*)\}")


class MissingValue(InvalidInput):
    """A template needs what the record does not have."""

    code = "missing_value"


@dataclass(frozen=True)
class Letter:
    """A rendered subject and text."""

    subject: str
    text: str


@dataclass(frozen=True)
class Placeholder:
    """One name a template may use: what it means and where its value comes from."""

    label: Any
    value: Callable[[StagedRecord, Contact | None], Any]


def _greeting(record: StagedRecord, contact: Contact | None) -> str:
    """«Иван Петрович»: how a letter addresses a person; the whole name where only that is known."""
    if contact is None:
        return ""
    name = " ".join(part for part in (contact.first_name, contact.patronymic) if part)
    return name or contact.full_name


def _building(record: StagedRecord, contact: Contact | None) -> str:
    """What is to be built, as one may name it to the client: our titles hold the client's own name."""
    if (obj := getattr(record, "object", None)) is not None:
        return str(obj)
    sides = [titles.title_value(getattr(record, name, None)) for name in ("length", "width")]
    size = "×".join(sides) if all(sides) else ""
    what = " ".join(part for part in (str(getattr(record, "purpose", None) or ""), size) if part)
    return ", ".join(part for part in (what, getattr(record, "city", "")) if part) or str(record)


def _related(name: str) -> Callable[[StagedRecord, Contact | None], Any]:
    return lambda record, contact: getattr(record, name, None)


def _of_responsible(name: str) -> Callable[[StagedRecord, Contact | None], Any]:
    return lambda record, contact: getattr(record.responsible, name, "")


def _date(record: StagedRecord, contact: Contact | None) -> str:
    day = getattr(record, "construction_start", None)
    return f"{day:%d.%m.%Y}" if day else ""


PLACEHOLDERS: dict[str, Placeholder] = {
    "contact": Placeholder(gettext_lazy("how the person is addressed"), _greeting),
    "client_company": Placeholder(gettext_lazy("the client's company"), _related("company")),
    "title": Placeholder(gettext_lazy("title of the lead or deal"), lambda record, contact: record),
    "object": Placeholder(gettext_lazy("what is to be built"), _building),
    "construction_start": Placeholder(gettext_lazy("planned construction start"), _date),
    "responsible": Placeholder(gettext_lazy("responsible"), _of_responsible("full_name")),
    "responsible_phone": Placeholder(gettext_lazy("phone of the responsible"), _of_responsible("phone")),
    "responsible_email": Placeholder(gettext_lazy("e-mail of the responsible"), _of_responsible("email")),
    "company_name": Placeholder(gettext_lazy("our company"), lambda record, contact: preferences.get("company_name")),
}


def declare(name: str, label: Any, value: Callable[[StagedRecord, Contact | None], Any]) -> None:
    """Add a placeholder of an app's own; called from AppConfig.ready."""
    PLACEHOLDERS[name] = Placeholder(label, value)


# The columns of a template that are read by clients.
TEXTS = ("subject", "text", "subject_en", "text_en")


def language_for(contact: Contact | None) -> str:
    """The language of letters to a client: their own where we know it, else the company's."""
    return str(getattr(contact, "language", "") or preferences.get("letters_language"))


def check_text(text: str) -> None:
    """Refuse a template that uses a placeholder nobody knows, or anything else in braces."""
    for name in IN_BRACES.findall(text):
        if name not in PLACEHOLDERS:
            raise InvalidInput(
                _("Unknown placeholder {%(name)s}; known are: %(known)s.")
                % {"name": name, "known": ", ".join(sorted(PLACEHOLDERS))},
                errors=[{"pointer": "/text", "code": "unknown_placeholder", "message": name}],
            )


def render(
    template: MessageTemplate,
    record: StagedRecord,
    contact: Contact | None,
    given: Mapping[str, str] | None = None,
    *,
    language: str = "",
) -> Letter:
    """The letter for a record and a person; MissingValue names the placeholders that have no value there.

    `given` are values that the caller knows better than the record does: which of its quotes is meant. The letter is
    in `language`, else in the client's; in Russian where the template has no text in it.
    """
    subject, text, values = _read(template, record, contact, given or {}, language)
    _require(values, template, record)
    return Letter(one_line(_fill(subject, values)), _fill(text, values))


def draft(template: MessageTemplate, record: StagedRecord, contact: Contact | None) -> tuple[Letter, str]:
    """The letter for a person to finish: what has no value stays in its braces, and the sentence that names it."""
    subject, text, values = _read(template, record, contact, {}, "")
    problem = ""
    try:
        _require(values, template, record)
    except MissingValue as error:
        problem = error.message
    shown = {name: value or f"{{{name}}}" for name, value in values.items()}
    return Letter(one_line(_fill(subject, shown)), _fill(text, shown)), problem


def require_filled(**texts: str) -> None:
    """Refuse what a person wrote, by the field it stands in, while a placeholder stands in it still."""
    for field, text in texts.items():
        if left := [name for name in IN_BRACES.findall(text) if name in PLACEHOLDERS]:
            names = ", ".join(f"{{{name}}}" for name in dict.fromkeys(left))
            raise InvalidInput.at(field, _("Write what is meant instead of %(names)s.") % {"names": names})


def _read(
    template: MessageTemplate, record: StagedRecord, contact: Contact | None, known: Mapping[str, str], language: str
) -> tuple[str, str, dict[str, str]]:
    """Subject and text of a template in the language of the letter, and what its placeholders stand for."""
    wanted = language or language_for(contact)
    is_english = wanted == "en" and bool(template.text_en.strip())
    subject, text = (template.subject_en, template.text_en) if is_english else (template.subject, template.text)
    check_text(subject + text)
    # In the order of the letter, each once: so they are named to whoever must fill them in.
    names = dict.fromkeys(PLACEHOLDER.findall(f"{subject} {text}"))
    with translation.override("en" if is_english else "ru"):
        values = {
            name: str(known[name] if name in known else PLACEHOLDERS[name].value(record, contact) or "").strip()
            for name in names
        }
    return subject, text, values


def _require(values: Mapping[str, str], template: MessageTemplate, record: StagedRecord) -> None:
    if missing := {name: str(PLACEHOLDERS[name].label) for name, value in values.items() if not value}:
        raise MissingValue(
            _("The template «%(template)s» needs «%(what)s», and «%(record)s» has none.")
            % {"template": template.name, "what": "», «".join(missing.values()), "record": record},
            errors=[{"pointer": f"/{name}", "code": "required", "message": label} for name, label in missing.items()],
        )


def _fill(text: str, values: Mapping[str, str]) -> str:
    # One pass: braces inside a value (a client's name, a deal's title) mean nothing.
    return PLACEHOLDER.sub(lambda match: values[match.group(1)], text)
