"""E-mail addresses in one form, and whose they are: a person's or a company's."""

import re

from crm.normalize.text import plain, word_set

MAX_EMAIL = 254
MAX_LOCAL_PART = 64

FREE_PROVIDERS = word_set(
    """
    mail.ru bk.ru list.ru inbox.ru internet.ru xmail.ru yandex.ru ya.ru yandex.com yandex.by yandex.kz
    yandex.ua narod.ru gmail.com googlemail.com rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru
    hotmail.com hotmail.ru outlook.com outlook.ru live.com live.ru msn.com icloud.com me.com mac.com
    yahoo.com ymail.com proton.me protonmail.com pochta.ru qip.ru nm.ru aol.com gmx.com gmx.de gmx.net
    zoho.com mail.com ukr.net i.ua tut.by mail.kz vk.com
    """
)
ROLE_MAILBOXES = word_set(
    """
    info sales sale office zakaz zakazy order orders mail email post pochta admin administrator hello
    contact contacts support help helpdesk service servis manager managers director buh buhgalter
    accounting finance snab snabzhenie zakupki tender tenders purchase procurement logistics logist
    sklad marketing reklama pr hr job jobs kadry personal secretary sekretar reception priemnaya company
    firma opt optom market shop magazin online site web webmaster noreply no-reply request requests
    zayavka zayavki otdel op prodazhi prodaja
    """
)

_SPLIT = re.compile(r"[\s,;<>()\[\]\"'«»|]+")
_AROUND_AT = re.compile(r"[ \t]{0,3}@[ \t]{0,3}")
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_ROLE_TAIL = re.compile(r"[._+-].*|[0-9]+$")


def email(raw: object) -> str | None:
    """Return the first e-mail address of a field in lower case, or None when there is none."""
    return next(iter(emails(raw)), None)


def emails(text: object) -> list[str]:
    """Return every e-mail address in the text, in order, each once."""
    tokens = _SPLIT.split(_AROUND_AT.sub("@", plain(text)))
    found = (_address(token) for token in tokens if "@" in token)
    return list(dict.fromkeys(address for address in found if address))


def email_domain(address: str) -> str:
    """Return the part after the @, or an empty string."""
    return address.rpartition("@")[2] if "@" in address else ""


def is_company_mailbox(address: str, company_domain: str | None = None) -> bool:
    """Tell whether a mailbox is shared by a company rather than one person's own.

    A box with a free provider is a person's, whatever it is called: "zakaz.ivanov@mail.ru" is Ivanov.
    """
    local, _, domain = address.strip().lower().rpartition("@")
    if not local or domain in FREE_PROVIDERS:
        return False
    own = _site_domain(company_domain)
    if own and own not in FREE_PROVIDERS and (domain == own or domain.endswith(f".{own}")):
        return True
    return local in ROLE_MAILBOXES or _ROLE_TAIL.sub("", local) in ROLE_MAILBOXES


def _address(token: str) -> str | None:
    token = token.strip(".:!?").lower()
    if token.startswith("mailto:"):
        token = token.removeprefix("mailto:").partition("?")[0]
    local, _, domain = token.rpartition("@")
    domain = _unicode_domain(domain)
    address = f"{local}@{domain}"
    if len(local) > MAX_LOCAL_PART or len(address) > MAX_EMAIL or not _LOCAL.fullmatch(local):
        return None
    return address if _is_domain(domain) else None


def _unicode_domain(domain: str) -> str:
    """Return a punycode domain (xn--...) as it is read; the same box must not have two spellings."""
    if "xn--" not in domain:
        return domain
    try:
        return domain.encode("ascii").decode("idna").lower()
    except UnicodeError:
        return ""


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) and "_" not in label for label in labels):
        return False
    if len(labels[-1]) < 2 or any(char.isdigit() for char in labels[-1]):
        return False
    try:
        return len(domain.encode("idna")) <= 253
    except UnicodeError:
        return False


def _site_domain(site: str | None) -> str:
    """Return the bare domain of a company's site, however it was entered."""
    text = (site or "").strip().lower()
    text = re.sub(r"^[a-z]+://", "", text).partition("/")[0].partition(":")[0]
    return _unicode_domain(text.rpartition("@")[2].removeprefix("www."))
