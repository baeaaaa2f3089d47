"""Form fields that read what people really type, and how a field of a record becomes one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import clock, normalize
from crm.models import StagedRecord

DAY_WORDS = {
    "сегодня": 0, "today": 0, "завтра": 1, "tomorrow": 1, "послезавтра": 2, "вчера": -1, "yesterday": -1,
    "через неделю": 7, "in a week": 7,
}  # fmt: skip
WEEK_DAYS = (
    ("понедельник", "пн", "monday"), ("вторник", "вт", "tuesday"), ("среда", "среду", "ср", "wednesday"),
    ("четверг", "чт", "thursday"), ("пятница", "пятницу", "пт", "friday"), ("суббота", "субботу", "сб", "saturday"),
    ("воскресенье", "вс", "sunday"),
)  # fmt: skip
WORKDAY_START = time(10, 0)


def read_day(text: str, today: date) -> date | None:
    """A day as people write it: 31.12.2025, 31.12, 2025-12-31, "завтра", "пн"; None when it is no day."""
    text = " ".join(text.lower().split())
    if text in DAY_WORDS:
        return today + timedelta(days=DAY_WORDS[text])
    for number, names in enumerate(WEEK_DAYS):
        if text in names:
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    try:
        if found := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
            year, month, day = map(int, found.groups())
            return date(year, month, day)
        if found := re.fullmatch(r"(\d{1,2})[./](\d{1,2})(?:[./](\d{4}|\d{2}))?\.?", text):
            day, month = int(found[1]), int(found[2])
            if found[3]:
                return date(int(found[3]) + (2000 if len(found[3]) == 2 else 0), month, day)
            this_year = date(today.year, month, day)
            return this_year if this_year >= today else date(today.year + 1, month, day)
    except ValueError:
        return None
    return None


def read_full_day(text: str) -> date | None:
    """A day that means the same tomorrow: with its year and in figures, as addresses and the API must have it."""
    return read_day(text, date.min) if re.fullmatch(r"\s*(\d{4}-\d+-\d+|\d+[./]\d+[./]\d{4})\s*", text) else None


def read_moment(text: str, now: datetime) -> datetime | None:
    """A day with a time ("завтра 15:00", "31.12 9:30", "15:00"); a day alone means the start of work."""
    text = " ".join(text.lower().replace("t", " ", 1).split() if re.match(r"\d{4}-", text) else text.lower().split())
    found = re.fullmatch(r"(.*?)(?:,|\s+(?:в|at))?\s*(\d{1,2}):(\d{2})(?::\d{2})?", text)
    words, at = text, WORKDAY_START
    if found:
        words = found[1].strip().rstrip(",")
        try:
            at = time(int(found[2]), int(found[3]))
        except ValueError:
            return None
    day = read_day(words, now.date()) if words else now.date()
    return datetime.combine(day, at, tzinfo=now.tzinfo) if day else None


class DayInput(forms.DateInput):
    """A day as text, 31.12.2026 whatever the browser's language, with a calendar beside it where scripts run."""

    template_name = "django/forms/widgets/day.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        shown = {"autocomplete": "off", "placeholder": gettext_lazy("dd.mm.yyyy"), "data-day": "day", "class": "num"}
        super().__init__({**shown, **(attrs or {})}, format="%d.%m.%Y")

    def format_value(self, value: Any) -> str | None:
        """The day as it is typed here: addresses and drafts of before have it as 2026-12-31."""
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", value):
            value = read_day(value, clock.today()) or value
        return super().format_value(value)


class MomentInput(forms.TextInput):
    """A day with a time as text; the calendar beside it writes the day and leaves the time."""

    template_name = "django/forms/widgets/day.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        shown = {"autocomplete": "off", "placeholder": gettext_lazy("tomorrow 15:00"), "data-day": "moment"}
        super().__init__({**shown, **(attrs or {})})


class FilePick(forms.FileInput):
    """A file as a button and a name in the language of the page; without scripts the browser's own."""

    template_name = "django/forms/widgets/file_pick.html"


class DayField(forms.Field):
    """A date, also as "31.12" or "завтра"."""

    widget = DayInput

    def read(self, text: str) -> date | None:
        """The day that was meant, or None."""
        return read_day(text, clock.today())

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values:
            return None
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        found = self.read(str(value))
        if found is None or not 1900 <= found.year <= 2200:
            raise ValidationError(_("Write a date like 31.12.2026."), code="invalid")
        return found


class FullDayField(DayField):
    """A date in figures with its year: for filters and reports, whose addresses are kept and passed on."""

    def read(self, text: str) -> date | None:
        return read_full_day(text)


class MomentField(forms.Field):
    """A date with a time in the reader's time zone: "завтра 15:00", "31.12 9:30"."""

    widget = MomentInput

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        if isinstance(value, datetime):
            return value
        zone = timezone.get_current_timezone()
        found = read_moment(str(value), clock.now().astimezone(zone))
        if found is None or not 1900 <= found.year <= 2200:
            raise ValidationError(_("Write a day and a time, such as 31.12 15:00 or “tomorrow 10:00”."), code="invalid")
        return found

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return f"{timezone.localtime(value):%d.%m.%Y %H:%M}"
        return value


class NumberField(forms.DecimalField):
    """A number with a comma or a point, with spaces and units: "1 234,5", "24 м"."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "num"})

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        if value in self.empty_values:
            return None
        if isinstance(value, Decimal):
            return value
        found = normalize.decimal_number(str(value))
        if found is None:
            raise ValidationError(_("Enter a number."), code="invalid")
        return found

    def validate(self, value: Any) -> None:
        forms.Field.validate(self, value)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Decimal):
            return value
        text = f"{value:f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", ",")

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Sums of money are shown with their thousands apart, by the browser: "1 234 567,80"."""
        is_money = self.decimal_places == 2 and (self.max_digits or 0) >= 15
        return {"data-grouped": ""} if is_money else {}


class PhoneField(forms.CharField):
    """One phone, in any spelling; answers E.164."""

    widget = forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        found = normalize.phone(text)
        if found is None:
            raise ValidationError(_("«%(text)s» is no phone number.") % {"text": text[:40]}, code="invalid")
        return found.e164

    def prepare_value(self, value: Any) -> Any:
        return normalize.format_phone(value) if isinstance(value, str) and value.startswith("+") else value


class PhonesField(forms.CharField):
    """Any number of phones, by commas or lines; answers the text when everything in it is a phone."""

    widget = forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if text and not normalize.phones(text):
            raise ValidationError(_("«%(text)s» is no phone number.") % {"text": text[:40]}, code="invalid")
        return text


class EmailsField(forms.CharField):
    """Any number of e-mail addresses."""

    widget = forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off"})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if text and not normalize.emails(text):
            raise ValidationError(_("«%(text)s» is no e-mail address.") % {"text": text[:60]}, code="invalid")
        return text


class MailField(EmailsField):
    """One e-mail address, lower-cased."""

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        return normalize.emails(text)[0] if text else ""


def insert_buttons(placeholders: Mapping[str, Any]) -> str:
    """The placeholders of a text by name, with their labels: a press puts one where the cursor is."""
    rows = ((f"{{{name}}}", f"{{{name}}}", label) for name, label in placeholders.items())
    buttons = format_html_join(
        "", '<button type="button" class="btn btn-small" data-insert="{}"><code>{}</code> {}</button>', rows
    )
    return format_html('<span>{}</span><span class="placeholders">{}</span>', _("Placeholders:"), buttons)


class InnField(forms.CharField):
    """A taxpayer number with its check digits."""

    widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "num"})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        found = normalize.inn(text)
        if found is None:
            raise ValidationError(
                _("An INN has 10 or 12 digits, and the last ones check the others: look for a slip."), code="invalid"
            )
        return found


class AutocompleteSelect(forms.Select):
    """A select that draws only what is chosen; the rest is searched as one types."""

    def __init__(self, record_type: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"data-preload": "", **(attrs or {})})
        self.record_type = record_type

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        merged = {"data-autocomplete-url": reverse("record-options", args=[self.record_type]), **(attrs or {})}
        return super().get_context(name, value, merged)

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        wanted = [item for item in value if item]
        rows = self.choices.queryset.filter(pk__in=wanted) if wanted else ()  # type: ignore[attr-defined]
        options = [self.create_option(name, "", "---------", not wanted, 0, attrs=attrs)]
        options += [self.create_option(name, row.pk, str(row), True, 1, attrs=attrs) for row in rows]
        return [(None, [option], number) for number, option in enumerate(options)]


class TagsWidget(forms.SelectMultiple):
    """Tags as chips: what is chosen is drawn, the rest comes as one types, and a new word becomes a tag.

    `only_known`: no new words, for whoever takes tags off.
    """

    def __init__(self, attrs: dict[str, Any] | None = None, *, only_known: bool = False) -> None:
        super().__init__(attrs)
        self.only_known = only_known

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        merged = {"data-autocomplete-url": reverse("tag-options"), "data-preload": "", **(attrs or {})}
        if not self.only_known:
            merged["data-autocomplete-new"] = ""
        return super().get_context(name, value, merged)

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        options = [self.create_option(name, item, item, True, 0, attrs=attrs) for item in value if item]
        return [(None, [option], number) for number, option in enumerate(options)]

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chooser = super().render(name, value, attrs, renderer)
        return format_html('{}<noscript><input class="form-control" name="{}"></noscript>', chooser, name)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        raw = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        return [raw] if isinstance(raw, str) else list(raw)


class TagsField(forms.Field):
    """Names of tags; several in one text are told apart by commas."""

    widget = TagsWidget

    def to_python(self, value: Any) -> list[str]:
        from crm.tags import clean_names

        return clean_names(part for text in value or () for part in str(text).split(","))

    def prepare_value(self, value: Any) -> Any:
        return [getattr(item, "name", item) for item in value or ()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        before = {str(getattr(item, "name", item)) for item in initial or ()}
        return before != set(self.to_python(data))


class RecordChoice(forms.ModelChoiceField):
    """A record of another kind that the person may see; chosen by search."""

    def __init__(self, record_type: str, user: Any, **kwargs: Any) -> None:
        from crm.models import record_model

        rows = record_model(record_type)._default_manager.visible_to(user).alive()  # type: ignore[attr-defined]
        super().__init__(rows, widget=AutocompleteSelect(record_type), **kwargs)


def field_for(model: type[StagedRecord], name: str, user: Any, *, required: bool = False) -> forms.Field:
    """The form field for one field of a record, as `user` may fill it."""
    column: Any = model._meta.get_field(name)
    common: dict[str, Any] = {"label": _capital(column.verbose_name), "required": required, "help_text": ""}
    if isinstance(column, models.ForeignKey):
        return _relation(column, user, common)
    if column.many_to_many:
        return TagsField(**common)
    by_name = {"phone": PhoneField, "email": MailField, "inn": InnField}
    if name in by_name:
        return by_name[name](**common)
    if isinstance(column, models.DateField):
        return DayField(**common)
    if isinstance(column, models.DecimalField):
        return NumberField(max_digits=column.max_digits, decimal_places=column.decimal_places, **common)
    if isinstance(column, models.TextField):
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=100_000, **common)
    if name.startswith("feedback_") and isinstance(column, models.PositiveSmallIntegerField):
        marks = [("", "---------"), *((str(mark), str(mark)) for mark in range(1, 6))]
        return forms.TypedChoiceField(choices=marks, coerce=int, empty_value=None, **common)
    made: forms.Field = column.formfield(**common)
    return made


def _relation(column: Any, user: Any, common: dict[str, Any]) -> forms.Field:
    from crm.people import assignable

    target = column.related_model
    if issubclass(target, StagedRecord):
        return RecordChoice(target.RECORD_TYPE, user, **common)
    if column.name == "responsible":
        return forms.ModelChoiceField(assignable(user), **common)
    rows = target._default_manager.all()
    if any(field.name == "is_active" for field in target._meta.fields):
        rows = rows.filter(is_active=True)
    return forms.ModelChoiceField(rows, **common)


def _capital(text: Any) -> str:
    words = str(text)
    return words[:1].upper() + words[1:]
