"""“Spam / not a client” in the browser: at once, with a way back in the toast, for one lead or the selected ones."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm.errors import DomainError
from crm.screens import access, bulk, dialogs
from leads.models import Lead
from leads.screens import SCREEN
from leads.spam import SpamMark, lead_mark_spam, offer_undo

# More at once are no spam but a wrong filter.
MOST = 200


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
    """Close the selected leads as spam; what cannot be is told with its reason."""
    user: Any = request.user
    rows = list(bulk.chosen(request, SCREEN)[: MOST + 1])
    if not rows:
        return dialogs.message(request, _("Select rows that you may change first."))
    if len(rows) > MOST:
        return dialogs.message(request, _("At most %(limit)s records at once: narrow the filter.") % {"limit": MOST})
    marks: list[SpamMark] = []
    refused: list[str] = []
    for lead in rows:
        try:
            marks.append(lead_mark_spam(lead, by=user))
        except DomainError as error:
            refused.append(error.message)
    if not marks:
        return dialogs.message(request, refused[0], reasons=refused[1:])
    text = ngettext("%(count)d lead closed as spam.", "%(count)d leads closed as spam.", len(marks))
    told = " ".join([text % {"count": len(marks)}, *refused[:3]])
    return dialogs.done(request, told, to=reverse("lead-list"), undo_url=offer_undo(user, marks))
