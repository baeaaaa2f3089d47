"""Named filters of lists with their order and columns: kept by a person for themselves, or shared with those of the
same side by its head; one of them may open first for a person or for a role. And the columns a person has chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, scope
from crm.errors import InvalidInput
from crm.models import SavedView

MOST = 50
COLUMNS, DEFAULTS = "columns", "views"


def seen_by(user: User) -> QuerySet[SavedView]:
    """The person's own views and those that colleagues share; a partner's people share among themselves."""
    shared = Q(is_shared=True, owner__is_active=True, owner__partner=user.partner_id)
    return SavedView.objects.filter(Q(owner=user) | shared)


def views_of(user: User, record_type: str) -> QuerySet[SavedView]:
    """Those of one list, by name."""
    return seen_by(user).filter(record_type=record_type).order_by("name", "id")


def known_views(user: User, record_type: str) -> list[SavedView]:
    """The same, read once per request."""
    return scope.remember(f"views:{user.pk}:{record_type}", lambda: list(views_of(user, record_type)))


def may_share(user: User) -> bool:
    """Views for everybody are made by the head of sales; a partner's people are few and share as they like."""
    return user.is_head or user.is_partner


def owned(user: User, view_id: int) -> SavedView:
    """A view that the person may change: their own, for a head also the shared ones; else SavedView.DoesNotExist."""
    mine = Q(owner=user)
    if user.is_head:
        mine |= Q(is_shared=True, owner__partner=user.partner_id)
    return SavedView.objects.get(mine, pk=view_id)


@transaction.atomic
def view_save(
    *, by: User, record_type: str, name: str, query: str, is_shared: bool = False, columns: Iterable[str] = ()
) -> SavedView:
    """Keep a filter under a name; the same name of the same person is written over.

    InvalidInput when the name is empty, when there are too many, or when somebody shares who may not.
    """
    clean = " ".join(name.split())
    known = SavedView.objects.filter(owner=by, record_type=record_type, name=clean).first()
    if known is None and SavedView.objects.filter(owner=by, record_type=record_type).count() >= MOST:
        raise InvalidInput(_("You have %(most)s views of this list: delete one first.") % {"most": MOST})
    view = known or SavedView(owner=by, record_type=record_type, name=clean, created_at=clock.now())
    return _keep(view, by, query=query[:4000], columns=list(columns), is_shared=is_shared)


@transaction.atomic
def view_update(*, by: User, view_id: int, query: str, columns: Iterable[str]) -> SavedView:
    """Let a view hold the filter, order and columns that are on the screen; what one chose apart from it is dropped."""
    view = owned(by, view_id)
    columns_choose(by, view.record_type, None, view_id=view.pk)
    return _keep(view, by, query=query[:4000], columns=list(columns))


@transaction.atomic
def view_rename(*, by: User, view_id: int, name: str, is_shared: bool, default_for: str = "") -> SavedView:
    """Give a view another name, share it or take it back, make it the first one of a role (heads only)."""
    view = owned(by, view_id)
    if default_for != view.default_for and not by.is_head:
        raise InvalidInput.at("default_for", _("Only the sales head sets what opens first for a role."))
    if default_for and not is_shared:
        raise InvalidInput.at("is_shared", _("A view that opens first for a role must be shared."))
    if default_for:
        others = SavedView.objects.filter(record_type=view.record_type, default_for=default_for)
        others.exclude(pk=view.pk).update(default_for="")
    return _keep(view, by, name=" ".join(name.split()), is_shared=is_shared, default_for=default_for)


def _keep(view: SavedView, by: User, **values: object) -> SavedView:
    if values.get("is_shared") and not view.is_shared and not may_share(by):
        raise InvalidInput.at("is_shared", _("Only the sales head shares views with everybody."))
    for name, value in values.items():
        setattr(view, name, value)
    try:
        view.full_clean()
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error
    view.save()
    scope.forget(f"views:{by.pk}:{view.record_type}")
    return view


def view_delete(*, by: User, view_id: int) -> None:
    """Forget a view of one's own, a head also a shared one; SavedView.DoesNotExist for another's."""
    view = owned(by, view_id)
    view.delete()
    scope.forget(f"views:{by.pk}:{view.record_type}")


# -- what a person has set up -----------------------------------------------------------------------------------------


def default_view(user: User, record_type: str) -> SavedView | None:
    """The view that a list opens with: the person's own choice, else that of their role, else none."""
    chosen = user.list_settings.get(DEFAULTS, {}).get(record_type)
    if chosen == 0:
        return None
    views = known_views(user, record_type)
    own = next((view for view in views if view.pk == chosen), None)
    return own or next((view for view in views if view.default_for and view.default_for == user.role), None)


def columns_of(user: User, record_type: str, view: SavedView | None = None) -> list[str]:
    """The keys of the columns to show: those chosen for this view, the view's own, those chosen for the list."""
    chosen = user.list_settings.get(COLUMNS, {})
    if view is not None and (keys := chosen.get(f"{record_type}:{view.pk}") or view.columns):
        return list(keys)
    return list(chosen.get(record_type, []))


def default_view_set(user: User, record_type: str, view_id: int | None) -> None:
    """Let a list open with a view; None: with whatever the role has, 0: with none."""
    _change(user, DEFAULTS, record_type, view_id)


def columns_choose(user: User, record_type: str, keys: Sequence[str] | None, *, view_id: int | None = None) -> None:
    """Remember the columns of a list, or of one view of it; None forgets them."""
    _change(user, COLUMNS, f"{record_type}:{view_id}" if view_id else record_type, list(keys) if keys else None)


@transaction.atomic
def _change(user: User, part: str, name: str, value: object) -> None:
    # Locked, so that two windows of one person do not write over each other's lists.
    locked = User.objects.select_for_update().get(pk=user.pk)
    values = dict(locked.list_settings.get(part, {}))
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
    locked.list_settings = {**locked.list_settings, part: values}
    locked.save(update_fields=["list_settings"])
    user.list_settings = locked.list_settings
