"""Free labels on leads and deals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, scope, timeline
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Change, Tag, record_model
from crm.together import apart

MOST = 20


def clean_names(tags: Iterable[Tag | str]) -> list[str]:
    """The names as they are kept: one line, no more than fifty characters, each once whatever its case."""
    names: dict[str, str] = {}
    for tag in tags:
        name = " ".join((tag if isinstance(tag, str) else tag.name).replace("\x00", "").split())[:50]
        if name:
            names.setdefault(name.casefold(), name)
    return list(names.values())


def tags_named(names: Iterable[Tag | str]) -> list[Tag]:
    """The tags of these names; what differs from a known one by letter case alone is that one, new ones are made."""
    wanted = clean_names(names)
    if not wanted:
        return []
    known = {tag.name.casefold(): tag for tag in Tag.objects.all()}
    return [known.get(name.casefold()) or Tag.objects.get_or_create(name=name)[0] for name in wanted]


def tags_of(user: User) -> Any:
    """The tags whose names a person may know: to a partner only those that stand on its own records."""
    if not user.is_partner:
        return Tag.objects.all()
    own = [Q(**{f"{kind}s__in": _visible(kind, user)}) for kind in ("lead", "deal")]
    return Tag.objects.filter(own[0] | own[1]).distinct()


def _visible(record_type: str, user: User) -> Any:
    rows: Any = record_model(record_type)._default_manager
    return rows.visible_to(user).order_by().values("pk")


@apart
def tags_set(record: Any, *, tags: Iterable[Tag | str], by: Any = None) -> bool:
    """Give a lead or a deal exactly these tags, written in the audit trail; answers whether that changed anything."""
    found = tags_named(tags)
    if len(found) > MOST:
        message = _("A record holds at most %(most)s tags.") % {"most": MOST}
        raise InvalidInput(message, errors=[{"pointer": "/tags", "code": "too_many", "message": message}])
    before = sorted(tag.name for tag in record.tags.all())
    after = sorted(tag.name for tag in found)
    if before == after:
        return False
    record.tags.set(found)
    getattr(record, "_prefetched_objects_cache", {}).pop("tags", None)
    if by is not None:
        _tell(record, before, after, Actor.of(by))
    return True


def tags_change(record: Any, *, add: Iterable[Tag | str] = (), remove: Iterable[Tag | str] = (), by: Any) -> bool:
    """Put tags on a record and take others off; those that are in neither stay."""
    gone = {name.casefold() for name in clean_names(remove)}
    kept = [tag for tag in record.tags.all() if tag.name.casefold() not in gone]
    return tags_set(record, tags=[*kept, *add], by=by)


def _tell(record: Any, before: list[str], after: list[str], actor: Actor) -> None:
    old, new = ", ".join(before), ", ".join(after)
    Change.objects.create(
        record_type=record.RECORD_TYPE, record_id=record.pk, at=clock.now(), field="tags", old=old, new=new,
        request_id=scope.request_id.get(), **actor.as_columns(),
    )  # fmt: skip
    row = {"field": "tags", "label": str(_("Tags")), "old": old, "new": new}
    timeline.record(record, "fields", actor, {"changes": [row]})
