"""What partners, those who control them and the call centre may do with records, on pages and in the API."""

from __future__ import annotations

from typing import Any

import pytest

from crm import clock, services
from crm.actors import Actor
from crm.clients import company_create
from crm.errors import InvalidInput
from crm.models import TimelineEntry
from crm.stages import move
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from partners.handoff import recall
from partners.selectors import partners_to_choose
from partners.services import feedback_set
from tests.partners.scene import HTMX, SIZE, Scene, browser, fresh

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def patch(user: Any, record: Any, **data: Any) -> Any:
    return browser(user).patch(f"/api/v1/{record.RECORD_TYPE}s/{record.pk}/", data, content_type=JSON)


# -- partners and what is finished ------------------------------------------------------------------------------------


@pytest.mark.rule("PART-3", "ACC-1")
@pytest.mark.parametrize("end", ["lost", "recalled"])
def test_a_partner_changes_nothing_that_is_finished(scene: Scene, end: str) -> None:
    handoff, twin = scene.handed(scene.deal())
    assert patch(scene.dealer, twin, amount="5").status_code == 200
    if end == "lost":
        move(fresh(twin), "construction_cancelled", by=Actor.system(), override=True)
    else:
        recall(handoff_id=handoff.pk, by=scene.head, reason="Клиент просит нас самих")
    answer = patch(scene.dealer, twin, amount="7")
    assert answer.status_code == 403
    assert ("завершена" if end == "lost" else "забрал") in answer.json()["detail"]
    with pytest.raises(InvalidInput):
        services.record_update(fresh(twin), data={"amount": 7}, by=scene.dealer)
    own = browser(scene.dealer)
    assert own.get(f"/deals/{twin.pk}/edit/").status_code == 403
    assert own.get(f"/deals/{twin.pk}/fields/amount/").status_code == 403
    assert "/fields/" not in own.get(f"/deals/{twin.pk}/").content.decode()
    written = own.post(f"/api/v1/deals/{twin.pk}/notes/", {"text": "Клиент перезвонит"}, content_type=JSON)
    assert written.status_code == (201 if end == "lost" else 403)
    assert patch(scene.other, twin, amount="7").status_code == 404
    assert patch(scene.stranger, twin, amount="7").status_code == 404


# -- control ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("PART-4", "PART-5", "ACC-1")
def test_control_moves_comments_and_scores_but_writes_no_fields(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    refused = patch(scene.control, twin, amount="5")
    assert refused.status_code == 403
    assert "поля меняет партнёр" in refused.json()["detail"]
    with pytest.raises(InvalidInput) as error:
        services.record_update(fresh(twin), data={"amount": 5}, by=scene.control)
    assert error.value.errors[0]["pointer"] == "/amount"
    with pytest.raises(InvalidInput):
        services.record_update(fresh(scene.contact), data={"comment": "Моё"}, by=scene.control)
    control = browser(scene.control)
    page = control.get(f"/deals/{twin.pk}/").content.decode()
    assert f"/deals/{twin.pk}/fields/feedback/" in page
    assert f"/deals/{twin.pk}/fields/amount/" not in page
    assert f"/deals/{twin.pk}/assign/" not in page
    for address in ("edit/", "fields/amount/", "assign/", "lines/"):
        assert control.get(f"/deals/{twin.pk}/{address}").status_code == 403, address
    api = f"/api/v1/deals/{twin.pk}"
    assert control.post(f"{api}/move/", {"to": "contacted"}, content_type=JSON).status_code == 200
    assert control.post(f"{api}/notes/", {"text": "Когда замер?"}, content_type=JSON).status_code == 201
    assert control.post(f"{api}/feedback/", {"product": 5}, content_type=JSON).status_code == 200
    given = control.post(f"{api}/assign/", {"responsible": scene.colleague.pk}, content_type=JSON)
    assert given.status_code in {400, 403}
    assert control.put(f"{api}/lines/", {"lines": []}, content_type=JSON).status_code == 403
    twin = fresh(twin)
    assert (twin.stage, twin.feedback_product, twin.amount) == ("partner_deal:contacted", 5, None)
    seen = {"seen": "5\x1f\x1f", "feedback_product": "4", "feedback_partner": "3", "feedback_text": "Хорошо"}
    assert control.post(f"/deals/{twin.pk}/fields/feedback/", seen, headers=HTMX).status_code == 200
    assert fresh(twin).feedback_product == 4


@pytest.mark.rule("PART-4", "PIPE-3")
def test_control_gives_with_a_move_only_what_it_asks_for(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    move = f"/api/v1/deals/{twin.pk}/move/"
    control = browser(scene.control)
    more = {"to": "proposal_sent", "data": {"amount": "5", "comment": "Моё"}}
    answer = control.post(move, more, content_type=JSON)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/data/comment"
    assert (fresh(twin).stage, fresh(twin).amount) == ("partner_deal:received", None)
    del more["data"]["comment"]
    assert control.post(move, more, content_type=JSON).status_code == 200
    assert (fresh(twin).stage, fresh(twin).amount) == ("partner_deal:proposal_sent", 5)
    again = control.post(move, {"to": "negotiation", "data": {"amount": "7"}}, content_type=JSON)
    assert again.status_code == 400, "what is filled already stays the partner's"
    assert fresh(twin).amount == 5


@pytest.mark.rule("PART-5", "PIPE-3")
def test_control_wins_a_deal_whose_client_lacks_details(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    company = company_create(by=scene.head, data={"name": "ООО «Заказчик»"})
    services.record_update(fresh(twin), data={"company": company, "amount": 5}, by=Actor.system())
    move(fresh(twin), "feedback", by=Actor.system(), override=True)
    feedback_set(fresh(twin), by=scene.control, product=5, partner=4, text="Хорошо")
    given = {"contract_number": "П-1", "contract_date": clock.today(), "company__inn": "7707083893"}
    won = move(fresh(twin), "won", by=scene.control, data=given)
    assert won.stage == "partner_deal:won"
    assert fresh(company).inn == "7707083893"


@pytest.mark.rule("ACC-1")
def test_control_is_offered_no_new_records(scene: Scene) -> None:
    scene.handed(scene.deal())
    for who, offered in ((scene.control, False), (scene.head, True)):
        for kind in ("lead", "deal", "contact", "company", "object"):
            page = browser(who).get(f"/{kind}s/board/" if kind != "company" else "/companies/board/").content.decode()
            assert ("/new/" in page) == offered, f"{who.role} {kind}"


# -- the call centre --------------------------------------------------------------------------------------------------


@pytest.mark.rule("ACC-1", "LEAD-10", "PART-2")
def test_the_call_centre_qualifies_and_passes_on_only(scene: Scene) -> None:
    lead = lead_create(by=scene.operator, data={"name": "Пётр", **SIZE}, phones="+79260001122")
    lead = Lead.objects.get(pk=lead.pk)
    operator = browser(scene.operator)
    page = operator.get(f"/leads/{lead.pk}/").content.decode()
    assert f"/leads/{lead.pk}/convert/" not in page
    assert f"/leads/{lead.pk}/hand-over/" not in page
    assert operator.get(f"/leads/{lead.pk}/convert/").status_code == 403
    assert operator.get(f"/leads/{lead.pk}/hand-over/").status_code == 403
    api = f"/api/v1/leads/{lead.pk}"
    assert operator.get(f"{api}/convert/").status_code == 403
    refused = operator.post(f"{api}/convert/", {"kind": "person"}, content_type=JSON)
    assert refused.status_code == 403
    assert "передайте" in refused.json()["detail"]
    given = operator.post(f"{api}/hand-over/", {"partner": scene.partner.pk}, content_type=JSON)
    assert given.status_code in {400, 403, 422}
    assert not partners_to_choose(scene.operator).exists()
    offered = [row["code"] for row in operator.get(f"{api}/moves/").json()]
    assert "handed_over" in offered
    assert not {"converted", "contact_saved"} & set(offered)
    moved = operator.post(f"{api}/move/", {"to": "contact_saved"}, content_type=JSON)
    assert moved.status_code in {409, 422}
    dropped = operator.post(f"/leads/{lead.pk}/move/", {"to": "converted"}, headers=HTMX)
    assert "convert/" not in dropped.headers.get("HX-Location", "") + dropped.content.decode()
    lead = fresh(lead)
    assert lead.is_open
    assert not Deal.objects.exists()
    assert not TimelineEntry.objects.filter(action="converted").exists()
    manager = browser(scene.head)
    assert manager.get(f"{api}/convert/").status_code == 200


# -- objects ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("ACC-1", "PART-3")
def test_a_partner_is_not_shown_what_the_manufacturer_notes_on_clients_and_objects(scene: Scene) -> None:
    for record, name in ((scene.object, "notes"), (scene.contact, "comment"), (scene.company, "comment")):
        services.record_update(record, data={name: "Торгуется, скидка 10 %"}, by=scene.manager)
    scene.handed(scene.deal())
    for kind, record in (("objects", scene.object), ("contacts", scene.contact), ("companies", scene.company)):
        for who, told in ((scene.dealer, False), (scene.manager, True)):
            body = browser(who).get(f"/api/v1/{kind}/{record.pk}/").content.decode()
            assert ("Торгуется" in body) == told, f"{who.role} {kind}"
            assert ("refusal_comment" in body) == told, f"{who.role} {kind}"
            page = browser(who).get(record.get_absolute_url()).content.decode()
            assert ("Торгуется" in page) == told, f"{who.role} card of {kind}"
        assert browser(scene.other).get(f"/api/v1/{kind}/{record.pk}/").status_code == 404


@pytest.mark.rule("PART-5")
def test_the_dialog_of_a_win_asks_for_the_clients_words_beside_the_scores(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    given = {"amount": 5, "contract_number": "П-1", "contract_date": clock.today()}
    services.record_update(fresh(twin), data=given, by=Actor.system())
    move(fresh(twin), "feedback", by=Actor.system(), override=True)
    control, address = browser(scene.control), f"/deals/{twin.pk}/move/"
    page = control.post(address, {"to": "won"}, headers=HTMX)
    assert 'name="feedback_text"' in page.content.decode()
    assert not page.context["form"].fields["feedback_text"].required
    filled = {"to": "won", "fields": "1", "feedback_product": "5", "feedback_partner": "4", "feedback_text": "Рады"}
    control.post(address, filled, headers=HTMX)
    assert (fresh(twin).stage, fresh(twin).feedback_text) == ("partner_deal:won", "Рады")
