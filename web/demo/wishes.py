"""What the demo's clients want: one building each, which their words, the lead, the deal and the object agree on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from communications.requests import LeadRequest
from crm.attribution import Touch, touch_from, traffic_of
from crm.models import Channel
from deals.models import Deal
from web.demo import words
from web.demo.world import World

SAME_BUILDING_AGAIN = 0.3  # of those who come back
TENDER = 0.05  # of strangers ask about a building that somebody has asked about before
SITE = "https://severstalcon.example/"


@dataclass(frozen=True)
class Wish:
    """A building as its client thinks of it, or no building at all: `off_topic` names a row of words.OFF_TOPIC."""

    purpose: str
    width: Decimal
    length: Decimal
    height: Decimal
    region: str
    city: str
    address: str
    off_topic: int | None = None
    is_tender: bool = False

    @property
    def area(self) -> Decimal:
        return self.width * self.length

    @property
    def is_small(self) -> bool:
        """Below what the plant takes on."""
        return self.area < words.SMALLEST

    @property
    def is_far(self) -> bool:
        """Where the plant does not deliver."""
        return self.region in dict(words.FAR_PLACES)

    @property
    def building(self) -> dict[str, Any]:
        """The columns of a lead, deal or object, but for the purpose."""
        return {"width": self.width, "length": self.length, "height": self.height}


def wish_of(world: World, known: Deal | None) -> Wish:
    """A new wish; of a client we know it is a building in the same town, sometimes the very same one again."""
    if known is None and world.wishes and world.luck(TENDER):
        other = world.chance.choice(world.wishes)
        return replace(other, address=other.address if world.luck(0.4) else "", is_tender=True)
    wish = _anything(world)
    if known is not None and known.region:
        wish = replace(wish, region=known.region, city=known.city or wish.city, off_topic=None)
        if known.area and known.purpose_id and known.width and known.length and world.luck(SAME_BUILDING_AGAIN):
            wish = replace(wish, purpose=known.purpose_id, width=known.width, length=known.length)
    elif known is None and world.luck(words.OFF_TOPIC_SHARE):
        wish = replace(wish, off_topic=world.chance.randrange(len(words.OFF_TOPIC)))
    if wish.off_topic is None and not wish.is_small and not wish.is_far:
        world.wishes = [*world.wishes[-60:], wish]
    return wish


def _anything(world: World) -> Wish:
    region, towns = world.chance.choice(words.FAR_PLACES if world.luck(0.025) else words.PLACES)
    city = world.chance.choice(towns)
    street, house = world.chance.choice(words.STREETS), world.chance.randrange(1, 120)
    address = f"г. {city}, ул. {street}, {house}"
    if world.luck(0.025):
        width, length = Decimal(world.chance.choice((4, 5, 6))), Decimal(world.chance.choice((6, 8, 9)))
        return Wish(world.chance.choice(("garage", "canopy")), width, length, Decimal(3), region, city, address)
    width, length, height = world.sizes()
    return Wish(world.pick(words.PURPOSES)[0], width, length, height, region, city, address)


def text_of(world: World, wish: Wish) -> str:
    """The request in the client's words."""
    if wish.off_topic is not None:
        return words.OFF_TOPIC[wish.off_topic].text
    forms = words.NAMES[wish.purpose]
    templates: tuple[str, ...] = words.TENDERS if wish.is_tender else words.REQUESTS
    if wish.purpose == "canopy":
        templates = tuple(text for text in templates if "{warm}" not in text)
    return world.chance.choice(templates).format(
        what=forms.nominative, What=forms.nominative[0].upper() + forms.nominative[1:], of=forms.genitive,
        warm=forms.warm, size=f"{wish.length:f}×{wish.width:f} м", city=wish.city,
    )  # fmt: skip


def request_of(world: World, wish: Wish, *, known: Deal | None = None) -> LeadRequest:
    """The request as it comes in: of some clients the form tells all of the building, of others only their words."""
    source, campaigns = _source(world, wish)
    last, first, _father = world.person()
    contact = known.contact if known else None
    firm = world.firm() if known is None and wish.off_topic is None and world.luck(0.55) else None
    phone = contact.phone if contact and contact.phone else world.mobile()
    email = "" if contact or (world.luck(0.15) and source != "email") else _address(world, firm, first, last)
    if contact and source == "email":
        source, email = ("email", contact.email) if contact.email else ("phone", "")
    return LeadRequest(
        name=contact.full_name if contact else (f"{first} {last}" if world.luck(0.6) else first),
        phones=(phone,),
        emails=(email,) if email else (),
        company_name=firm or "",
        inn=world.inn() if firm and world.luck(0.4) else "",
        text=text_of(world, wish),
        touch=touch_of(world, source, campaigns),
        channel={"phone": Channel.PHONE, "email": Channel.EMAIL_SHARED}.get(source, Channel.FORM),
        source=source,
        consent=world.luck(0.8),
        **_told(world, wish),
    )


def _source(world: World, wish: Wish) -> tuple[str, tuple[str, ...]]:
    """Where the client comes from, and the campaigns of that source; who counts a tender knows us already."""
    source, _weight, campaigns = world.pick(words.SOURCES)
    return ("direct", ()) if wish.is_tender else (source, campaigns)


def _told(world: World, wish: Wish) -> dict[str, Any]:
    """What the form's own fields say of the building."""
    if wish.off_topic is not None:
        return {"city": wish.city if world.luck(0.5) else ""}
    purpose = words.NAMES[wish.purpose].nominative
    if world.luck(0.42):
        place = {"address": wish.address, "city": wish.city, "region": wish.region}
        return {**wish.building, **place, "purpose": purpose}
    return {"city": wish.city if world.luck(0.7) else "", "purpose": purpose if world.luck(0.6) else ""}


def _address(world: World, firm: str | None, first: str, last: str) -> str:
    """A company's letters come from a mailbox of its own, a person's from a public one; no such domain exists."""
    if firm:
        box = world.chance.choice(("info", "zakaz", "snab", "office"))
        return f"{box}@{latin(firm.split('«')[1].rstrip('»'))}.example"
    return (
        f"{latin(first)}.{latin(last)}{world.chance.randrange(60, 100)}@example.{world.chance.choice(('org', 'net'))}"
    )


def latin(text: str) -> str:
    """Russian letters as mailboxes and domains spell them."""
    return "".join(_LATIN.get(letter, letter) for letter in text.lower())


_PAIRS = "аa бb вv гg дd еe ёe жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хh цc чch шsh щsch ъ ыy ь эe юyu яya"
_LATIN: Mapping[str, str] = {pair[0]: pair[1:] for pair in _PAIRS.split()} | {" ": "-"}


def touch_of(world: World, source: str, campaigns: tuple[str, ...]) -> Touch:
    """The marks that a visit by that source leaves."""
    if not campaigns:
        return Touch(source_code=source, traffic=traffic_of(source))
    marks = {
        "yandex_direct": {"utm_source": "yandex", "utm_medium": "cpc", "yclid": str(world.chance.randrange(10**15))},
        "vk_ads": {"utm_source": "vk", "utm_medium": "cpc"},
    }[source]
    return touch_from({**marks, "utm_campaign": world.chance.choice(campaigns)}, "", SITE)
