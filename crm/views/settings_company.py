"""Settings of the company: every preference that is declared, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role, User
from crm import clock, preferences, settings_services
from crm.formfields import insert_buttons
from crm.models import INTAKE_CHANNELS, Channel
from crm.requirements import requirements_of
from crm.screens import dialogs
from crm.views.settings_nav import settings_context, settings_page

AREAS = ("Europe/", "Asia/")
CITIES = {
    "Europe/Kaliningrad": gettext_lazy("Kaliningrad"),
    "Europe/Moscow": gettext_lazy("Moscow"),
    "Europe/Samara": gettext_lazy("Samara"),
    "Asia/Yekaterinburg": gettext_lazy("Yekaterinburg"),
    "Asia/Omsk": gettext_lazy("Omsk"),
    "Asia/Novosibirsk": gettext_lazy("Novosibirsk"),
    "Asia/Krasnoyarsk": gettext_lazy("Krasnoyarsk"),
    "Asia/Irkutsk": gettext_lazy("Irkutsk"),
    "Asia/Yakutsk": gettext_lazy("Yakutsk"),
    "Asia/Vladivostok": gettext_lazy("Vladivostok"),
    "Asia/Magadan": gettext_lazy("Magadan"),
    "Asia/Kamchatka": gettext_lazy("Kamchatka"),
}
# What a lead gets in the course of work is no minimum for a request.
FOLLOW = frozenset({"responsible", "deal", "contact"})


def zone_choices() -> list[tuple[str, str]]:
    """Time zones with their distance to UTC of today: Russia's first, from west to east, then the others."""
    now = clock.now()
    names = sorted(name for name in available_timezones() if name.startswith(AREAS) and name not in CITIES)
    others = sorted((now.astimezone(ZoneInfo(name)).utcoffset() or timedelta(), name) for name in names)
    return [
        *((name, f"{_distance(now, name)} {city} ({name})") for name, city in CITIES.items()),
        *((name, f"{_distance(now, name)} {name}") for _offset, name in others),
    ]


def _distance(now: datetime, name: str) -> str:
    minutes = int((now.astimezone(ZoneInfo(name)).utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def _field(key: str, setting: preferences.Setting) -> forms.Field:
    """The form field of a setting by its kind."""
    common: dict[str, Any] = {"label": setting.label, "help_text": setting.help, "required": False}
    match setting.kind:
        case "int":
            return forms.IntegerField(min_value=1, max_value=10_000, **{**common, "required": True})
        case "flag":
            return forms.BooleanField(**common)
        case "decimal" | "hours":
            most = 10 if setting.kind == "decimal" else 30
            return forms.CharField(max_length=most, **{**common, "required": True})
        case "zone":
            return forms.ChoiceField(choices=zone_choices, **common)
        case "language":
            return forms.ChoiceField(choices=preferences.LANGUAGES, **{**common, "required": True})
        case "codes":
            known = requirements_of("lead")
            return forms.MultipleChoiceField(
                choices=[(code, item.label) for code, item in known.items() if code not in FOLLOW],
                widget=forms.CheckboxSelectMultiple,
                **common,
            )
        case "user":
            heads = User.objects.filter(is_active=True, role__in=[Role.SALES_HEAD, Role.ADMINISTRATOR])
            return forms.ModelChoiceField(heads, **common)
        case "days":
            return forms.CharField(
                max_length=30, help_text=_("Three numbers, for example 60, 30, 30."), label=setting.label
            )
        case "weekdays":
            days = [(number, WEEKDAYS[number - 1]) for number in range(1, 8)]
            return forms.MultipleChoiceField(choices=days, widget=forms.CheckboxSelectMultiple, **common)
        case "channels":
            offered = [(code, label) for code, label in Channel.choices if code in INTAKE_CHANNELS]
            return forms.MultipleChoiceField(choices=offered, widget=forms.CheckboxSelectMultiple, **common)
        case "lines":
            return forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), **common)
        case "document":
            text = forms.Textarea(attrs={"rows": 18, "spellcheck": "true", "data-complete": ""})
            help_text = _("A line that begins with # is a heading; one whose placeholders are all empty is left out.")
            return forms.CharField(
                max_length=20_000, strip=False, widget=text, **{**common, "help_text": help_text, "required": True}
            )
        case "template":
            common["help_text"] = _("Parts in braces are filled in; empty ones take their punctuation away with them.")
            return forms.CharField(max_length=300, **{**common, "required": True})
    return forms.CharField(max_length=300, **common)


class CompanyForm(forms.Form):
    """The settings of the company that stand on one page."""

    def __init__(self, data: Any = None, *, section: str) -> None:
        super().__init__(data)
        for key, setting in preferences.SETTINGS.items():
            if setting.kind != "hidden" and setting.section == section and not setting.is_guarded:
                self.fields[key] = _field(key, setting)
                self.fields[key].initial = _shown(setting, preferences.get(key))
        self._offer_placeholders()

    def _offer_placeholders(self) -> None:
        """The placeholders of the texts of documents stand once, below the first: a press fills the text typed in."""
        texts = [key for key in self.fields if preferences.SETTINGS[key].kind == "document"]
        for number, key in enumerate(texts):
            field, names = self.fields[key], preferences.SETTINGS[key].names
            buttons = insert_buttons(names if isinstance(names, Mapping) else {})
            more = _("The placeholders stand below the first text; typing { offers them.") if number else buttons
            field.help_text = format_html("<span>{}</span> {}", field.help_text, more)

    def values(self) -> dict[str, Any]:
        """What preferences keep: a person by number."""
        return {name: value.pk if isinstance(value, User) else value for name, value in self.cleaned_data.items()}


def _shown(setting: preferences.Setting, value: Any) -> Any:
    if setting.kind == "days":
        return ", ".join(map(str, value))
    if setting.kind == "user":
        return value or None
    if setting.kind == "hours":
        return "–".join(value)
    return value


@settings_page
@require_safe
def settings_home(request: HttpRequest) -> HttpResponse:
    """The first page of the settings."""
    return HttpResponseRedirect(reverse("settings-pipelines"))


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_company(request: HttpRequest, section: str = "company") -> HttpResponse:
    """The settings by sections, a form for each; of a form either all are kept or none."""
    if section not in preferences.SECTIONS:
        raise Http404
    form = CompanyForm(request.POST or None, section=section)
    if form.is_bound and form.is_valid() and _save(form, request.user):
        return dialogs.done(request, _("Saved."), to=request.path, go=True)
    context = {
        **settings_context(request, "settings-company"),
        "form": form,
        "title": _("Company settings"),
        "section_title": preferences.SECTIONS[section],
        "tabs": [
            {"label": label, "url": _address(code), "active": code == section}
            for code, label in preferences.SECTIONS.items()
        ],
    }
    return render(request, "crm/settings/company.html", context, status=422 if form.errors else 200)


def _address(section: str) -> str:
    return reverse("settings-company", args=[] if section == "company" else [section])


def _save(form: CompanyForm, user: Any) -> bool:
    try:
        with transaction.atomic():
            for key, value in form.values().items():
                try:
                    settings_services.preferences_set({key: value}, by=user)
                except ValidationError as error:
                    form.add_error(key, error)
            for key, message in preferences.disagreements(form.cleaned_data).items():
                form.add_error(key, message)
            if form.errors:
                raise _Refused
    except _Refused:
        from crm import scope

        scope.forget(preferences.MEMO)
        return False
    return True


class _Refused(Exception):
    """Takes the whole form back."""
