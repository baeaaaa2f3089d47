"""Web forms as people set them up: their fields and texts, the consent in its versions, the sites that may post."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from communications.channels.webform import labels
from communications.channels.webform.names import IN_THE_TEXT, KNOWN, is_mark
from communications.models import WebForm, WebFormConsent
from crm import clock
from crm.actors import Actor
from crm.attribution import UTM_MARKS
from crm.errors import InvalidInput
from crm.normalize import clean_text, one_line
from crm.prepared import TEXT, Prepared
from crm.settings_audit import require_head, save_audited

TYPES: dict[str, Any] = {
    "text": gettext_lazy("A line of text"),
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "textarea": gettext_lazy("Several lines"),
    "number": gettext_lazy("Number"),
    "select": gettext_lazy("One of a list"),
    "checkbox": gettext_lazy("Tick"),
    "date": gettext_lazy("Date"),
    "file": gettext_lazy("File"),
}
# What a field of a form of ours may be; an empty one stays in the text under its label.
FIELD_MEANINGS = (*labels.MEANINGS,)
MAX_FIELDS = 30
MAX_OPTIONS = 50
MAX_ORIGINS = 50
MAX_NAMES = 500
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")

_IN_USE = Prepared(
    lambda key: WebForm.objects.filter(key=key, is_active=True).select_related("source", "responsible"), TEXT
)


def form_in_use(key: str) -> WebForm | None:
    """The form with that public key, unless it is switched off."""
    return _IN_USE.first(key)


@dataclass(frozen=True)
class FormField:
    """One field of a form: `key` is its name in the post, `meaning` what it is to us, `type` how it is filled in."""

    key: str
    meaning: str = ""
    type: str = "text"
    label: str = ""
    required: bool = False
    options: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The label that visitors read."""
        return self.label or labels.label_of(self.key, self.meaning)


DEFAULT_FIELDS = (
    FormField("name", "name", "text", required=True),
    FormField("phone", "phone", "phone", required=True),
    FormField("message", "text", "textarea"),
)


def fields_of(form: WebForm) -> list[FormField]:
    """The fields of a form in order; a form that nobody has built yet has the usual ones."""
    rows = [FormField(**{**row, "options": tuple(row.get("options", ()))}) for row in form.fields]
    return rows or list(DEFAULT_FIELDS)


def names_of(form: WebForm) -> dict[str, str]:
    """What the fields of a form's posts mean: its own fields, and what a person said of a site's names."""
    own = {row.key: row.meaning or IN_THE_TEXT for row in fields_of(form)} if form.fields else {}
    return {**own, **form.field_map}


def labels_of(form: WebForm) -> dict[str, str]:
    """What a form calls its fields, for the text of the request."""
    return {row.key: row.label for row in fields_of(form) if row.label}


def may_post_from(form: WebForm, origin: str) -> bool:
    """May a page of that origin post to the form? Without a list every site may."""
    return not form.allowed_origins or origin.lower() in form.allowed_origins


def own_hosts(form: WebForm | None) -> list[str]:
    """The hosts of the sites on which the form stands: they are nobody's referrer."""
    return [urlsplit(origin).hostname or "" for origin in form.allowed_origins] if form is not None else []


@transaction.atomic
def web_form_create(*, data: Mapping[str, Any], by: Any) -> WebForm:
    """Make a form; InvalidInput names wrong values."""
    require_head(by)
    form = WebForm()
    _save(form, {"name": "", **data}, by)
    return form


@transaction.atomic
def web_form_change(form: WebForm, *, data: Mapping[str, Any], by: Any) -> WebForm:
    """Change a form; another wording of the consent becomes its next version."""
    require_head(by)
    fresh = WebForm.objects.select_for_update().get(pk=form.pk)
    _save(fresh, data, by)
    return fresh


def _save(form: WebForm, data: Mapping[str, Any], by: Any) -> None:
    cleaned = {name: CLEANERS.get(name, lambda value: value)(value) for name, value in data.items()}
    text = cleaned.get("consent_text", form.consent_text)
    if reworded := text != form.consent_text and bool(text):
        form.consent_version += 1
    save_audited("webform", form, cleaned, by=by)
    if reworded:
        WebForm.objects.filter(pk=form.pk).update(consent_version=form.consent_version)
        WebFormConsent.objects.create(
            form=form, version=form.consent_version, text=text, created_at=clock.now(), created_by=Actor.of(by).user
        )


def current_consent(form: WebForm) -> WebFormConsent | None:
    """The wording that visitors are asked to agree to now."""
    if not form.consent_text:
        return None
    return WebFormConsent.objects.filter(form=form, version=form.consent_version).first()


# -- values -----------------------------------------------------------------------------------------------------------


def clean_fields(rows: Any) -> list[dict[str, Any]]:
    """Fields as they are stored, with keys that are there once."""
    if not isinstance(rows, list) or len(rows) > MAX_FIELDS:
        raise InvalidInput.at("fields", _("A form has up to %(limit)s fields.") % {"limit": MAX_FIELDS})
    found: list[dict[str, Any]] = []
    taken: set[str] = set()
    for number, row in enumerate(rows):
        field = _clean_field(row, number, taken)
        taken.add(field.key)
        found.append({**asdict(field), "options": list(field.options)})
    if found and not {"phone", "email"} & {row["meaning"] for row in found}:
        raise InvalidInput.at("fields", _("A form needs a phone or an e-mail, or nobody can answer."))
    return found


def _clean_field(row: Any, number: int, taken: set[str]) -> FormField:
    at = f"fields/{number}"
    if not isinstance(row, dict) or not set(row) <= {"key", "meaning", "type", "label", "required", "options"}:
        raise InvalidInput.at(at, _("A field has key, meaning, type, label, required and options."))
    meaning, kind = str(row.get("meaning") or ""), str(row.get("type") or "text")
    if meaning and meaning not in FIELD_MEANINGS:
        raise InvalidInput.at(at, _("Choose among: %(names)s.") % {"names": ", ".join(FIELD_MEANINGS)})
    if kind not in TYPES:
        raise InvalidInput.at(at, _("Choose among: %(names)s.") % {"names": ", ".join(TYPES)})
    label = one_line(row.get("label"), 150)
    if not label and not meaning:
        raise InvalidInput.at(at, _("Say what the field is called."))
    options = tuple(dict.fromkeys(text for item in row.get("options") or () if (text := one_line(item, 150))))
    if kind == "select" and not 1 <= len(options) <= MAX_OPTIONS:
        raise InvalidInput.at(at, _("Give from 1 to %(limit)s values to choose from.") % {"limit": MAX_OPTIONS})
    key = str(row.get("key") or "") or _free_key(meaning or f"field_{number + 1}", taken)
    if not _KEY.fullmatch(key) or key in taken or key == "homepage":
        raise InvalidInput.at(at, _("A key is there once, in small Latin letters, digits and underscores."))
    return FormField(key, meaning, kind, label, bool(row.get("required")), options if kind == "select" else ())


def _free_key(base: str, taken: set[str]) -> str:
    return next(key for n in range(1, MAX_FIELDS + 2) if (key := base if n == 1 else f"{base}_{n}") not in taken)


def clean_origins(rows: Any) -> list[str]:
    """Origins as browsers send them: scheme and host, no path."""
    if not isinstance(rows, list) or len(rows) > MAX_ORIGINS:
        raise InvalidInput.at("allowed_origins", _("Up to %(limit)s sites.") % {"limit": MAX_ORIGINS})
    found = []
    for row in rows:
        text = one_line(row, 300).lower().rstrip("/")
        text = text if "//" in text else f"https://{text}"
        with suppress(UnicodeError):
            text = text if text.isascii() else text.encode("idna").decode()
        if not _ORIGIN.fullmatch(text):
            raise InvalidInput.at(
                "allowed_origins", _("«%(value)s» is no site: write https://example.com.") % {"value": text[:80]}
            )
        found.append(text)
    return list(dict.fromkeys(found))


def clean_marks(rows: Any) -> dict[str, str]:
    """The five UTM marks, those that say something."""
    if not isinstance(rows, dict) or not set(rows) <= set(UTM_MARKS):
        raise InvalidInput.at("marks", _("Choose among: %(names)s.") % {"names": ", ".join(UTM_MARKS)})
    return {name: text for name, value in rows.items() if (text := one_line(value, 255))}


def clean_map(rows: Any) -> dict[str, str]:
    """Names on a site and what they mean: a known meaning, a mark, "-" for the text alone."""
    if not isinstance(rows, dict) or len(rows) > MAX_NAMES:
        raise InvalidInput.at("field_map", _("Up to %(limit)s names.") % {"limit": MAX_NAMES})
    found = {}
    for name, meaning in rows.items():
        if meaning not in KNOWN and meaning != IN_THE_TEXT and not (isinstance(meaning, str) and is_mark(meaning)):
            text = _("«%(value)s» is no meaning of a field.") % {"value": str(meaning)[:60]}
            raise InvalidInput.at("field_map", text)
        found[one_line(name, 200)] = str(meaning)
    return found


def clean_redirect(url: Any) -> str:
    """A page of the web, no other kind of address."""
    text = one_line(url, 500)
    if text and urlsplit(text).scheme not in {"http", "https"}:
        raise InvalidInput.at("redirect_url", _("Write the address of a page: https://…"))
    return text


def clean_responsible(user: Any) -> Any:
    """Somebody of the manufacturer who works here."""
    if user is not None and (not user.is_active or user.is_partner):
        raise InvalidInput.at("responsible", _("This person cannot be responsible for requests."))
    return user


CLEANERS: dict[str, Any] = {
    "fields": clean_fields,
    "allowed_origins": clean_origins,
    "marks": clean_marks,
    "field_map": clean_map,
    "redirect_url": clean_redirect,
    "responsible": clean_responsible,
    "consent_text": lambda text: clean_text(text, 4000),
}
