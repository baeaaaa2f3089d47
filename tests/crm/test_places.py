"""Addresses are compared in one form, and name their region and town."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.places import _rows, city_of, normalize_place, region_code_of, region_of, regions

quick = settings(max_examples=80, deadline=None)


@pytest.mark.rule("OBJ-2")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("г. Екатеринбург, ул. Ленина, д. 5", "ЕКАТЕРИНБУРГ ЛЕНИНА 5"),
        ("Свердловская обл., г. Екатеринбург", "Екатеринбург, Свердловская область"),
        ("г. Орёл, пр-т Мира, 7", "Орел, проспект Мира 7"),
        ("пос. Октябрьский, р-н Чишминский", "Чишминский район, поселок Октябрьский"),
        ("Казань, Ленина 5 корп. 2", "Казань, ул. Ленина, 5к2"),
        ("Казань, Ленина 5 а", "Казань, Ленина, 5А"),
        ("Казань, Ленина 5, стр. 1, кв. 12", "Казань, Ленина, д.5 с1 квартира 12"),
        ("420000, Россия, Респ. Татарстан, г Казань", "Республика Татарстан, Казань"),
        ("СПб, Невский пр., 1", "Санкт-Петербург, Невский проспект, дом 1"),
        ("Москва;  ул.Тверская,д.1", "москва\nтверская 1"),
    ],
)
def test_the_same_place_written_in_two_ways_is_one(one, other):
    assert normalize_place(one) == normalize_place(other) != ""


@pytest.mark.rule("OBJ-2")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Казань, Ленина 5", "Казань, Ленина 7"),
        ("Казань, Ленина 5 кв 12", "Казань, Ленина 12 кв 5"),
        ("Казань, Ленина 5", "Уфа, Ленина 5"),
        ("Алтайский край", "Алтайский район"),
    ],
)
def test_different_places_stay_different(one, other):
    assert normalize_place(one) != normalize_place(other)


def test_nothing_is_no_place():
    assert normalize_place(None) == normalize_place(" , . ") == normalize_place("г.") == ""


parts = st.lists(
    st.sampled_from(
        [
            "Свердловская обл.",
            "г. Екатеринбург",
            "ул. 8 Марта",
            "д. 5 а",
            "корп. 2",
            "Берёзовский р-н",
            "кв. 12",
            "620000",
        ]
    ),
    unique=True,
)


@pytest.mark.rule("OBJ-2")
@quick
@given(parts, st.randoms(use_true_random=False))
def test_neither_order_nor_case_nor_punctuation_matters(address, rng):
    shuffled = rng.sample(address, len(address))
    written = " ,  ".join(shuffled).upper().replace("Ё", "Е")
    assert normalize_place(", ".join(address)) == normalize_place(written)


@quick
@given(st.text())
def test_no_text_breaks_a_place(text):
    assert normalize_place(text) == normalize_place(f" {text} ")
    assert region_of(text) is None or region_of(text) in {region.name for region in regions()}
    city_of(text)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("г. Екатеринбург, ул. Ленина 5", "Свердловская область"),
        ("Свердловская обл.", "Свердловская область"),
        ("в Свердловской области", "Свердловская область"),
        ("область Свердловская", "Свердловская область"),
        ("Казань", "Республика Татарстан"),
        ("ангар в Казани", "Республика Татарстан"),
        ("Нижний Тагил", "Свердловская область"),
        ("в Нижнем Новгороде", "Нижегородская область"),
        ("Ростов-на-Дону", "Ростовская область"),
        ("Респ. Алтай", "Республика Алтай"),
        ("Алтайский край", "Алтайский край"),
        ("Бийск", "Алтайский край"),
        ("ХМАО-Югра, Сургут", "Ханты-Мансийский автономный округ — Югра"),
        ("Ямало-Ненецкий автономный округ", "Ямало-Ненецкий автономный округ"),
        ("Подмосковье", "Московская область"),
        ("Московская область, Химки", "Московская область"),
        ("Москва, Ленинградское шоссе 5", "Москва"),
        ("Москва, ул. Казанская", "Москва"),
        ("Пермь, ул. Кирова, 5", "Пермский край"),
        ("Кирова ул, Пермь", "Пермский край"),
        ("Пермь Кирова улица 5", "Пермский край"),
        ("СПб", "Санкт-Петербург"),
        ("Республика Саха (Якутия)", "Республика Саха (Якутия)"),
        ("Йошкар-Ола", "Республика Марий Эл"),
        ("Ленинградская обл, Гатчина", "Ленинградская область"),
        ("Ленинградский проспект 5", None),
        ("Берлин", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_names_its_region(text, region):
    assert region_of(text) == region


@pytest.mark.rule("OBJ-1")
@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("Свердловская обл., г. Нижний Тагил, ул. Ленина", "Нижний Тагил"),
        ("ангар в Казани", "Казань"),
        ("г. Грозный ул. Ленина 1", "Грозный"),
        ("спб", "Санкт-Петербург"),
        ("Иркутская обл., г. Кукуево, ул. Лесная", "Кукуево"),
        ("с. Верхние Васюки", "Верхние Васюки"),
        ("Свердловская область", None),
        ("ул. Ленина, д. 5", None),
        ("24x60 с воротами", None),
        ("", None),
    ],
)
def test_an_address_names_its_town(text, city):
    assert city_of(text) == city


def test_the_data_of_the_regions_is_whole():
    assert len({region.code for region in regions()}) == len(regions()) == 89
    towns = [city for row in _rows() for city in row["cities"]]
    assert len(towns) == len(set(towns))
    for row in _rows():
        assert region_of(row["name"]) == row["name"]
        assert region_code_of(row["name"].upper()) == row["code"]
        for alias in row["aliases"]:
            assert region_of(alias) == row["name"]
        for city in row["cities"]:
            assert (region_of(f"г. {city}"), city_of(city)) == (row["name"], city)
