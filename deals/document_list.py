"""All documents on one page: what is offered, signed, paid and overdue, in the reader's sight; the same in the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import django_filters as filters
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.models import Role, User
from crm.filters import DayFilter, KeyFilter, RowFilter
from crm.http import paginate
from crm.people import colleagues
from crm.screens import dialogs
from crm.screens.list_files import FileColumn, file_asked, filter_told, list_file
from deals.document_states import AWAITED, STATES, in_state, state_of
from deals.models import Document


def _people(request: Any) -> QuerySet[User]:
    return colleagues(request.user) if request is not None else User.objects.none()


class DocumentFilter(filters.FilterSet):
    """What documents can be cut by."""

    search = filters.CharFilter(method="by_words", label=_("Number, deal or client"))
    kind = filters.ChoiceFilter(choices=Document.Kind.choices, label=_("Kind"))
    state = filters.ChoiceFilter(
        choices=[(AWAITED, _("Awaiting payment")), *((code, label) for code, (label, _colour) in STATES.items())],
        method="by_state",
        label=_("State"),
    )
    date_from = DayFilter(field_name="date", lookup_expr="gte", label=_("From the day"))
    date_to = DayFilter(field_name="date", lookup_expr="lte", label=_("To the day"))
    responsible = RowFilter(field_name="deal__responsible", queryset=_people, label=_("Responsible"))
    deal = KeyFilter(field_name="deal_id", label=_("Deal"))

    class Meta:
        model = Document
        fields: tuple[str, ...] = ()

    def by_state(self, rows: QuerySet[Document], _name: str, value: str) -> QuerySet[Document]:
        """Those that stand so."""
        return rows.filter(in_state(value))

    def by_words(self, rows: QuerySet[Document], _name: str, value: str) -> QuerySet[Document]:
        """By a part of the printed number, or by the words that find a deal."""
        from deals.models import Deal

        deals = Deal.objects.search(value).order_by().values("pk")
        return rows.filter(Q(printed__icontains=value.strip().lstrip("№# ")) | Q(deal__in=deals))


def documents_for(user: User) -> QuerySet[Document]:
    """The documents in the person's sight, the latest first, with what a list shows of them."""
    rows: QuerySet[Document] = Document.objects.visible_to(user)
    return rows.select_related(
        "deal", "deal__company", "deal__contact", "deal__responsible", "letter", "attachment"
    ).order_by("-date", "-id")


def may_list(user: User) -> bool:
    """Those who sell, and those who control them; partners have no documents of ours (DEAL-11)."""
    return user.role in {Role.ADMINISTRATOR, Role.SALES_HEAD, Role.SALES_MANAGER}


DOCUMENT_FILE = (
    FileColumn(_("Kind"), lambda row: row.get_kind_display()),
    FileColumn(_("Number"), lambda row: row.label),
    FileColumn(_("Date"), lambda row: row.date, "day"),
    FileColumn(_("State"), lambda row: str(STATES[state_of(row)][0])),
    FileColumn(_("Client"), lambda row: str(row.deal.client or "")),
    FileColumn(_("Deal"), lambda row: row.deal.title),
    FileColumn(_("Responsible"), lambda row: str(row.deal.responsible or "")),
    FileColumn(_("Total, ₽"), lambda row: row.total, "money"),
    FileColumn(_("Paid, ₽"), lambda row: row.paid if row.kind == Document.Kind.INVOICE else None, "money"),
    FileColumn(_("Paid on"), lambda row: row.paid_on, "day"),
    FileColumn(_("Until"), lambda row: row.until, "day"),
    FileColumn(_("Sent"), lambda row: row.sent_at, "moment"),
    FileColumn(_("Sent to"), lambda row: row.sent_to),
    FileColumn(_("Why it is void"), lambda row: row.void_reason),
)


def document_rows(documents: Any) -> list[dict[str, Any]]:
    """Documents with how they stand: {document, state, label, colour}."""
    return [
        {"document": row, "state": state, "state_label": STATES[state][0], "colour": STATES[state][1]}
        for row in documents
        for state in (state_of(row),)
    ]


def owed(rows: QuerySet[Document]) -> Decimal:
    """What is still to be paid of the invoices among them."""
    found = rows.filter(in_state(AWAITED)).order_by().aggregate(sum=Sum(F("total") - F("paid")))["sum"]
    return found or Decimal(0)


@login_required
@require_safe
def document_list(request: HttpRequest) -> HttpResponseBase:
    """The list, its filter, what is owed by what the filter finds, and the files."""
    user: Any = request.user
    if not may_list(user):
        raise PermissionDenied
    found = DocumentFilter(request.GET, documents_for(user), request=request)
    if file_asked(request):
        return list_file(request, "documents", DOCUMENT_FILE, found.qs, about=filter_told(request, found))
    page = paginate(request, found.qs)
    context = {"filter": found, "page": page, "rows": document_rows(page), "owed": owed(found.qs)}
    part = "deals/documents.html#rows" if dialogs.is_partial(request) else "deals/documents.html"
    return render(request, part, context)
