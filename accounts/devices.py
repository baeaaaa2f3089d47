"""What a browser says of itself, in two words people know."""

from __future__ import annotations

from django.utils.translation import gettext as _

# The first that fits wins: Edge and Yandex call themselves Chrome as well, Chrome calls itself Safari.
BROWSERS = (
    ("YaBrowser", "Яндекс Браузер"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_name(agent: str) -> str:
    """«Chrome, Windows» of a User-Agent; "unknown device" where nothing is known."""
    found = [next((name for mark, name in table if mark in agent), "") for table in (BROWSERS, SYSTEMS)]
    return ", ".join(name for name in found if name) or _("unknown device")


def is_mobile(agent: str) -> bool:
    """A telephone or a tablet?"""
    return any(mark in agent for mark in ("Android", "iPhone", "iPad", "Mobile"))
