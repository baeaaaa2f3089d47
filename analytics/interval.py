"""How sure a share is."""

from __future__ import annotations

from math import sqrt

# Of 100 true shares 95 lie within the interval (two-sided normal quantile).
Z = 1.959964


def wilson(part: float, whole: float) -> tuple[float, float]:
    """Between what the true share of `part` in `whole` lies with 95 % certainty: ends 0..1, all of it for none.

    Wilson, "Probable inference", 1927; the counts may be fractions.
    """
    if not whole:
        return 0.0, 1.0
    found, square = part / whole, Z * Z / whole
    middle, reach = found + square / 2, sqrt(square * found * (1 - found) + square * square / 4)
    return max(0.0, (middle - reach) / (1 + square)), min(1.0, (middle + reach) / (1 + square))
