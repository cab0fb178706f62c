"""Which records are one order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2b_orders.orders.match import Node, components, counterpart, indexed, match_keys
from erp_bridge.records import InvoiceRecord, OrderRecord, System

KEY = "35210320695448000184550010000035891981839923"


def vtex(external_id="1172452900788-01", *own, **fields):
    return OrderRecord(System.VTEX, external_id, web_numbers=own, **fields)


def erp(external_id="0004500123", *web, **fields):
    return OrderRecord(System.ERP, external_id, web_numbers=web, **fields)


def groups(*records):
    return components(
        Node(at, record.system, frozenset(match_keys(record))) for at, record in enumerate(records)
    )


@pytest.mark.parametrize(
    "number",
    ["1172452900788-01", "#1172452900788-01", "502556", "0502556", "V502556LLUX-01", "mkt-9-01"],
)
def test_an_erp_order_that_names_any_of_the_sites_numbers_is_that_order(number):
    site = vtex("1172452900788-01", "502556", "v502556llux-01", "MKT-9-01")

    assert groups(site, erp("1", number)) == [[0, 1]]


def test_several_erp_orders_may_make_up_one_of_the_site():
    assert groups(vtex(), erp("1", "1172452900788-01"), erp("2", "1172452900788-01")) == [[0, 1, 2]]


def test_shipments_of_one_purchase_are_different_orders():
    first, second = vtex("1172452900788-01"), vtex("1172452900788-02")

    assert groups(first, second, erp("1", "1172452900788-02")) == [[0], [1, 2]]


def test_a_purchase_number_counts_while_there_is_one_shipment():
    first, second = vtex("1172452900788-01"), vtex("1172452900788-02")

    assert groups(first, erp("1", "1172452900788")) == [[0, 1]]
    assert groups(first, second, erp("1", "1172452900788")) == [[0], [1], [2]]


def test_a_number_two_site_orders_carry_joins_none():
    assert groups(vtex("a-1", "502556"), vtex("b-2", "502556"), erp("1", "502556")) == [
        [0],
        [1],
        [2],
    ]


def test_the_order_that_is_called_so_goes_before_one_that_mentions_it():
    sold, shipped = vtex("1172452900788-01"), vtex("00-77-01", "1172452900788-01")

    assert groups(sold, shipped, erp("1", "1172452900788-01")) == [[0, 2], [1]]


@pytest.mark.parametrize("number", ["0", "-", "1", "00"])
def test_placeholders_are_no_evidence(number):
    assert groups(vtex("abc-01", number), erp("1", number)) == [[0], [1]]


def test_the_same_access_key_joins():
    site = vtex(invoices=(InvoiceRecord("DFG-x", access_key=f"NFe{KEY}"),))

    assert groups(site, erp(invoices=(InvoiceRecord("3589", access_key=KEY),))) == [[0, 1]]


def test_the_same_number_series_and_emitter_join():
    site = vtex(invoices=(InvoiceRecord("3589", access_key=KEY),))
    same = InvoiceRecord("003589", "001", emitter="20.695.448/0001-84")

    assert groups(site, erp(invoices=(same,))) == [[0, 1]]


@pytest.mark.parametrize(
    "invoice",
    [
        InvoiceRecord("3589", "1"),
        InvoiceRecord("3589", "", emitter="20695448000184"),
        InvoiceRecord("3589", "2", emitter="20695448000184"),
        InvoiceRecord("3589", "1", emitter="99901001000174"),
        InvoiceRecord("3589", "1", access_key=KEY, is_return=True),
        InvoiceRecord("3589", "1", access_key=KEY[:-1] + "4"),
    ],
    ids=["no emitter", "no series", "other series", "other emitter", "return", "wrong digit"],
)
def test_an_invoice_that_is_not_surely_the_same_joins_nothing(invoice):
    site = vtex(invoices=(InvoiceRecord("3589", access_key=KEY),))

    assert groups(site, erp(invoices=(invoice,))) == [[0], [1]]


def test_an_invoice_attached_to_two_site_orders_does_not_glue_them():
    invoice = (InvoiceRecord("3589", access_key=KEY),)
    first, second = vtex("a-01", invoices=invoice), vtex("b-01", invoices=invoice)

    assert groups(first, second, erp("1", invoices=invoice)) == [[0], [1], [2]]
    assert groups(
        first, second, erp("1", "a-01", invoices=invoice), erp("2", "b-01", invoices=invoice)
    ) == [[0, 2], [1, 3]]


def test_what_the_erp_states_goes_before_an_invoice_somebody_attached():
    invoice = (InvoiceRecord("3589", access_key=KEY),)
    right, wrong = vtex("right-001-01"), vtex("wrong-001-01", invoices=invoice)

    assert groups(right, wrong, erp("1", "right-001-01", invoices=invoice)) == [[0, 2], [1]]


def test_an_erp_that_uses_the_sites_id_as_its_number_matches():
    assert groups(vtex("1172452900788-01"), erp("1172452900788-01")) == [[0, 1]]


def test_an_erp_counter_never_meets_a_sites_sequence():
    assert groups(vtex("1172452900788-01", "502556"), erp("502556")) == [[0], [1]]


def test_the_customers_own_number_amount_and_items_join_nothing():
    site = vtex(customer_numbers=("PO-2026/0815",))

    assert groups(site, erp(customer_numbers=("PO-2026/0815",))) == [[0], [1]]


def test_records_of_the_same_kind_never_join_directly():
    assert groups(vtex("a-1-01"), vtex("b-1-01", "a-1-01")) == [[0], [1]]
    assert groups(erp("1", "777"), erp("2", "777")) == [[0], [1]]


def test_the_index_tells_the_sides_apart():
    assert counterpart(System.VTEX, "1:A") == indexed(System.ERP, "1:A") == "e1:A"
    assert counterpart(System.ERP, "1:A") == indexed(System.VTEX, "1:A") == "v1:A"


NODES = st.lists(
    st.tuples(
        st.sampled_from(System),
        st.frozensets(
            st.sampled_from(["1:A", "1:B", "2:A", "2:B", "2:5", "3:K", "4:I"]), max_size=4
        ),
    ),
    max_size=8,
)


@settings(max_examples=100)
@given(NODES, st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_records_came_in(drawn, random):
    nodes = [Node(at, system, keys) for at, (system, keys) in enumerate(drawn)]
    shuffled = nodes[:]
    random.shuffle(shuffled)

    assert components(shuffled) == components(nodes)


@settings(max_examples=100)
@given(NODES)
def test_every_record_is_in_one_group_and_sites_join_only_through_an_erp_that_names_both(drawn):
    nodes = [Node(at, system, keys) for at, (system, keys) in enumerate(drawn)]

    found = components(nodes)

    assert sorted(at for group in found for at in group) == list(range(len(nodes)))
    for group in found:
        kinds = {nodes[at].system for at in group}
        assert len(group) == 1 or kinds == {System.VTEX, System.ERP}
