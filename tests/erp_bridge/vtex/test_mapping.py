from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_bridge.errors import ContractViolation
from erp_bridge.records import (
    Address,
    Billing,
    Detail,
    EventRecord,
    Fulfilment,
    InvoiceLine,
    InvoiceRecord,
    OrderLine,
    OrderRecord,
    Party,
    Payment,
    System,
    TitleRecord,
    TitleState,
)
from erp_bridge.vtex.mapping import map_order
from tests.erp_bridge.vtex.orders import config, order

LINE = "00190000090765432100400702110172614110000138540"
BARCODE = "00196141100001385400000007654321000070211017"
KEY_1 = "35260311222333000181550010000702111004914778"
KEY_2 = "35260311222333000181550020000702121004914844"
CONFIG = config()


def read(**changes: Any) -> OrderRecord:
    return map_order(order(**changes), CONFIG)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_whole_order_is_read():
    record = read()

    assert replace(record, lines=(), invoices=(), titles=(), events=()) == OrderRecord(
        system=System.VTEX,
        external_id="1460211000733-01",
        detail=Detail.FULL,
        version=utc(2026, 3, 18, 14, 2, 11, 701074),
        web_numbers=("1460211000733-01", "612733", "00-1460211000733-01"),
        customer_numbers=("OC-7781",),
        customer=Party("Oficina Horizonte Ltda", "12ABC34501DE35", ""),
        organization_id="",
        fulfilment=Fulfilment.SHIPPED,
        invoicing=Billing.INVOICED,
        payment=Payment.AUTHORISED,
        status_raw="invoiced",
        placed_at=utc(2026, 3, 12, 1, 30, 15, 123456),
        placed_on=date(2026, 3, 11),
        promised_on=date(2026, 3, 24),
        placed_by_name="Helena Prado",
        channel="2",
        currency="BRL",
        total=Decimal("1385.40"),
        items_total=Decimal("1320.00"),
        discount=Decimal("-44.60"),
        freight=Decimal("90.00"),
        taxes=Decimal("20.00"),
        payment_terms="Boleto Bancário, Visa 3x",
        note="Entregar na doca 2. Pedido de compra: PC-4455",
        billing=Address(
            "Financeiro", "Av. Brasil, 9", "Centro", "Campinas", "SP", "13010-111", "BRA"
        ),
        delivery=Address(
            "Almoxarifado",
            "Rua das Palmeiras, 410, Galpão B",
            "Centro",
            "Campinas",
            "SP",
            "13010-000",
            "BRA",
        ),
        delivery_method="Transportadora",
        tracking_url="https://carrier.example/RS-9001",
    )


def test_amounts_are_exact_cents():
    assert str(read(value=1160).total) == "11.60"
    assert str(read(value=0).total) == "0.00"
    assert str(read(value=-5).total) == "-0.05"


def test_items_keep_their_stated_totals():
    assert read().lines == (
        OrderLine(
            position=1,
            sku="CAB-10MM",
            name="Cabo flexível 10 mm rolo",
            quantity=Decimal(12),
            unit="un",
            unit_price=Decimal("96.28"),
            total=Decimal("1155.40"),
            warehouse="CD-SP",
        ),
        OrderLine(
            position=2,
            sku="DJ-20A",
            name="Disjuntor 20 A",
            quantity=Decimal(4),
            unit="cx",
            unit_price=Decimal("30.00"),
            total=Decimal("120.00"),
            warehouse="CD-MG",
        ),
    )


def test_invoices_are_read_with_what_their_checked_keys_say():
    assert read().invoices == (
        InvoiceRecord(
            number="70211",
            series="1",
            access_key=KEY_1,
            emitter="11222333000181",
            issued_on=date(2026, 3, 14),
            total=Decimal("1155.40"),
            carrier="Rápido Sul",
            tracking_number="RS-9001",
            tracking_url="https://carrier.example/RS-9001",
            delivered_at=utc(2026, 3, 18, 13),
            lines=(InvoiceLine(1, Decimal(12)),),
        ),
        InvoiceRecord(
            number="70212",
            series="2",
            access_key=KEY_2,
            emitter="11222333000181",
            issued_on=date(2026, 3, 15),
            total=Decimal("230.00"),
            carrier="Rápido Sul",
            lines=(InvoiceLine(2, Decimal(4)),),
        ),
    )


def one_invoice(**fields: Any) -> InvoiceRecord:
    package = {"type": "Output", "invoiceNumber": "1"} | fields
    return read(packageAttachment={"packages": [package]}).invoices[0]


@pytest.mark.parametrize(
    ("fields", "number", "key"),
    [
        ({"invoiceNumber": "000123"}, "123", ""),
        ({"invoiceNumber": "0"}, "0", ""),
        ({"invoiceNumber": 123}, "123", ""),
        ({"invoiceNumber": "DFG-7731-01"}, "DFG-7731-01", ""),
        ({"invoiceNumber": None}, "", ""),
        ({"invoiceKey": KEY_1}, "70211", KEY_1),
        ({"invoiceKey": " ".join(KEY_1[i : i + 4] for i in range(0, 44, 4))}, "70211", KEY_1),
        ({"invoiceKey": KEY_1[:-1] + "0"}, "1", ""),
        ({"invoiceKey": KEY_1[:-1]}, "1", ""),
        ({"embeddedInvoice": f"<chNFe>{KEY_2}</chNFe>"}, "70212", KEY_2),
        ({"embeddedInvoice": f"<chNFe>{KEY_2[:-1]}0</chNFe>"}, "1", ""),
        ({"invoiceKey": "bad", "embeddedInvoice": f'Id="NFe{KEY_2}"'}, "70212", KEY_2),
    ],
)
def test_an_invoice_s_number_and_key(fields, number, key):
    invoice = one_invoice(**fields)

    assert (invoice.number, invoice.access_key) == (number, key)


def test_goods_that_come_back_are_marked():
    assert one_invoice(type="Input").is_return is True
    assert one_invoice(type=None).is_return is False


@pytest.mark.parametrize(
    ("written", "issued_on"),
    [
        ("2026-03-15", date(2026, 3, 15)),
        ("2026-03-15T00:00:00.0000000Z", date(2026, 3, 15)),
        ("2026-03-15T01:00:00+00:00", date(2026, 3, 14)),
        ("2026-03-15T01:00:00-03:00", date(2026, 3, 15)),
        ("0001-01-01T00:00:00", None),
        ("15/03/2026", None),
        ("", None),
        (None, None),
    ],
)
def test_days_are_the_store_s_own(written, issued_on):
    assert one_invoice(issuanceDate=written).issued_on == issued_on


def test_a_delivery_that_is_not_finished_has_no_moment():
    status = {"finished": False, "deliveredDate": "2026-03-18T13:00:00Z"}

    assert one_invoice(courierStatus=status).delivered_at is None


# --- whose ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "party"),
    [
        ({"isCorporate": True, "corporateName": " A Ltda ", "corporateDocument": "1-2"},
         Party("A Ltda", "12")),
        ({"isCorporate": True, "tradeName": "A", "document": "529"}, Party("A", "")),
        ({"isCorporate": False, "firstName": "Rui", "document": "529.982.247-25",
          "corporateDocument": "11222333000181"}, Party("Rui", "52998224725")),
        ({"firstName": "Rui", "lastName": "Sá", "document": None}, Party("Rui Sá", "")),
        ({"isCorporate": "true", "corporateDocument": "1"}, Party("", "")),
        ({"email": "a@b.example"}, Party("", "")),
        (None, Party()),
    ],
)  # fmt: skip
def test_the_customer_is_the_company_or_the_person_and_never_an_email(profile, party):
    assert read(clientProfileData=profile).customer == party


def test_the_organisation_is_believed_only_when_the_store_says_so():
    trusting = config(trust_organization=True)

    assert map_order(order(), CONFIG).organization_id == ""
    assert map_order(order(), trusting).organization_id == "9a3d1c5e-1111-4111-8111-111111111111"
    assert map_order(order(marketingData=None), trusting).organization_id == ""


@pytest.mark.parametrize(
    ("rules", "number"),
    [
        (["app:b2b-checkout-settings/purchaseOrderNumber", "field:PO Number"], "OC-7781"),
        (["field:PO Number", "app:b2b-checkout-settings/purchaseOrderNumber"], "PO-9001"),
        (["app:loja-extra/pedidoCliente"], "LE-55"),
        (["app:loja-extra/nothing", "field:PONUMBER"], "PO-9001"),
        (["attachment:pedido cliente"], "AT-31"),
        ([r"note:PC-\d+"], "PC-4455"),
        ([r"note:compra: *(\S+)"], "PC-4455"),
        ([r"note:nowhere"], None),
        (["field:Nowhere"], None),
        (["app:nowhere/po"], None),
        ([], None),
    ],
)
def test_the_customer_s_own_number_is_looked_for_where_the_store_says(rules, number):
    record = map_order(order(), config(customer_numbers=rules))

    assert record.customer_numbers == ((number,) if number else ())


def test_a_number_that_is_a_novel_is_not_one():
    custom = {"customFields": [{"fields": [{"name": "PO Number", "value": "x" * 81}]}]}

    assert read(customData=custom).customer_numbers == ()


def test_an_operator_s_name_is_kept_beside_the_buyer_s():
    record = read(callCenterOperatorData={"id": "x", "email": "o@x.example", "userName": "vend7"})

    assert (record.placed_by_name, record.placed_by_code) == ("Helena Prado", "vend7")


def test_numbers_are_distinct_and_begin_with_the_id():
    record = read(sequence=77, marketplaceOrderId="m-1", sellerOrderId="m-1")

    assert record.web_numbers == ("1460211000733-01", "77", "m-1")


# --- payment ----------------------------------------------------------------------------


def boleto(status: str = "invoiced", **fields: Any) -> tuple[TitleRecord, ...]:
    payment = {"id": "P1", "group": "bankInvoice", "value": 138540} | fields
    transactions = [{"isActive": True, "payments": [payment]}]
    return read(status=status, paymentData={"transactions": transactions}).titles


def test_only_the_active_boleto_is_a_title():
    assert read().titles == (
        TitleRecord(
            key="P1", due_on=date(2026, 4, 9), amount=Decimal("1000.00"), typeable_line=LINE
        ),
    )


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("bankIssuedInvoiceIdentificationNumber", LINE, LINE),
        ("bankIssuedInvoiceIdentificationNumber", BARCODE, LINE),
        ("bankIssuedInvoiceIdentificationNumberFormatted",
         "00190.00009 07654.321004 00702.110172 6 14110000138540", LINE),
        ("bankIssuedInvoiceBarCodeNumber", BARCODE, LINE),
        ("bankIssuedInvoiceIdentificationNumber", LINE[:-1] + "1", ""),
        ("bankIssuedInvoiceIdentificationNumber", None, ""),
    ],
)  # fmt: skip
def test_a_boleto_s_line_is_found_and_checked(field, value, line):
    (title,) = boleto(**{field: value})

    assert title.typeable_line == line
    assert title.due_on == (date(2026, 4, 9) if line else None)


def test_a_boleto_without_an_id_is_known_by_its_line():
    assert boleto(id=None, bankIssuedInvoiceBarCodeNumber=BARCODE)[0].key == LINE
    assert boleto(id=None)[0].key == "boleto"


def test_a_boleto_is_open_while_its_payment_is_awaited_and_else_unknown():
    assert boleto("payment-pending")[0].state is TitleState.OPEN
    assert boleto("invoiced")[0].state is TitleState.UNKNOWN


def test_a_card_is_no_title():
    assert boleto(group="creditCard") == ()


# --- what happened ------------------------------------------------------------------------


def test_events_come_in_their_order():
    assert read().events == (
        EventRecord(utc(2026, 3, 12, 1, 30, 15, 123456), "created"),
        EventRecord(utc(2026, 3, 12, 13), "authorized"),
        EventRecord(utc(2026, 3, 14, 10, 17, 40, 532268), "invoiced"),
        EventRecord(utc(2026, 3, 16, 11), "tracking", "Em trânsito · Jundiaí/SP"),
        EventRecord(utc(2026, 3, 18, 13), "delivered", "000070211"),
    )


@pytest.mark.parametrize(
    "data",
    [
        {"CancellationDate": "2026-03-13T09:00:00Z", "Reason": "Desistência"},
        {"cancellationDate": "2026-03-13T09:00:00Z", "reason": "Desistência"},
    ],
)
def test_a_cancellation_is_an_event_of_a_cancelled_order_only(data):
    event = EventRecord(utc(2026, 3, 13, 9), "cancelled", "Desistência")

    assert event in read(status="canceled", cancellationData=data).events
    assert event not in read(status="handling", cancellationData=data).events


def test_a_request_to_cancel_is_an_event():
    requests = [{"cancellationRequestDate": "2026-03-13T09:00:00Z", "reason": "Erro"}]

    record = read(status="handling", cancellationRequests=requests)

    assert EventRecord(utc(2026, 3, 13, 9), "cancel_requested", "Erro") in record.events
    assert record.cancel_requested is True


def test_what_happened_at_no_known_time_is_no_event():
    undated = {"courierStatus": {"data": [{"description": "x", "createDate": None}]}}

    record = map_order(
        {
            "orderId": "1-01",
            "cancellationRequests": [{"reason": "Erro"}],
            "packageAttachment": {"packages": [undated]},
        },
        CONFIG,
    )

    assert record.events == ()


# --- what may be missing -------------------------------------------------------------------


def test_an_order_of_which_only_the_id_is_known():
    assert map_order({"orderId": "1-01"}, CONFIG) == OrderRecord(
        System.VTEX, "1-01", web_numbers=("1-01",)
    )


@pytest.mark.parametrize("payload", [{}, {"orderId": None}, {"orderId": " "}, {"orderId": {}}])
def test_an_order_without_its_id_breaks_the_contract(payload):
    with pytest.raises(ContractViolation) as caught:
        map_order(payload, CONFIG)

    assert caught.value.path == "orderId"


def test_without_an_address_of_its_own_the_bill_goes_where_the_goods_go():
    record = read(invoiceData={"address": None})

    assert record.billing == record.delivery


def test_a_price_without_its_sale_is_the_list_s():
    items = [{"price": 500, "sellingPrice": None}, {"price": 500, "sellingPrice": 0}]

    prices = [line.unit_price for line in read(items=items).lines]

    assert prices == [Decimal("5.00"), Decimal("0.00")]


ODD = [None, "", "x", 0, 7, -1, True, [], ["a"], [None], {}, {"a": 1}, Decimal("1.5")]


@pytest.mark.parametrize("name", sorted(order()))
def test_a_field_may_be_absent_or_anything(name):
    payload = order()
    del payload[name]
    payloads = [payload, *(order() | {name: odd} for odd in ODD)]

    for changed in payloads:
        if name == "orderId" and not isinstance(changed.get(name), str | int | Decimal):
            continue
        try:
            map_order(changed, CONFIG)
        except ContractViolation:
            assert name == "orderId"


def places(value: object, path: tuple = ()) -> list[tuple]:
    found = [path] if path else []
    if isinstance(value, dict):
        found += [p for key, child in value.items() for p in places(child, (*path, key))]
    if isinstance(value, list):
        found += [p for i, child in enumerate(value) for p in places(child, (*path, i))]
    return found


@given(
    place=st.sampled_from([p for p in places(order()) if p != ("orderId",)]),
    value=st.sampled_from([*ODD, "9" * 400, "2026-13-45", Decimal("1E+400"), "\x00", "\ud800"]),
)
def test_any_value_anywhere_is_survived(place, value):
    payload = order()
    holder: Any = payload
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value

    assert map_order(payload, CONFIG).external_id == "1460211000733-01"


def _item(**fields):
    price = {"price": 1000, "sellingPrice": 900, "quantity": 3}
    total = {"priceDefinition": {"total": 2700}, "priceTags": [{"value": -300}]}
    return {"id": "1", **price, **total, **fields}


@pytest.mark.parametrize(
    ("fields", "discount"),
    [
        ({}, Decimal("3.00")),
        ({"priceTags": []}, None),
        ({"priceDefinition": {"total": 3000}}, None),
        ({"unitMultiplier": 2.5}, None),
        ({"price": None}, None),
    ],
)
def test_what_was_taken_off_a_line_is_said_where_it_is_certain(fields, discount):
    (line,) = read(items=[_item(**fields)]).lines

    assert line.discount == discount


@pytest.mark.parametrize(
    ("tax_total", "taxes"),
    [
        (500, [Decimal("2.00"), Decimal("3.00")]),  # the lines' own
        (1500, [Decimal("6.00"), Decimal("9.00")]),  # a piece's, three of each
        (777, [None, None]),
        (0, [None, None]),
    ],
)
def test_a_lines_tax_is_read_only_where_the_lines_add_up_to_the_order(tax_total, taxes):
    record = read(
        items=[_item(tax=200), _item(tax=300)], totals=[{"id": "Tax", "value": tax_total}]
    )

    assert [line.tax for line in record.lines] == taxes
