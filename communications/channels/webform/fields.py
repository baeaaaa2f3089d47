"""From the fields of a form post to a request: what is understood goes to its place, all the rest to the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import gettext as _

from communications.channels.webform.labels import line_of
from communications.channels.webform.names import meaning_of
from communications.channels.webform.streaming import MAX_FILE, MAX_FILES
from communications.channels.webform.transport import File, Parsed
from communications.requests import LeadRequest
from crm import normalize
from crm.attribution import Touch, touch_from
from crm.errors import InvalidInput
from crm.names import display_name
from crm.uploads import check_upload

MAX_SIDE = Decimal("9999999.99")
MAX_AREA = Decimal("999999999999.99")
_LIMITS = {"name": 255, "company": 255, "address": 500, "city": 100, "region": 100, "purpose": 200}
# Values that have the same name here and in a request.
_TEXTS = ("inn", "address", "city", "region", "purpose")
_NUMBERS = ("length", "width", "height", "area", "amount")
_SIZES = re.compile(r"([0-9]+(?:[.,][0-9]+)?)")
_TWO_OR_THREE_SIZES = re.compile(
    r"\s*[0-9.,]+\s*(?:м|m)?\.?\s*[xх×*]\s*[0-9.,]+\s*(?:м|m)?\.?(?:\s*[xх×*]\s*[0-9.,]+)?\s*(?:м|m)?\.?\s*",
    re.IGNORECASE,
)
_YES = frozenset({"1", "true", "on", "yes", "y", "да", "checked", "согласен", "согласна"})
# Filled in where nobody filled anything in: a phone in the text is a phone all the same.
_SCANNED = 20_000


@dataclass
class _Reading:
    """What has been understood so far."""

    labels: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Decimal] = field(default_factory=dict)
    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)
    start: date | None = None
    consent: bool = False

    def keep(self, name: str, value: str, meaning: str = "") -> None:
        """Keep a field in the text, under a label for people."""
        self.lines.append(line_of(name, value, meaning, self.labels))


def read_request(
    parsed: Parsed,
    field_map: Mapping[str, str],
    *,
    page: str = "",
    source: str = "",
    labels: Mapping[str, str] | None = None,
    own_hosts: Iterable[str] = (),
    marks: Mapping[str, str] | None = None,
) -> LeadRequest:
    """The request in a form post.

    `page` is the address of the page with the form, `source` the form's own, `labels` what the form calls its fields,
    `own_hosts` the company's own sites, which are nobody's referrer, `marks` the UTM marks of a visitor who brings
    nothing that tells where from.
    """
    found = _Reading(labels or {})
    for name, value in parsed.pairs:
        if value:
            _take(found, meaning_of(name, field_map), name, value)
    if found.values.get("first_name", "") not in (title := found.values.get("name", "")):
        found.keep("title", title)
    text = _text_with_points(found)
    values, numbers = found.values, found.numbers
    files, refused = take_files(parsed.files)
    return LeadRequest(
        name=_name(values),
        phones=tuple(found.phones),
        emails=tuple(found.emails),
        company_name=values.get("company", ""),
        text=text,
        **{name: values.get(name, "") for name in _TEXTS},  # type: ignore[arg-type]
        **{name: numbers.get(name) for name in _NUMBERS},  # type: ignore[arg-type]
        construction_start=found.start,
        touch=_touch(found, page, own_hosts, marks or {}),
        source=source,
        consent=found.consent,
        files=tuple(files),
        problems=(*found.problems, *refused),
    )


def _text_with_points(found: _Reading) -> str:
    """The text of the request; where nobody filled in a phone or e-mail, those that stand in it are taken."""
    text = "\n\n".join(part for part in ("\n".join(found.messages), "\n".join(found.lines)) if part)
    if not found.phones and not found.emails:
        found.phones = [item.original for item in normalize.phones(text[:_SCANNED])]
        found.emails = normalize.emails(text[:_SCANNED])
    return text


def _touch(found: _Reading, page: str, own_hosts: Iterable[str], marks: Mapping[str, str]) -> Touch:
    """Where the visitor came from: by the post, and where it tells nothing by the marks they brought before."""
    values = found.values
    pages = (values.get("referrer", ""), values.get("page") or page, values.get("cookies", ""), own_hosts)
    touch = touch_from(found.marks, *pages)
    if marks and touch.source_code == "direct":
        return touch_from({**found.marks, **marks}, *pages)
    return touch


def field_of(parsed: Parsed, meaning: str, field_map: Mapping[str, str]) -> str:
    """The first value with that meaning."""
    return next((value for name, value in parsed.pairs if value and meaning_of(name, field_map) == meaning), "")


def _take(found: _Reading, meaning: str, name: str, value: str) -> None:
    if meaning.startswith("mark:"):
        found.marks.setdefault(meaning.partition(":")[2], value)
        return
    match meaning:
        case "phone" | "email":
            _take_points(found, meaning, name, value)
        case "text":
            found.messages.append(value)
        case "length" | "width" | "height" | "area" | "amount":
            _take_number(found, meaning, name, value)
        case "sizes":
            _take_sizes(found, name, value)
        case "start":
            found.start = found.start or _date(value)
            found.keep(name, value, meaning)
        case "consent":
            found.consent = found.consent or value.strip().lower() in _YES
            found.keep(name, value, meaning)
        case "inn":
            number = normalize.inn(value)
            _take_value(found, "inn", name, number) if number else found.keep(name, value, meaning)
        case "technical":
            pass
        case "cookies" | "transaction" | "form" | "form_name" | "referrer" | "page":
            found.values.setdefault(meaning, value)
        case "":
            found.keep(name, value)
        case _:
            _take_value(found, meaning, name, value)


def _take_points(found: _Reading, meaning: str, name: str, value: str) -> None:
    """Phones and addresses wherever they were typed; what is neither stays in the text and is told."""
    phones, emails = normalize.phones(value), normalize.emails(value)
    found.phones += [item.original for item in phones]
    found.emails += emails
    if phones or emails:
        return
    found.keep(name, value, meaning)
    shown = {"value": normalize.one_line(value[:200], 60)}
    if shown["value"]:
        not_a_phone, not_an_email = (
            _("The phone was not understood: «%(value)s»."),
            _("The e-mail was not understood: «%(value)s»."),
        )
        message = (not_a_phone if meaning == "phone" else not_an_email) % shown
        found.problems.append({"pointer": f"/{name[:60]}", "code": f"invalid_{meaning}", "message": message})


def _take_value(found: _Reading, meaning: str, name: str, value: str) -> None:
    """The first value of a meaning; further ones, and what is too long for its column, stay in the text too."""
    limit = _LIMITS.get(meaning, 255)
    line = normalize.one_line(value, limit + 1)
    if meaning in found.values or len(line) > limit or meaning == "purpose":
        found.keep(name, value, meaning)
    found.values.setdefault(meaning, line[:limit])


def _take_number(found: _Reading, meaning: str, name: str, value: str) -> None:
    number = _number(value, MAX_SIDE if meaning in {"length", "width", "height"} else MAX_AREA)
    if number is None or meaning in found.numbers:
        found.keep(name, value, meaning)
    else:
        found.numbers[meaning] = number


def _number(value: str, largest: Decimal) -> Decimal | None:
    number = normalize.decimal_number(value)
    if number is None or not Decimal("0.01") <= number <= largest:
        return None
    return number.quantize(Decimal("0.01"))


def _take_sizes(found: _Reading, name: str, value: str) -> None:
    """ "24х60х8": the longer side is the length, the third number the height."""
    found.keep(name, value, "sizes")
    if not _TWO_OR_THREE_SIZES.fullmatch(value[:100]):
        return
    sizes = [size for text in _SIZES.findall(value) if (size := _number(text, MAX_SIDE)) is not None]
    if len(sizes) >= 2:
        found.numbers.setdefault("width", min(sizes[:2]))
        found.numbers.setdefault("length", max(sizes[:2]))
    if len(sizes) == 3:
        found.numbers.setdefault("height", sizes[2])


def _date(value: str) -> date | None:
    for pattern in ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(value.strip()[:10], pattern).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
    return None


def _name(values: Mapping[str, str]) -> str:
    """The name as one line: as it was typed whole, or put together from its parts."""
    whole, first = values.get("name", ""), values.get("first_name", "")
    if values.get("last_name") or values.get("patronymic"):
        return display_name(values.get("last_name", ""), first or whole, values.get("patronymic", ""))[:255]
    # A request that has a title and a person in it calls both of them a name.
    return (whole if first in whole else first) or values.get("form_name", "")


def take_files(files: Iterable[File]) -> tuple[list[Any], list[dict[str, str]]]:
    """The files that are kept, as uploads, and for each other one a problem that names it."""
    kept: list[Any] = []
    problems: list[dict[str, str]] = []
    for item in files:
        upload = _upload(item)
        try:
            if len(kept) >= MAX_FILES:
                message = _("«%(name)s» is one file too many: a form may bring %(limit)s.")
                raise InvalidInput(message % {"name": upload.name, "limit": MAX_FILES})
            if item.is_cut:
                limit = MAX_FILE // 1024 // 1024
                raise InvalidInput(_("«%(name)s» is larger than %(limit)s MB.") % {"name": upload.name, "limit": limit})
            check_upload(upload)
        except InvalidInput as error:
            code = error.errors[0]["code"] if error.errors else "too_large"
            problems.append({"pointer": f"/{item.field[:60] or 'file'}", "code": code, "message": error.message})
        else:
            kept.append(upload)
    return kept, problems


def _upload(item: File) -> Any:
    name = PurePosixPath(normalize.one_line(item.name, 1_000).replace("\\", "/")).name[-200:]
    return SimpleUploadedFile(name if name.strip(".") else "file", item.content)
