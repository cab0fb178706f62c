"""Several records of one order made into one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from b2b_orders.orders.merge import PRECEDENCE, MergeInput, divergence_values, merge
from erp_bridge.records import (
    Address,
    Detail,
    EventRecord,
    Fulfilment,
    InvoiceLine,
    InvoiceRecord,
    NumberKind,
    OrderLine,
    OrderRecord,
    Party,
    System,
    TitleRecord,
    TitleState,
)

F = Fulfilment
KEY = "35210320695448000184550010000035891981839923"
OTHER_KEY = "33260199902002000133650150000000079102030401"
LINE = "00190000090312855700000012345179416560000378196"
AT = datetime(2026, 3, 10, 13, 42, tzinfo=UTC)
EARLIER = AT - timedelta(hours=1)


def vtex(**fields):
    values = {
        "external_id": "1172452900788-01",
        "web_numbers": ("502556", "v502556llux-01"),
        "fulfilment": F.PICKING,
        "status_raw": "handling",
    }
    record = OrderRecord(System.VTEX, **(values | fields))
    return MergeInput("loja", System.VTEX, record, AT)


def erp(**fields):
    values = {
        "external_id": "0004500123",
        "fulfilment": F.CREDIT_REVIEW,
        "status_raw": "2",
    }
    record = OrderRecord(System.ERP, **(values | fields))
    return MergeInput("erp", System.ERP, record, EARLIER)


def line(sku, position=1, **fields):
    return OrderLine(position, sku=sku, **fields)


# --- who rules ---------------------------------------------------------------------------


def test_the_table_names_each_field_once_with_a_reason():
    names = [name for rule in PRECEDENCE for name in rule.fields]

    assert len(names) == len(set(names))
    assert all(rule.reason for rule in PRECEDENCE)


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "ruler"),
    [
        ("placed_by_name", "Ana", "Balcão", "loja"),
        ("channel", "b2b", "erp", "loja"),
        ("payment_terms", "PIX", "30 dias", "erp"),
        ("note", "Entregar à tarde", "TARDE", "loja"),
        ("promised_on", date(2026, 3, 20), date(2026, 3, 22), "erp"),
        ("billing", Address(city="São Paulo"), Address(city="Curitiba"), "erp"),
        ("delivery", Address(city="São Paulo"), Address(city="Curitiba"), "erp"),
        ("delivery_method", "Expressa", "Rodoviário", "erp"),
        ("tracking_url", "https://a.example", "https://b.example", "erp"),
    ],
)
def test_each_field_comes_from_its_ruler_and_else_from_whoever_states_it(
    field, ours, theirs, ruler
):
    both = merge([vtex(**{field: ours}), erp(**{field: theirs})])
    only_site = merge([vtex(**{field: ours}), erp()])
    only_erp = merge([vtex(), erp(**{field: theirs})])

    assert both.provenance[field] == ruler
    assert only_site.provenance[field] == "loja"
    assert only_erp.provenance[field] == "erp"
    assert field not in merge([vtex(), erp()]).provenance


def test_what_a_site_alone_says_of_the_payment_is_told_from_terms():
    merged = [
        merge(records)
        for records in (
            [vtex(payment_terms="PIX"), erp(payment_terms="30 dias")],
            [vtex(payment_terms="PIX"), erp()],
            [vtex(), erp()],
        )
    ]

    assert [each.facts.get("payment_terms") for each in merged] == ["30 dias", "PIX", None]
    assert [each.provenance.get("payment_terms") for each in merged] == ["erp", "loja", None]


def test_who_placed_it_comes_whole_from_one_source():
    draft = merge([vtex(placed_by_name="Ana"), erp(placed_by_name="Téo", placed_by_code="V7")])

    assert (draft.placed_by_name, draft.placed_by_code) == ("Ana", "")


def test_an_order_of_the_erp_alone_keeps_who_sold_it():
    draft = merge([erp(placed_by_name="Téo", placed_by_code="V7", placed_on=date(2026, 3, 9))])

    assert (draft.origins, draft.title, draft.placed_by_code) == ("erp", "0004500123", "V7")
    assert draft.placed_on == date(2026, 3, 9)
    assert draft.sorted_at == datetime(2026, 3, 9, 3, tzinfo=UTC)


def test_the_day_it_was_placed_is_the_sites_day_at_home():
    draft = merge(
        [
            vtex(placed_at=datetime(2026, 3, 10, 1, 30, tzinfo=UTC)),
            erp(placed_on=date(2026, 3, 11)),
        ]
    )

    assert draft.placed_on == date(2026, 3, 9)
    assert draft.sorted_at == datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
    assert draft.facts["placed_at"] == "2026-03-10T01:30:00+00:00"


def test_an_order_nobody_dates_has_no_date():
    assert merge([erp()]).sorted_at is None


def test_the_site_names_the_order_else_the_erp():
    both = merge([erp(erp_numbers=("4500123",)), vtex()])

    assert (both.title, both.origins) == ("1172452900788-01", "erp+vtex")
    assert merge([erp(erp_numbers=("4500123",))]).title == "4500123"


def test_whose_it_is_the_site_says_first():
    draft = merge(
        [erp(customer=Party("Cliente", "52998224725")), vtex(customer=Party("Alfa", "123"))]
    )

    assert draft.tax_ids == ("123", "52998224725")
    assert draft.facts["customer"] == {"name": "Alfa", "tax_id": "123"}


# --- status -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "theirs", "shown", "system"),
    [
        (F.INVOICED, F.PICKING, F.PICKING, System.ERP),
        (F.AWAITING_ERP, F.PLACED, F.PLACED, System.ERP),
        (F.DELIVERED, F.INVOICED, F.DELIVERED, System.VTEX),
        (F.SHIPPED, F.INVOICED, F.SHIPPED, System.VTEX),
        (F.DELIVERED, F.SHIPPED, F.DELIVERED, System.VTEX),
        (F.INVOICED, F.SHIPPED, F.SHIPPED, System.ERP),
        (F.DELIVERED, F.PARTLY_INVOICED, F.PARTLY_INVOICED, System.ERP),
        (F.DELIVERED, F.CANCELLED, F.CANCELLED, System.ERP),
        (F.CANCELLED, F.INVOICED, F.INVOICED, System.ERP),
        (F.DELIVERED, F.UNMAPPED, F.UNMAPPED, System.ERP),
    ],
)
def test_the_erp_says_how_far_it_is_but_delivery_goes_forward(site, theirs, shown, system):
    draft = merge([vtex(fulfilment=site), erp(fulfilment=theirs)])

    assert (draft.fulfilment, draft.status_system) == (shown, system)


def test_an_erp_that_states_no_status_leaves_it_to_the_site():
    silent = erp(fulfilment=F.UNMAPPED, status_raw="")

    assert merge([vtex(), silent]).fulfilment is F.PICKING
    assert merge([vtex(fulfilment=F.AWAITING_ERP), silent]).fulfilment is F.PLACED
    assert merge([silent]).fulfilment is F.UNMAPPED


@pytest.mark.parametrize("raw", ["payment-approved", "ready-for-handling"])
def test_a_paid_order_that_no_erp_knows_waits_to_enter_it(raw):
    paid = vtex(fulfilment=F.PICKING, status_raw=raw)

    draft = merge([paid])

    assert (draft.fulfilment, draft.status_raw) == (F.AWAITING_ERP, raw)
    assert merge([paid, erp()]).fulfilment is F.CREDIT_REVIEW


def test_of_several_erp_orders_the_least_advanced_that_goes_on_speaks():
    parts = [
        erp(external_id="1", fulfilment=F.SHIPPED),
        erp(external_id="2", fulfilment=F.PICKING),
        erp(external_id="3", fulfilment=F.CANCELLED),
        erp(external_id="4", fulfilment=F.UNMAPPED),
    ]

    assert merge([vtex(), *parts]).fulfilment is F.PICKING
    assert merge([vtex(), parts[2], parts[2]]).fulfilment is F.CANCELLED


def test_every_sources_own_word_is_kept():
    draft = merge([vtex(), erp(cancel_requested=True)])

    assert draft.facts["statuses"] == [
        {"connection": "erp", "system": "erp", "raw": "2", "fulfilment": "credit_review"},
        {"connection": "loja", "system": "vtex", "raw": "handling", "fulfilment": "picking"},
    ]
    assert draft.facts["cancel_requested"] is True


@pytest.mark.parametrize(
    ("site", "theirs", "fields"),
    [
        (F.CANCELLED, F.PICKING, ["fulfilment"]),
        (F.PICKING, F.CANCELLED, ["fulfilment"]),
        (F.INVOICED, F.CANCELLED, ["fulfilment", "billing"]),
        (F.CANCELLED, F.INVOICED, ["fulfilment", "billing"]),
        (F.REPLACED, F.CANCELLED, []),
        (F.INVOICED, F.PICKING, []),
        (F.CANCELLED, F.UNMAPPED, []),
    ],
)
def test_cancelled_on_one_side_only_is_a_divergence(site, theirs, fields):
    draft = merge([vtex(fulfilment=site), erp(fulfilment=theirs)])

    assert [found.field for found in draft.divergences] == fields


# --- amounts --------------------------------------------------------------------------------


def test_totals_that_differ_are_shown_both_and_the_erps_rules():
    draft = merge([vtex(total=Decimal("1012.30")), erp(total=Decimal("1000.00"))])

    assert (draft.total, draft.provenance["total"]) == (Decimal("1000.00"), "erp")
    assert [divergence_values(found) for found in draft.divergences] == [
        [
            {
                "connection": "erp",
                "system": "erp",
                "value": "1000.00",
                "as_of": EARLIER.isoformat(),
                "rules": True,
            },
            {
                "connection": "loja",
                "system": "vtex",
                "value": "1012.30",
                "as_of": AT.isoformat(),
                "rules": False,
            },
        ]
    ]


@pytest.mark.parametrize(("site", "count"), [("1000.009", 0), ("1000.01", 1), ("999.99", 1)])
def test_a_cent_is_a_difference_and_less_is_not(site, count):
    draft = merge([vtex(total=Decimal(site)), erp(total=Decimal("1000.00"))])

    assert len(draft.divergences) == count


def test_parts_of_a_split_add_up_without_the_cancelled_ones():
    draft = merge(
        [
            vtex(total=Decimal(300)),
            erp(external_id="1", total=Decimal(100), freight=Decimal(5)),
            erp(external_id="2", total=Decimal(200), freight=Decimal(7)),
            erp(external_id="3", total=Decimal(200), fulfilment=F.CANCELLED),
        ]
    )

    assert (draft.total, draft.divergences) == (Decimal(300), ())
    assert draft.facts["amounts"] == {"freight": "12.00"}


def test_a_split_with_an_unknown_part_is_worth_what_the_site_says():
    draft = merge([vtex(total=Decimal(300)), erp(external_id="1", total=Decimal(100)), erp()])

    assert (draft.total, draft.provenance["total"], draft.divergences) == (
        Decimal(300),
        "loja",
        (),
    )


def test_other_currencies_are_never_compared_or_added():
    draft = merge([vtex(total=Decimal(10), currency="USD"), erp(total=Decimal(50))])
    split = merge([vtex(), erp(total=Decimal(1)), erp(total=Decimal(1), currency="USD")])

    assert (draft.total, draft.currency) == (Decimal(50), "BRL")
    assert split.total is None


def test_the_sites_parts_fill_gaps_only_while_totals_agree():
    site = vtex(total=Decimal(110), items_total=Decimal(100), freight=Decimal(10))

    agreeing = merge([site, erp(total=Decimal(110), freight=Decimal(10))])
    differing = merge([site, erp(total=Decimal(120), freight=Decimal(20))])

    assert agreeing.facts["amounts"] == {"items": "100.00", "freight": "10.00"}
    assert differing.facts["amounts"] == {"freight": "20.00"}


def test_an_unknown_total_stays_unknown():
    assert merge([erp()]).total is None


# --- lists ----------------------------------------------------------------------------------


def test_items_are_the_erps_once_it_has_given_them():
    site = vtex(lines=(line("A"), line("B", 2)))

    summary = merge([site, erp(detail=Detail.SUMMARY)])
    full = merge([site, erp(lines=(line("C"),))])

    assert [(found.position, found.sku) for found in summary.lines] == [(1, "A"), (2, "B")]
    assert [found.sku for found in full.lines] == ["C"]
    assert (summary.provenance["lines"], full.provenance["lines"]) == ("loja", "erp")


def test_a_half_known_split_shows_the_sites_items():
    site = vtex(lines=(line("A"),))
    parts = [erp(external_id="1", lines=(line("C"),)), erp(external_id="2")]

    assert [found.sku for found in merge([site, *parts]).lines] == ["A"]


def test_items_of_a_split_are_numbered_through():
    parts = [
        erp(external_id="2", lines=(line("C", 1),)),
        erp(external_id="1", lines=(line("B", 2), line("A", 1))),
    ]

    draft = merge([vtex(), *parts])

    assert [(found.position, found.sku) for found in draft.lines] == [(1, "A"), (2, "B"), (3, "C")]


def test_what_was_invoiced_is_added_up_by_item():
    draft = merge(
        [
            vtex(
                lines=(line("A", 0), line("B", 1)),
                invoices=(
                    InvoiceRecord("1001", "1", lines=(InvoiceLine(0, Decimal(2)),)),
                    InvoiceRecord("1002", "1", lines=(InvoiceLine(0, Decimal(3)),)),
                    InvoiceRecord("9", "1", is_return=True, lines=(InvoiceLine(1, Decimal(9)),)),
                ),
            )
        ]
    )

    assert [found.invoiced for found in draft.lines] == [Decimal(5), Decimal(0)]
    assert [found.invoices for found in draft.lines] == [(("1001/1", "2"), ("1002/1", "3")), ()]


def test_what_an_erp_says_of_its_own_items_is_kept():
    own = replace(
        line("A", 0),
        customer_code="C-1",
        discount=Decimal("1.50"),
        tax=Decimal("0.30"),
        reserved=Decimal(1),
        invoiced=Decimal(2),
        shipped=Decimal(3),
        cancelled=Decimal(4),
    )

    (found,) = merge([erp(lines=(own,))]).lines

    assert (found.customer_code, found.discount, found.tax) == (
        "C-1",
        Decimal("1.50"),
        Decimal("0.30"),
    )
    assert (found.reserved, found.invoiced, found.shipped, found.cancelled) == tuple(
        map(Decimal, (1, 2, 3, 4))
    )


def test_the_sites_invoices_name_an_erps_item_only_where_one_product_is_one_item():
    site = vtex(
        lines=(line("A", 1), line("B", 2)),
        invoices=(
            InvoiceRecord("7", "1", lines=(InvoiceLine(1, Decimal(2)), InvoiceLine(2, Decimal(1)))),
        ),
    )

    draft = merge([site, erp(lines=(line("A", 1), line("B", 2), line("B", 3)))])

    assert [found.invoices for found in draft.lines] == [(("7/1", "2"),), (), ()]


def test_one_invoice_of_two_sources_is_one():
    draft = merge(
        [
            vtex(
                invoices=(
                    InvoiceRecord("DFG-1", access_key=f"NFe{KEY}", tracking_number="BR1"),
                    InvoiceRecord("7", "15", access_key=OTHER_KEY),
                )
            ),
            erp(invoices=(InvoiceRecord("003589", "1", issued_on=date(2026, 3, 1)),)),
        ]
    )

    assert [(i.number, i.series, i.access_key) for i in draft.invoices] == [
        ("3589", "1", KEY),
        ("7", "15", OTHER_KEY),
    ]
    assert draft.invoices[0].issued_on == date(2026, 3, 1)
    assert draft.invoices[0].tracking_number == "BR1"


def test_the_erp_rules_what_both_say_of_an_invoice():
    draft = merge(
        [
            vtex(invoices=(InvoiceRecord("1001", "1", total=Decimal(9), carrier="X"),)),
            erp(invoices=(InvoiceRecord("1001", "1", total=Decimal(10)),)),
        ]
    )

    assert [(i.total, i.carrier) for i in draft.invoices] == [(Decimal(10), "X")]


def test_a_number_without_series_meets_the_only_one_it_can_be():
    alone = merge([vtex(invoices=(InvoiceRecord("1001", "1"),)), erp(invoices=(bare("1001"),))])
    ambiguous = merge(
        [
            vtex(invoices=(InvoiceRecord("1001", "1"), InvoiceRecord("1001", "2"))),
            erp(invoices=(bare("1001"),)),
        ]
    )

    assert [(i.number, i.series) for i in alone.invoices] == [("1001", "1")]
    assert [(i.number, i.series) for i in ambiguous.invoices] == [("1001", "1"), ("1001", "2")]


def bare(number):
    return InvoiceRecord(number)


def test_titles_are_united_by_line_and_a_used_key_is_told_apart():
    draft = merge(
        [
            vtex(titles=(TitleRecord("boleto", typeable_line=LINE, pix="0002"),)),
            erp(
                external_id="1",
                titles=(
                    TitleRecord(
                        "b1",
                        due_on=date(2026, 12, 9),
                        state=TitleState.PAID,
                        typeable_line="00190.00009 03128.557000 00012.345179 4 16560000378196",
                    ),
                ),
            ),
            erp(external_id="2", titles=(TitleRecord("b1", amount=Decimal(5)),)),
        ]
    )

    assert [(t.key, t.due_on, t.amount, t.state, t.pix) for t in draft.titles] == [
        ("b1", date(2026, 12, 9), Decimal("3781.96"), TitleState.PAID, "0002"),
        ("2:b1", None, Decimal(5), TitleState.UNKNOWN, ""),
    ]


@pytest.mark.parametrize("wrong", [LINE[:-1] + "0", LINE[1:], LINE + "0", "1" * 47])
def test_a_wrong_line_unites_nothing_is_no_number_and_nothing_to_copy(wrong):
    titles = tuple(TitleRecord(key, amount=Decimal(5), typeable_line=wrong) for key in ("a", "b"))

    draft = merge([erp(titles=titles)])

    assert [(t.key, t.typeable_line, t.due_on) for t in draft.titles] == [
        ("a", "", None),
        ("b", "", None),
    ]
    assert [n for n in draft.numbers if n.kind is NumberKind.BOLETO_LINE] == []


def test_a_missing_due_date_is_read_off_the_line():
    draft = merge(
        [erp(placed_on=date(2026, 11, 1), titles=(TitleRecord("b1", typeable_line=LINE),))]
    )

    assert [(t.due_on, t.amount) for t in draft.titles] == [
        (date(2026, 12, 10), Decimal("3781.96"))
    ]


def test_every_number_anybody_knows_is_indexed():
    draft = merge(
        [
            vtex(customer_numbers=("PO-2026/0815",)),
            erp(
                erp_numbers=("4500123",),
                customer_numbers=("po 2026 0815",),
                titles=(TitleRecord("b1", typeable_line=LINE),),
                invoices=(InvoiceRecord("", "", access_key=KEY, tracking_number="BR 1"),),
            ),
        ]
    )

    assert [(n.kind, n.value, n.written) for n in sorted(draft.numbers, key=lambda n: n.kind)] == [
        (NumberKind.ACCESS_KEY, KEY, KEY),
        (NumberKind.BOLETO_LINE, LINE, LINE),
        (NumberKind.CUSTOMER, "PO20260815", "PO-2026/0815"),
        (NumberKind.ERP, "4500123", "0004500123"),
        (NumberKind.INVOICE, "3589", "3589/1"),
        (NumberKind.INVOICE, "3589/1", "3589/1"),
        (NumberKind.TRACKING, "BR1", "BR 1"),
        (NumberKind.WEB, "1172452900788", "1172452900788-01"),
        (NumberKind.WEB, "117245290078801", "1172452900788-01"),
        (NumberKind.WEB, "502556", "502556"),
        (NumberKind.WEB, "V502556LLUX", "v502556llux-01"),
        (NumberKind.WEB, "V502556LLUX01", "v502556llux-01"),
    ]


def test_events_of_all_sources_stand_in_their_order_once():
    placed, invoiced = EventRecord(EARLIER, "placed"), EventRecord(AT, "invoiced")

    draft = merge([vtex(events=(invoiced, placed, placed)), erp(events=(placed,))])

    assert [(e.at, e.connection, e.code) for e in draft.events] == [
        (EARLIER, "erp", "placed"),
        (EARLIER, "loja", "placed"),
        (AT, "loja", "invoiced"),
    ]


def test_the_order_of_records_does_not_matter():
    inputs = [
        vtex(total=Decimal(5), note="a", lines=(line("A"),)),
        erp(external_id="1", total=Decimal(2), note="b", lines=(line("B"),)),
        erp(external_id="2", total=Decimal(2), note="c", lines=(line("C"),)),
        replace(vtex(external_id="x-02"), connection="outra"),
    ]

    drafts = [merge(order) for order in itertools.permutations(inputs)]

    assert all(draft == drafts[0] for draft in drafts)
