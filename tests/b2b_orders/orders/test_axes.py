"""How much is invoiced and what is known of the money: proved, or unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from b2b_orders.orders.merge import MergeInput, merge
from erp_bridge.records import (
    Billing,
    Fulfilment,
    InvoiceLine,
    InvoiceRecord,
    OrderLine,
    OrderRecord,
    Payment,
    System,
    TitleRecord,
    TitleState,
)

F, B, P, T = Fulfilment, Billing, Payment, TitleState
AT = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)


def vtex(**fields):
    values = {"external_id": "1172452900788-01", "fulfilment": F.PICKING, "status_raw": "handling"}
    return MergeInput("loja", System.VTEX, OrderRecord(System.VTEX, **(values | fields)), AT)


def erp(**fields):
    values = {"external_id": "1", "fulfilment": F.CREDIT_REVIEW, "status_raw": "2"}
    return MergeInput("erp", System.ERP, OrderRecord(System.ERP, **(values | fields)), AT)


def item(position, quantity, sku=""):
    return OrderLine(position, sku=sku or f"S{position}", quantity=Decimal(quantity))


def nf(number, *parts, total=None, **fields):
    lines = tuple(InvoiceLine(position, Decimal(quantity)) for position, quantity in parts)
    amount = None if total is None else Decimal(total)
    return InvoiceRecord(number, "1", total=amount, lines=lines, **fields)


def title(state, amount=None, key="a"):
    return TitleRecord(key, state=state, amount=None if amount is None else Decimal(amount))


# --- billing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"fulfilment": F.PICKING}, B.NOT_INVOICED),
        ({"fulfilment": F.CREDIT_REVIEW}, B.NOT_INVOICED),
        ({"fulfilment": F.INVOICED}, B.INVOICED),
        ({"fulfilment": F.PARTLY_INVOICED}, B.PARTLY_INVOICED),
        ({"fulfilment": F.SHIPPED}, B.UNKNOWN),
        ({"fulfilment": F.DELIVERED}, B.UNKNOWN),
        ({"fulfilment": F.UNMAPPED}, B.UNKNOWN),
        ({"fulfilment": F.CANCELLED}, B.CANCELLED),
        ({"fulfilment": F.SHIPPED, "invoices": (nf("1"),)}, B.INVOICED),
        ({"fulfilment": F.PICKING, "invoices": (nf("1"),)}, B.UNKNOWN),
        ({"fulfilment": F.CANCELLED, "invoices": (nf("1"),)}, B.UNKNOWN),
        ({"invoices": (nf("1", total="60"), nf("2", total="40"))}, B.INVOICED),
        ({"invoices": (nf("1", total="60"),)}, B.PARTLY_INVOICED),
        ({"fulfilment": F.SHIPPED, "invoices": (nf("1", total="60"),)}, B.PARTLY_INVOICED),
        ({"invoices": (nf("1", total="60"), nf("2"))}, B.UNKNOWN),
        ({"invoicing": B.NOT_INVOICED, "fulfilment": F.UNMAPPED}, B.NOT_INVOICED),
        ({"invoices": (nf("1", total="60", is_return=True),)}, B.UNKNOWN),
        (
            {"invoices": (nf("1", total="100"), nf("9", total="100", is_return=True))},
            B.RETURNED,
        ),
        ({"invoices": (nf("1", total="100"), nf("9", total="40", is_return=True))}, B.INVOICED),
    ],
)
def test_one_erp_order_says_how_much_is_invoiced(fields, expected):
    draft = merge([erp(total=Decimal(100), **fields)])

    assert draft.billing is expected
    assert draft.provenance.get("billing_state") == ("erp" if expected is not B.UNKNOWN else None)


def test_quantities_add_up_over_several_invoices_and_returns_do_not_count():
    lines = (item(1, 10), item(2, 4))
    part = [nf("1", (1, 6)), nf("2", (1, 4), (2, 1)), nf("9", (2, 3), is_return=True)]

    partly = merge([erp(lines=lines, invoices=tuple(part))])
    whole = merge([erp(lines=lines, invoices=(*part, nf("3", (2, 3))))])

    assert [(found.quantity, found.invoiced) for found in partly.lines] == [(10, 10), (4, 1)]
    assert (partly.billing, whole.billing) == (B.PARTLY_INVOICED, B.INVOICED)


def test_a_number_that_lists_no_items_makes_the_quantities_unknown():
    draft = merge([erp(lines=(item(1, 10),), invoices=(nf("1", (1, 6)), nf("2")))])

    assert [found.invoiced for found in draft.lines] == [None]
    assert draft.billing is B.UNKNOWN


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"fulfilment": F.INVOICED}, B.INVOICED),
        ({"fulfilment": F.PICKING}, B.PARTLY_INVOICED),
        ({"fulfilment": F.PARTLY_INVOICED}, B.PARTLY_INVOICED),
        ({"fulfilment": F.CANCELLED}, B.INVOICED),
        ({"fulfilment": F.UNMAPPED}, B.UNKNOWN),
    ],
)
def test_several_erp_orders_are_invoiced_when_all_of_them_are(second, expected):
    parts = [erp(fulfilment=F.INVOICED), erp(external_id="2", **second)]

    assert merge([vtex(), *parts]).billing is expected


def test_what_the_site_says_of_items_is_carried_over_to_the_erps():
    site = vtex(
        lines=(item(1, 10, "A"), item(2, 4, "B")),
        invoices=(nf("1", (1, 10)), nf("2", (2, 1))),
    )
    theirs = [
        erp(external_id="1", lines=(item(1, 10, "a"),), invoices=(nf("1"),)),
        erp(external_id="2", lines=(item(1, 4, "B"),), invoices=(nf("2"),)),
    ]

    draft = merge([site, *theirs])

    assert [(found.sku, found.invoiced) for found in draft.lines] == [("a", 10), ("B", 1)]
    assert draft.billing is B.PARTLY_INVOICED


def test_nothing_is_carried_over_while_the_erp_knows_an_invoice_that_the_site_does_not():
    site = vtex(lines=(item(1, 10, "A"),), invoices=(nf("1", (1, 4)),))
    theirs = erp(lines=(item(1, 10, "A"),), invoices=(nf("1"), nf("2")), fulfilment=F.SHIPPED)

    draft = merge([site, theirs])

    assert [found.invoiced for found in draft.lines] == [None]
    assert draft.billing is B.INVOICED


def test_one_invoice_that_both_name_is_counted_once():
    site = vtex(lines=(item(1, 10, "A"),), invoices=(nf("1", (1, 5)),))
    theirs = erp(lines=(item(1, 10, "A"),), invoices=(nf("001", (1, 5)), nf("001", (1, 5))))

    draft = merge([site, theirs])

    assert [found.invoiced for found in draft.lines] == [5]
    assert (len(draft.invoices), draft.billing) == (1, B.PARTLY_INVOICED)


def test_a_product_on_two_items_is_told_apart_only_when_it_can_be_no_other_way():
    def invoiced(quantity):
        site = vtex(lines=(item(1, 10, "A"),), invoices=(nf("1", (1, quantity)),))
        theirs = erp(lines=(item(1, 4, "A"), item(2, 6, "A")), invoices=(nf("1"),))
        return [found.invoiced for found in merge([site, theirs]).lines]

    assert invoiced(10) == [4, 6]
    assert invoiced(5) == [None, None]


def test_the_site_speaks_while_the_erp_says_nothing_but_not_of_what_it_lacks():
    silent = erp(fulfilment=F.UNMAPPED, status_raw="")

    assert merge([vtex(), silent]).billing is B.UNKNOWN
    assert merge([vtex()]).billing is B.NOT_INVOICED
    invoiced = vtex(invoicing=B.INVOICED, fulfilment=F.SHIPPED, invoices=(nf("1"),))
    draft = merge([invoiced, silent])
    assert (draft.billing, draft.provenance["billing_state"]) == (B.INVOICED, "loja")


# --- payment --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("titles", "fields", "expected"),
    [
        ((), {}, P.UNKNOWN),
        ((title(T.UNKNOWN),), {}, P.UNKNOWN),
        ((title(T.OPEN),), {}, P.AWAITING),
        ((title(T.OPEN), title(T.UNKNOWN, key="b")), {}, P.UNKNOWN),
        ((title(T.OPEN), title(T.PAID, key="b")), {}, P.PARTLY_PAID),
        ((title(T.PAID), title(T.UNKNOWN, key="b")), {}, P.UNKNOWN),
        ((title(T.PAID, "100"),), {}, P.PAID),
        ((title(T.PAID, "60"), title(T.PAID, "40", key="b")), {}, P.PAID),
        ((title(T.PAID, "60"),), {}, P.PARTLY_PAID),
        ((title(T.PAID, "100"), title(T.CANCELLED, "100", key="b")), {}, P.PAID),
        ((title(T.CANCELLED, "100"),), {}, P.UNKNOWN),
        ((title(T.PAID),), {}, P.UNKNOWN),
        ((title(T.PAID),), {"fulfilment": F.INVOICED}, P.PAID),
        ((title(T.PAID),), {"fulfilment": F.PARTLY_INVOICED}, P.PARTLY_PAID),
        ((title(T.PAID),), {"fulfilment": F.PICKING}, P.UNKNOWN),
    ],
)
def test_an_order_is_paid_only_when_that_is_proved(titles, fields, expected):
    draft = merge([erp(total=Decimal(100), titles=titles, **({"fulfilment": F.UNMAPPED} | fields))])

    assert draft.payment is expected


def test_boletos_paid_so_far_of_a_half_invoiced_order_do_not_pay_it():
    draft = merge(
        [
            erp(
                total=Decimal(100),
                lines=(item(1, 10),),
                invoices=(nf("1", (1, 5)),),
                titles=(title(T.PAID, "50"),),
            )
        ]
    )

    assert (draft.billing, draft.payment) == (B.PARTLY_INVOICED, P.PARTLY_PAID)


def test_the_erp_says_what_is_paid_and_else_the_site_how_it_was_paid():
    site = vtex(payment=P.AUTHORISED)

    alone, beside = merge([site]), merge([site, erp()])
    owed = merge([site, erp(titles=(title(T.OPEN),))])

    assert (alone.payment, beside.payment, owed.payment) == (
        P.AUTHORISED,
        P.AUTHORISED,
        P.AWAITING,
    )
    assert beside.provenance["payment_state"] == "loja"
    assert owed.provenance["payment_state"] == "erp"
    assert owed.divergences == ()


@pytest.mark.parametrize(
    ("site", "theirs", "differ"),
    [
        (P.AWAITING, P.PAID, True),
        (P.DENIED, P.PAID, True),
        (P.DENIED, P.AUTHORISED, True),
        (P.AUTHORISED, P.DENIED, True),
        (P.AUTHORISED, P.AWAITING, False),
        (P.AUTHORISED, P.PAID, False),
        (P.AUTHORISED, P.UNKNOWN, False),
        (P.UNKNOWN, P.PAID, False),
    ],
)
def test_payments_that_cannot_both_be_so_are_a_divergence(site, theirs, differ):
    draft = merge([vtex(payment=site), erp(payment=theirs)])

    assert [found.field for found in draft.divergences] == (["payment"] if differ else [])


def test_parts_of_a_split_are_paid_when_all_of_them_are():
    paid, owed = erp(payment=P.PAID), erp(external_id="2", payment=P.AWAITING)

    assert merge([paid, owed]).payment is P.PARTLY_PAID
    assert merge([paid, replace(owed, record=replace(owed.record, payment=P.PAID))]).payment is (
        P.PAID
    )
    assert merge([paid, erp(external_id="2")]).payment is P.UNKNOWN
