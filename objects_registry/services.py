"""Writing of construction objects: by hand, from a lead or a deal, and following those that hang on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm import pipelines, timeline, titles
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import Pipeline, RecordType, record_model
from crm.prepared import NUMBER, TEXT, Prepared
from crm.rows import locked_for, row
from crm.services import record_assign, record_create, record_update
from crm.stages import copy_state
from crm.together import together
from objects_registry.building import number
from objects_registry.keys import derive_place
from objects_registry.matching import Candidate, candidates_for
from objects_registry.models import BUILDING_FIELDS, ConstructionObject

PIPELINE = "object"
NAME_PARTS = ("length", "width", "address", "city", "region")
_REGISTRY = Prepared(lambda code: Pipeline.objects.select_for_update(no_key=True).filter(pk=code), TEXT)
MAKERS = frozenset({Role.ADMINISTRATOR, Role.SALES_HEAD, Role.SALES_MANAGER})


class DuplicateObjects(DomainError):
    """Similar objects exist: the person chooses one of them, or makes a new one all the same (OBJ-3)."""

    code = "duplicate_objects"
    status = 409

    def __init__(self, candidates: list[Candidate]) -> None:
        self.candidates = candidates
        names = ", ".join(f"«{item.object}»" for item in candidates)
        super().__init__(
            _("Similar objects exist: %(names)s. Use one of them, or make a new one all the same.") % {"names": names},
            errors=[
                {
                    "pointer": "/object",
                    "code": "certain" if item.match.certain else "probable",
                    "message": str(item.object),
                    "id": item.object.pk,
                    "score": item.match.score,
                    "reasons": item.reasons,
                }
                for item in candidates
            ],
        )


def _require_maker(actor: Actor) -> None:
    if actor.is_person and actor.user is not None and actor.user.role not in MAKERS:
        raise PermissionDenied(_("Construction objects are kept by the manufacturer's sales people."))


def default_name(record: Any) -> str:
    """«Склад 60×24, Тверь» from what is known; never empty."""
    sides = [titles.title_value(number(record, name)) for name in ("length", "width")]
    size = "×".join(sides) if all(sides) else ""
    what = " ".join(part for part in (str(record.purpose or ""), size) if part) or _("Object")
    return ", ".join(part for part in (what, record.city or record.region) if part)[:255]


@together
def object_create(
    *, by: Any, data: Mapping[str, Any], contacts: Iterable[Any] = (), companies: Iterable[Any] = ()
) -> ConstructionObject:
    """Make an object; a name that is not given is put together, a person who makes it becomes responsible."""
    actor = Actor.of(by)
    _require_maker(actor)
    values = dict(data)
    if not values.get("name"):
        values["name"] = default_name(_draft(values))
    if values.get("responsible") is None and actor.is_person:
        values["responsible"] = actor.user
    obj = record_create(ConstructionObject, data=values, by=actor, pipeline=PIPELINE)
    obj.contacts.add(*contacts)
    obj.companies.add(*companies)
    return obj


def _draft(values: Mapping[str, Any]) -> ConstructionObject:
    """An unsaved object with the values that its name is put together from."""
    purpose = values.get("purpose")
    draft = ConstructionObject(**{name: values[name] for name in NAME_PARTS if values.get(name)})
    draft.purpose_id = getattr(purpose, "pk", purpose)
    derive_place(draft, set(values))
    return draft


def object_update(
    obj: ConstructionObject, *, by: Any, data: Mapping[str, Any], expected_version: int | None = None
) -> ConstructionObject:
    """Change named fields of an object; see crm.services.record_update."""
    return record_update(obj, data=data, by=by, expected_version=expected_version)


@together
def object_from_record(
    record: Any,
    *,
    by: Any,
    existing_id: int | None = None,
    force_new: bool = False,
    found: list[Candidate] | None = None,
    is_held: bool = False,
) -> ConstructionObject:
    """The object of a lead or a deal (OBJ-3): the one it has, an existing one that was chosen, or a new one.

    Without a choice a person is asked where anything similar exists, a robot only where it is certainly the same:
    both by DuplicateObjects. A new one made although similar ones exist is noted in both timelines. `found` are the
    similar ones where the caller has just looked for them, under the same locks; `is_held`: see crm.rows.locked_for.
    """
    actor = Actor.of(by)
    _require_maker(actor)
    locked = locked_for(type(record), record.pk, actor, alive=True, held=record if is_held else None)
    if locked.object_id is not None and existing_id in {None, locked.object_id}:
        return _seen(record, locked, locked.object)
    if getattr(locked, "partner_id", None) is not None:
        raise DomainError(_("Objects are made from the manufacturer's own leads and deals."))
    if existing_id is not None:
        obj = _existing(existing_id, actor)
        _tie(locked, obj, actor)
        timeline.record(locked, "object_used", actor, {"name": obj.name, "id": obj.pk})
        timeline.record(obj, "object_linked_to", actor, _about(locked))
        return _seen(record, locked, obj)
    if found is None:
        found = candidates_for(locked, actor.user if actor.is_person else None)
    asked = found if actor.is_person else [item for item in found if item.match.certain]
    if asked and not force_new:
        raise DuplicateObjects(asked)
    obj = _make(locked, actor)
    despite = {"despite": [str(item.object) for item in found]} if found else {}
    timeline.record(locked, "object_made", actor, {"name": obj.name, "id": obj.pk, **despite})
    timeline.record(obj, "object_origin", actor, {**_about(locked), **despite})
    return _seen(record, locked, obj)


@together
def object_register(record: Any, *, by: Any, is_held: bool = False) -> Candidate | None:
    """Put the object that a lead or deal describes into the registry (LEAD-7, DEAL-3); answers the best look-alike.

    Where one is certainly the same, nothing is made: a person decides. A probable one is only told of, in the
    record's timeline. `is_held`: see crm.rows.locked_for.
    """
    actor = Actor.of(by)
    # One at a time: two records about one building must not both find that there is no such object.
    _REGISTRY.first(PIPELINE)
    found = candidates_for(record)
    best = found[0] if found else None
    if best is None or not best.match.certain:
        object_from_record(record, by=actor, force_new=bool(found), found=found, is_held=is_held)
    return best


def tell_duplicate(record: Any, best: Candidate, by: Any) -> None:
    """Say on a record's timeline which object it is about, certainly or probably."""
    told = {"name": str(best.object), "id": best.object.pk, "certain": best.match.certain}
    timeline.record(record, "object_duplicate", by, {**told, "reasons": list(best.match.reasons)})


def _existing(pk: int, actor: Actor) -> ConstructionObject:
    rows = ConstructionObject.objects.alive()
    if actor.is_person and actor.user is not None:
        rows = rows.visible_to(actor.user)
    return rows.get(pk=pk)


def _make(record: Any, actor: Actor) -> ConstructionObject:
    data = {name: getattr(record, name) for name in BUILDING_FIELDS if not name.endswith("_is_manual")}
    return _tie(
        record,
        object_create(by=actor, data={**data, "name": default_name(record), "responsible": record.responsible}),
        actor,
    )


def _tie(record: Any, obj: ConstructionObject, actor: Actor) -> ConstructionObject:
    """Link both ways: the record to the object, the record's client to the object; a pending warning is answered."""
    answered = {}
    if getattr(record, "duplicate_object_id", None) is not None:
        answered = {"duplicate_object": None, "duplicate_is_certain": False}
    record_update(record, data={"object": obj}, by=actor, **answered)
    link_clients(obj, record)
    return obj


def link_clients(obj: ConstructionObject, record: Any) -> None:
    """The contact and the company of a lead or deal become the object's."""
    if record.contact_id:
        obj.contacts.add(record.contact_id)
    if record.company_id:
        obj.companies.add(record.company_id)


def _about(record: Any) -> dict[str, Any]:
    return {"record": str(record), "record_type": record.RECORD_TYPE, "id": record.pk}


def _seen(record: Any, locked: Any, obj: ConstructionObject) -> ConstructionObject:
    """Bring the caller's instance up to what was written through the locked one."""
    copy_state(record, locked)
    return obj


@together
def object_follow_responsible(obj: ConstructionObject, *, by: Any = None) -> ConstructionObject:
    """Give an object to whoever is responsible for its newest open deal, else its newest open lead (OBJ-5).

    Answers the object as it is now.
    """
    if owner_id_of(obj) == obj.responsible_id:
        return obj
    locked = row(ConstructionObject, obj.pk, lock=True)
    if locked is None:
        return obj
    owner = responsible_of(locked)
    if owner is not None and owner.is_active and owner.pk != locked.responsible_id:
        record_assign(locked, responsible=owner, by=by or Actor.system())
    return locked


def responsible_of(obj: ConstructionObject) -> Any:
    """Who answers for an object by its own open deals and leads; partners' records do not count."""
    found = owner_id_of(obj)
    return User.objects.get(pk=found) if found is not None else None


def owner_id_of(obj: ConstructionObject) -> int | None:
    """The id of that person, without reading the records."""
    stages = pipelines.open_keys()
    found = _newest(RecordType.DEAL, stages).raw(obj.pk) or _newest(RecordType.LEAD, stages).raw(obj.pk)
    return int(found[0][0]) if found else None


@cache
def _newest(record_type: str, stages: tuple[str, ...]) -> Prepared[Any]:
    """Asks who is responsible for the newest record of the kind about an object, among the manufacturer's own."""

    def build(obj: int) -> Any:
        model: Any = record_model(record_type)
        own = model._default_manager.filter(object=obj, stage__in=stages, partner__isnull=True)
        newest = own.alive().filter(responsible__isnull=False).order_by("-created_at", "-id")
        return newest.values_list("responsible_id")[:1]

    return Prepared(build, NUMBER)


def may_tie_clients(record_type: str, data: Mapping[str, Any]) -> bool:
    """A lead or deal that has an object was made, or got another client or object."""
    fields = data.get("fields")
    if data.get("object") is None:
        return False
    return record_type in {RecordType.LEAD, RecordType.DEAL} and (
        fields is None or bool({"object", "contact", "company"} & set(fields))
    )


def clients_follow(event: Any) -> None:
    """Handler: the client of a lead or deal becomes the client of its object, whichever was set last."""
    record = event.record
    if record is not None and record.object_id and record.partner_id is None:
        obj = row(ConstructionObject, record.object_id)
        if obj is not None:
            link_clients(obj, record)
