"""Turn what people type - phones, e-mails, INNs, numbers, names - into one comparable form.

Pure functions without a database: the columns that recognition and search read are filled from here,
and the queries go through the same functions, so both sides always agree on the form.
"""

from crm.normalize.dummies import is_dummy_company, is_dummy_name, is_placeholder_number, looks_like_placeholder
from crm.normalize.mailboxes import email, email_domain, emails, is_company_mailbox
from crm.normalize.numbers import decimal_number, inn, is_account, is_bik, is_kpp, is_ogrn
from crm.normalize.phones import Phone, PhoneKind, format_phone, phone, phones
from crm.normalize.searching import search_terms, search_text, search_variants, swap_layout
from crm.normalize.text import clean_text, digits, one_line

__all__ = [
    "Phone",
    "PhoneKind",
    "clean_text",
    "decimal_number",
    "digits",
    "email",
    "email_domain",
    "emails",
    "format_phone",
    "inn",
    "is_account",
    "is_bik",
    "is_company_mailbox",
    "is_dummy_company",
    "is_dummy_name",
    "is_kpp",
    "is_ogrn",
    "is_placeholder_number",
    "looks_like_placeholder",
    "one_line",
    "phone",
    "phones",
    "search_terms",
    "search_text",
    "search_variants",
    "swap_layout",
]
