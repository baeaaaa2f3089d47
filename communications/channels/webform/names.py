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
        charset csrfmiddlewaretoken csrftoken token next redirect action nonce wpnonce wpcf7 wpcf7version wpcf7locale
        wpcf7unittag wpcf7containerpost grecaptcharesponse smarttoken hcaptcharesponse submit send button test
        formspec tildaspecphone tildaspecversion
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
_NAME_WORDS = word_set("name имя fio фио")
_FILLERS = word_set(
    """
    your user client customer contact person full form field fields input text ваше ваш ваши клиента контакта lead crm
    uf data billing you my request order
    """
)
_MARKETING = re.compile(r"utm_|_?ym_|_ga|yclid|ymclid|gclid|gbraid|wbraid|fbclid|vkclid|rb_clickid|roistat|_?openstat")
_GENERIC = word_set("value val values answer raw")
_CAMEL = re.compile(r"(?<=[a-zа-я0-9])(?=[A-ZА-Я])")
_WORD = re.compile(r"[^\W\d_]+")


def meaning_of(name: str, field_map: Mapping[str, str]) -> str:
    """What a field means; an empty text where nobody knows. The form's own map of names comes first.

    A mark of advertising that the site calls otherwise is "mark:utm_source" and the like.
    """
    own = {str(key).strip().casefold(): str(value).strip() for key, value in field_map.items()}
    meant = own.get(name.strip().casefold(), "")
    if _MARKETING.match(meant):
        return f"mark:{meant}"
    return meant if meant in KNOWN else _meaning(name)


@lru_cache(maxsize=2_000)
def _meaning(name: str) -> str:
    last = _last_part(name)
    words = [word.casefold().replace("ё", "е") for word in _WORD.findall(_CAMEL.sub(" ", last))]
    joined = "".join(words)
    if _MARKETING.match(last.lower()):
        return "mark"
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


def _last_part(name: str) -> str:
    """The telling part of a path: "contact.phones.0.value" and "PHONE[0][VALUE]" are phones."""
    parts = [part for part in re.split(r"[.\[\]]+", name) if part.strip()]
    telling = [part for part in parts if not part.isdigit() and part.casefold() not in _GENERIC]
    return telling[-1] if telling else (parts[-1] if parts else name)
