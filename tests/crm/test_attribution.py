"""The source of a request is read from UTM marks, then click ids, then the referrer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.attribution import SHIPPED_SOURCES, Touch, Utm, touch_from, traffic_of

quick = settings(max_examples=100, deadline=None)
CODES = {code for code, _ru, _en in SHIPPED_SOURCES}
TILDA = "TILDAUTM=utm_source%3Dvk%7C%7C%7Cutm_medium%3Dsocial%7C%7C%7Cutm_campaign%3Dautumn"


def source(**params):
    return touch_from(params).source_code


@pytest.mark.rule("LEAD-1")
def test_all_five_marks_and_the_pages_are_kept():
    touch = touch_from(
        {
            "UTM_Source": "yandex",
            "utm_medium": "cpc",
            "utm_campaign": "%D0%B0%D0%BD%D0%B3%D0%B0%D1%80%D1%8B",
            "utm_content": ["b1", "b2"],
            "utm_term": " ангар  24х60 ",
            "yclid": 123,
            "_ym_uid": "1700000000",
            "roistat_visit": "77",
            "name": "Иван",
        },
        "https://yandex.ru/search/",
        "https://angar.example/?x=1",
    )
    assert touch.utm == Utm("yandex", "cpc", "ангары", "b1", "ангар 24х60")
    assert touch.click_ids == {"yclid": "123", "ym_client_id": "1700000000", "roistat": "77"}
    assert (touch.source_code, touch.traffic) == ("yandex_direct", "paid")
    fields = touch.as_fields()
    assert fields["utm_campaign"] == "ангары"
    assert fields["referrer"] == "https://yandex.ru/search/"
    assert fields["landing_page"] == "https://angar.example/?x=1"


@pytest.mark.rule("LEAD-1")
def test_a_site_builders_packed_cookie_is_unpacked():
    touch = touch_from({"Name": "Анна"}, cookies_text=f"_ym_uid=17; {TILDA}; _ga=GA1.2.3")
    assert touch.utm == Utm("vk", "social", "autumn")
    assert touch.source_code == "social_vk"
    assert touch.click_ids == {"ym_client_id": "17", "ga_client_id": "GA1.2.3"}


@pytest.mark.rule("LEAD-1")
def test_marks_of_two_visits_are_not_mixed():
    landing = "https://angar.example/?utm_source=google&utm_medium=cpc"
    touch = touch_from({"utm_source": "", "utm_term": "undefined"}, "", landing, TILDA)
    assert touch.utm == Utm("google", "cpc")
    assert touch.source_code == "google_ads"
    assert touch_from({"utm_source": "avito"}, "", landing, TILDA).utm == Utm("avito")


@pytest.mark.rule("LEAD-1")
@pytest.mark.parametrize(
    ("utm_source", "utm_medium", "code"),
    [
        ("yandex", "cpc", "yandex_direct"),
        ("yandex", "", "yandex_direct"),
        ("Yandex", "organic", "organic_yandex"),
        ("yandex_maps", "cpc", "maps"),
        ("direct", "cpc", "yandex_direct"),
        ("google", "ppc", "google_ads"),
        ("google", "organic", "organic_google"),
        ("vk", "cpc", "vk_ads"),
        ("vk", "post", "social_vk"),
        ("mytarget", "banner", "vk_ads"),
        ("telegram", "channel", "social_telegram"),
        ("tg_ads", "", "telegram_ads"),
        ("avito", "cpc", "avito"),
        ("newsletter", "email", "email_campaign"),
        ("may_letter", "email", "email_campaign"),
        ("somewhere", "cpc", "other_ads"),
        ("somewhere", "", "other"),
        ("", "cpc", "other_ads"),
    ],
)
def test_marks_name_the_source(utm_source, utm_medium, code):
    assert source(utm_source=utm_source, utm_medium=utm_medium) == code


@pytest.mark.rule("LEAD-1")
@pytest.mark.parametrize(
    ("click_id", "code"),
    [
        ("yclid", "yandex_direct"),
        ("gclid", "google_ads"),
        ("rb_clickid", "vk_ads"),
        ("fbclid", "social_other"),
        ("roistat", "direct"),
    ],
)
def test_a_click_id_names_the_source_when_there_are_no_marks(click_id, code):
    assert source(**{click_id: "1"}) == code
    assert source(**{click_id: "1", "utm_source": "avito"}) == "avito"
    assert touch_from({}, "", f"https://angar.example/?{click_id}=1").source_code == code


@pytest.mark.rule("LEAD-1")
@pytest.mark.parametrize(
    ("referrer", "code"),
    [
        ("https://yandex.ru/", "organic_yandex"),
        ("https://ya.ru/search?text=x", "organic_yandex"),
        ("https://yandex.ru/maps/org/1", "maps"),
        ("https://www.google.com/", "organic_google"),
        ("https://google.co.uk/search", "organic_google"),
        ("https://go.mail.ru/search", "organic_other"),
        ("https://away.vk.com/away.php", "social_vk"),
        ("https://t.me/angary", "social_telegram"),
        ("android-app://org.telegram.messenger/", "social_telegram"),
        ("https://ok.ru/", "social_other"),
        ("https://e.mail.ru/inbox", "email"),
        ("https://www.avito.ru/item", "avito"),
        ("https://stroyka.example/article", "referral"),
        ("https://notyandex.ru/", "referral"),
        ("https://myvk.com/", "referral"),
        ("https://www.angar.example/about", "direct"),
        ("https://msk.angar.example/", "direct"),
        ("https://other-own.example/", "direct"),
        ("http://[broken", "direct"),
        ("", "direct"),
    ],
)
def test_the_referrer_names_the_source_when_nothing_else_does(referrer, code):
    touch = touch_from({}, referrer, "https://angar.example/", own_hosts=["www.Other-Own.example"])
    assert touch.source_code == code


def test_the_pages_may_come_as_fields_of_the_form():
    touch = touch_from({"referer": "https://ya.ru/", "landing_page": "https://angar.example/?yclid=5"})
    assert touch.referrer == "https://ya.ru/"
    assert touch.click_ids == {"yclid": "5"}


def test_nothing_known_is_a_direct_visit():
    assert touch_from({}) == Touch("direct", "direct")


def test_shipped_sources_are_unique_and_cover_every_answer():
    assert len(CODES) == len(SHIPPED_SOURCES)
    assert all(ru and en for _code, ru, en in SHIPPED_SOURCES)
    assert traffic_of("our_own_source") == "other"


anything = st.one_of(
    st.text(max_size=40),
    st.none(),
    st.integers(),
    st.lists(st.text(max_size=5), max_size=2),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)


@pytest.mark.rule("LEAD-1")
@quick
@given(
    st.dictionaries(
        st.sampled_from(["utm_source", "UTM_MEDIUM", "utm_term", "yclid", "referer", "landing", "x"]), anything
    ),
    anything,
    anything,
    anything,
)
def test_whatever_is_sent_gives_a_known_source_that_fits_its_columns(params, referrer, landing, cookies):
    touch = touch_from(params, referrer, landing, cookies)
    assert touch.source_code in CODES
    fields = touch.as_fields()
    assert all(len(fields[mark]) <= 255 for mark in ("utm_source", "utm_medium", "utm_term"))
    assert "\x00" not in str(fields)
    assert all(len(url) <= 2000 for url in (touch.referrer, touch.landing_page))
