"""Who makes a change: a person, a token, a robot, an import, a form or the system itself (ACC-5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm.models.base import ActorKind

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Actor:
    """The author of a change, as the audit trail, history and timeline keep it."""

    kind: str
    user: User | None = None
    name: str = ""
    # Fills what a move asks for: whoever may make the move may give what it lacks, also in fields that others keep.
    is_filling: bool = False
    # Takes back what they have just done themselves: no rights are needed, the record may be out of their reach by now.
    is_taking_back: bool = False

    @property
    def is_person(self) -> bool:
        """Bound by the rights of a user (a token acts with its owner's)."""
        return self.kind in {ActorKind.USER, ActorKind.TOKEN} and not self.is_taking_back

    def as_columns(self) -> dict[str, Any]:
        """The columns of ActedRow."""
        return {"actor_kind": self.kind, "actor_user": self.user, "actor_name": self.name}

    @classmethod
    def of(cls, by: User | Actor) -> Actor:
        """An actor from whatever a service was called with."""
        return by if isinstance(by, Actor) else cls(ActorKind.USER, by, by.short_name)

    @classmethod
    def robot(cls, name: str) -> Actor:
        """A rule, named so that the timeline can say which."""
        return cls(ActorKind.ROBOT, None, name)

    @classmethod
    def form(cls, name: str) -> Actor:
        """A web form."""
        return cls(ActorKind.FORM, None, name)

    @classmethod
    def system(cls, name: str = "") -> Actor:
        """The product itself: moves that follow from other moves."""
        return cls(ActorKind.SYSTEM, None, name)
