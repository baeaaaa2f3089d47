"""The menus of the frame, written in Python: every page has them, and a line is the same for all who see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from typing import Any

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from crm.templatetags.ui import colour, icon_html, script_assets, script_texts

register = template.Library()
PRESENT = ' aria-current="page"'


@register.simple_tag
def main_menu(lines: Iterable[Mapping[str, Any]]) -> SafeString:
    """The lines of the menu: {heading}, or {label, url, icon, active, badge, badge_tone, key (of the keyboard)}."""
    return SafeString(
        "".join(
            f'<li class="menu-heading">{escape(str(line["heading"]))}</li>'
            if line.get("heading")
            else _link(
                str(line["label"]), line["url"], line["icon"], bool(line.get("active")), line.get("badge") or 0,
                line.get("badge_tone") or "", line.get("key") or "",
            )
            for line in lines
        )
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _link(label: str, url: str, sign: str, active: bool, badge: Any, tone: str, key: str) -> str:
    name = escape(label)
    count = f'<span class="menu-badge{f" {colour(tone)}" if tone else ""}">{escape(str(badge))}</span>' if badge else ""
    return (
        f'<li><a class="menu-link{" is-active" if active else ""}" href="{escape(url)}"{PRESENT if active else ""}'
        f'{f" data-go={chr(34)}{escape(key)}{chr(34)}" if key else ""} data-hint="{name}">'
        f'{icon_html(sign)}<span class="menu-label">{name}</span>{count}</a></li>'
    )


@register.simple_tag
def bottom_links(lines: Iterable[Mapping[str, Any]]) -> SafeString:
    """At most four links at the foot of a phone: {label or short, url, icon, active, badge}."""
    shown = [line for line in lines if not line.get("heading")][:4]
    return SafeString(
        "".join(
            _bottom_link(
                str(line.get("short") or line["label"]), line["url"], line["icon"], bool(line.get("active")),
                line.get("badge") or 0,
            )
            for line in shown
        )
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _bottom_link(label: str, url: str, sign: str, active: bool, badge: Any) -> str:
    count = f'<span class="bell-count">{escape(str(badge))}</span>' if badge else ""
    return (
        f'<a class="bottom-link{" is-active" if active else ""}" href="{escape(url)}"{PRESENT if active else ""}>'
        f"{icon_html(sign)}<span>{escape(label)}</span>{count}</a>"
    )


@register.simple_tag
def shell_config() -> SafeString:
    """Hand the scripts their addresses and sentences; a data block, so the content policy lets it pass."""
    return _config(get_language() or "ru")


@lru_cache(maxsize=8)
def _config(_language: str) -> SafeString:
    return json_script({"assets": script_assets(), "text": script_texts()}, "crm-config")
