"""“Spam / not a client” in the browser: at once, with a way back in the toast, for one lead or the selected ones."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm.errors import DomainError
from crm.models import ContactPoint, RecordType
from crm.screens import access, bulk, dialogs
from leads.models import Lead
from leads.screens import SCREEN
from leads.spam import lead_mark_spam, offer_undo


@login_required
@require_POST
def lead_spam(request: HttpRequest, pk: int) -> HttpResponse:
    """Close one lead as spam."""
    user: Any = request.user
    lead = access.find_to_change(SCREEN.record_type, pk, user)
    try:
        mark = lead_mark_spam(lead, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    seen = Lead.objects.visible_to(user).filter(pk=pk).exists()
    # Closed, it is out of an operator's sight: the board is where they go on.
    to = lead.get_absolute_url() if seen else reverse("lead-board")
    on_card = (getattr(getattr(request, "htmx", None), "current_url_abs_path", "") or "").startswith(
        lead.get_absolute_url()
    )
    text = _told(mark.added)
    return dialogs.done(request, text, mark.lead, undo_url=offer_undo(user, [mark]), to=to, go=on_card and not seen)


def _told(added: Any) -> str:
    text = _("Closed as spam.")
    if not added:
        return text
    more = ngettext(
        "%(count)d phone or e-mail is on the exclusion list.",
        "%(count)d phones and e-mails are on the exclusion list.",
        len(added),
    )
    return f"{text} {more % {'count': len(added)}}"


@login_required
@require_POST
def leads_spam(request: HttpRequest) -> HttpResponse:
    """Say what would be closed and excluded, then do it, with progress where it is much; one press takes it back."""
    selection = bulk.Selection(request, SCREEN)
    if refusal := selection.refusal():
        return refusal
    if "confirmed" in request.POST:
        return selection.start("spam", {})
    return bulk.ask(
        selection, forms.Form(), title=_("Spam / not a client"), submit=_("Close as spam"), lead=_outlook(selection),
        danger=True,
    )  # fmt: skip


def _outlook(selection: bulk.Selection) -> str:
    """How many would be closed, and how many phones and e-mails would be on the exclusion list then."""
    rows = selection.rows.filter(partner__isnull=True).open().order_by()
    closes = rows.count()
    points = ContactPoint.objects.filter(record_type=RecordType.LEAD, record_id__in=rows.values("pk"))
    text = ngettext("%(count)d lead is closed as spam.", "%(count)d leads are closed as spam.", closes) % {
        "count": closes
    }
    number = points.values("kind", "value").distinct().count()
    more = ngettext(
        "%(count)d phone or e-mail goes on the exclusion list.",
        "%(count)d phones and e-mails go on the exclusion list.",
        number,
    ) % {"count": number}
    stays = selection.count - closes
    rest = ngettext(
        "%(count)d stays as it is: it is closed already or a partner's.",
        "%(count)d stay as they are: they are closed already or a partner's.",
        stays,
    ) % {"count": stays}
    return " ".join([text, more, *([rest] if stays else [])])
