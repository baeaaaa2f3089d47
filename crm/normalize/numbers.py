"""Numbers people type into fields: taxpayer numbers, sizes, money."""

import re
from decimal import Decimal

from crm.normalize.text import one_line, plain

_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12 = ((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
_INN_FIELD = re.compile(r"(?:ИНН|INN)?[:№]?([0-9]{12}|[0-9]{10})(?:/[0-9]{9}|\.0)?", re.IGNORECASE)


def inn(raw: object) -> str | None:
    """Return the taxpayer number when its length and check digits are right, else None."""
    if isinstance(raw, int) and not isinstance(raw, bool) and raw > 0:
        written = str(raw)  # a spreadsheet drops the leading zero of regions 01-09
        text = written.zfill(10) if len(written) <= 10 else written.zfill(12)
    else:
        text = "".join(plain(raw).split())
    match = _INN_FIELD.fullmatch(text)
    return match.group(1) if match and is_inn(match.group(1)) else None


def is_inn(number: str) -> bool:
    """Tell whether these digits are a taxpayer number: 10 or 12 of them with right check digits."""
    values = [int(char) for char in number]
    if not any(values):
        return False
    if len(values) == 10:
        return _check_digit(values, _INN_10) == values[9]
    if len(values) == 12:
        return all(_check_digit(values, weights) == values[len(weights)] for weights in _INN_12)
    return False


def _check_digit(values: list[int], weights: tuple[int, ...]) -> int:
    return sum(value * weight for value, weight in zip(values, weights, strict=False)) % 11 % 10


_UNIT_FACTORS: tuple[tuple[str, Decimal], ...] = (
    (r"мм|mm", Decimal("0.001")),
    (r"см|cm|sm", Decimal("0.01")),
    (r"тыс(?:яч[аи]?)?(?:руб(?:л(?:ь|я|ей))?|р|₽)?", Decimal(1_000)),
    (r"(?:млн|миллион(?:а|ов)?)(?:руб(?:л(?:ь|я|ей))?|р|₽)?", Decimal(1_000_000)),
    (
        r"|м|m|метр(?:а|ов|ы)?|пм|мп|(?:кв)?(?:м|m|метр(?:а|ов)?)[²2]?(?:кв)?|sqm|т|t|тонн(?:а|ы)?|кг|kg|%",
        Decimal(1),
    ),
    (r"р|руб(?:л(?:ь|я|ей))?|₽|rub|rur", Decimal(1)),
)
_NUMBER = re.compile(r"([+\-−]?)((?:[0-9]{1,3}(?:[ '’][0-9]{3})+|[0-9]+)(?:[.,][0-9]+)*)(\D*2?)")


def decimal_number(raw: object) -> Decimal | None:
    """Return the one number a field holds ("1 234,5", "24м", "12 тыс. руб."), lengths in metres.

    Anything that is not plainly one number ("24x60", "от 24 до 30") is None rather than a guess.
    """
    if isinstance(raw, bool):
        return None
    text = one_line(raw, 200).lstrip("≈~ ")
    match = _NUMBER.fullmatch(text)
    factor = _unit_factor(match.group(3)) if match else None
    if match is None or factor is None:
        return None
    number = _decimal_point(re.sub(r"[ '’]", "", match.group(2)))
    if number is None or len(number.partition(".")[0]) > 15 or len(number) > 30:
        return None
    value = Decimal(number) * factor
    return -value if match.group(1) in ("-", "−") else value


def _unit_factor(unit: str) -> Decimal | None:
    bare = re.sub(r"[\s.]", "", unit).casefold()
    return next((factor for pattern, factor in _UNIT_FACTORS if re.fullmatch(pattern, bare)), None)


def _decimal_point(number: str) -> str | None:
    """Return the number with a point; of two kinds of marks the last is the decimal one."""
    marks = [char for char in number if char in ".,"]
    if len(marks) <= 1:
        return number.replace(",", ".")
    if len(set(marks)) == 1:  # 1.234.567 - only thousands
        whole, decimals = re.split(r"[.,]", number), ""
    else:
        head, decimals = number.rsplit(marks[-1], 1)
        whole = re.split(r"[.,]", head)
    if len(set(marks[:-1])) > 1 or any(len(part) != 3 for part in whole[1:]):
        return None
    return "".join(whole) + (f".{decimals}" if decimals else "")


# -- what else stands in a company's details --------------------------------------------------------------------------

_KPP = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}")
_BIK = re.compile(r"0[0-9]{8}")
_ACCOUNT_WEIGHTS = (7, 1, 3)


def is_kpp(number: str) -> bool:
    """Tell whether this is a reason code of a taxpayer: nine signs, the fifth and sixth may be letters."""
    return _KPP.fullmatch(number) is not None


def is_ogrn(number: str) -> bool:
    """Tell whether these are the 13 digits of a company's OGRN or the 15 of an entrepreneur's, check digit included."""
    if not (number.isascii() and number.isdigit()) or len(number) not in {13, 15}:
        return False
    divisor = len(number) - 2
    return int(number) > 0 and int(number[:-1]) % divisor % 10 == int(number[-1])


def is_bik(number: str) -> bool:
    """Tell whether this has the form of a Russian bank's BIK: nine digits that begin with 0; it has no check digit."""
    return _BIK.fullmatch(number) is not None and any(char != "0" for char in number)


def is_account(number: str, bik: str = "", *, is_correspondent: bool = False) -> bool:
    """Tell whether this is a bank account: 20 digits, and with `bik` those that this bank can have given.

    The key digit is reckoned over the bank's part of the BIK: its last three digits, for a correspondent account (and
    accounts at the central bank itself) a zero and the fifth and sixth.
    """
    if not (number.isascii() and number.isdigit()) or len(number) != 20:
        return False
    if not is_bik(bik):
        return True
    at_centre = is_correspondent or bik[-3:] in {"000", "001", "002"}
    whole = (f"0{bik[4:6]}" if at_centre else bik[-3:]) + number
    return sum(int(char) * _ACCOUNT_WEIGHTS[place % 3] for place, char in enumerate(whole)) % 10 == 0
