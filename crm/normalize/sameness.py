"""Names in the form in which two spellings of one person or company are equal (LEAD-14)."""

import re

from crm.normalize.text import plain, word_set

MAX_KEY = 200
SHORTEST_COMPANY = 3

_WORD = re.compile(r"[^\W_]+")
_PATRONYMIC = re.compile(r"(?:[ое]вич|[ое]вна|ьич|кузьмич|инична|ична)$")

# Each line: the full names that share short forms, then the short forms. Саша is Александр and Александра alike.
_SHORT_FORMS = """
александр александра: саша саня сашка шура санек алекс
алексей: леша алеша лёха леха
анастасия: настя ася настасья
анатолий: толя толик
андрей: андрюша дрон
анна: аня анюта нюра аннушка
антон антонина: тоня антоша
борис: боря
вадим: вадик
валентин валентина: валя
валерий валерия: валера лера
варвара: варя
василий василиса: вася
виктор виктория: витя вика витек
виталий: виталик
владимир: володя вова вован
владислав владислава: влад влада владик
вячеслав: слава славик
галина: галя
геннадий: гена
георгий: гоша жора гога
григорий: гриша
даниил данил данила: даня
дарья: даша
денис: дэн
дмитрий: дима митя димон
евгений евгения: женя
екатерина: катя катюша
елена: лена алена
елизавета: лиза
иван: ваня
игорь: гарик
илья: илюша
иннокентий: кеша
ирина: ира
кирилл кира: кирюша
константин: костя
ксения: ксюша оксана
лариса: лара
лев: лева
леонид: леня
любовь: люба
людмила: люда мила люся
максим: макс
маргарита: рита
мария: маша маруся марья
михаил: миша
надежда: надя
наталья наталия: наташа ната
николай: коля
олег: олежка
ольга: оля
павел: паша
петр: петя
полина: поля
роман: рома
светлана: света
семен: сема сеня
сергей: сережа серега серый
софия софья: соня
станислав: стас
степан: степа
тамара: тома
татьяна: таня
тимофей: тима
федор: федя
юлия: юля
юрий: юра
яков: яша
ярослав: ярик
"""
_FORMS = word_set(
    """
    ооо оао зао ао пао нао ип гк нпо нпп нпф пкф тд ск тоо одо чуп чтуп уп сп гуп муп фгуп мку гбу мбу гау ано нко
    кфх кх спк схпк пк ооо тк ок мк стк llc ltd limited inc gmbh co corp plc llp jsc ojsc pjsc pao zao oao ooo ip
    общество с ограниченной ответственностью открытое закрытое публичное непубличное акционерное индивидуальный
    предприниматель компания фирма группа компаний торговый дом предприятие организация
    """
)


def _canonical() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _SHORT_FORMS.strip().splitlines():
        full, _colon, short = line.replace("ё", "е").partition(":")
        names = full.split()
        found |= dict.fromkeys([*names, *short.split()], names[0])
    return found


_CANONICAL = _canonical()


def name_words(text: object) -> list[str]:
    """The words of a name in any order and spelling: no case, ё as е, no punctuation, initials left out."""
    words = _WORD.findall(plain(text).casefold().replace("ё", "е"))
    return sorted(word for word in words if len(word) > 1 and not word.isdigit())


def person_key(text: object) -> str:
    """One form for the spellings of a person's name: any order, ё or е, without patronymic, Саша as Александр.

    Empty where only one word is known: namesakes by the first name alone are no hint.
    """
    words = name_words(text)
    if len(words) > 2:
        words = [word for word in words if not _PATRONYMIC.search(word)]
    if len(words) < 2:
        return ""
    return " ".join(sorted(_CANONICAL.get(word, word) for word in words))[:MAX_KEY]


def company_key(text: object) -> str:
    """One form for the spellings of a company's name: «ООО "Ромашка"», "Ромашка, ООО" and "ромашка" are one."""
    words = _WORD.findall(plain(text).casefold().replace("ё", "е"))
    bare = [word for word in words if word not in _FORMS]
    key = " ".join(sorted(bare))
    return key[:MAX_KEY] if len(key) >= SHORTEST_COMPANY else ""
