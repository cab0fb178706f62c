from __future__ import annotations

import pytest

from b2b_orders.ingest.options import Options, split
from erp_bridge.errors import ConfigError


def test_what_is_not_said_takes_its_default():
    assert Options.of({}) == Options()
    assert Options.of({"reading": {"backfill_years": 3}}) == Options(backfill_years=3)


def test_ours_are_parted_from_the_kinds_own():
    own, ours = split({"endpoint": "https://erp.example", "detail_days": "30", "window_days": 31})

    assert own == {"endpoint": "https://erp.example", "window_days": 31}
    assert ours == {"detail_days": 30}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("many", "must be a whole number"),
        (True, "must be a whole number"),
        ("-1", "must be a whole number"),
        (31, "must be from 0 to 30"),
    ],
)
def test_a_wrong_number_is_named(value: object, message: str):
    with pytest.raises(ConfigError) as caught:
        split({"backfill_years": value})

    assert (caught.value.field, caught.value.message) == ("backfill_years", message)
