"""The page of the advertising spend: paste a table or give a file, see what is kept, mend it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from analytics.models import AdSpend
from analytics.query import parse
from analytics.sources import conversions, spend
from crm.errors import InvalidInput
from crm.http import HtmxHttpRequest, answers_errors
from crm.models import Source
from crm.views.settings_nav import settings_page

SHOWN = 500


class SpendForm(forms.Form):
    """A pasted table, or a file."""

    table = forms.CharField(
        label=gettext_lazy("Paste from a spreadsheet"),
        required=False,
        strip=False,
        max_length=spend.MAX_BYTES,
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono"}),
        help_text=gettext_lazy(
            "Columns: month, source, campaign, spend in roubles; the campaign may be left out. For example: "
            "03.2026 ⇥ Яндекс Директ ⇥ hangars ⇥ 125 000,50"
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("or a CSV file"),
        required=False,
        help_text=gettext_lazy("UTF-8 or Windows-1251, parted by semicolons, commas or tabs; at most a megabyte."),
    )

    def read(self) -> list[spend.SpendRow]:
        """The rows given; InvalidInput says which line is wrong."""
        upload = self.cleaned_data.get("file")
        if upload is not None:
            if upload.size > spend.MAX_BYTES:
                raise InvalidInput.at("file", _("The file is larger than a megabyte."))
            return spend.read_table(spend.text_of(upload.read()))
        return spend.read_table(self.cleaned_data.get("table", ""))


def shown_rows(data: Any) -> tuple[list[AdSpend], dict[str, str]]:
    """What is kept, cut by months and source as the address says; wrong months are passed over."""
    rows = AdSpend.objects.select_related("source", "changed_by")
    asked = {"from": data.get("from", ""), "to": data.get("to", ""), "source": data.get("source", "")}
    first, last = (spend.read_month(asked[name]) for name in ("from", "to"))
    if first:
        rows = rows.filter(month__gte=first)
    if last:
        rows = rows.filter(month__lte=last)
    if asked["source"]:
        rows = rows.filter(source=asked["source"])
    return list(rows[:SHOWN]), asked


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def spend_page(request: HttpRequest) -> HttpResponse:
    """What is kept; a table pasted here takes the place of the same months, sources and campaigns."""
    form = SpendForm(request.POST or None, request.FILES or None)
    if form.is_bound and form.is_valid():
        try:
            kept = spend.spend_set(form.read(), by=request.user)
        except InvalidInput as error:
            for text in error.message.split("\n"):
                form.add_error("file" if request.FILES else "table", text)
        else:
            messages.success(request, told(kept))
            return redirect("analytics:spend")
    rows, asked = shown_rows(request.GET)
    context = {
        "form": form,
        "rows": rows,
        "total": sum(row.amount for row in rows),
        "asked": asked,
        "sources": Source.objects.all(),
        "back_url": reverse("analytics:sources"),
    }
    return render(request, "analytics/spend.html", context, status=422 if form.errors else 200)


def told(kept: spend.SpendKept) -> str:
    """What became of the rows, in a sentence."""
    counts = {"added": kept.added, "changed": kept.changed, "removed": kept.removed, "same": kept.same}
    return _("Added %(added)s, changed %(changed)s, removed %(removed)s, as before %(same)s.") % counts


@settings_page
@require_safe
@answers_errors
def conversions_page(request: HtmxHttpRequest) -> HttpResponse:
    """The file for Metrica of the period that the address asks for."""
    query = parse(request.user, request.GET, record_type="deal", names=())
    return conversions.conversions_file(query, conversions.kind_of(request.GET))
