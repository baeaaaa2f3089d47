"""The object of a lead or a deal: the warning of duplicates and the dialog that links or makes one (OBJ-3)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from crm.errors import DomainError
from crm.formfields import RecordChoice
from crm.keys import key_in
from crm.models import RecordType
from crm.screens import access, dialogs
from objects_registry.matching import candidates_for
from objects_registry.models import ConstructionObject
from objects_registry.selectors import warning_of
from objects_registry.services import MAKERS, DuplicateObjects, object_from_record


class OtherObjectForm(forms.Form):
    """An object that does not resemble the record, found by search."""

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.fields["object"] = RecordChoice(RecordType.OBJECT, user, label=_("Another object"), required=False)


def object_url(record: Any, user: User, *, may_change: bool) -> str:
    """The address of the dialog, for those who keep objects."""
    wanted = may_change and user.role in MAKERS and record.partner_id is None
    return reverse(f"{record.RECORD_TYPE}-object", args=[record.pk]) if wanted else ""


def object_warning(record: Any, user: User) -> Any:
    """What the reader may be told about objects like the one described; nothing where one is linked."""
    if record.object_id is not None or not record.is_open:
        return None
    return warning_of(user, record)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_object(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Use an object that is there, or make one from the record's fields, knowing what resembles it."""
    user: Any = request.user
    record = access.find_to_change(record_type, pk, user)
    if request.method == "POST":
        existing = request.POST.get("existing", "")
        if existing == "other":
            existing = request.POST.get("object", "")
        force = existing == "new"
        try:
            made = object_from_record(record, by=user, existing_id=key_in(existing), force_new=force)
        except DuplicateObjects:
            return _dialog(request, record, user, status=422)
        except ConstructionObject.DoesNotExist:
            return dialogs.message(request, _("There is no such object any more."))
        except DomainError as error:
            return dialogs.message(request, error.message)
        text = _("Object: «%(object)s»") % {"object": made}
        return dialogs.done(request, text, record)
    return _dialog(request, record, user)


def _dialog(request: HttpRequest, record: Any, user: User, *, status: int = 200) -> HttpResponse:
    found = [item for item in candidates_for(record, user) if item.object.pk != record.object_id]
    form = OtherObjectForm(user=user)
    context = {
        "dialog_title": _("Object"),
        "dialog_submit": _("Save"),
        "dialog_action": request.path,
        "dialog_back": record.get_absolute_url(),
        "record": record,
        "present": record.object if record.object_id else None,
        "candidates": found,
        "other": form["object"],
        "may_make": record.object_id is None,
    }
    return dialogs.dialog(request, "objects_registry/choose.html", context, status=status)
