"""Commission in the browser: the statement for the manufacturer and for the partner, terms, payments, corrections."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Partner
from crm import clock
from crm.errors import DomainError, InvalidInput
from crm.http import paginate
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.screens.list_files import FileColumn, file_asked, list_file
from crm.templatetags import ui
from partners import commission
from partners.forms import CommissionTermsForm, CorrectionForm, PaymentForm
from partners.rights import may_manage
from partners.statement import Statement, basis_text, commission_partner, period_asked, statement
from partners.statement_pdf import MOST, statement_pdf
from partners.views import find_partner

FILE = (
    FileColumn(gettext_lazy("Day"), lambda row: row["day"], "day"),
    FileColumn(gettext_lazy("Kind"), lambda row: row["kind"]),
    FileColumn(gettext_lazy("Deal"), lambda row: row["deal"]),
    FileColumn(gettext_lazy("Won amount"), lambda row: row["base"], "money"),
    FileColumn(gettext_lazy("Percent"), lambda row: row["percent"], "number"),
    FileColumn(gettext_lazy("Basis"), lambda row: row["why"]),
    FileColumn(gettext_lazy("Amount, ₽"), lambda row: row["amount"], "money"),
)


@login_required
@require_safe
def partner_commission(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The statement of a partner for those who control partners, with the terms and their history."""
    user: Any = request.user
    return _statement_page(request, find_partner(user, pk), back=reverse("partner-detail", args=[pk]))


@login_required
@require_safe
def cabinet_commission(request: HttpRequest) -> HttpResponseBase:
    """A partner's own statement."""
    user: Any = request.user
    if not user.is_partner:
        raise PermissionDenied
    return _statement_page(request, commission_partner(user))


def _statement_page(request: HttpRequest, partner: Partner, back: str = "") -> HttpResponseBase:
    user: Any = request.user
    wrong = ""
    try:
        start, end = period_asked(request.GET)
    except InvalidInput as error:
        wrong, (start, end) = error.message, period_asked({})
    found = statement(user, partner, start, end)
    if request.GET.get("as") == "pdf":
        return pdf_answer(request, found)
    if file_asked(request):
        return xlsx_answer(request, found)
    page = paginate(request, found.entries)
    context = {
        "partner": partner,
        "statement": found,
        "wrong": wrong,
        "page": page,
        "rows": [{"entry": entry, "why": basis_text(entry)} for entry in page],
        "stats": _stats(found),
        "rules": partner.commission_rules.select_related("set_by"),  # type: ignore[attr-defined]
        "in_force": commission.rule_in_force(partner.pk),
        "may_manage": may_manage(user),
        "back": back,
    }
    return render(request, "partners/commission.html", context, status=400 if wrong else 200)


def _stats(found: Statement) -> list[dict[str, Any]]:
    sums = [(_("Due at the beginning"), found.opening), (_("Won amount"), found.won), (_("Accrued"), found.accrued)]
    sums += [(label, value) for label, value in ((_("Reversed"), found.reversed), (_("Corrections"), found.corrected))
             if value]  # fmt: skip
    sums += [(pgettext("commission", "Paid"), -found.paid), (_("Due at the end"), found.closing)]
    return [{"label": label, "value": ui.money(value)} for label, value in sums]


def xlsx_answer(request: HttpRequest, found: Statement) -> HttpResponseBase:
    """The statement as XLSX or CSV, with what was due before it and after it."""
    about = _("Commission of «%(partner)s», %(start)s – %(end)s") % {
        "partner": found.partner, "start": ui.day(found.start), "end": ui.day(found.end),
    }  # fmt: skip
    return list_file(request, "commission", FILE, list(_file_rows(found)), about=about, is_measured=False)


def _file_rows(found: Statement) -> Iterator[dict[str, Any]]:
    empty = {"kind": "", "deal": "", "base": None, "percent": None, "why": ""}
    yield {**empty, "day": found.start, "kind": _("Due at the beginning"), "amount": found.opening}
    for entry in found.entries:
        yield {
            "day": entry.day,
            "kind": entry.get_kind_display(),
            "deal": str(entry.deal or ""),
            "base": entry.base or None,
            "percent": entry.percent,
            "why": basis_text(entry),
            "amount": entry.amount,
        }
    yield {**empty, "day": found.end, "kind": _("Due at the end"), "amount": found.closing}


def pdf_answer(request: HttpRequest, found: Statement) -> HttpResponse:
    """The statement as a paper."""
    if found.entries.order_by().values("pk")[: MOST + 1].count() > MOST:
        return dialogs.message(request, _("At most %(limit)s lines in a paper: choose a shorter period.") % {
            "limit": MOST,
        })  # fmt: skip
    answer = HttpResponse(statement_pdf(found), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="commission-{found.start}-{found.end}.pdf"'
    return answer


# -- what the head writes ---------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def commission_terms(request: HttpRequest, pk: int) -> HttpResponse:
    """New terms of commission from a day on."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    rule = commission.rule_in_force(partner.pk)
    steps = "\n".join(f"{ui.number(start)} {ui.number(percent)}" for start, percent in rule.ladder) if rule else ""
    first = {"steps": steps, "span": rule.span if rule else "deal", "valid_from": clock.today()}
    form = CommissionTermsForm(request.POST or None, initial=first)
    if form.is_bound and form.is_valid():
        try:
            commission.commission_rule_set(partner, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return _done(request, partner, _("The terms are kept; what is won already stays as it was computed."))
    return _dialog(request, partner, form, _("Commission of «%(partner)s»") % {"partner": partner}, _("Save"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def commission_payment(request: HttpRequest, pk: int) -> HttpResponse:
    """A payment to a partner."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    form = PaymentForm(request.POST or None, initial={"day": clock.today(), "key": uuid.uuid4().hex})
    if form.is_bound and form.is_valid():
        try:
            commission.commission_pay(partner, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return _done(request, partner, _("The payment is in the ledger."))
    return _dialog(request, partner, form, _("Payment to «%(partner)s»") % {"partner": partner}, _("Enter"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def commission_correction(request: HttpRequest, pk: int) -> HttpResponse:
    """A correction with a reason."""
    user: Any = request.user
    partner = find_partner(user, pk, manage=True)
    form = CorrectionForm(request.POST or None, user=user, partner=partner, initial={"key": uuid.uuid4().hex})
    if form.is_bound and form.is_valid():
        try:
            commission.commission_correct(partner, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return _done(request, partner, _("The correction is in the ledger."))
    return _dialog(request, partner, form, _("Correction for «%(partner)s»") % {"partner": partner}, _("Enter"))


def _done(request: HttpRequest, partner: Partner, text: str) -> HttpResponse:
    return dialogs.done(request, text, to=reverse("partner-commission", args=[partner.pk]), go=True)


def _dialog(request: HttpRequest, partner: Partner, form: forms.Form, title: str, submit: str) -> HttpResponse:
    context = {
        "dialog_title": title,
        "form": form,
        "dialog_action": request.path,
        "dialog_submit": submit,
        "dialog_back": reverse("partner-commission", args=[partner.pk]),
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)
