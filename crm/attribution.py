"""Where a request came from: UTM marks, click ids, referrer - read from what a form sent, and named as a source."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from crm.normalize import one_line

UTM_MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
MAX_MARK = 255
MAX_URL = 2000

# Code, Russian name, English name: the sources laid into the database; a company adds its own.
SHIPPED_SOURCES: tuple[tuple[str, str, str], ...] = (
    ("yandex_direct", "Яндекс Директ", "Yandex Direct"),
    ("google_ads", "Google Ads", "Google Ads"),
    ("vk_ads", "VK Реклама", "VK Ads"),
    ("telegram_ads", "Telegram Ads", "Telegram Ads"),
    ("avito", "Авито", "Avito"),
    ("other_ads", "Другая реклама", "Other advertising"),
    ("organic_yandex", "Поиск Яндекса", "Yandex search"),
    ("organic_google", "Поиск Google", "Google search"),
    ("organic_other", "Другой поиск", "Other search"),
    ("maps", "Карты и справочники", "Maps and directories"),
    ("social_vk", "ВКонтакте", "VK"),
    ("social_telegram", "Telegram", "Telegram"),
    ("social_whatsapp", "WhatsApp", "WhatsApp"),
    ("social_other", "Другие соцсети", "Other social networks"),
    ("email_campaign", "Рассылка", "E-mail campaign"),
    ("referral", "Переход с сайта", "Another site"),
    ("direct", "Прямой заход", "Direct visit"),
    ("email", "Письмо", "E-mail"),
    ("phone", "Звонок", "Phone call"),
    ("recommendation", "Рекомендация", "Recommendation"),
    ("partner", "Партнёр", "Partner"),
    ("exhibition", "Выставка", "Trade show"),
    ("tender", "Тендер", "Tender"),
    ("repeat", "Повторная продажа", "Repeat sale"),
    ("other", "Другое", "Other"),
)

_TRAFFIC = {
    **dict.fromkeys(("yandex_direct", "google_ads", "vk_ads", "telegram_ads", "avito", "other_ads"), "paid"),
    **dict.fromkeys(("organic_yandex", "organic_google", "organic_other", "maps"), "organic"),
    **dict.fromkeys(("social_vk", "social_telegram", "social_whatsapp", "social_other"), "social"),
    **dict.fromkeys(("email_campaign", "email"), "email"),
    **dict.fromkeys(("referral", "partner", "recommendation"), "referral"),
    **dict.fromkeys(("phone", "exhibition", "tender"), "offline"),
    "direct": "direct",
}

# What sites and counters call the same id.
_CLICK_IDS = {
    "yclid": "yclid",
    "ymclid": "ymclid",
    "gclid": "gclid",
    "gbraid": "gbraid",
    "wbraid": "wbraid",
    "fbclid": "fbclid",
    "rb_clickid": "rb_clickid",
    "vkclid": "vkclid",
    **dict.fromkeys(("ym_client_id", "_ym_uid", "ym_uid", "yandex_client_id", "metrika_client_id"), "ym_client_id"),
    **dict.fromkeys(("ga_client_id", "_ga", "gclientid", "google_id", "google_client_id"), "ga_client_id"),
    **dict.fromkeys(("roistat", "roistat_visit"), "roistat"),
    **dict.fromkeys(("openstat", "_openstat"), "openstat"),
}
_CLICK_SOURCES = {
    "yclid": "yandex_direct",
    "ymclid": "yandex_direct",
    "gclid": "google_ads",
    "gbraid": "google_ads",
    "wbraid": "google_ads",
    "rb_clickid": "vk_ads",
    "vkclid": "vk_ads",
    "fbclid": "social_other",
}

_PAID_MEDIUM = re.compile(
    r"cpc|ppc|cpm|cpa|cpv|cpo|paid|context|kontekst|target|banner|display|retarget|ads?$|media|search_ad|rsya"
)
# A mark of the source, its code when the traffic is paid, and when it is not. The first that fits is taken.
_UTM_SOURCES: tuple[tuple[str, str, str], ...] = (
    (r"2gis|dgis|zoon|(?:yandex|ya|google)[._-]?maps?|maps|karty", "maps", "maps"),
    (r"avito", "avito", "avito"),
    (r"(?:yandex|ya|y)[._-]?direct|^direct$|^yd$|rsya|ydirect", "yandex_direct", "yandex_direct"),
    (r"yandex|^ya(?:\.ru)?$|яндекс", "yandex_direct", "organic_yandex"),
    (r"ad[._-]?words|^g[._-]?ads|google[._-]?ads", "google_ads", "google_ads"),
    (r"google|^g$", "google_ads", "organic_google"),
    (r"vk[._-]?ads|vk[._-]?reklama|my[._-]?target|vktarget", "vk_ads", "vk_ads"),
    (r"^vk(?:$|[._-])|vkontakte|вконтакте", "vk_ads", "social_vk"),
    (r"tg[._-]?ads|telegram[._-]?ads", "telegram_ads", "telegram_ads"),
    (r"^tg(?:$|[._-])|telegram|^t\.me|телеграм", "telegram_ads", "social_telegram"),
    (r"whats?app|^wa(?:$|[._-])", "other_ads", "social_whatsapp"),
    (
        r"^ok(?:$|[._-])|odnoklassniki|youtube|rutube|dzen|zen|instagram|^inst|facebook|^fb$|tiktok|^max$",
        "other_ads",
        "social_other",
    ),
    (r"e?-?mail|newsletter|rassylka|рассылка|unisender|sendpulse", "email_campaign", "email_campaign"),
    (r"partner|dealer|партн[её]р", "partner", "partner"),
    (r"exhibition|expo|vystavka|выставка", "exhibition", "exhibition"),
    (r"bing|mail\.ru|rambler|duckduckgo", "other_ads", "organic_other"),
)
_UTM_MEDIUMS: tuple[tuple[str, str], ...] = (
    (r"e-?mail|newsletter|rassylka", "email_campaign"),
    (r"social|smm|messenger", "social_other"),
    (r"organic|seo", "organic_other"),
    (r"referr?al|partner", "referral"),
    (r"qr|offline|print|exhibition", "exhibition"),
)
_HOSTS: tuple[tuple[str, str], ...] = (
    (r"(?:^|\.)e\.mail\.ru(?:/|$)|^mail\.(?:yandex|google|rambler)\.|^outlook\.", "email"),
    (r"(?:^|\.)2gis\.|^maps\.|^yandex\.[a-z.]+/maps|^(?:www\.)?google\.[a-z.]+/maps|(?:^|\.)zoon\.", "maps"),
    (r"^yabs\.yandex\.", "yandex_direct"),
    (r"^(?:www\.|m\.)?yandex\.[a-z.]+(?:/|$)|^ya\.ru(?:/|$)|com\.yandex\.(?:search|browser)", "organic_yandex"),
    (r"^(?:www\.)?google\.[a-z.]+(?:/|$)|com\.google\.android\.googlequicksearchbox", "organic_google"),
    (r"^go\.mail\.ru|^(?:www\.)?bing\.com|^duckduckgo\.com|^nova\.rambler\.ru|^search\.", "organic_other"),
    (r"(?:^|\.)(?:vk\.com|vk\.ru|vkontakte\.ru)(?:/|$)|com\.vkontakte\.android", "social_vk"),
    (r"(?:^|\.)(?:t\.me|telegram\.(?:org|me))(?:/|$)|org\.telegram\.messenger", "social_telegram"),
    (r"(?:^|\.)(?:wa\.me|whatsapp\.com)(?:/|$)", "social_whatsapp"),
    (
        r"(?:^|\.)(?:ok\.ru|dzen\.ru|youtube\.com|rutube\.ru|instagram\.com|facebook\.com|max\.ru|tiktok\.com)(?:/|$)",
        "social_other",
    ),
    (r"(?:^|\.)avito\.ru(?:/|$)", "avito"),
)
_NOTHING = frozenset({"", "none", "null", "undefined", "(not set)", "not set", "(none)", "nan", "-"})


@dataclass(frozen=True, slots=True)
class Utm:
    """The five marks, each possibly empty."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""

    def __bool__(self) -> bool:
        return any((self.source, self.medium, self.campaign, self.content, self.term))


@dataclass(frozen=True, slots=True)
class Touch:
    """One coming of a client: the source it is counted to, and the marks that say so.

    `traffic` is the kind of advertising traffic (paid, organic, social, email, referral, offline, direct, other).
    """

    source_code: str
    traffic: str
    utm: Utm = Utm()
    click_ids: dict[str, str] = field(default_factory=dict)
    referrer: str = ""
    landing_page: str = ""

    def as_fields(self) -> dict[str, Any]:
        """Return the columns of a record that keep this touch; the source is left to the caller."""
        return {
            "utm_source": self.utm.source,
            "utm_medium": self.utm.medium,
            "utm_campaign": self.utm.campaign,
            "utm_content": self.utm.content,
            "utm_term": self.utm.term,
            "click_ids": dict(self.click_ids),
            "referrer": self.referrer,
            "landing_page": self.landing_page,
        }


def touch_from(
    params: Mapping[str, object],
    referrer: object = "",
    landing: object = "",
    cookies_text: object = "",
    own_hosts: Iterable[str] = (),
) -> Touch:
    """Read a touch from a form's fields, the page it was on, and the cookies that a site builder sends along.

    UTM marks are taken whole from the first place that has any: marks of two visits must not be mixed.
    """
    fields = {str(key).strip().lower(): _mark(value) for key, value in params.items()}
    landing_page = _url(landing) or _url(_first_of(params, "landing_page", "landing"))
    came_from = _url(referrer) or _url(_first_of(params, "referrer", "referer", "utm_referrer"))
    cookies = _cookies(cookies_text)
    places = (fields, _query(landing_page), cookies)
    utm = next((found for place in places if (found := _utm(place))), Utm())
    click_ids = _click_ids(places)
    own = {host for host in (_host(landing_page), *map(_bare_host, own_hosts)) if host}
    code = _source(utm, click_ids, came_from, own)
    return Touch(code, traffic_of(code), utm, click_ids, came_from, landing_page)


def traffic_of(source_code: str) -> str:
    """Return the kind of traffic of a shipped source; a source of the company's own is "other"."""
    return _TRAFFIC.get(source_code, "other")


def _source(utm: Utm, click_ids: Mapping[str, str], referrer: str, own_hosts: set[str]) -> str:
    if utm:
        return _source_by_utm(utm)
    clicked = next((code for key, code in _CLICK_SOURCES.items() if key in click_ids), None)
    return clicked or _source_by_referrer(referrer, own_hosts)


def _source_by_utm(utm: Utm) -> str:
    source, medium = utm.source.lower(), utm.medium.lower()
    # Marks are put on advertisements: without a medium the traffic of an advertising system is paid.
    paid = bool(_PAID_MEDIUM.search(medium)) or (not medium and bool(re.match(r"yandex|google", source)))
    for pattern, paid_code, free_code in _UTM_SOURCES:
        if source and re.search(pattern, source):
            return paid_code if paid else free_code
    if paid:
        return "other_ads"
    return next((code for pattern, code in _UTM_MEDIUMS if re.search(pattern, medium)), "other")


def _source_by_referrer(referrer: str, own_hosts: set[str]) -> str:
    host = _host(referrer)
    if not host or any(host == own or host.endswith(f".{own}") or own.endswith(f".{host}") for own in own_hosts):
        return "direct"
    place = (host + urlsplit(referrer).path).lower()
    return next((code for pattern, code in _HOSTS if re.search(pattern, place)), "referral")


def _utm(place: Mapping[str, str]) -> Utm:
    return Utm(*(place.get(mark, "") for mark in UTM_MARKS))


def _click_ids(places: Iterable[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place in places:
        for key, value in place.items():
            name = _CLICK_IDS.get(key)
            if name and value:
                found.setdefault(name, value)
    return found


def _mark(value: object) -> str:
    """Return a mark as text, decoded where a site sent it encoded twice; what says nothing is empty."""
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    text = "" if isinstance(value, dict) else str(value if value is not None else "")[: MAX_URL * 2]
    if re.search(r"%[0-9a-f]{2}", text, re.IGNORECASE):
        text = unquote_plus(text)
    text = one_line(text, MAX_MARK)
    return "" if text.lower() in _NOTHING else text


def _url(value: object) -> str:
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    return one_line(value, MAX_URL) if isinstance(value, str) else ""


def _first_of(params: Mapping[str, object], *keys: str) -> object:
    return next((value for key in keys for name, value in params.items() if value and str(name).lower() == key), "")


def _query(url: str) -> dict[str, str]:
    try:
        query = urlsplit(url).query
    except ValueError:
        return {}
    return {key.lower(): _mark(value) for key, value in parse_qsl(query)}


def _cookies(text: object) -> dict[str, str]:
    """Return the cookies of a site builder's COOKIES field, its packed UTM marks unpacked."""
    found: dict[str, str] = {}
    for pair in (text if isinstance(text, str) else "")[: MAX_URL * 4].split(";"):
        name, _, value = pair.strip().partition("=")
        if name.upper() == "TILDAUTM":
            for mark in unquote_plus(value).split("|||"):
                key, _, content = mark.partition("=")
                found[key.strip().lower()] = _mark(content)
        elif name:
            found.setdefault(name.lower(), _mark(value))
    return found


def _host(url: str) -> str:
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _bare_host(host: str) -> str:
    return _host(host.strip().lower())
