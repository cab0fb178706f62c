"""Dates, moments and amounts in three languages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from django.utils import translation

from b2b_orders.portal import formats


@pytest.mark.parametrize(
    ("language", "day", "month", "amount", "size"),
    [
        ("pt-br", "05/03/2026", "03/2026", "R$ 1.234.567,80", "1,2 MB"),
        ("es", "05/03/2026", "03/2026", "R$ 1.234.567,80", "1,2 MB"),
        ("en", "5\xa0Mar\xa02026", "Mar 2026", "R$ 1,234,567.80", "1.2 MB"),
    ],
)
def test_each_language_writes_in_its_own_way(language, day, month, amount, size):
    with translation.override(language):
        assert formats.day(date(2026, 3, 5)) == day
        assert formats.month(date(2026, 3, 5)) == month
        assert formats.amount(Decimal("1234567.8")).replace("\xa0", " ") == amount
        assert formats.size(1_234_567).replace("\xa0", " ") == size


def test_moment_is_shown_in_the_installations_zone_and_as_short_as_clear():
    now = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)  # still the 9th in São Paulo

    assert formats.moment(datetime(2026, 3, 9, 13, 42, tzinfo=UTC), now) == "10:42"
    assert formats.moment(datetime(2026, 3, 8, 13, 42, tzinfo=UTC), now) == "08/03\xa010:42"
    assert formats.moment(datetime(2025, 3, 9, 13, 42, tzinfo=UTC), now) == "09/03/2025\xa010:42"
    assert formats.full_moment(now) == "09/03/2026 22:00:00 GMT-0300"


def test_other_currencies_are_named():
    assert formats.amount(Decimal(5), "USD") == "US$\xa05,00"
    assert formats.amount(Decimal(5), "CLP") == "CLP\xa05,00"
    assert formats.amount(Decimal(-5)) == "\u2212R$\xa05,00"
    assert formats.amount(None) == ""


def test_unit_price_keeps_the_decimals_that_the_source_has():
    assert formats.unit_price(Decimal("1.234500"), "BRL") == "R$\xa01,2345"
    assert formats.unit_price(Decimal("10.000000"), "BRL") == "R$\xa010,00"


def test_quantity_has_no_needless_zeros():
    assert formats.quantity(Decimal("10.5000")) == "10,5"
    assert formats.quantity(Decimal("1200.0000")) == "1.200"


def test_tax_ids_are_written_with_their_signs():
    assert formats.tax_id("12ABC34501DE35") == "12.ABC.345/01DE-35"
    assert formats.tax_id("12345678909") == "123.456.789-09"
    assert formats.tax_id("X1") == "X1"


@pytest.mark.parametrize("language", ["pt-br", "es", "en"])
@pytest.mark.parametrize(
    "value",
    ["0", "0.005", "0.015", "9.995", "999", "999.99", "1000", "1234567.891", "99999999999999.99"],
)
def test_amounts_and_counts_are_written_as_the_locale_has_them(language, value):
    with translation.override(language):
        locale = formats.locale()
        digits = format_decimal(Decimal(value), "#,##0.00", locale=locale)
        whole = format_decimal(int(Decimal(value)), "#,##0", locale=locale)

        assert formats.amount(Decimal(value)) == f"R$\u00a0{digits}"
        assert formats.amount(-Decimal(value)).endswith(f"R$\u00a0{digits}")
        assert formats.count(int(Decimal(value))) == whole


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("30110014", "30110-014"),
        ("30110-014", "30110-014"),
        ("C1425DKA", "C1425DKA"),
        ("1425", "1425"),
        ("", ""),
    ],
)
def test_a_postal_code_of_brazil_has_its_hyphen(value, shown):
    assert formats.postal_code(value) == shown
