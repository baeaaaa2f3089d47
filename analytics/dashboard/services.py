"""Which tiles a person has, and the change of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from analytics.dashboard.registry import BY_CODE, DEFAULTS, tiles_for
from analytics.dashboard.tile import Board, Number, Tile
from analytics.models import TileChoice
from analytics.reports.report import Part
from crm import clock
from crm.errors import InvalidInput


@dataclass
class Shown:
    """A tile with what it shows; None where its report has no such table for the reader."""

    tile: Tile
    made: Number | Part | None


def tiles_of(user: User) -> list[Tile]:
    """The person's tiles in their order; those that their role has not (any more) are left out."""
    chosen = TileChoice.objects.filter(user=user).values_list("tiles", flat=True).first()
    codes = DEFAULTS[user.role] if chosen is None else chosen
    found = [BY_CODE[code] for code in codes if code in BY_CODE]
    return [tile for tile in found if user.role in tile.roles]


def offered_to(user: User) -> list[Tile]:
    """What the person could add."""
    mine = {tile.code for tile in tiles_of(user)}
    return [tile for tile in tiles_for(user) if tile.code not in mine]


def shown(board: Board) -> list[Shown]:
    """The person's tiles with their figures; a report is counted once, however many tiles are taken from it."""
    return [Shown(tile, tile.build(board)) for tile in tiles_of(board.user)]


@transaction.atomic
def tiles_set(user: User, codes: Sequence[str]) -> list[Tile]:
    """Keep a person's choice of tiles in this order; InvalidInput for a tile twice, unknown or of other roles."""
    known = {tile.code for tile in tiles_for(user)}
    if len(set(codes)) != len(codes):
        raise InvalidInput.at("tiles", _("A tile stands there twice."))
    if wrong := [code for code in codes if code not in known]:
        raise InvalidInput.at("tiles", _("There is no such tile: %(code)s.") % {"code": wrong[0][:50]})
    TileChoice.objects.update_or_create(user=user, defaults={"tiles": list(codes), "changed_at": clock.now()})
    return tiles_of(user)


@transaction.atomic
def tiles_reset(user: User) -> list[Tile]:
    """Back to the tiles of the role."""
    TileChoice.objects.filter(user=user).delete()
    return tiles_of(user)


def tile_add(user: User, code: str) -> list[Tile]:
    """Put a tile behind the others."""
    return tiles_set(user, [*_codes(user), code])


def tile_remove(user: User, code: str) -> list[Tile]:
    """Take a tile away; one that is gone already is no fault."""
    return tiles_set(user, [mine for mine in _codes(user) if mine != code])


def tile_shift(user: User, code: str, step: int) -> list[Tile]:
    """Move a tile one place forward (-1) or back (+1)."""
    codes = _codes(user)
    if code in codes:
        place = codes.index(code)
        codes.insert(min(max(place + step, 0), len(codes) - 1), codes.pop(place))
    return tiles_set(user, codes)


def _codes(user: User) -> list[str]:
    return [tile.code for tile in tiles_of(user)]
