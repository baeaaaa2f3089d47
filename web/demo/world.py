"""The company of the demo: its people, partners and form, and the dice by which its year is thrown."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from django.contrib.auth.hashers import make_password

from accounts.models import Partner, Role, Team, User
from accounts.services import user_create
from communications.models import WebForm
from crm import preferences
from crm.models import RefusalReason, Source
from crm.pipelines import OTHER_REASON
from partners.services import partner_create, partner_user_create
from web.demo import words

PASSWORD = "demo"  # noqa: S105 - the demo's, printed on every start
FORM_KEY = "demo-site"
T = TypeVar("T")


@dataclass
class World:
    """Everybody and everything that the lives of leads need."""

    chance: random.Random
    zone: Any
    people: dict[str, User] = field(default_factory=dict)
    partners: list[tuple[Partner, User]] = field(default_factory=list)
    reasons: dict[str, list[RefusalReason]] = field(default_factory=dict)
    form: WebForm | None = None
    phones: int = 0
    wishes: list[Any] = field(default_factory=list)

    @property
    def managers(self) -> list[User]:
        """The sales managers."""
        return [user for user in self.people.values() if user.role == Role.SALES_MANAGER]

    @property
    def head(self) -> User:
        return self.people["head"]

    @property
    def operator(self) -> User:
        return self.people[self.chance.choice(("operator", "operator2"))]

    def pick(self, rows: Sequence[tuple[Any, ...]]) -> Any:
        """One row by the weight in its second place."""
        return self.chance.choices(rows, weights=[row[1] for row in rows])[0]

    def luck(self, share: float) -> bool:
        """True in that share of cases."""
        return self.chance.random() < share

    def later(self, at: datetime, low: float, high: float) -> datetime:
        """A working moment so many days later: never at night, seldom at a week-end."""
        moment = self._in_hours(at + timedelta(days=self.chance.uniform(low, high)))
        if moment.weekday() >= 5 and self.luck(0.9):
            moment += timedelta(days=7 - moment.weekday())
        return moment

    def due(self, at: datetime, low: float, high: float) -> datetime:
        """When a task is to be done, so many days later: on a working day, at a quarter of an hour."""
        moment = self._in_hours(at + timedelta(days=self.chance.uniform(low, high)))
        if moment.weekday() >= 5:
            moment += timedelta(days=7 - moment.weekday())
        return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)

    def _in_hours(self, moment: datetime) -> datetime:
        """The moment itself within working hours, else one of the next morning."""
        moment = moment.astimezone(self.zone)
        if 9 <= moment.hour < 18:
            return moment
        day = moment + timedelta(days=1) if moment.hour >= 18 else moment
        return day.replace(hour=self.chance.randrange(9, 12), minute=self.chance.randrange(60))

    def person(self) -> tuple[str, str, str]:
        """Last name, first name, patronymic."""
        family, father = self.chance.choice(words.FAMILIES), self.chance.choice(words.FATHERS)
        if self.luck(0.72):
            return family, self.chance.choice(words.MEN), f"{father}ич"
        return f"{family}а", self.chance.choice(words.WOMEN), f"{father}на"

    def mobile(self) -> str:
        """A number that nobody has: the range 900 000 is not given out."""
        self.phones += 1
        return f"+7900000{self.phones:04d}"

    def firm(self) -> str:
        """A name of a company."""
        root, kind = self.chance.choice(words.FIRM_ROOTS), self.chance.choice(("ООО", "ООО", "ООО", "АО", "КФХ"))
        if kind == "КФХ":
            return f"КФХ «{root}»"
        tail = self.chance.choice([tail for tail in words.FIRM_TAILS if tail != root])
        return f"{kind} «{root}-{tail}»"

    def inn(self) -> str:
        """Ten digits with a right check digit."""
        body = [self.chance.randrange(10) for _digit in range(9)]
        body[0] = self.chance.choice((1, 2, 5, 6, 7))
        weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)
        check = sum(digit * weight for digit, weight in zip(body, weights, strict=True)) % 11 % 10
        return "".join(map(str, [*body, check]))

    def sizes(self) -> tuple[Decimal, Decimal, Decimal]:
        """Width, length and height of a building, metres."""
        width = self.chance.choice((12, 15, 18, 18, 24, 24, 30, 36))
        length = width + 6 * self.chance.randrange(0, 9)
        return Decimal(width), Decimal(length), Decimal(self.chance.choice((5, 6, 6, 8, 9, 12)))


def make_world(seed: int, zone: Any) -> World:
    """People, teams, partners, the form; ready for the first lead."""
    world = World(chance=random.Random(seed), zone=zone)
    preferences.set_value("company_name", words.COMPANY)
    teams = {
        name: Team.objects.create(name=name, members_see_each_other=True) for name in ("Поволжье и Урал", "Юг и Центр")
    }
    for login, role, last, first, father, position, team in words.PEOPLE:
        world.people[login] = _account(
            login, role, last_name=last, first_name=first, patronymic=father, position=position, team=teams.get(team)
        )
    # The demo's people always know the reason.
    for reason in RefusalReason.objects.filter(is_active=True).exclude(name_ru=OTHER_REASON[0]):
        world.reasons.setdefault(reason.stage_id, []).append(reason)
    for number, (name, login, last, first, region) in enumerate(words.PARTNERS):
        partner = partner_create(
            by=world.head,
            data={"name": name, "regions": [region], "commission_percent": Decimal(4 + number)},
            company_data={"name": f"ООО «{name}»", "region": region},
        )
        user = partner_user_create(
            partner, by=world.head, email=f"{login}@example.com", last_name=last, first_name=first, position="Директор"
        )
        _give_password(user)
        world.partners.append((partner, user))
    world.form = WebForm.objects.create(name="Сайт завода", key=FORM_KEY, source=Source.objects.get(pk="direct"))
    return world


def _account(login: str, role: str, **fields: Any) -> User:
    user = user_create(by=None, email=f"{login}@example.com", role=role, **fields)
    _give_password(user)
    return user


def _give_password(user: User) -> None:
    """The demo's word is too short for real people, so it is set past the rules for passwords."""
    user.password = hashed()
    user.save(update_fields=["password"])


@cache
def hashed() -> str:
    """One hash for all of them: Argon2 is slow on purpose."""
    return make_password(PASSWORD)
