"""Settings of the company: declared here with kind and default, kept as rows when somebody changed them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import requisites, scope, titles
from crm.prepared import Kept

if TYPE_CHECKING:
    from accounts.models import User

MEMO = "preferences"
LANGUAGES = (("ru", gettext_lazy("Russian")), ("en", gettext_lazy("English")))


@dataclass(frozen=True)
class Setting:
    """One setting.

    Kind is text, lines, template, numbering, document, int, flag, decimal, days, hours, weekdays, channels, codes,
    roles, zone, language, user, hidden, or a name of crm.requisites.CLEANERS. `section` is its page of the settings.
    """

    default: Any
    kind: str
    label: Any
    help: Any = ""
    names: Collection[str] = ()  # the placeholders a template may hold; of a document a mapping with their labels
    section: str = "company"
    is_guarded: bool = False  # kept by the administrator alone, on a page of its own


SETTINGS: dict[str, Setting] = {
    "company_name": Setting("", "text", gettext_lazy("Company name")),
    "letters_language": Setting(
        "ru",
        "language",
        gettext_lazy("Language of letters to clients"),
        gettext_lazy("A template without a text in it goes in Russian."),
    ),
    "company_time_zone": Setting("Europe/Moscow", "zone", gettext_lazy("Company time zone")),
    "working_hours": Setting(
        ["09:00", "18:00"],
        "hours",
        gettext_lazy("Working hours"),
        gettext_lazy("Norms and deadlines count these hours; what robots plan for later falls into them."),
    ),
    "working_days": Setting([1, 2, 3, 4, 5], "weekdays", gettext_lazy("Working days")),
    "sales_head": Setting(
        0,
        "user",
        gettext_lazy("Who gets what has no owner"),
        gettext_lazy("Empty: the first active sales head."),
    ),
    "lead_title_template": Setting(
        "{source}: {name}, {purpose} {length}×{width}, {city}",
        "template",
        gettext_lazy("Title of a lead"),
        names=("source", "name", "company", "purpose", "length", "width", "height", "area", "city", "region"),
        section="leads",
    ),
    "deal_title_template": Setting(
        "{object} — {client}, {area} м²",
        "template",
        gettext_lazy("Title of a deal"),
        names=("object", "client", "purpose", "length", "width", "area", "tonnage", "city", "source"),
        section="deals",
    ),
    "lead_minimum": Setting(
        ["name", "contact_point", "purpose", "place", "size"],
        "codes",
        gettext_lazy("Minimum data for qualifying a lead"),
        gettext_lazy(
            "The stage “Data complete” requires the same. After a change the leads that wait and lack nothing now go "
            "on by themselves; what has gone on stays where it is."
        ),
        section="leads",
    ),
    "simple_channels": Setting(
        [],
        "channels",
        gettext_lazy("Channels without leads"),
        gettext_lazy(
            "A request of these channels becomes at once a client and a deal; a nameless stranger's stays a lead."
        ),
        section="leads",
    ),
    "delayed_demand_months": Setting(
        6, "int", gettext_lazy("Construction start later than so many months goes to delayed demand"), section="deals"
    ),
    "delayed_demand_days": Setting(
        [60, 30, 30],
        "days",
        gettext_lazy("Delayed demand: days to the first reminder, the second, the call"),
        section="deals",
    ),
    "object_tolerance_percent": Setting(
        "1",
        "decimal",
        gettext_lazy("Sizes of objects agree within, %"),
        gettext_lazy("Used when duplicates are sought."),
        section="clients",
    ),
    "merge_undo_days": Setting(30, "int", gettext_lazy("A merge can be undone for so many days"), section="clients"),
    "refusal_threshold_percent": Setting(
        40, "int", gettext_lazy("A refusal reason is flagged above this share, %"), section="deals"
    ),
    "refusal_other_percent": Setting(
        15, "int", gettext_lazy("The reason “other” is flagged above this share of the refusals, %"), section="deals"
    ),
    "dormant_days": Setting(
        365, "int", gettext_lazy("A client is dormant after so many days without activity"), section="clients"
    ),
    "letters_track_openings": Setting(
        True,
        "flag",
        gettext_lazy("Letters to clients tell when they are opened"),
        gettext_lazy(
            "By an image of one point in the letter, asked for when it is shown. That is data about a person: the "
            "company's rules on personal data should say so. Off: letters leave without it, and nothing more is noted."
        ),
    ),
    "webhook_log_days": Setting(
        30,
        "int",
        gettext_lazy("Webhooks: the log and the events are kept for so many days"),
        gettext_lazy("What still waits to be delivered is kept until it is."),
    ),
    "second_factor_roles": Setting(
        [],
        "roles",
        gettext_lazy("Who must have a second factor"),
        gettext_lazy(
            "People of these roles set up an app or a passkey at their next step in the product and can do nothing "
            "else before. API tokens that exist work on."
        ),
        is_guarded=True,
    ),
    "clock_shift_seconds": Setting(0, "hidden", gettext_lazy("Shift of the demo's clock, seconds")),
}


# The pages of the settings, in their order; apps add theirs with their settings.
SECTIONS: dict[str, Any] = {
    "company": gettext_lazy("Company and working time"),
    "seller": gettext_lazy("Details for documents"),
    "leads": gettext_lazy("Leads"),
    "deals": gettext_lazy("Deals"),
    "clients": gettext_lazy("Clients and objects"),
}
# Our own details as documents bear them, each a setting "seller_…".
SELLER: dict[str, Setting] = {
    "name": Setting("", "text", gettext_lazy("Full name of the seller"), gettext_lazy("Empty: the company name.")),
    "inn": Setting("", "inn", gettext_lazy("INN")),
    "kpp": Setting("", "kpp", gettext_lazy("KPP")),
    "ogrn": Setting("", "ogrn", gettext_lazy("OGRN")),
    "address": Setting("", "text", gettext_lazy("Legal address")),
    "city": Setting("", "text", gettext_lazy("Town where contracts are made")),
    "bank": Setting("", "text", gettext_lazy("Bank"), gettext_lazy("Name and town, as on a payment order.")),
    "bik": Setting("", "bik", gettext_lazy("BIK")),
    "account": Setting("", "account", gettext_lazy("Settlement account")),
    "corr_account": Setting("", "corr_account", gettext_lazy("Correspondent account")),
    "contacts": Setting("", "text", gettext_lazy("Phone, e-mail, site")),
    "signatory": Setting(
        "",
        "text",
        gettext_lazy("Who signs for us"),
        gettext_lazy("As a contract says it: “its director Petrov P. P., who acts under the charter”."),
    ),
    "director": Setting("", "text", gettext_lazy("Head: name for the signature")),
    "accountant": Setting("", "text", gettext_lazy("Chief accountant: name for the signature")),
}
SETTINGS |= {f"seller_{name}": replace(setting, section="seller") for name, setting in SELLER.items()}


def declare(section: str, label: Any, settings: Mapping[str, Setting]) -> None:
    """Add a page of settings of an app; called from AppConfig.ready."""
    SECTIONS[section] = label
    for key, setting in settings.items():
        SETTINGS[key] = replace(setting, section=section)


def seller() -> dict[str, str]:
    """Our own details as documents bear them: name, inn, kpp, … without the prefix of the settings."""
    found = {name: str(get(f"seller_{name}")) for name in SELLER}
    return found | {"name": found["name"] or str(get("company_name"))}


def disagreements(keys: Iterable[str]) -> dict[str, str]:
    """What is wrong with settings that must fit each other, by the setting; asked after some of them were kept."""
    if not any(key.startswith("seller_") for key in keys):
        return {}
    return {f"seller_{name}": message for name, message in requisites.of_another_bank(seller()).items()}


def _rows() -> QuerySet[Any]:
    from crm.models import Preference

    return Preference.objects.only("key", "value").order_by()


_kept = Kept(_rows, lambda rows: {row.key: row.value for row in rows})


def _stored() -> dict[str, Any]:
    return _kept.get()


def get(key: str) -> Any:
    """The value of a setting, or its default; KeyError for a name that is not declared."""
    setting = SETTINGS[key]
    return scope.remember(MEMO, _stored).get(key, setting.default)


def get_decimal(key: str) -> Decimal:
    """A setting of kind decimal."""
    return Decimal(str(get(key)))


def set_value(key: str, value: Any, by: User | None = None) -> None:
    """Keep a setting; ValidationError names what is wrong with it."""
    from crm import clock
    from crm.models import Preference

    clean = _clean(SETTINGS[key], value)
    at = clock.now() if key != "clock_shift_seconds" else _real_now()
    Preference.objects.update_or_create(key=key, defaults={"value": clean, "changed_by": by, "changed_at": at})
    scope.forget(MEMO)


def _real_now() -> Any:
    from django.utils import timezone

    return timezone.now()


def _clean(setting: Setting, value: Any) -> Any:
    if setting.kind in {"int", "hidden"}:
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise ValidationError(_("Enter a whole number.")) from error
        if setting.kind == "int" and not 0 < number <= 10_000:
            raise ValidationError(_("Enter a number from 1 to 10,000."))
        return number
    if setting.kind == "user":
        return int(value) if value else 0
    if setting.kind == "decimal":
        try:
            decimal = Decimal(str(value).replace(",", "."))
        except InvalidOperation as error:
            raise ValidationError(_("Enter a number.")) from error
        if not (decimal.is_finite() and 0 <= decimal <= 100):
            raise ValidationError(_("Enter a number from 0 to 100."))
        return str(decimal)
    if setting.kind in CLEANERS:
        return CLEANERS[setting.kind](value)
    if setting.kind in TEMPLATES:
        return TEMPLATES[setting.kind](setting, str(value))
    if setting.kind == "zone":
        try:
            ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValidationError(_("There is no time zone «%(name)s».") % {"name": value}) from error
        return str(value)
    if setting.kind == "codes":
        return [str(item) for item in value]
    return str(value)[:500]


def _clean_days(value: Any) -> list[int]:
    parts = value if isinstance(value, list | tuple) else str(value).replace("/", ",").split(",")
    try:
        days = [int(part) for part in parts]
    except (TypeError, ValueError) as error:
        raise ValidationError(_("Enter three numbers of days, for example 60, 30, 30.")) from error
    if len(days) != 3 or not all(0 < day <= 1000 for day in days):
        raise ValidationError(_("Enter three numbers of days, for example 60, 30, 30."))
    return days


def _clean_hours(value: Any) -> list[str]:
    """Two times of a day, the first before the second: "9:00–18:00", or a list of two."""
    parts = value if isinstance(value, list | tuple) else re.split(r"[-–—]", str(value))
    times = [re.fullmatch(r"\s*(\d{1,2})[:.](\d{2})\s*", str(part)) for part in parts]
    wrong = ValidationError(_("Enter the hours from and to, for example 9:00–18:00."))
    if len(times) != 2 or not all(times):
        raise wrong
    try:
        opens, closes = (time(int(found[1]), int(found[2])) for found in times if found)
    except ValueError as error:
        raise wrong from error
    if opens >= closes:
        raise wrong
    return [f"{opens:%H:%M}", f"{closes:%H:%M}"]


def _clean_weekdays(value: Any) -> list[int]:
    try:
        days = sorted({int(item) for item in value})
    except (TypeError, ValueError) as error:
        raise ValidationError(_("Choose days of the week.")) from error
    if not days or not set(days) <= set(range(1, 8)):
        raise ValidationError(_("Choose at least one working day."))
    return days


def _clean_channels(value: Any) -> list[str]:
    from crm.models import INTAKE_CHANNELS

    chosen = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    if unknown := set(chosen) - set(INTAKE_CHANNELS):
        raise ValidationError(_("No requests come in by «%(channel)s».") % {"channel": min(unknown)[:30]})
    return [channel for channel in INTAKE_CHANNELS if channel in chosen]


def _clean_roles(value: Any) -> list[str]:
    from accounts.models import Role

    chosen = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    if unknown := set(chosen) - set(Role.values):
        raise ValidationError(_("There is no role «%(name)s».") % {"name": min(unknown)[:30]})
    return [role for role in Role.values if role in chosen]


def _clean_language(value: Any) -> str:
    if value not in dict(LANGUAGES):
        raise ValidationError(_("Choose a language: %(known)s.") % {"known": ", ".join(dict(LANGUAGES))})
    return str(value)


def _clean_title(setting: Setting, value: str) -> str:
    try:
        titles.validate_title_template(value, setting.names)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    return value


MOST_OF = {"numbering": 40, "document": 20_000}


def _clean_placeholders(setting: Setting, value: str) -> str:
    """A template of a document: in braces nothing but its placeholders; that of its numbers holds the number."""
    text = value.replace("\r\n", "\n").replace("\x00", "").strip()
    if len(text) > MOST_OF[setting.kind]:
        raise ValidationError(_("At most %(count)s characters.") % {"count": MOST_OF[setting.kind]})
    for name in re.findall(r"\{([^{}]*)\}", text):
        if name not in setting.names:
            raise ValidationError(
                _("Unknown placeholder {%(name)s}; known are: %(known)s.")
                % {"name": name, "known": ", ".join(setting.names)}
            )
    if setting.kind == "numbering" and "{number}" not in text:
        raise ValidationError(_("A number needs {number}: it tells one document from another."))
    return text


def _clean_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValidationError(_("Give true or false."))
    return value


def _clean_lines(value: Any) -> str:
    """A text of several lines."""
    return str(value).replace("\r\n", "\n").strip()[:2000]


TEMPLATES: dict[str, Callable[[Setting, str], str]] = {
    "template": _clean_title,
    "numbering": _clean_placeholders,
    "document": _clean_placeholders,
}
CLEANERS: dict[str, Callable[[Any], Any]] = {
    "flag": _clean_flag,
    "lines": _clean_lines,
    "language": _clean_language,
    "days": _clean_days,
    "hours": _clean_hours,
    "weekdays": _clean_weekdays,
    "channels": _clean_channels,
    "roles": _clean_roles,
    **requisites.CLEANERS,
}
