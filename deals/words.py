"""Sums of money in words, as invoices and contracts say them: «Одна тысяча двести рублей 50 копеек» (DEAL-11)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from deals.money import kopecks

RU_UNITS = ("", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
RU_TEENS = (
    "десять", "одиннадцать", "двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать", "семнадцать",
    "восемнадцать", "девятнадцать",
)  # fmt: skip
RU_TENS = (
    "", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят", "девяносто",
)  # fmt: skip
RU_HUNDREDS = (
    "", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот",
)  # fmt: skip
# By the power of a thousand: for one, for two to four, for five and more.
RU_POWERS = (
    ("", "", ""),
    ("тысяча", "тысячи", "тысяч"),
    ("миллион", "миллиона", "миллионов"),
    ("миллиард", "миллиарда", "миллиардов"),
    ("триллион", "триллиона", "триллионов"),
    ("квадриллион", "квадриллиона", "квадриллионов"),
)
EN_SMALL = (
    "", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
EN_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
EN_POWERS = ("", "thousand", "million", "billion", "trillion", "quadrillion")
# Beyond any sum that a document can hold.
MOST = Decimal(10) ** 18


def money_in_words(amount: Decimal, language: str = "ru") -> str:
    """The sum in words, kopecks in digits, first letter large; ValueError for a negative sum or one beyond 10^18."""
    exact = kopecks(amount)
    if not 0 <= exact < MOST:
        raise ValueError(f"{amount} is no sum that a document can hold")
    roubles, rest = int(exact), int(exact * 100) % 100
    if language == "ru":
        words = _by_threes(roubles, _ru_three) or "ноль"
        text = f"{words} {_form(roubles, ('рубль', 'рубля', 'рублей'))} {rest:02} "
        text += _form(rest, ("копейка", "копейки", "копеек"))
    else:
        words = _by_threes(roubles, _en_three) or "zero"
        text = f"{words} {'rouble' if roubles == 1 else 'roubles'} {rest:02} {'kopeck' if rest == 1 else 'kopecks'}"
    return text[0].upper() + text[1:]


def _by_threes(number: int, said: Callable[[int, int], str]) -> str:
    """The number by groups of three digits, the largest first; nothing for zero."""
    parts: list[str] = []
    power = 0
    while number:
        number, three = divmod(number, 1000)
        if three:
            parts.insert(0, said(three, power))
        power += 1
    return " ".join(parts)


def _form(number: int, forms: tuple[str, str, str]) -> str:
    """Of one, of two to four, of five and more: a Russian noun after a number."""
    tail = number % 100
    if 10 < tail < 20 or not 0 < tail % 10 < 5:
        return forms[2]
    return forms[0] if tail % 10 == 1 else forms[1]


def _ru_three(three: int, power: int) -> str:
    hundreds, tail = divmod(three, 100)
    tens, ones = divmod(tail, 10)
    unit = RU_UNITS[ones]
    if power == 1:  # a thousand is feminine
        unit = {1: "одна", 2: "две"}.get(ones, unit)
    words = [RU_HUNDREDS[hundreds], *([RU_TEENS[ones]] if tens == 1 else [RU_TENS[tens], unit])]
    return " ".join(word for word in (*words, _form(three, RU_POWERS[power])) if word)


def _en_three(three: int, power: int) -> str:
    hundreds, tail = divmod(three, 100)
    words = f"{EN_SMALL[hundreds]} hundred" if hundreds else ""
    tens, ones = divmod(tail, 10)
    small = EN_SMALL[tail] if tail < 20 else "-".join(part for part in (EN_TENS[tens], EN_SMALL[ones]) if part)
    return " ".join(word for word in (words, small, EN_POWERS[power]) if word)
