"""What the templates say over and over: icons, pills, people, numbers, dates and form controls."""

from __future__ import annotations

import re
import zlib
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Any

from django import template
from django.forms import BoundField, widgets
from django.template.base import FilterExpression, Parser, Token
from django.template.context import Context, RequestContext
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from crm import clock, scope
from crm.normalize import format_phone

register = template.Library()

MINUS = "\N{MINUS SIGN}"
NBSP = "\u00a0"
COLOURS = (
    "gray", "blue", "azure", "indigo", "purple", "pink", "red",
    "orange", "yellow", "lime", "green", "teal", "cyan",
)  # fmt: skip
AVATAR_COLOURS = ("blue", "indigo", "purple", "pink", "orange", "green", "teal", "cyan")
CURRENCY_SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "KZT": "₸", "CNY": "¥"}


@cache
def _sprite() -> str:
    """The address of the icon sprite, resolved once per process."""
    return static("vendor/icons/sprite.svg")


@cache
def icon_html(name: str, css: str = "") -> SafeString:
    """Build the mark-up of a decorative icon; the same few dozen are asked for thousands of times."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css, _sprite(), name,
    )  # fmt: skip


class IconNode(template.Node):
    """An icon; one whose name is written in the template costs nothing but a look-up."""

    def __init__(self, name: FilterExpression, css: FilterExpression | None) -> None:
        self.name, self.css = name, css

    def render(self, context: Context) -> SafeString:
        return icon_html(str(self.name.resolve(context)), str(self.css.resolve(context)) if self.css else "")


@register.tag
def icon(parser: Parser, token: Token) -> IconNode:
    """Draw an icon of the sprite; it is decoration, so the words stand beside it or in an aria-label."""
    parts = token.split_contents()
    if len(parts) not in {2, 3}:
        raise template.TemplateSyntaxError("icon takes a name and perhaps a class")
    name, *css = (parser.compile_filter(part) for part in parts[1:])
    return IconNode(name, css[0] if css else None)


@register.filter
def colour(value: object) -> str:
    """Turn a stage colour kept in the database into a CSS class of the fixed palette."""
    name = str(value or "gray")
    return f"c-{name}" if name in COLOURS else "c-gray"


@register.simple_tag
def pill(text: object, tone: str = "gray", icon_name: str = "") -> SafeString:
    """A small coloured label; the colour only repeats what the words say."""
    sign = icon_html(icon_name) if icon_name else ""
    return format_html('<span class="pill {}">{}{}</span>', colour(tone), sign, text)


@register.simple_tag
def tag_pill(tag: object) -> SafeString:
    """A free label, in the colour that its name always has."""
    return _tag_pill(str(tag))


@lru_cache(maxsize=1024)
def _tag_pill(name: str) -> SafeString:
    return format_html('<span class="pill {}">{}</span>', tint(name), name)


@register.simple_tag
def stage_pill(stage: Any) -> SafeString:
    """The name of a stage with its colour as a dot."""
    if stage is None:
        return SafeString("")
    return _stage_pill(stage.colour, stage.name)


@lru_cache(maxsize=512)
def _stage_pill(tone: str, name: str) -> SafeString:
    """The same dozen stages stand in every row of every list."""
    return format_html('<span class="pill pill-stage {}"><i class="dot"></i>{}</span>', colour(tone), name)


@register.filter
def initials(value: object) -> str:
    """At most two letters for a person's round sign: "Иванов Пётр" gives "ИП"."""
    words = [word for word in re.split(r"[\s.\-]+", str(value or "")) if word[:1].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


@register.filter
def tint(value: object) -> str:
    """A colour that stays the same for the same person on every page."""
    number = zlib.crc32(str(value).encode("utf-8"))
    return f"c-{AVATAR_COLOURS[number % len(AVATAR_COLOURS)]}"


@register.simple_tag
def avatar(person: object, size: str = "") -> SafeString:
    """The round sign of a person; the letters are drawn by the style sheet, the name is what is read out."""
    if not person:
        return format_html('<span class="face face-empty {}" title="{}" data-letters="–"></span>', size, _("Nobody"))
    return _avatar(str(person), size)


@lru_cache(maxsize=2048)
def _avatar(name: str, size: str) -> SafeString:
    """A few dozen people stand beside thousands of rows."""
    return format_html(
        '<span class="face {} {}" title="{}" role="img" aria-label="{}" data-letters="{}"></span>',
        tint(name), size, name, name, initials(name),
    )  # fmt: skip


def _decimal(value: object) -> Decimal | None:
    """Read a number that a template may hold as int, float, str or Decimal."""
    if value is None or value == "":
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _grouped(value: Decimal, places: int) -> str:
    """Group thousands the way the language does, without breaking the line inside a number."""
    text = f"{value:,.{places}f}"
    if (get_language() or "ru").startswith("ru"):
        return text.replace(",", NBSP).replace(".", ",")
    return text


@register.filter
def number(value: object, places: int | str = "") -> str:
    """1234.50 as "1 234,5"; with a number of places exactly so many; nothing for an empty value."""
    found = _decimal(value)
    if found is None:
        return ""
    if places != "":
        return _grouped(found, int(places))
    plain = f"{found:f}"
    fraction = plain.partition(".")[2].rstrip("0")
    return _grouped(found, len(fraction))


@register.filter
def unit(value: object, sign: str) -> str:
    """A number with its unit that never parts from it: "1 440 м²"; nothing for an empty value."""
    text = number(value)
    return f"{text}{NBSP}{unit_name(sign)}" if text else ""


def unit_name(sign: str) -> str:
    """The sign of a unit in the reader's letters; the Russian ones are the key."""
    names = {"м": pgettext("unit", "m"), "м²": pgettext("unit", "m²"), "т": pgettext("unit", "t")}
    return names.get(sign, sign)


@register.filter
def money(value: object, currency: str = "RUB") -> str:
    """An amount with the sign of its currency; kopecks are written only where there are any."""
    found = _decimal(value)
    if found is None:
        return ""
    whole = found == found.to_integral_value()
    return f"{_grouped(found, 0 if whole else 2)}{NBSP}{CURRENCY_SIGNS.get(currency or 'RUB', currency)}"


@register.filter
def money_short(value: object, currency: str = "RUB") -> str:
    """An amount for a narrow place: "12,4 млн ₽"; the full one belongs in the title attribute."""
    found = _decimal(value)
    if found is None:
        return ""
    steps = ((Decimal(10**9), _("bn")), (Decimal(10**6), _("m")), (Decimal(10**3), _("k")))
    for size, name in steps:
        if abs(found) >= size:
            short = found / size
            places = 1 if abs(short) < 100 else 0
            text = _grouped(short, places).removesuffix(",0").removesuffix(".0")
            return f"{text}{NBSP}{name}{NBSP}{CURRENCY_SIGNS.get(currency or 'RUB', currency)}"
    return money(found.quantize(Decimal(1)), currency)


@register.filter
def percent(value: object, places: int = 0) -> str:
    """A share between 0 and 1 as "12 %"."""
    found = _decimal(value)
    return "" if found is None else f"{_grouped(found * 100, places).replace('-', MINUS)}{NBSP}%"


@register.filter
def day(value: date | datetime | None) -> str:
    """A date as 31.12.2025, in the reader's time zone when it carries a time."""
    if value is None or value == "":
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return f"{value.day:02}.{value.month:02}.{value.year:04}"


@register.filter
def moment(value: datetime | None) -> str:
    """A date and time; the last and the next day are named in words."""
    if not value:
        return ""
    local = timezone.localtime(value)
    apart = (local.date() - timezone.localtime(clock.now()).date()).days
    if apart == 0:
        first = _("today")
    elif abs(apart) == 1:
        first = _("tomorrow") if apart > 0 else _("yesterday")
    else:
        first = f"{local.day:02}.{local.month:02}.{local.year:04}"
    return f"{first},{NBSP}{local.hour:02}:{local.minute:02}"


@register.filter
def ago(value: datetime | None) -> str:
    """How long ago something was, in one word and a number: "5 мин", "3 дня"."""
    return duration(clock.now() - value) if value else ""


@register.filter
def duration(value: Any) -> str:
    """A span of time rounded down to its largest unit."""
    if value is None or value == "":
        return ""
    seconds = max(int(value.total_seconds()), 0)
    days, rest = divmod(seconds, 86400)
    if days:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if rest >= 3600:
        return _("%(count)d h") % {"count": rest // 3600}
    return _("%(count)d min") % {"count": rest // 60}


@register.filter
def phone(value: object) -> str:
    """An E.164 number the way people read it: +7 (912) 345-67-89."""
    return _phone(str(value)) if value else ""


@lru_cache(maxsize=4096)
def _phone(number: str) -> str:
    """Parsing a number costs as much as the rest of its row; a board asks for the same ones every few seconds."""
    return format_phone(number)


@register.filter
def control(field: BoundField) -> SafeString:
    """Draw the field's control with the class that its kind needs, keeping classes set by the form."""
    widget = field.field.widget
    if isinstance(widget, widgets.CheckboxInput | widgets.CheckboxSelectMultiple | widgets.RadioSelect):
        css = "form-check-input"
    elif isinstance(widget, widgets.Select | widgets.SelectMultiple):
        css = "form-select"
    else:
        css = "form-control"
    own = str(widget.attrs.get("class", ""))
    classes = f"{css} {own}".strip()
    attrs: dict[str, str | bool] = {"class": f"{classes} is-invalid" if field.errors else classes}
    return field.as_widget(attrs=attrs)


@register.filter
def control_kind(field: BoundField) -> str:
    """Tell the field template how to lay the field out: text, check, choices or hidden."""
    widget = field.field.widget
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, widgets.CheckboxInput):
        return "check"
    if isinstance(widget, widgets.RadioSelect | widgets.CheckboxSelectMultiple):
        return "choices"
    return "text"


@register.simple_tag(takes_context=True)
def sort_link(context: RequestContext, key: str, label: object) -> SafeString:
    """A column head that sorts by `key`, and back on the next click; other filters stay as they are."""
    query = context["request"].GET.copy()
    current = query.get("sort", "")
    descending = current == key
    query["sort"] = f"-{key}" if descending else key
    query.pop("page", None)
    sign = {key: "chevron-up", f"-{key}": "chevron-down"}.get(current, "selector")
    return format_html(
        '<a class="sort-link{}" href="?{}">{}{}</a>',
        " is-active" if current.lstrip("-") == key else "", query.urlencode(), label, icon_html(sign),
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def aria_sort(context: RequestContext, key: str) -> SafeString:
    """The aria-sort attribute of a column head, only on the column that is sorted by."""
    words = {key: "ascending", f"-{key}": "descending"}
    found = words.get(context["request"].GET.get("sort", ""))
    return format_html(' aria-sort="{}"', found) if found else SafeString("")


@register.simple_tag
def request_number() -> str:
    """The number of the request at hand, by which the logs are found."""
    return scope.request_id.get()


@cache
def script_assets() -> dict[str, str]:
    """Libraries that are fetched only where a page needs them."""
    return {
        "sortable": static("vendor/sortable/Sortable.min.js"),
        "chart": static("vendor/chart/chart.umd.min.js"),
        "tomSelect": static("vendor/tom-select/tom-select.complete.min.js"),
        "tomSelectCss": static("vendor/tom-select/tom-select.bootstrap5.min.css"),
        "icons": _sprite(),
        "board": static("js/board.js"),
        "report": static("js/report.js"),
        "autocomplete": static("js/autocomplete.js"),
        "merge": static("js/merge.js"),
        "copies": static("js/copies.js"),
        "lists": static("js/lists.js"),
        "order": static("js/order.js"),
        "calendar": static("js/calendar.js"),
    }


def script_texts() -> dict[str, str]:
    """Every sentence the scripts may say, in the reader's language."""
    return {
        "close": _("Close"),
        "undo": _("Undo"),
        "undone": _("Undone."),
        "undoFailed": _("It could not be undone. Reload the page to see how things stand."),
        "open": pgettext("verb", "Open"),
        "copied": _("Copied"),
        "serverError": _("The server could not do it. Nothing was lost on this page: try again in a minute."),
        "offline": _("No connection. Your text is still here: try again when the network is back."),
        "timeout": _(
            "The server is taking too long. Your text is still here: see whether it was saved, then try again."
        ),
        "forbidden": _("You have no right to do this."),
        "pageOld": _("The page has become old. Copy what you typed and reload the page."),
        "notFound": _("This record does not exist any more, or it is not yours."),
        "tooMany": _("Too many requests at once. Wait a little and try again."),
        "tooLarge": _("What you sent is too large."),
        "signedOut": _("You were signed out. Sign in in a new tab, then send again: your text is still here."),
        "signIn": _("Sign in"),
        "requestId": _("Request number"),
        "moved": _("%(card)s moved to “%(stage)s”."),
        "moveBack": _("%(card)s stays in “%(stage)s”."),
        "moveFailed": _("The card was not moved and is back in its place."),
        "moveTo": _("Move to…"),
        "moveHere": _("now here"),
        "moveNotFrom": _("not from the present stage"),
        "nothingFound": _("Nothing found. Try the last digits of a phone or another spelling."),
        "noSuch": _("There is none like this."),
        "startTyping": _("Start typing"),
        "searching": _("Searching…"),
        "draftRestored": _("What you had typed before is back in the form."),
        "saved": _("Saved %(time)s"),
        "change": _("Change"),
        "saveFailed": _("Not saved"),
        "selected": _("Selected: %(count)s"),
        "selectedAll": _("All selected: %(count)s"),
        "capsLock": _("Caps Lock is on"),
        "otherLayout": _("The keyboard is in Russian layout"),
        "showPassword": _("Show the password"),
        "hidePassword": _("Hide the password"),
        "unsaved": _("There is text that was not sent."),
        "monthBack": _("The month before"),
        "monthForth": _("The next month"),
        "areaOf": _("%(length)s × %(width)s = %(area)s m²"),
        "clear": _("Clear"),
        "create": _("Add “%(text)s”"),
        "leads": _("Leads"),
        "deals": _("Deals"),
        "objects": _("Objects"),
        "contacts": _("Contacts"),
    }


@register.filter
def undo_address(tags: str) -> str:
    """The address that takes back what a message tells of, kept among the message's tags."""
    found = [tag.removeprefix("undo:") for tag in str(tags or "").split() if tag.startswith("undo:")]
    return found[0] if found else ""
