"""Querysets of the kernel; `visible_to` is how every list, card, count and export begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from django.db import models
from django.db.models import Q

from crm.keys import key_in

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

# "comment": notes, files and tasks; "move": along the pipeline; "score": the client's feedback; "change": all fields.
Action = Literal["view", "comment", "move", "score", "change"]


class VisibleQuerySet(models.QuerySet[Any]):
    """A queryset that knows who may see its rows."""

    def visible_to(self, user: User | AnonymousUser, action: Action = "view") -> Self:
        """Only the rows that `user` may view (or comment, move, change); see crm.visibility."""
        from crm import visibility

        return visibility.restrict(self, user, action)


class RecordQuerySet(VisibleQuerySet):
    """Leads, deals, contacts, companies, objects."""

    def alive(self) -> Self:
        """Neither deleted nor merged into another record."""
        return self.filter(deleted_at__isnull=True, merged_into__isnull=True)

    def in_stage_kind(self, *kinds: str) -> Self:
        """Records whose stage is of one of the kinds; answered from the stage catalogue without a join."""
        from crm import pipelines

        return self.filter(stage__in=[stage.key for stage in pipelines.all_stages() if stage.kind in kinds])

    def open(self) -> Self:
        """Records in an open stage."""
        return self.in_stage_kind("open")

    def for_list(self) -> Self:
        """What a list or a board shows of a row, without a query per row; apps add their own relations."""
        return self.select_related("responsible")

    def search(self, query: str) -> Self:
        """Records whose search column holds every word of the query; digits find any part of a phone or INN."""
        from crm.normalize import search_terms

        number = key_in(query.strip().lstrip("#№").strip())
        found = Q(pk=number) if number is not None else Q()
        if terms := search_terms(query):
            words = Q()
            for term in terms:
                words &= Q(search_text__contains=term)
            found |= words
        return self.filter(found) if found else self.none()


class ActivityQuerySet(VisibleQuerySet):
    """Tasks, calls, meetings."""

    def undone(self) -> Self:
        """Still to be done."""
        return self.filter(done_at__isnull=True)

    def overdue(self) -> Self:
        """Still to be done and already late."""
        from crm import clock

        return self.undone().filter(due_at__lt=clock.now())
