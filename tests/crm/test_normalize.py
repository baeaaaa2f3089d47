"""What people type becomes one comparable form: phones, e-mails, INNs, numbers, names, search."""

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.normalize import (
    clean_text,
    decimal_number,
    digits,
    email,
    emails,
    format_phone,
    inn,
    is_company_mailbox,
    is_dummy_name,
    looks_like_placeholder,
    phone,
    phones,
    search_terms,
    search_text,
    search_variants,
    swap_layout,
)

quick = settings(max_examples=60, deadline=None)
MOBILE = "+79123456789"


def e164s(text):
    return [found.e164 for found in phones(text)]


@pytest.mark.rule("LEAD-5")
@pytest.mark.parametrize(
    "typed",
    [
        "+79123456789",
        "89123456789",
        "79123456789",
        "9123456789",
        79123456789,
        "8 (912) 345-67-89",
        "8-912-345-67-89",
        "8.912.345.67.89",
        "+7 912 345 67 89",
        "+7(912)3456789",
        "+8 912 345 67 89",
        "+9123456789",
        "007 912 345 67 89",
        "+7\u00a0912\u00a0345\u00a067\u00a089",
        "+7 912 345\u201167\u201189",
        "＋７９１２３４５６７８９",
        "тел. 8 912 345 67 89 (Иван)",
        "\u202a+79123456789\u202c",
    ],
)
def test_one_mobile_number_typed_in_many_ways_is_one_number(typed):
    assert e164s(typed) == [MOBILE]
    assert phone(typed).kind == "mobile"


@pytest.mark.rule("LEAD-5")
@pytest.mark.parametrize(
    ("typed", "extension"),
    [
        ("8 (343) 212-34-56 доб. 12", "12"),
        ("8 (343) 212-34-56, доб.12", "12"),
        ("8 (343) 212-34-56 (доб. 12)", "12"),
        ("83432123456#101", "101"),
        ("+7 343 212-34-56 ext 7", "7"),
        ("+7 343 212-34-56 вн. 1234", "1234"),
        ("+7 343 212-34-56", ""),
    ],
)
def test_an_extension_is_kept_apart(typed, extension):
    found = phone(typed)
    assert (found.e164, found.extension, found.kind) == ("+73432123456", extension, "landline")


@pytest.mark.rule("LEAD-5")
def test_the_original_is_kept_as_typed():
    found = phones("секретарь (343) 212-34-56 доб. 12; моб. 8 (912) 345-67-89")
    assert [item.original for item in found] == ["(343) 212-34-56 доб. 12", "8 (912) 345-67-89"]


@pytest.mark.rule("LEAD-11")
@pytest.mark.parametrize(
    ("typed", "e164", "kind"),
    [
        ("8 800 100-12-34", "+78001001234", "tollfree"),
        ("4951234567", "+74951234567", "landline"),
        ("+375 29 123-45-67", "+375291234567", "mobile"),
        ("375291234567", "+375291234567", "mobile"),
        ("8 10 375 29 123 45 67", "+375291234567", "mobile"),
        ("+7 701 234 56 78", "+77012345678", "mobile"),
        ("87012345678", "+77012345678", "mobile"),
        ("+49 30 123456", "+4930123456", "landline"),
    ],
)
def test_the_kind_and_the_country_of_a_number_are_told(typed, e164, kind):
    found = phone(typed)
    assert (found.e164, found.kind) == (e164, kind)


@pytest.mark.rule("LEAD-5")
@pytest.mark.parametrize(
    "typed",
    [
        "8 912 345 67 89, 8 343 212 34 56",
        "8 912 345 67 89 8 343 212 34 56",
        "89123456789 83432123456",
        "+7(912)345-67-89/+7(343)212-34-56",
        "+79123456789+73432123456",
        "89123456789\n83432123456",
        "89123456789 и 83432123456, ещё раз 89123456789",
    ],
)
def test_two_numbers_in_one_field_are_two(typed):
    assert e164s(typed) == [MOBILE, "+73432123456"]


@pytest.mark.rule("LEAD-5")
@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        "звоните вечером",
        "123",
        "555888",
        "12.05.2024",
        "2024-05-12 10:30",
        "c 24.11.2026 10:00 до 25.12.2026 11:30",
        "7707083893",
        "ИНН 9123456789",
        "500100732259",
        "1027700132195",
        "40702810938000012345",
        "4276 1234 5678 9012",
        "24x60x6",
        "\x00\ud800",
        "+",
        "8(",
    ],
)
def test_what_is_no_phone_is_none(typed):
    assert phone(typed) is None
    assert phones(typed) == []


@pytest.mark.rule("LEAD-5")
@quick
@given(
    st.integers(0, 999_999_999),
    st.sampled_from(["8{0}", "+7{0}", "{0}", "8 ({1}) {2}-{3}", "+7-{0}", " 7 {0} "]),
)
def test_any_russian_mobile_number_comes_back_the_same(tail, form):
    national = f"9{tail:09d}"
    assert e164s(form.format(national, national[:3], national[3:6], national[6:])) == [f"+7{national}"]
    assert e164s(format_phone(f"+7{national}")) == [f"+7{national}"]


@quick
@given(st.text())
def test_no_text_breaks_the_recognition(text):
    for found in phones(text):
        assert found.e164.startswith("+")
        assert phone(found.e164).e164 == found.e164
    for address in emails(text):
        assert email(address) == address
    decimal_number(text)
    inn(text)
    is_dummy_name(text)
    looks_like_placeholder(text)
    assert search_text(text) == search_text(text.upper().lower()) or not text.isascii()


@pytest.mark.parametrize("nasty", ["1" + " " * 50_000 + "2", "1 " * 30_000, "(" * 50_000, "@ " * 30_000, "8-" * 30_000])
def test_a_hostile_field_costs_no_time(nasty):
    started = time.perf_counter()
    phones(nasty)
    emails(nasty)
    search_text(nasty)
    decimal_number(nasty)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("e164", "shown"),
    [
        ("+79123456789", "+7 (912) 345-67-89"),
        ("+78001001234", "+7 (800) 100-12-34"),
        ("+77012345678", "+7 701 234 5678"),
        ("+375291234567", "+375 29 123-45-67"),
        ("not a number", "not a number"),
    ],
)
def test_a_number_is_shown_as_people_read_it(e164, shown):
    assert format_phone(e164) == shown


def test_an_extension_is_shown_after_the_number():
    assert format_phone("+73432123456", "12").startswith("+7 (343) 212-34-56 ")
    assert phone(format_phone("+73432123456", "12")).extension == "12"


@pytest.mark.rule("LEAD-5")
@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (" IVAN@Mail.RU ", "ivan@mail.ru"),
        ("Иван Петров <Ivan.Petrov@mail.ru>", "ivan.petrov@mail.ru"),
        ("mailto:a@b.ru?subject=hello", "a@b.ru"),
        ("a @ b.ru", "a@b.ru"),
        ("пишите на a@b.ru.", "a@b.ru"),
        ("info@xn--e1afmkfd.xn--p1ai", "info@пример.рф"),
        ("INFO@Пример.РФ", "info@пример.рф"),
        ("a@b", None),
        ("a..b@c.ru", None),
        ("почта", None),
        ("@durov", None),
        ("a@-b.ru", None),
        ("a@1.2.3.4", None),
        ("x" * 65 + "@a.ru", None),
        ("a@" + "b" * 64 + ".ru", None),
        ("a@" + "bcd." * 70 + "ru", None),
        (None, None),
    ],
)
def test_an_email_has_one_form_or_none(typed, address):
    assert email(typed) == address


def test_every_email_of_a_field_is_found_once():
    assert emails("a@b.ru, C@d.ru;A@B.ru") == ["a@b.ru", "c@d.ru"]


@pytest.mark.rule("LEAD-11")
@pytest.mark.parametrize(
    ("address", "domain", "company"),
    [
        ("info@romashka.ru", None, True),
        ("sales-msk@romashka.ru", None, True),
        ("office2@romashka.ru", None, True),
        ("zakaz@romashka.ru", None, True),
        ("ivanov@romashka.ru", None, False),
        ("ivanov@romashka.ru", "https://www.romashka.ru/about", True),
        ("ivanov@msk.romashka.ru", "romashka.ru", True),
        ("ivanov@other.ru", "romashka.ru", False),
        ("info@mail.ru", None, False),
        ("ivanov@mail.ru", "mail.ru", False),
        ("nonsense", None, False),
    ],
)
def test_a_shared_mailbox_is_told_from_a_persons_own(address, domain, company):
    assert is_company_mailbox(address, domain) is company


@pytest.mark.rule("LEAD-14")
@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("7707083893", "7707083893"),
        ("ИНН: 7707 083893", "7707083893"),
        ("7707083893/770701001", "7707083893"),
        ("7707083893.0", "7707083893"),
        (7707083893, "7707083893"),
        ("500100732259", "500100732259"),
        ("7707083894", None),
        ("500100732250", None),
        ("0000000000", None),
        ("770708389", None),
        ("", None),
        (None, None),
    ],
)
def test_an_inn_needs_its_check_digits(typed, number):
    assert inn(typed) == number


@quick
@given(st.integers(100_000_000, 999_999_999), st.integers(1, 9))
def test_a_wrong_last_digit_of_an_inn_is_noticed(first_nine, off):
    right = next(number for last in range(10) if (number := inn(f"{first_nine}{last}")))
    assert inn(f"{first_nine}{(int(right[-1]) + off) % 10}") is None


@pytest.mark.rule("LEAD-4")
@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1 234,5", "1234.5"),
        ("24м", "24"),
        ("24 m", "24"),
        ("24 метра", "24"),
        ("2400 мм", "2.4"),
        ("1440 м²", "1440"),
        ("1440 кв. м", "1440"),
        ("1440 м2", "1440"),
        ("1 234 567,80 ₽", "1234567.80"),
        ("12 345 руб.", "12345"),
        ("12,5 тыс. руб.", "12500"),
        ("1,5 млн", "1500000"),
        ("1,234.56", "1234.56"),
        ("1.234.567,8", "1234567.8"),
        ("-5", "-5"),
        (24.5, "24.5"),
        (Decimal("24.00"), "24"),
        ("24x60", None),
        ("24 60", None),
        ("от 24 до 30", None),
        ("1.2.3", None),
        ("1e5", None),
        ("NaN", None),
        ("Infinity", None),
        ("9" * 40, None),
        ("много", None),
        ("", None),
        (None, None),
        (True, None),
    ],
)
def test_a_field_with_one_number_gives_it(typed, number):
    assert decimal_number(typed) == (None if number is None else Decimal(number))


@quick
@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_a_number_written_the_russian_way_is_read_back(value):
    assert decimal_number(f"{value:,}".replace(",", "\u00a0").replace(".", ",")) == value


def test_text_loses_what_a_database_cannot_hold():
    assert clean_text("a\x00b\ud800c\r\nd\u202e\x1b\x85 ") == "abc\nd"
    assert clean_text(None) == ""
    assert clean_text("абв" * 10, 4) == "абва"
    assert digits("+7 (912) ３４-٥") == "7912345"


@quick
@given(st.text())
def test_clean_text_can_be_stored_and_is_stable(text):
    cleaned = clean_text(text)
    assert "\x00" not in cleaned
    assert clean_text(cleaned.encode().decode()) == cleaned


@pytest.mark.rule("PIPE-4")
@pytest.mark.parametrize(
    "comment",
    [
        "",
        None,
        "-",
        ".",
        "...",
        "test",
        "Тест",
        "тест 1",
        "нет",
        "asdf",
        "qweqwe",
        "фыва",
        "ааа",
        "123",
        "N/A",
        "просто так",
        "- -",
    ],
)
def test_a_placeholder_is_no_comment(comment):
    assert looks_like_placeholder(comment)


@pytest.mark.rule("PIPE-4")
@pytest.mark.parametrize("comment", ["Дорого", "нет денег", "смит", "купил у конкурента за 12 млн", "1200000", "Не ТЗ"])
def test_a_real_comment_is_no_placeholder(comment):
    assert not looks_like_placeholder(comment)


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize(
    "name",
    ["", None, "1", "2", "123", "-", "тест", "Тест Тест", "без имени", "Без Имени!", "Клиент 15", "И", "ФИО",
     "No name", "+7 912 345-67-89", "тел. 89123456789", "ivan@mail.ru", "12345678"],
)  # fmt: skip
def test_a_dummy_name_is_recognised(name):
    assert is_dummy_name(name)


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize(
    "name",
    [
        "Ян",
        "Ия",
        "Ли",
        "Бен",
        "Смит",
        "Тестов Пётр",
        "Иван 89123456789",
        "Клиент Иванов",
        "O'Neil",
        "王伟",
        "Ноа",
    ],
)
def test_a_short_or_rare_name_is_a_name(name):
    assert not is_dummy_name(name)


def test_search_finds_whatever_the_case_the_yo_and_the_punctuation():
    stored = search_text("ООО «Ромашка-Строй»", "Пётр Ёлкин", "24×60", None, "ivan@mail.ru")
    for query in ["ромашка", "РОМАШКА СТРОЙ", "петр елкин", "Пётр", "24x60", "24х60", "ivan@mail.ru", "mail"]:
        assert all(term in stored for term in search_terms(query)), query


@pytest.mark.parametrize(
    "query", ["8 912 345-67-89", "+7 (912) 345", "89123456789", "9123456789", "67-89", "345 67 89", "6789"]
)
def test_any_way_of_typing_a_phone_or_its_tail_finds_it(query):
    stored = search_text("Иван", "8 (912) 345 67 89 доб. 12")
    assert all(term in stored for term in search_terms(query))


def test_two_sizes_are_not_taken_for_a_piece_of_a_phone():
    assert search_terms("24 60") == ["24", "60"]


def test_the_wrong_keyboard_layout_is_a_second_reading():
    assert swap_layout("bdfyjd") == "иванов"
    assert swap_layout("иванов") == "bdfyjd"
    assert swap_layout("[jkjl") == "холод"
    assert swap_layout("123") == "123"
    assert ["иванов"] in search_variants("bdfyjd")
    assert search_variants("123456") == [["123456"]]
    assert search_variants("...") == []


@quick
@given(st.text(alphabet="абвгдежзийклмнопрстуфхцчшщъыьэюяё", min_size=4))
def test_the_layout_swapped_twice_is_the_text_again(text):
    swapped = swap_layout(text)
    if sum(char.isalpha() for char in swapped):
        assert swap_layout(swapped) == text


@quick
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Nd", "No", "Nl", "Cs"))))
def test_search_text_of_search_text_is_itself(text):
    once = search_text(text)
    assert search_text(once) == once
