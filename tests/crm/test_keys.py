"""Keys of rows that come in addresses and forms are whole numbers that a column can hold, or none."""

from __future__ import annotations

from typing import Any

import pytest

from crm.keys import key_in, keys_in, keys_of_order


@pytest.mark.parametrize(("text", "key"), [("7", 7), ("007", 7), (7, 7), ("0", 0), ("9" * 18, 10**18 - 1)])
def test_a_number_is_a_key(text: Any, key: int) -> None:
    assert key_in(text) == key


@pytest.mark.parametrize("text", ["", " 7", "-1", "1.5", "x", "７", "²", "7\x00", "9" * 19, "9" * 5000, None])
def test_anything_else_is_none(text: Any) -> None:
    assert key_in(text) is None


def test_of_several_the_rest_is_left_out_or_refused_in_its_place() -> None:
    assert keys_in(["3", "x", "1"]) == [3, 1]
    assert keys_of_order("3,x,1") == [3, -1, 1]
