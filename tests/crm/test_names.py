"""A name typed in one field is split sensibly, and shown the way Russians write names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.names import display_name, initials, short_name, split_full_name


@pytest.mark.rule("LEAD-10")
@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("Иванов Иван Иванович", ("Иванов", "Иван", "Иванович")),
        ("Иван Иванович Иванов", ("Иванов", "Иван", "Иванович")),
        ("Иванов Иван", ("Иванов", "Иван", "")),
        ("Иван Иванов", ("Иванов", "Иван", "")),
        ("Марина Никитина", ("Никитина", "Марина", "")),
        ("Никитина Марина", ("Никитина", "Марина", "")),
        ("Артём Шевченко", ("Шевченко", "Артём", "")),
        ("Шевченко Артем", ("Шевченко", "Артем", "")),
        ("Кузьмина Ольга Ильинична", ("Кузьмина", "Ольга", "Ильинична")),
        ("Сергей Петрович", ("", "Сергей", "Петрович")),
        ("Илья Кузьмич", ("", "Илья", "Кузьмич")),
        ("Иван", ("", "Иван", "")),
        ("Иванов И. И.", ("Иванов", "И.", "И.")),
        ("Иванов И.И.", ("Иванов", "И.", "И.")),
        ("И.И. Иванов", ("Иванов", "И.", "И.")),
        ("Иванов И.", ("Иванов", "И.", "")),
        ("Иванов, Иван Иванович", ("Иванов", "Иван", "Иванович")),
        ("Мамедов Али Гасан оглы", ("Мамедов", "Али", "Гасан оглы")),
        ("ИВАНОВ ИВАН ИВАНОВИЧ", ("Иванов", "Иван", "Иванович")),
        ("петрова-водкина анна", ("Петрова-Водкина", "Анна", "")),
        ("  Иванов \u00a0 Иван\n", ("Иванов", "Иван", "")),
        ("John Smith", ("Smith", "John", "")),
        ("John Ronald Reuel Tolkien", ("Tolkien", "John", "Ronald Reuel")),
        ("Ян Ли", ("Ли", "Ян", "")),
        ("", ("", "", "")),
        (None, ("", "", "")),
        (",", ("", "", "")),
    ],
)
def test_a_full_name_is_split(typed, parts):
    assert tuple(split_full_name(typed)) == parts


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="абвИванОВич-", min_size=1, max_size=8), max_size=6))
def test_no_word_of_a_name_is_lost(words):
    parts = split_full_name(" ".join(words))
    kept = " ".join(parts).casefold().split()
    assert sorted(kept) == sorted(" ".join(words).casefold().split())


@pytest.mark.parametrize(
    ("parts", "full", "short", "letters"),
    [
        (("Иванов", "Иван", "Иванович"), "Иванов Иван Иванович", "Иванов И. И.", "ИИ"),
        (("Иванов", "Иван", ""), "Иванов Иван", "Иванов И.", "ИИ"),
        (("", "Иван", "Иванович"), "Иван Иванович", "Иван Иванович", "И"),
        (("Иванов", "", ""), "Иванов", "Иванов", "И"),
        (("", "", "Петрович"), "Петрович", "Петрович", "П"),
        (("", "", ""), "", "", ""),
    ],
)
def test_a_name_is_shown_in_full_in_short_and_by_its_letters(parts, full, short, letters):
    assert display_name(*parts) == full
    assert short_name(*parts) == short
    assert initials(*parts) == letters
