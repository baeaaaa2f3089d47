"""What people type to get past a required field: placeholders instead of an answer or of a name."""

import re

from crm.normalize.mailboxes import emails
from crm.normalize.phones import scan
from crm.normalize.text import plain, word_set

_WORD = re.compile(r"[^\W_]+")

_PLACEHOLDERS = word_set(
    """
    test testing тест тестовый тестовая тестируем проверка нет неа no none nil null na nan undefined
    пусто empty blank todo tbd ok okay ок окей хз да yes так просто фиг lorem ipsum blabla blah бла
    блабла отказ отказался отказалась отказались refused refusal
    """
)
_PLACEHOLDER_PHRASES = frozenset(
    {
        "n a", "н а", "н д", "нет данных", "не знаю", "без причины", "без комментариев", "без комментария",
        "нет комментария", "нет комментариев", "просто так", "без имени", "не указано", "не указана",
        "не указан",
    }
)  # fmt: skip
_DUMMY_NAMES = _PLACEHOLDERS | word_set(
    """
    имя фамилия отчество фио name firstname lastname surname noname anonymous anon unknown user guest
    client customer contact клиент клиентка заказчик контакт аноним анонимно неизвестно неизвестный
    неизвестная неизвестен гость пользователь абонент посетитель покупатель безымянный безымянная новый
    новая лид lead звонок заявка тел телефон моб мобильный номер phone mobile email почта входящий
    """
)
_DUMMY_NAME_PHRASES = _PLACEHOLDER_PHRASES | frozenset(
    {"no name", "нет имени", "имени нет", "не назвался", "не представился"}
)

_LEGAL_FORMS = word_set("ооо оао зао пао ао нао ип чп тоо гуп муп фгуп нко пк кфх llc ltd inc gmbh jsc")

# Walks along a keyboard row count from its first key only: "смит" and "про" are on the rows as well.
_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
_COUNTING = "12345678901234567890"


def looks_like_placeholder(text: object) -> bool:
    """Tell whether a comment or an answer says nothing: "-", ".", "х", "test", "asdf", "отказ", "123"."""
    words = _words(plain(text))
    if " ".join(words) in _PLACEHOLDER_PHRASES:
        return True
    return all(len(word) == 1 or word in _PLACEHOLDERS or _is_filler(word) for word in words)


def is_placeholder_number(text: object) -> bool:
    """Tell whether the number of a document says nothing: "-", "test", "нет 1"; "1", "123" and "7-К" are numbers."""
    number = plain(str(text).replace("№", " "))
    if not any(sign.isdigit() for sign in number):
        return looks_like_placeholder(number)
    rest = _words(re.sub(r"\d+", " ", number))
    return any(len(word) > 1 for word in rest) and looks_like_placeholder(" ".join(rest))


def is_dummy_company(text: object) -> bool:
    """Tell whether a company's name is none: "-", "123", "тест", "ООО", a phone; «ООО «585»», «Контакт» are names."""
    words = _words(plain(text))
    rest = [word for word in words if word not in _LEGAL_FORMS]
    if not rest or " ".join(rest) in _DUMMY_NAME_PHRASES or all(word in _PLACEHOLDERS for word in rest):
        return True
    if len(rest) < len(words):
        return False
    return all(len(word) == 1 or word.isdigit() or word in _PLACEHOLDERS or _is_filler(word) for word in rest)


def is_dummy_name(text: object) -> bool:
    """Tell whether a name is none: empty, digits, "тест", "без имени", a phone or an e-mail.

    Real short names ("Ян", "Ия", "Ли") are names; a single letter is not.
    """
    name = plain(text)
    for address in emails(name):
        name = re.sub(re.escape(address), " ", name, flags=re.IGNORECASE)
    for start, end, _found in reversed(list(scan(name, "RU"))):
        name = f"{name[:start]} {name[end:]}"
    words = _words(name)
    if " ".join(words) in _DUMMY_NAME_PHRASES:
        return True
    return all(len(word) == 1 or word.isdigit() or word in _DUMMY_NAMES or _is_filler(word) for word in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold().replace("ё", "е"))


def _is_filler(word: str) -> bool:
    """Tell whether a word is made by leaning on the keyboard: "ааа", "asdasd", "123", "йцукен"."""
    if word.isdigit():
        return len(word) <= 3 or word in _COUNTING or len(set(word)) == 1
    if len(word) >= 2 and len(set(word)) == 1:
        return True
    unit = _repeated_unit(word)
    return len(unit) >= 3 and any(row.startswith(unit) for row in _KEY_ROWS)


def _repeated_unit(word: str) -> str:
    """Return the shortest piece whose repetition gives the word; the word itself when nothing repeats."""
    size = (word + word).find(word, 1)
    return word[:size]
