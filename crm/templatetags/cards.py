"""The card of a record on a board, written in Python: a board draws hundreds of them, and the template language takes
twenty times as long for the same mark-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.templatetags.ui import avatar, icon_html, moment, money, phone, pill

register = template.Library()
SMALL = "icon-small"


@lru_cache(maxsize=8)
def _words(language: str) -> dict[str, str]:
    """The words of a card, once per language."""
    return {
        "move": escape(_("Move to…")),
        "repeat": escape(_("Repeat client")),
        "none": escape(_("No next step")),
        "here": escape(_("In this stage")),
    }


@register.simple_tag
def board_card(card: Any) -> SafeString:
    """One card. Takes a mapping or an object with id, url, title, client, phone (E.164), size, source, amount,
    currency, days, stale, next_step, next_due, next_overdue, responsible, repeat, tags, stage_key, move_url,
    refuse_url; what is missing is left out."""
    values: Mapping[str, Any] = card if isinstance(card, Mapping) else vars(card)
    words = _words(get_language() or "ru")
    body = (_head(values, words), _client(values, words), _figures(values), _next(values, words), _foot(values, words))
    stale = " is-stale" if values.get("stale") else ""
    refuse = values.get("refuse_url")
    return SafeString(
        f'<li class="board-card{stale}" id="card-{escape(str(values["id"]))}" tabindex="0"'
        f' data-card="{escape(str(values["id"]))}" data-title="{escape(str(values["title"]))}"'
        f' data-stage-key="{escape(str(values.get("stage_key", "")))}"'
        + (f' data-move-url="{escape(values["move_url"])}"' if values.get("move_url") else "")
        + (f' data-refuse-url="{escape(refuse)}"' if refuse else "")
        + f">{''.join(body)}</li>"
    )


@register.simple_tag
def board_cards(cards: Iterable[Any]) -> SafeString:
    """All cards of a column, one after another."""
    return SafeString("".join(board_card(card) for card in cards))


def _head(values: Mapping[str, Any], words: dict[str, str]) -> str:
    title = escape(str(values["title"]))
    button = ""
    if values.get("move_url"):
        button = (
            '<button type="button" class="btn-icon btn-icon-small needs-js" data-move-open aria-haspopup="menu"'
            f' aria-label="{words["move"]} {title}">{icon_html("dots-vertical", SMALL)}</button>'
        )
    link = f'<a class="board-card-title" href="{escape(values["url"])}" draggable="false">{title}</a>'
    return f'<div class="board-card-top">{link}{button}</div>'


def _client(values: Mapping[str, Any], words: dict[str, str]) -> str:
    made, client = "", escape(str(values.get("client") or ""))
    if values.get("repeat"):
        word = f'<span class="visually-hidden">{words["repeat"]}</span>' if client else words["repeat"]
        sign = f'<span class="repeat-sign" title="{words["repeat"]}">{icon_html("repeat", SMALL)}{word}</span>'
        made = f'<div class="board-card-line clip">{sign}{client}</div>'
    elif client:
        made = f'<div class="board-card-line clip">{client}</div>'
    if values.get("phone"):
        number = escape(str(values["phone"]))
        made += (
            f'<a class="board-card-line board-card-phone tel" href="tel:{number}" draggable="false">'
            f"{escape(phone(values['phone']))}</a>"
        )
    return made


def _figures(values: Mapping[str, Any]) -> str:
    made = ""
    amount = values.get("amount")
    if values.get("size") or amount:
        worth = money(amount, values.get("currency") or "RUB") if amount else ""
        strong = f'<strong class="num">{escape(worth)}</strong>' if worth else ""
        size = escape(str(values.get("size") or ""))
        made = f'<div class="board-card-line board-card-money"><span>{size}</span>{strong}</div>'
    if values.get("tags"):
        made += f'<div class="board-card-tags">{"".join(pill(text, tone) for text, tone in values["tags"])}</div>'
    return made


def _next(values: Mapping[str, Any], words: dict[str, str]) -> str:
    if not values.get("next_step"):
        sign = icon_html("alert-circle", SMALL)
        return f'<div class="board-card-next warned">{sign}<span>{words["none"]}</span></div>'
    due = values.get("next_due")
    late = " bad" if values.get("next_overdue") else ""
    when = f'<span class="nowrap">{escape(moment(due))}</span>' if due else ""
    return (
        f'<div class="board-card-next{late}">{icon_html("clipboard-check", SMALL)}'
        f'<span class="clip">{escape(str(values["next_step"]))}</span>{when}</div>'
    )


def _foot(values: Mapping[str, Any], words: dict[str, str]) -> str:
    stale = bool(values.get("stale"))
    return (
        f'<div class="board-card-foot"><span class="clip">{escape(str(values.get("source") or ""))}</span>'
        f'<span class="board-card-days num{" bad" if stale else ""}" title="{words["here"]}">'
        f"{icon_html('clock-exclamation', SMALL) if stale else ''}{escape(str(values.get('days') or ''))}</span>"
        f"{avatar(values.get('responsible'), 'face-small')}</div>"
    )
