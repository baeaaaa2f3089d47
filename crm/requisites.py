"""Details of a company on paper - INN, KPP, OGRN, BIK, accounts: one spelling and one sentence per slip.

The same checks serve the client's company, the seller's settings and what a program sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import normalize


def squeezed(value: object) -> str:
    """A number without the spaces and dashes that people copy along."""
    return re.sub(r"[\s\-–]", "", str(value or "")).upper()


def clean_inn(value: object) -> str:
    """An INN in its one form, or nothing; ValidationError where its digits do not check."""
    if not squeezed(value):
        return ""
    found = normalize.inn(value)
    if found is None:
        raise ValidationError(_("An INN has 10 or 12 digits, and the last ones check the others: look for a slip."))
    return found


def clean_kpp(value: object) -> str:
    """A KPP; ValidationError where it is none."""
    number = squeezed(value)
    if number and not normalize.is_kpp(number):
        raise ValidationError(_("A KPP has nine digits."))
    return number


def clean_ogrn(value: object) -> str:
    """An OGRN or OGRNIP; ValidationError where its digits do not check."""
    number = squeezed(value)
    if number and not normalize.is_ogrn(number):
        raise ValidationError(_("An OGRN has 13 digits, an OGRNIP 15, and the last one checks the others."))
    return number


def clean_bik(value: object) -> str:
    """A BIK; ValidationError where it is none."""
    number = squeezed(value)
    if number and not normalize.is_bik(number):
        raise ValidationError(_("A BIK has nine digits and begins with 0."))
    return number


def clean_account(value: object) -> str:
    """A bank account; ValidationError where it has not 20 digits. Whether it is this bank's: `of_another_bank`."""
    number = squeezed(value)
    if number and not normalize.is_account(number):
        raise ValidationError(_("A bank account has 20 digits."))
    return number


# In the order in which a company's details are read; the model's validators and the settings name them so.
CLEANERS = {
    "inn": clean_inn, "kpp": clean_kpp, "ogrn": clean_ogrn, "bik": clean_bik, "account": clean_account,
    "corr_account": clean_account,
}  # fmt: skip


def of_another_bank(details: Mapping[str, str]) -> dict[str, str]:
    """The accounts among the details that the bank of their BIK cannot have given, with the sentence to show."""
    wrong = {}
    bik = squeezed(details.get("bik"))
    for name in ("account", "corr_account"):
        number = squeezed(details.get(name))
        known = normalize.is_account(number) and normalize.is_bik(bik)
        if known and not normalize.is_account(number, bik, is_correspondent=name == "corr_account"):
            wrong[name] = _("The account does not belong to the bank with this BIK: look for a slip in either.")
    return wrong
