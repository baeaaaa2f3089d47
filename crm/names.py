"""Person names: splitting what was typed in one field, and the forms in which a name is shown."""

import re
from typing import NamedTuple

from crm.normalize import one_line
from crm.normalize.text import word_set

MAX_NAME = 300


class FullName(NamedTuple):
    """The parts of a name, each possibly empty."""

    last: str
    first: str
    patronymic: str


# Given names tell "Иван Иванов" from "Иванов Иван"; endings alone cannot, Марина and Константин look like surnames.
_GIVEN_NAMES = word_set(
    """
    август авдей агата агафья аделина адель азат азамат айгуль айдар айнур айрат акакий аким алан алевтина александр
    александра алексей алена али алина алиса алия алла алсу альберт альбина альфия амина амир анастасия анатолий
    ангелина андрей анжела анжелика анна антон антонина анфиса арам арина аристарх аркадий арман армен арсен арсений
    арслан артем артемий артур асель асия аслан афанасий ахмед бахтияр богдан борис булат вадим валентин валентина
    валерий валерия ваня варвара вася василий василиса вениамин вера вероника виктор виктория виталий виталина влад
    владимир владислав владислава влада всеволод вячеслав габриэль гаврил галина гарик геворг геннадий георгий герман
    глеб гоша григорий гузель гульнара давид дамир даниил данил данила данияр дарина дарья демид демьян денис диана
    дима дина динар динара дмитрий ева евгений евгения евдокия егор екатерина елена елизавета ерлан ефим жанна женя
    захар зинаида зиновий злата зоя зульфия иван ивар игнат игорь ильдар ильнур ильшат илья иля инга инесса инна
    иннокентий иосиф ирина ия камила карен карим карина катя кира кирилл клавдия клара клим константин кристина ксения
    кузьма лада лариса лев леонид леся лейла лиана лидия лилия лина лиза лия любовь людмила ляйсан магомед майя макар
    максим марат маргарита марианна марина мария марк марсель марта мартин марьям матвей маша мигран микаэль милана
    милена мирон мирослав мирослава михаил миша муса мурат муслим надежда назар наиль наталия наталья наташа нелли
    ника никита никифор николай нина нинель нурлан оксана олег олеся ольга оля павел паша петр платон полина прохор
    равиль радик раиса рамиль рания расул ратмир рафаэль регина ренат рената римма ринат роберт родион роза роман
    ростислав рузанна руслан рустам сабина савва савелий салават самвел саша светлана света святослав семен серафим
    сергей серго сережа слава снежана софия софья станислав степан таисия тамара тарас татьяна таня тигран тимофей
    тимур тихон ульяна федор федот феликс филипп фарид фатима хасан чингиз шамиль эвелина эдгар эдуард эльвира эльдар
    эльмира эмиль эмма эрик юлиан юлия юля юра юрий яков ян яна ярослав ярослава яша наоми
    """
)
_SURNAME = re.compile(
    r"(?:[оеё]в|[оеё]ва|[иы]н|[иы]на|[сц]к(?:ий|ой|ая)|[иы]х|енко|[чщ]ук|юк|ян|янц|дзе|швили|иани|ишвили)$",
    re.IGNORECASE,
)
_PATRONYMIC = re.compile(r"(?:[оеё]вич|[оеё]вна|ьич|[фмк]ич|кузьмич|инична|ична)$", re.IGNORECASE)
_PATRONYMIC_TAILS = frozenset({"оглы", "оглу", "кызы", "гызы", "улы", "уулу"})
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+|[^\W\d_]")
_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)


def split_full_name(text: object) -> FullName:
    """Split a name typed in one field; nothing of it is lost, whatever the order.

    Where neither given names nor endings tell the order of two words, it is the order of forms: first, last.
    """
    typed = one_line(text, MAX_NAME)
    before, comma, after = typed.partition(",")
    words = _words(before)
    if comma and after.strip():  # "Иванов, Иван Иванович"
        rest = _words(after)
        return FullName(" ".join(words), " ".join(rest[:1]), " ".join(rest[1:]))
    if not words:
        return FullName("", "", "")
    if len(words) == 1:
        return FullName("", words[0], "")
    if not _CYRILLIC.search(typed):
        return FullName(words[-1], words[0], " ".join(words[1:-1]))
    return _two(*words) if len(words) == 2 else _three_or_more(words)


def display_name(last: str, first: str, patronymic: str = "") -> str:
    """Return the full name in the Russian order: "Иванов Иван Иванович"."""
    return " ".join(part for part in (last.strip(), first.strip(), patronymic.strip()) if part)


def short_name(last: str, first: str, patronymic: str = "") -> str:
    """Return "Иванов И. И."; without a surname the first name and patronymic in full."""
    if not last.strip():
        return display_name("", first, patronymic)
    letters = [f"{part.strip()[0].upper()}." for part in (first, patronymic) if part.strip()]
    return " ".join([last.strip(), *letters])


def initials(last: str, first: str, patronymic: str = "") -> str:
    """Return the two letters of an avatar, first name then surname: "ИИ"; one when only one part is known."""
    parts = [part.strip() for part in (first, last) if part.strip()] or [patronymic.strip()]
    return "".join(part[0].upper() for part in parts if part)


def _words(text: str) -> list[str]:
    """Return the words of a name, "И.И." as two, with a capital where the typist left the keyboard's case."""
    spaced = re.sub(r"(?<=[^\W\d_])\.(?=[^\W\d_])", ". ", text)
    words = [_cased(word) for word in spaced.split()]
    joined: list[str] = []
    for word in words:
        if joined and word.casefold() in _PATRONYMIC_TAILS:  # "Гасан оглы" is one patronymic
            joined[-1] = f"{joined[-1]} {word.lower()}"
        else:
            joined.append(word)
    return joined


def _cased(word: str) -> str:
    letters = [char for char in word if char.isalpha()]
    if not (word.islower() or (word.isupper() and len(letters) > 1)):
        return word
    return "-".join(piece[:1].upper() + piece[1:].lower() for piece in word.split("-"))


def _two(a: str, b: str) -> FullName:
    if _is_patronymic(b) and (_is_given(a) or not _SURNAME.search(a)):
        return FullName("", a, b)
    if _INITIALS.fullmatch(b) or (_is_given(b) and not _is_given(a)):
        return FullName(a, b, "")
    if _SURNAME.search(a) and not _is_given(a) and not _SURNAME.search(b):
        return FullName(a, b, "")
    return FullName(b, a, "")


def _three_or_more(words: list[str]) -> FullName:
    a, b, *rest = words
    tail = " ".join(rest)
    if _INITIALS.fullmatch(a) and _INITIALS.fullmatch(b):  # "И. И. Иванов"
        return FullName(tail, a, b)
    if _is_patronymic(b) and not _is_patronymic(rest[0]) and not _INITIALS.fullmatch(rest[0]):
        return FullName(tail, a, b)  # "Иван Иванович Иванов"
    if _is_given(a) and not _is_given(b) and not _is_patronymic(rest[0]):
        return FullName(" ".join([b, *rest]), a, "")
    return FullName(a, b, tail)


def _is_given(word: str) -> bool:
    return word.casefold().replace("ё", "е") in _GIVEN_NAMES


def _is_patronymic(word: str) -> bool:
    return bool(_PATRONYMIC.search(word)) or word.rpartition(" ")[2] in _PATRONYMIC_TAILS
