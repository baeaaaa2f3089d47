"""Named filters of lists: kept by a person for themselves, or shared with those of the same side."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock
from crm.errors import InvalidInput
from crm.models import SavedView

MOST = 50


def views_of(user: User, record_type: str) -> QuerySet[SavedView]:
    """The person's own views of a list and those that colleagues share; a partner's people share among themselves."""
    shared = Q(is_shared=True, owner__is_active=True, owner__partner=user.partner)
    return SavedView.objects.filter(Q(owner=user) | shared, record_type=record_type).order_by("name", "id")


@transaction.atomic
def view_save(*, by: User, record_type: str, name: str, query: str, is_shared: bool = False) -> SavedView:
    """Keep a filter under a name; the same name of the same person is written over."""
    clean = " ".join(name.split())
    known = SavedView.objects.filter(owner=by, record_type=record_type, name=clean).first()
    if known is None and SavedView.objects.filter(owner=by, record_type=record_type).count() >= MOST:
        raise InvalidInput(_("You have %(most)s views of this list: delete one first.") % {"most": MOST})
    view = known or SavedView(owner=by, record_type=record_type, name=clean, created_at=clock.now())
    view.query, view.is_shared = query[:4000], is_shared
    try:
        view.full_clean()
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error
    view.save()
    return view


def view_delete(*, by: User, view_id: int) -> None:
    """Forget one of the person's own views; SavedView.DoesNotExist for another's."""
    SavedView.objects.get(pk=view_id, owner=by).delete()
