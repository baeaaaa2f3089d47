"""Makers of rows for tests; records themselves are made through the services, as the product makes them."""

from __future__ import annotations

import itertools
from typing import Any

from accounts.models import Partner, Role, Team, User

_numbers = itertools.count(1)


def make_user(role: str = Role.SALES_MANAGER, **fields: Any) -> User:
    """A person of a role; partner users get a partner of their own unless one is given."""
    number = next(_numbers)
    if role == Role.PARTNER and "partner" not in fields:
        fields["partner"] = make_partner()
    fields.setdefault("last_name", f"Person{number}")
    fields.setdefault("first_name", "Test")
    password = fields.pop("password", "correct horse battery")
    return User.objects.create_user(fields.pop("email", f"person{number}@example.com"), password, role=role, **fields)


def make_partner(**fields: Any) -> Partner:
    """A partner organisation."""
    fields.setdefault("name", f"Partner {next(_numbers)}")
    return Partner.objects.create(**fields)


def make_team(**fields: Any) -> Team:
    """A team."""
    fields.setdefault("name", f"Team {next(_numbers)}")
    return Team.objects.create(**fields)


def make_client(by: User, *, email: str = "", company: Any = None, **data: Any) -> Any:
    """A contact who may be written to, with its e-mail as a point of recognition."""
    from crm import services
    from crm.contact_points import add_points, read_points
    from crm.models import Contact

    number = next(_numbers)
    data = {"last_name": f"Клиентов{number}", "first_name": "Иван", "messages_consent": True, **data}
    contact = services.record_create(
        Contact, data={"responsible": by, "company": company, **data}, by=by, pipeline="contact"
    )
    add_points(contact, read_points(emails=email or f"client{number}@example.org"))
    return contact


def make_company(by: User, **data: Any) -> Any:
    """A client's company."""
    from crm import services
    from crm.models import Company

    data = {"name": f"ООО «Завод {next(_numbers)}»", "responsible": by, **data}
    return services.record_create(Company, data=data, by=by, pipeline="company")


def make_deal(by: User, *, stage: str = "", **data: Any) -> Any:
    """A deal of the main pipeline, at its first stage or at `stage`."""
    from deals.services import deal_create

    return deal_create(by=by, data={"title": f"Ангар {next(_numbers)}", **data}, stage=stage)
