"""Every page of the browser, asked for by every role, with the number of a record that is not theirs.

A named address without a row here fails the suite: whoever adds a page says who gets in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import ApiToken, Role, Team
from analytics.models import BonusRule
from analytics.reports.registry import REPORTS
from automation.models import Rule, ScheduledRun
from communications.models import Message, Submission, WebForm, WebhookDelivery, WebhookEndpoint, WebhookEvent
from crm.models import (
    Activity,
    Attachment,
    CalendarDay,
    Exclusion,
    ListJob,
    Merge,
    Notification,
    RefusalReason,
    SavedView,
)
from crm.services import activity_create
from deals.models import Product
from leads.models import RoutingRule
from objects_registry.models import SteelConsumption
from partners.models import Handoff, PartnerDocument
from tests.permissions.secrets import WHO, SecretWorld
from tests.permissions.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-1")]

# Who asks, in the order of the codes below; "stranger" is a sales manager, the records are another team's.
ROLES = ("nobody", "admin", "head", "stranger", "operator", "control", "partner_b")
REPORT_ROLES = (
    Role.ADMINISTRATOR, Role.SALES_HEAD, Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER_CONTROL, Role.PARTNER,
)  # fmt: skip
EVERYBODY = "302 200 200 200 200 200 200"
SALES = "302 200 200 200 403 403 403"
HEADS = "302 200 200 403 403 403 403"
ADMIN = "302 200 403 403 403 403 403"
CONTROL = "302 200 200 403 403 200 403"
# A row of another's: as if it did not exist. "*": whoever sees it gets an answer of some kind; "-": not asked,
# for it would change something.
FOREIGN = "302 * * 404 404 404 404"
FOREIGN_POST = "302 - - 404 404 404 404"
# What the kind of request alone decides, whatever the rows.
EVERYBODY_POST = "302 - - * * * *"

KINDS = ("lead", "deal", "contact", "company", "object")
# Below every kind of record: what follows the kind's name, how it is asked, what is answered.
OF_EACH_KIND = {
    "list": ("GET", EVERYBODY),
    "board": ("GET", EVERYBODY),
    "export": ("GET", EVERYBODY),
    "section": ("GET", "302 302 302 302 302 302 302"),
    "bulk-assign": ("POST", EVERYBODY_POST),
    "bulk-move": ("POST", EVERYBODY_POST),
    "bulk-tag": ("POST", EVERYBODY_POST),
    "bulk-export": ("POST", EVERYBODY_POST),
    "bulk-delete": ("POST", "302 - - * 403 403 403"),
    "view-save": ("POST", EVERYBODY_POST),
    "filter": ("GET", EVERYBODY),
    "columns": ("GET", EVERYBODY),
    "detail": ("GET", FOREIGN),
    "edit": ("GET", FOREIGN),
    "move": ("POST", FOREIGN_POST),
    "refuse": ("GET", FOREIGN),
    "assign": ("GET", FOREIGN),
    "field": ("GET", FOREIGN),
    "timeline": ("GET", FOREIGN),
    "around": ("GET", FOREIGN),
    "cell": ("GET", FOREIGN),
    "note": ("POST", FOREIGN_POST),
    "plan": ("POST", FOREIGN_POST),
    "upload": ("POST", FOREIGN_POST),
}
WITHOUT_ID = frozenset(
    {
        "list", "board", "filter", "export", "section", "columns", "view-save", "bulk-assign", "bulk-move", "bulk-tag",
        "bulk-export", "bulk-delete",
    }
)  # fmt: skip
EXTRA = {"field": ["responsible"], "cell": ["stage"], "plan": ["task"]}


class Rows:
    """The table: name of the address -> how it is asked, its arguments, and the codes by role."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: dict[str, tuple[str, list[Any], str]] = {}
        self._records()
        self._pages()
        self._settings()
        self._webhooks()
        self._rest()

    def add(self, name: str, codes: str, *args: Any, method: str = "GET") -> None:
        self.rows[name] = (method, list(args), codes)

    def own(self, kind: str) -> Any:
        """A record of the owner's team: neither the stranger's, nor a partner's, nor in sight of an operator."""
        return self.world.records[f"{kind}_own"]

    def _records(self) -> None:
        view = SavedView.objects.create(owner=self.world.people["owner"], record_type="lead", name="Мой вид")
        for kind in KINDS:
            for suffix, (method, codes) in OF_EACH_KIND.items():
                with_id = suffix not in WITHOUT_ID
                args = [self.own(kind).pk, *EXTRA.get(suffix, [])] if with_id else []
                self.add(f"{kind}-{suffix}", codes, *args, method=method)
            for action in ("edit", "update", "first", "delete"):
                self.add(f"{kind}-view-{action}", FOREIGN_POST.replace("-", "404"), view.pk, method="POST")
        self.add("lead-create", "302 200 200 200 200 403 200")
        self.add("deal-create", "302 200 200 200 403 403 200")
        for kind in ("contact", "company", "object"):
            self.add(f"{kind}-create", SALES)
        for kind in ("contact", "company"):
            self.add(f"{kind}-points", FOREIGN, self.own(kind).pk)
            self.add(f"{kind}-warnings", FOREIGN, self.own(kind).pk)
        for name in ("lead-warnings", "lead-convert", "lead-unconvert", "lead-link", "lead-object", "lead-hand-over"):
            self.add(name, FOREIGN, self.own("lead").pk)
        self.add("lead-unlink", FOREIGN_POST, self.own("lead").pk, method="POST")
        self.add("record-conversion", FOREIGN, "lead", self.own("lead").pk)
        for name in (
            "deal-warnings",
            "deal-lines",
            "deal-object",
            "deal-hand-over",
            "deal-copies",
        ):
            self.add(name, FOREIGN, self.own("deal").pk)
        self.add("copies-undo", "302 - - 404 404 404 404", 10**6, method="POST")
        for name in ("deal-document", "deal-document-preview"):
            self.add(name, FOREIGN, self.own("deal").pk, "invoice")
        for name in ("send", "void", "pay", "sign"):
            self.add(f"deal-document-{name}", FOREIGN, self.own("deal").pk, 10**6)
        self.add("document-list", "302 200 200 200 403 403 403")
        self.add("deal-direction", FOREIGN, self.own("deal").pk)
        self.add("deal-bulk-direction", EVERYBODY_POST, method="POST")
        self.add("contact-follow-company", FOREIGN_POST, self.own("contact").pk, method="POST")
        for kind in ("lead", "contact", "company", "object"):
            self.add(f"{kind}-not-duplicate", FOREIGN_POST, self.own(kind).pk, method="POST")
            merge = Merge.objects.create(record_type=kind, main_id=self.own(kind).pk, merged_ids=[], snapshot={})
            self.add(f"{kind}-duplicates", HEADS)
            self.add(f"{kind}-duplicates-scan", HEADS.replace("200", "-"), method="POST")
            for name in ("different", "forget"):
                self.add(f"{kind}-duplicates-{name}", "302 404 404 403 403 403 403", 10**6, method="POST")
            self.add(f"{kind}-merge", "302 * * 403 403 403 403")
            self.add(f"{kind}-merge-undo", FOREIGN_POST, merge.pk, method="POST")

    def _pages(self) -> None:
        for name in (
            "web:home",
            "web:search",
            "web:palette",
            "web:notifications",
            "task-list",
            "task-calendar",
            "client-matches",
        ):
            self.add(name, EVERYBODY)
        for name in (
            "accounts:profile",
            "accounts:notifications",
            "accounts:calendar",
            "accounts:tokens",
            "accounts:security",
        ):
            self.add(name, EVERYBODY)
        for name in ("settings-audit", "settings-transfer", "settings-transfer-download"):
            self.add(name, HEADS)
        self.add("settings-transfer-revert", "302 404 404 403 403 403 403", 0, method="POST")
        self.add("web:session", "401 204 204 204 204 204 204")
        self.add("web:styleguide", "302 200 * * * * *")
        self.add("web:notifications-read", EVERYBODY_POST, method="POST")
        bell = Notification.objects.create(
            user=self.world.people["owner"], record_type="lead", record_id=self.own("lead").pk, action="note", data={}
        )
        self.add("web:notification", "302 404 404 404 404 404 404", bell.pk)
        self.add("web:next-step", FOREIGN, "lead", self.own("lead").pk)
        token = ApiToken.objects.create(
            user=self.world.people["owner"], name="x", prefix="crm_x", hash="0" * 64, scopes=["read"]
        )
        self.add("accounts:token-revoke", "302 404 404 404 404 404 404", token.pk, method="POST")
        self.add("accounts:session-end", "302 404 404 404 404 404 404", 10**6, method="POST")
        self.add("accounts:sessions-end", EVERYBODY.replace("200", "302"), method="POST")
        for name in ("analytics:funnel", "analytics:refusals"):
            self.add(name, "302 200 200 200 * 200 200")
        for name in ("dashboard", "dashboard-tiles", "digest", "digest-letter"):
            self.add(f"analytics:{name}", EVERYBODY)
        for report in REPORTS:
            codes = ["200" if role in report.roles else "403" for role in REPORT_ROLES]
            self.add(f"analytics:{report.code}", " ".join(["302", *codes]))
        for name in (
            "analytics:spend",
            "analytics:conversions",
            "analytics:plans",
            "settings-bonus",
            "settings-bonus-add",
        ):
            self.add(name, HEADS)
        rule = BonusRule.objects.create(name="Премия")
        self.add("settings-bonus-edit", HEADS, rule.pk)
        self.add("analytics:home", "302 * * * * * *")

    def _settings(self) -> None:
        admin = ("settings-users", "settings-user-add", "settings-security", "settings-teams", "settings-teams-add")
        for name in admin:
            self.add(name, ADMIN)
        person = self.world.people["owner"].pk
        self.add("settings-user", ADMIN, person)
        for name in (
            "settings-user-switch",
            "settings-user-password",
            "settings-user-letter",
            "settings-user-sign-out",
            "settings-user-factors",
        ):
            self.add(name, ADMIN.replace("200", "-"), person, method="POST")
        self.add("settings-directions", HEADS.replace("200", "404"), "partner_deal")
        self.add("settings-work", HEADS)
        self.add("settings-user-hand-over", HEADS.replace("200", "-"), person, method="POST")
        self.add("settings-teams-edit", ADMIN, Team.objects.order_by("pk")[0].pk)
        for name in (
            "settings-company", "settings-pipeline-add", "settings-rules", "settings-rule-add",
            "settings-submissions", "settings-webforms", "settings-webforms-add", "settings-templates",
            "settings-templates-add", "settings-purposes", "settings-purposes-add", "settings-steel",
            "settings-steel-add", "settings-sources", "settings-sources-add",
            "settings-calendar", "settings-calendar-add", "settings-products", "settings-products-add",
        ):  # fmt: skip
            self.add(name, HEADS)
        for name in ("settings-home", "settings-pipelines"):
            self.add(name, HEADS.replace("200", "302"))
        for name in ("pipeline", "pipeline-change", "stage-add", "required", "reasons", "graph"):
            self.add(f"settings-{name}", HEADS, "deal")
        row = RoutingRule.objects.create(name="Юг", target="person", person=self.world.people["owner"])
        for name in ("settings-routing", "settings-routing-add"):
            self.add(name, HEADS)
        self.add("settings-routing-row", HEADS, row.pk)
        self.add("settings-routing-order", "302 * * 403 403 403 403", method="POST")
        for name in ("settings-routing-switch", "settings-routing-shift"):
            self.add(name, "302 - - 403 403 403 403", row.pk, method="POST")
        self.add("settings-routing-apply", "302 - - 403 403 403 403", self.own("lead").pk, method="POST")
        excluded = Exclusion.objects.create(kind="phone", value="+79120000009", reason="спам")
        for name in ("settings-exclusions", "settings-exclusion-add"):
            self.add(name, HEADS)
        self.add("settings-exclusion-remove", "302 - - 403 403 403 403", excluded.pk, method="POST")
        self.add("lead-spam", FOREIGN_POST, self.own("lead").pk, method="POST")
        self.add("lead-bulk-spam", EVERYBODY_POST, method="POST")
        self.add("settings-stage", HEADS, "deal:costing")
        self.add("settings-stage-delete", "302 * * 403 403 403 403", "deal:costing")
        self.add("settings-stage-shift", "302 - - 403 403 403 403", "deal:costing", method="POST")
        self.add("settings-reason-add", HEADS, "deal:delivery_time")
        self.add("settings-reason", HEADS, RefusalReason.objects.order_by("pk")[0].pk)
        rule = Rule.objects.order_by("pk")[0]
        self.add("settings-rule-order", "302 * * 403 403 403 403", rule.pipeline_id, method="POST")
        self.add("settings-rule-shift", "302 - - 403 403 403 403", rule.pk, method="POST")
        for name in ("settings-rule", "settings-rule-delete", "settings-rule-standing", "settings-rule-runs"):
            self.add(name, HEADS, rule.pk)
        self.add("settings-rule-switch", "302 - - 403 403 403 403", rule.pk, method="POST")
        form = WebForm.objects.create(name="Сайт")
        post = Submission.objects.create(form=form, body=b"", fields={}, state="failed")
        self.add("settings-submission", HEADS, post.pk)
        self.add("settings-submission-again", "302 - - 403 403 403 403", post.pk, method="POST")
        for name in ("howto", "preview", "trial", "fields"):
            self.add(f"settings-webform-{name}", HEADS, form.pk)
        self.add("settings-webforms-edit", HEADS, form.pk)
        self.add("settings-webform-read-again", "302 - - 403 403 403 403", form.pk, method="POST")
        for name in ("form", "thanks", "style", "config"):
            self.add(f"hosted-{name}", "200 200 200 200 200 200 200", form.key)
        for name in ("settings-template-preview", "settings-templates-edit"):
            self.add(name, HEADS, "delayed_reminder_1")
        self.add("settings-purposes-edit", HEADS, "warehouse" if _has_purpose("warehouse") else _first_purpose())
        product = Product.objects.create(name_ru="Сваи", name_en="Piles", price=1)
        self.add("settings-products-edit", HEADS, product.pk)
        self.add("settings-steel-edit", HEADS, SteelConsumption.objects.order_by("pk")[0].pk)
        self.add("settings-sources-edit", HEADS, _first_source())
        self.add("settings-calendar-edit", HEADS, CalendarDay.objects.order_by("pk")[0].pk)
        self.add("settings-calendar-fill", HEADS.replace("200", "-"), method="POST")

    def _webhooks(self) -> None:
        self.add("letter-image", "200 200 200 200 200 200 200", f"1.{'x' * 43}")
        hook = WebhookEndpoint.objects.create(name="Склад", url="https://example.com/", owner=self.world.people["head"])
        sent = WebhookDelivery.objects.create(
            endpoint=hook, event=WebhookEvent.objects.create(type="test", record_id=0)
        )
        for name in ("settings-webhooks", "settings-webhook-add"):
            self.add(name, HEADS)
        for name in ("settings-webhook", "settings-webhook-log", "settings-webhook-delete"):
            self.add(name, HEADS, hook.pk)
        self.add("settings-webhook-delivery", HEADS, sent.pk)
        for name in ("rotate", "test", "failed-again"):
            self.add(f"settings-webhook-{name}", "302 - - 403 403 403 403", hook.pk, method="POST")
        self.add("settings-webhook-delivery-again", "302 - - 403 403 403 403", sent.pk, method="POST")

    def _rest(self) -> None:
        partner = self.world.people["partner_a"].partner
        assert partner is not None
        handoff = Handoff.objects.get(state=Handoff.State.ACTIVE)
        self.add("partner-list", CONTROL)
        self.add("partner-control", CONTROL)
        self.add("partner-waiting", CONTROL)
        self.add("partner-feedback", CONTROL)
        self.add("partners-remind", "302 - - 403 403 - 403", method="POST")
        self.add("record-remind", "302 - - 404 404 - 404", "deal", self.world.records["twin_a"].pk, method="POST")
        self.add("request-accept", "302 - - 404 404 - 404", "deal", self.world.records["twin_a"].pk, method="POST")
        self.add("feedback-enter", "302 200 200 404 404 200 404", self.world.records["twin_a"].pk)
        self.add("partner-create", HEADS)
        self.add("partner-detail", "302 200 200 404 404 200 404", partner.pk)
        self.add("partner-commission", "302 200 200 404 404 200 404", partner.pk)
        self.add("cabinet-commission", "302 403 403 403 403 403 200")
        for name in (
            "partner-edit", "partner-user-add", "partner-document-add", "partner-close", "partner-commission-terms",
            "partner-payment", "partner-correction",
        ):  # fmt: skip
            self.add(name, "302 200 200 404 404 403 404", partner.pk)
        self.add("partner-state", "302 - - 404 404 403 404", partner.pk, method="POST")
        paper = PartnerDocument.objects.create(
            partner=partner, name="Договор.pdf", size=1, content_type="application/pdf", file="no-such-file"
        )
        self.add("partner-document-file", "302 404 404 404 404 404 404", partner.pk, paper.pk)
        self.add("partner-document-remove", "302 - - 404 404 403 404", partner.pk, paper.pk, method="POST")
        self.add("partners-inactive", HEADS)
        self.add("partner-see", "302 - - 404 404 - 404", partner.pk, method="POST")
        self.add("partner-see-end", EVERYBODY.replace("200", "302"), method="POST")
        self.add("partner-cabinet", "302 403 403 403 403 403 200", "new")
        # A hand-over is in sight of those who control the partners.
        for name in ("handoff-recall", "handoff-hand-on"):
            self.add(name, "302 200 200 404 404 200 404", handoff.pk)
        for name in ("record-partner-panel", "record-planned"):
            self.add(name, "302 200 200 404 404 404 404", "deal", self.own("deal").pk)
        self.add("object-places", EVERYBODY)
        self.add("robots-planned", "302 200 200 200 200 200 403")
        self.add("record-request", FOREIGN, "lead", self.own("lead").pk)
        self.add("client-contact", FOREIGN_POST, "deal", self.own("deal").pk, method="POST")
        self.add("client-letter", FOREIGN, "deal", self.own("deal").pk)
        letter = Message.objects.create(
            direction="out", channel="email", state="failed", address="x@example.org", record_type="deal",
            record_id=self.own("deal").pk,
        )  # fmt: skip
        for name in ("letter-again", "letter-settle"):
            self.add(name, FOREIGN_POST, letter.pk, method="POST")
        run = ScheduledRun.objects.create(
            rule=Rule.objects.order_by("pk")[0], key="x", record_type="deal", record_id=self.own("deal").pk,
            due_at="2030-01-01T00:00Z",
        )  # fmt: skip
        for name in ("run-skip", "run-now"):
            self.add(name, FOREIGN_POST, run.pk, method="POST")
        self.add("run-postpone", FOREIGN, run.pk)
        task = self._task()
        self.add("task-edit", FOREIGN, task.pk)
        self.add("task-finish", FOREIGN, task.pk)
        for name in ("task-done", "task-postpone", "task-next", "task-move"):
            self.add(name, FOREIGN_POST, task.pk, method="POST")
        at = {"record_type": "deal", "record_id": self.own("deal").pk}
        self.add("attachment-download", FOREIGN, Attachment.objects.filter(**at)[0].pk)
        self.add("undo", EVERYBODY_POST, "no-such-ticket", method="POST")
        self.add("record-options", EVERYBODY, "lead")
        self.add("tag-options", EVERYBODY)
        self.add("trash", "302 200 200 200 403 403 403")
        self.add("trash-restore", "302 404 404 404 404 404 404", "lead", self.own("lead").pk, method="POST")
        self.add("job-list", EVERYBODY)
        job = ListJob.objects.create(user=self.world.people["owner"], kind="assign", state="done")
        self.add("job", "302 404 404 404 404 404 404", job.pk)
        self.add("job-file", "302 404 404 404 404 404 404", job.pk)
        for name in ("job-stop", "job-undo"):
            self.add(name, "302 404 404 404 404 404 404", job.pk, method="POST")
        self.add("calendar-feed", "404 404 404 404 404 404 404", "x" * 43)
        self.add("healthz", "- - - - - - -")
        self.add("set_language", "* - - * * * *", method="POST")

    def _task(self) -> Activity:
        owner = self.world.people["owner"]
        deal = self.own("deal")
        return activity_create(deal, title="Дело", due_at=deal.created_at, responsible=owner, by=owner)


def _has_purpose(code: str) -> bool:
    from objects_registry.models import Purpose

    return Purpose.objects.filter(pk=code).exists()


def _first_purpose() -> str:
    from objects_registry.models import Purpose

    return str(Purpose.objects.order_by("pk")[0].pk)


def _first_source() -> str:
    from crm.models import Source

    return str(Source.objects.get_or_create(code="site", defaults={"name_ru": "Сайт", "name_en": "Site"})[0].pk)


def browser_names() -> Iterator[str]:
    """Every named address of the product but the API (it has a crawl of its own) and the library's sign-in pages."""

    def walk(resolver: Any, space: str, prefix: str) -> Iterator[tuple[str, str]]:
        for item in resolver.url_patterns:
            route = prefix + str(item.pattern)
            if isinstance(item, URLResolver):
                inner = f"{space}{item.namespace}:" if item.namespace else space
                yield from walk(item, inner, route)
            elif isinstance(item, URLPattern):
                yield f"{space}{item.name}", route

    for name, route in walk(get_resolver(), "", ""):
        if not route.startswith(("api/", "accounts/")):
            yield name


def answer_of(client: Client, method: str, url: str) -> Any:
    """The answer to one request."""
    return client.get(url) if method == "GET" else client.post(url)


def fits(wanted: str, code: int) -> bool:
    """Does an answer fit the table? "*" is anything but an error of the server."""
    return code < 500 if wanted == "*" else str(code) == wanted


def test_every_page_answers_every_role_as_the_table_says() -> None:
    world = SecretWorld()
    rows = Rows(world).rows
    assert set(browser_names()) - rows.keys() == set(), "say in this table who gets in"
    assert rows.keys() - set(browser_names()) == set(), "these addresses are gone"
    wrong = []
    for number, role in enumerate(ROLES):
        client = Client(raise_request_exception=False)
        if role != "nobody":
            client.force_login(world.people[role])
        for name, (method, args, codes) in rows.items():
            wanted = codes.split()[number]
            if wanted == "-":
                continue
            answer = answer_of(client, method, reverse(name, args=args))
            if not fits(wanted, answer.status_code):
                wrong.append(f"{role} {method} {name}: {answer.status_code}, the table says {wanted}")
            if role in WHO and (told := world.told(role, answer)):
                wrong.append(f"{role} {method} {name}: tells {told}")
    assert not wrong, "\n".join(wrong)


def test_the_table_sees_a_page_that_lets_everybody_in() -> None:
    assert not fits("404", 200)
    assert not fits("403", 404)
    assert not fits("*", 500)
    assert fits("*", 404)
