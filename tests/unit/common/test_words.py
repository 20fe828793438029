"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import words
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"), (-0.0, "0"), (336776, "336,776"), (2.6, "2.6"), (0.04, "0.04"), (-0.05, "-0.05"), (61.34, "61.3"), (1234.5, "1,234"),
        (0.0001, "0.0001"), (1e20, "1e+20"), (99.999, "100"), (3.0, "3"), (0.001953125, "0.00195"),
    ],
)  # fmt: skip
def test_a_number_is_short(value: float, expected: str) -> None:
    assert words.number(value) == expected


@given(st.floats(-1e300, 1e300))
def test_a_number_is_right_to_three_digits(value: float) -> None:
    told = float(words.number(value).replace(",", ""))
    assert math.isclose(told, value, rel_tol=0.006, abs_tol=1e-300)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_two_numbers_never_read_the_same_where_it_matters(value: float, limit: float) -> None:
    if value != limit:
        assert words.number(value, unlike=limit) != words.number(limit)


def test_counts_have_no_unit() -> None:
    assert words.quantity(3, "1") == "3"
    assert words.quantity(3, "rows") == "3"
    assert words.quantity(2.6, "ms") == "2.6 ms"
