"""What the fields of a site's form mean, by the names that sites give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from crm.normalize.text import word_set

# Meaning -> names without case, spaces and marks.
_NAMES: dict[str, frozenset[str]] = {
    "name": word_set(
        """
        name имя fio фио yourname fullname contactname clientname customername username sendername person contactperson
        вашеимя имяифамилия каквасзовут каквамобращаться контактноелицо представьтесь imya vasheimya namefull
        """
    ),
    "first_name": word_set("firstname fname givenname"),
    "last_name": word_set("lastname lname surname familyname фамилия familia familiya"),
    "patronymic": word_set("patronymic middlename secondname отчество otchestvo"),
    "text": word_set(
        """
        comment comments message messages text textarea question questions вопрос сообщение комментарий комментарии
        yourmessage yourcomment вашвопрос вашесообщение вашкомментарий description описание описаниезадачи задача
        requesttext request запрос пожелания дополнительно details notes note comm kommentarij vopros soobshchenie
        """
    ),
    "purpose": word_set(
        """
        purpose buildingpurpose buildingtype typeofbuilding objecttype typebuilding назначение назначениездания
        назначениеобъекта типздания типобъекта типсооружения типангара видздания чтостроим чтонужнопостроить
        сооружение здание naznachenie tipzdaniya
        """
    ),
    "sizes": word_set(
        "size sizes dimensions размер размеры габариты размерыздания размерздания razmer razmery gabarity"
    ),
    "address": word_set(
        """
        address адрес location место местоположение местостроительства местоустановки местомонтажа адресобъекта
        адресстроительства строительнаяплощадка adres mesto buildingaddress
        """
    ),
    "city": word_set("city город town gorod населенныйпункт вашгород"),
    "region": word_set("region регион область край регионстроительства oblast"),
    "company": word_set(
        """
        company companyname organization organisation organizationname org firm firma компания организация фирма
        названиекомпании наименованиеорганизации названиеорганизации вашакомпания юрлицо kompaniya organizaciya
        """
    ),
    "inn": word_set("inn инн companyinn taxid innkompanii иннкомпании иннорганизации"),
    "start": word_set(
        """
        constructionstart startdate датаначала датаначаластроительства началостроительства срокстроительства
        срокначала планируемаядата когдапланируете когдастроить срокиначала
        """
    ),
    "amount": word_set("budget бюджет бюджетпроекта byudzhet"),
    "consent": word_set(
        """
        messagesconsent subscribe subscription newsletter mailing marketing рассылка подписка согласиенарассылку
        согласенполучатьрассылку получатьрассылку получатьновости
        """
    ),
    "referrer": word_set("referer referrer httpreferer utmreferrer documentreferrer"),
    "page": word_set("url page pageurl landing landingpage pagelink href locationhref currenturl formurl sourceurl"),
    "cookies": word_set("cookies cookie"),
    "transaction": word_set("tranid transactionid"),
    "form": word_set("formid formidentifier"),
    "technical": word_set(
        """
        charset csrfmiddlewaretoken csrftoken token next redirect action nonce wpnonce grecaptcharesponse smarttoken
        hcaptcharesponse submit send button test formspec tildaspecphone tildaspecversion useragent remoteip credit
        poweredby valuetype formname
        """
    ),
}
_MEANINGS = {name: meaning for meaning, names in _NAMES.items() for name in names}

# Words that decide within a longer name, the first that fits: "contact_phone", "Длина здания, м", "UF_CRM_EMAIL".
_WORDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("email", word_set("email mail почта имейл емейл мейл pochta")),
    ("phone", word_set("phone tel telephone mobile phonenumber телефон тел телефона моб мобильный whatsapp telefon")),
    ("inn", word_set("inn инн")),
    ("company", word_set("company компания компании организация организации organization фирма")),
    ("length", word_set("length длина длину dlina")),
    ("width", word_set("width ширина ширину пролет shirina")),
    ("height", word_set("height высота высоту vysota")),
    ("area", word_set("area площадь ploshad ploschad square")),
    ("purpose", word_set("purpose назначение")),
    ("city", word_set("city город")),
    ("region", word_set("region регион")),
    ("address", word_set("address адрес")),
)
KNOWN = frozenset({*_NAMES, *(meaning for meaning, _words in _WORDS)})
# A person decides that a field is none of these: it stays in the text.
IN_THE_TEXT = "-"
_NAME_WORDS = word_set("name имя fio фио")
_PEOPLE = word_set("contact contacts client customer user person sender buyer data fields")
# What page builders and their plugins send for themselves.
_SYSTEM = re.compile(
    r"_(?:started|consent|gotcha|next|work)\Z|_?wpcf7|wpforms\[(?:id|nonce|author|token)|_wp_?nonce|g-recaptcha|h-captcha|cf-turnstile"
    r"|form\[(?:id|key)\]|meta[\[.](?:date|time)\b",
    re.IGNORECASE,
)
_FILLERS = word_set(
    """
    your user client customer contact person full form field fields input text ваше ваш ваши клиента контакта lead crm
    uf data billing you my request order
    """
)
_MARKETING = re.compile(r"utm_|_?ym_|_ga|yclid|ymclid|gclid|gbraid|wbraid|fbclid|vkclid|rb_clickid|roistat|_?openstat")
_GENERIC = word_set("value val values answer raw text number main")
_PARTS_OF_A_NAME = {
    **dict.fromkeys(("first", "firstname", "given", "имя"), "first_name"),
    **dict.fromkeys(("last", "lastname", "family", "surname", "фамилия"), "last_name"),
    **dict.fromkeys(("middle", "second", "patronymic", "отчество"), "patronymic"),
    **dict.fromkeys(("full", "display"), "name"),
}
# What has a name too, and is nobody: "products[0][name]", "form[name]" of a page builder, "leads[add][0][name]".
_THINGS = word_set(
    """
    product products item items goods tariff service services payment campaign site file files account pipeline status
    manager responsible leads deals unsorted tags
    """
)
_COMPANIES = word_set("company companies organization organisation компания")
_UTM_PARTS = word_set("source medium campaign content term")
_CAMEL = re.compile(r"(?<=[a-zа-я0-9])(?=[A-ZА-Я])")
_WORD = re.compile(r"[^\W\d_]+")


def meaning_of(name: str, field_map: Mapping[str, str]) -> str:
    """What a field means; an empty text where nobody knows. The form's own map of names comes first.

    A mark of advertising is "mark:utm_source" and the like, with the name by which it is known.
    """
    own = {str(key).strip().casefold(): str(value).strip() for key, value in field_map.items()}
    meant = own.get(name.strip().casefold(), "")
    if _MARKETING.match(meant):
        return f"mark:{meant}"
    if meant == IN_THE_TEXT and not _SYSTEM.match(name):
        return ""
    return meant if meant in KNOWN else _meaning(name)


def is_system(name: str) -> bool:
    """Is that what a page sends for itself, and no field that a person filled in?"""
    return bool(_SYSTEM.match(name))


def is_mark(name: str) -> bool:
    """Is that the name of a mark or a click id of advertising?"""
    return bool(_MARKETING.match(name))


def is_known(name: str) -> bool:
    """Is that a name that sites give to a field we understand?"""
    return bool(own_meaning(name))


@lru_cache(maxsize=2_000)
def _meaning(name: str) -> str:
    """What the last part of a path says, in the light of the parts before it."""
    if _SYSTEM.match(name):
        return "technical"
    parts = _telling_parts(name)
    last, parents = parts[-1], [_bare(part) for part in parts[:-1]]
    parent = parents[-1] if parents else ""
    found = own_meaning(last)
    if "utm" in parents and _bare(last) in _UTM_PARTS:
        return f"mark:utm_{_bare(last)}"
    if own_meaning(parent) == "name" or parent in _PEOPLE:
        part = _PARTS_OF_A_NAME.get(_bare(last), "")
        if part and (own_meaning(parent) == "name" or found == "name"):
            return part
    if found == "name":
        if parent in _COMPANIES:
            return "company"
        if _THINGS.intersection(parents):
            return ""
        return "form_name" if parent == "form" else "name"
    return found


@lru_cache(maxsize=2_000)
def own_meaning(last: str) -> str:
    """What one part of a name means by itself."""
    words = [word.casefold().replace("ё", "е") for word in _WORD.findall(_CAMEL.sub(" ", last))]
    joined = "".join(words)
    if _MARKETING.match(last.lower()):
        return f"mark:{last.strip().lower()}"
    if joined in _MEANINGS:
        return _MEANINGS[joined]
    found = next((meaning for meaning, known in _WORDS if known.intersection(words)), "")
    if found:
        return found
    if joined.startswith(("email", "phone", "телефон")):
        return "phone" if joined[0] in "pт" else "email"
    rest = [word for word in words if word not in _NAME_WORDS]
    if len(rest) < len(words) and all(word in _FILLERS or len(word) == 1 for word in rest):
        return "name"
    return ""


def telling_part(name: str) -> str:
    """The last part of a path that says something: "contact.phones.0.value" is about phones."""
    return _telling_parts(name)[-1]


def _telling_parts(name: str) -> list[str]:
    parts = [part for part in re.split(r"[.\[\]]+", name) if part.strip()]
    telling = [part for part in parts if not part.isdigit()]
    while len(telling) > 1 and telling[-1].casefold() in _GENERIC and own_meaning(telling[-2]):
        telling.pop()
    return telling or parts[-1:] or [name]


def _bare(part: str) -> str:
    return "".join(_WORD.findall(part)).casefold().replace("ё", "е")
