"""Titles by template leave no stray punctuation, whatever is empty."""

import re
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.titles import (
    DEFAULT_DEAL_TITLE,
    DEFAULT_LEAD_TITLE,
    render_title,
    title_value,
    validate_title_template,
)

quick = settings(max_examples=150, deadline=None)
LEAD = {
    "source": "Сайт",
    "name": "Иван",
    "purpose": "Склад",
    "length": Decimal("60.00"),
    "width": Decimal("24.50"),
    "city": "Казань",
}
COPY = "Повторный лид из сделки №{id} ({i}/{N})"


def lead_title(*empty):
    return render_title(DEFAULT_LEAD_TITLE, {key: None if key in empty else value for key, value in LEAD.items()})


@pytest.mark.rule("LEAD-3")
@pytest.mark.parametrize(
    ("empty", "title"),
    [
        ([], "Сайт: Иван, Склад 60×24,5, Казань"),
        (["source"], "Иван, Склад 60×24,5, Казань"),
        (["name"], "Сайт: Склад 60×24,5, Казань"),
        (["purpose"], "Сайт: Иван, 60×24,5, Казань"),
        (["width"], "Сайт: Иван, Склад 60, Казань"),
        (["length", "width"], "Сайт: Иван, Склад, Казань"),
        (["city"], "Сайт: Иван, Склад 60×24,5"),
        (["name", "purpose", "length", "width"], "Сайт: Казань"),
        (["source", "name", "purpose", "length", "width"], "Казань"),
        (list(LEAD), ""),
    ],
)
def test_empty_parts_of_a_lead_title_leave_nothing_behind(empty, title):
    assert lead_title(*empty) == title


@pytest.mark.rule("DEAL-1")
@pytest.mark.parametrize(
    ("values", "title"),
    [
        (("Склад", "ООО «Ромашка»", Decimal("1440.00")), "Склад — ООО «Ромашка», 1440 м²"),
        (("Склад", "ООО «Ромашка»", None), "Склад — ООО «Ромашка»"),
        ((None, "ООО «Ромашка»", 1440), "ООО «Ромашка», 1440 м²"),
        (("Склад", "", 1440), "Склад — 1440 м²"),
        ((None, None, None), ""),
    ],
)
def test_the_unit_goes_with_its_value(values, title):
    assert render_title(DEFAULT_DEAL_TITLE, dict(zip(("object", "client", "area"), values, strict=True))) == title


@pytest.mark.rule("DEAL-9")
def test_the_title_of_a_copy_keeps_its_brackets():
    assert render_title(COPY, {"id": 5, "i": 1, "N": 3}) == "Повторный лид из сделки №5 (1/3)"
    assert render_title(COPY, {"id": 5, "i": None, "N": None}) == "Повторный лид из сделки №5"


@pytest.mark.rule("LEAD-3")
@pytest.mark.parametrize(
    ("template", "values", "title"),
    [
        ("Ангар {length}×{width} для {client}", {"length": 1, "width": 2, "client": ""}, "Ангар 1×2"),
        ("{length} м × {width} м, {city}", {"length": 24, "width": "", "city": "Уфа"}, "24 м, Уфа"),
        ("{length}x{width}", {"length": 24, "width": ""}, "24"),
        ("{name} «{company}»", {"name": "Иван", "company": "-"}, "Иван"),
        ("Заявка с сайта {name}", {"name": ""}, "Заявка с сайта"),
        ("№{id}", {"id": 7}, "№7"),
        ("№{id}", {"id": ""}, ""),
        ("{name} - {city}. {x}", {"name": "И", "city": "", "x": "П"}, "И - П"),
        ("просто текст", {}, "просто текст"),
    ],
)
def test_an_edited_template_reads_well_too(template, values, title):
    assert render_title(template, values) == title


@pytest.mark.rule("LEAD-3")
def test_braces_in_a_value_mean_nothing():
    assert (
        render_title("{name}, {city}", {"name": "{city} {0.__class__}", "city": "Уфа"}) == "{city} {0.__class__}, Уфа"
    )


@pytest.mark.rule("LEAD-3")
@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{nmae}", "nmae"),
        ("{name", "brace"),
        ("name}", "brace"),
        ("{name!r}", "brace"),
        ("{0}", "brace"),
        ("({name}", "("),
    ],
)
def test_a_wrong_template_is_refused_by_name(template, named):
    with translation.override("en"):
        with pytest.raises(ValueError, match=re.escape(named)):
            validate_title_template(template, ["name"])
        with pytest.raises(ValueError, match=re.escape(named)):
            render_title(template, {"name": "Иван"})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("24.00"), "24"),
        (Decimal("24.50"), "24,5"),
        (Decimal("1E+3"), "1000"),
        (24.0, "24"),
        (0, "0"),
        (float("nan"), ""),
        (None, ""),
        ("  Иван\n Петров ", "Иван Петров"),
        (" - ", ""),
        ("Иван,", "Иван"),
    ],
)
def test_a_value_is_shown_as_people_write_it(value, shown):
    assert title_value(value) == shown


def test_a_long_title_is_cut_with_an_ellipsis():
    title = render_title("{name}, {city}", {"name": "И" * 300, "city": "Уфа"})
    assert len(title) == 255
    assert title.endswith("И…")


words = st.text(alphabet="абвАБВ12", min_size=1, max_size=6)
values = st.one_of(st.none(), st.just(""), st.just("-"), words, st.integers(1, 99))
separators = st.sampled_from([": ", ", ", " ", "×", " — ", "; ", "/", " м², ", " м × ", " для ", " (", " | "])


@st.composite
def templates(draw):
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=7, unique=True))
    text = draw(st.sampled_from(["", "Лид ", "Лид: ", "№"]))
    for index, name in enumerate(names):
        separator = draw(separators) if index else ""
        opened = separator.endswith("(")
        text += separator + "{" + name + "}" + (")" if opened else "")
    return text + draw(st.sampled_from(["", " м²", " т", "."])), {name: draw(values) for name in names}


@pytest.mark.rule("LEAD-3")
@quick
@given(templates())
def test_no_template_and_no_gap_leaves_stray_punctuation(case):
    template, given_values = case
    title = render_title(template, given_values)
    assert title == title.strip(" ,:;|/×—-")
    assert not re.search(r"[,:;|/×—]\s*[,:;|/×—]", title), title
    assert "  " not in title
    assert not re.search(r"\s[,;:]|\(\)|\(\s|\s\)|[(][,:;/×]|[,:;/×][)]", title), title


@pytest.mark.rule("LEAD-3")
@quick
@given(templates())
def test_every_value_given_is_in_the_title(case):
    template, given_values = case
    title = render_title(template, given_values)
    for value in given_values.values():
        assert title_value(value) in title
