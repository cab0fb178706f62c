"""manage.py add_company."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from b2b_orders.audit.models import AuditEvent
from b2b_orders.companies.models import Company
from b2b_orders.ingest.services import save_connection
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from tests.factories import CONNECTION_VTEX, NOW, make_company, make_reading, make_vtex_record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _connections():
    erp, shop = {"endpoint": "https://erp.example"}, {"base_url": "https://shop.example"}
    shop |= {"account": "shop", "app_key": "key"}
    for kind, name, settings in (
        ("b2b_orders_v1", "erp", erp),
        ("b2b_orders_v1", "old", erp),
        ("vtex", "loja", shop),
    ):
        save_connection(kind=kind, name=name, settings=settings, secret="secret", now=NOW)


def add(*arguments):
    out = io.StringIO()
    call_command("add_company", *arguments, stdout=out)
    return out.getvalue()


def test_a_company_is_made_with_several_tax_ids_and_customer_ids():
    said = add(
        *("--name", "Alfa", "--tax-id", "12.345.678/0001-95", "--tax-id", "12abc34501de35"),
        *("--customer-id", "erp=1001", "--customer-id", "old=A=7"),
    )

    company = Company.objects.get()
    assert said == (
        f"Company Alfa made: id {company.public_id}, 2 CNPJ or CPF, 2 ERP ids,"
        " 0 waiting orders attached.\n"
    )
    assert list(company.customer_ids.order_by("connection").values_list("connection", "value")) == [
        ("erp", "1001"),
        ("old", "A=7"),
    ]


def test_repeating_gives_the_same_company_more(monkeypatch):
    add("--name", "Alfa", "--tax-id", "12345678000195")

    said = add("--name", "ALFA", "--tax-id", "12345678000195", "--tax-id", "12345678000276")

    assert "Company Alfa changed" in said
    assert Company.objects.get().establishments.count() == 2


def test_orders_that_waited_for_a_tax_id_are_attached():
    store_readings(connection=CONNECTION_VTEX, readings=[make_reading(make_vtex_record())], now=NOW)
    assert Order.objects.get().company_id is None

    said = add("--name", "Alfa", "--tax-id", "12345678000195")

    assert "1 waiting orders attached" in said
    assert Order.objects.get().company == Company.objects.get()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tax-id", "12.345.678/0001-96"), "--tax-id: '12.345.678/0001-96' looks mistyped"),
        (("--tax-id", "123"), "--tax-id: '123' is not a CNPJ (14 characters) or CPF (11)"),
        (("--customer-id", "1001"), "--customer-id: '1001' is not of the form CONNECTION=VALUE"),
        (("--customer-id", "erp="), "--customer-id: 'erp=' is not of the form CONNECTION=VALUE"),
        (("--tax-id", "12ABC34501DE35"), "12ABC34501DE35 belongs to Beta"),
        (("--customer-id", "erp=1002"), "erp=1002 belongs to Beta"),
        (
            ("--customer-id", "epr=1001"),
            "--customer-id: there is no connection 'epr'; there are: erp, loja, old",
        ),
        (("--customer-id", "loja=1001"), "--customer-id: loja is no ERP;"),
    ],
)
def test_bad_input_is_named_and_nothing_is_made(arguments, message):
    make_company("Beta", ("12ABC34501DE35",), customer_ids={"erp": "1002"})

    with pytest.raises(CommandError) as refused:
        add("--name", "Alfa", *arguments)

    assert str(refused.value).startswith(message)
    assert Company.objects.count() == 1


def test_a_name_that_two_companies_have_is_refused_and_an_id_is_not():
    first, _ = make_company("Alfa"), make_company("Alfa", ("12ABC34501DE35",))

    with pytest.raises(CommandError, match="several companies are called 'Alfa'"):
        add("--name", "Alfa")
    add("--name", str(first.public_id), "--tax-id", "12345678000276")

    assert first.establishments.count() == 2


def test_an_empty_name_is_refused():
    with pytest.raises(CommandError, match="--name: a company needs a name"):
        add("--name", " ")


def test_a_company_gets_the_type_that_rules_name():
    add("--name", "Alfa", "--customer-type", " Revenda  Ouro")
    assert Company.objects.get().customer_type == "revenda ouro"

    # Said nothing of, it stays.
    add("--name", "Alfa", "--tax-id", "12.345.678/0001-95")
    assert Company.objects.get().customer_type == "revenda ouro"
    add("--name", "Alfa", "--customer-type", "")
    assert Company.objects.get().customer_type == ""


def test_what_is_made_and_added_at_a_terminal_stands_in_the_record():
    add("--name", "Alfa", "--tax-id", "12.345.678/0001-95")
    add("--name", "Alfa", "--customer-id", "erp=1001")
    with pytest.raises(CommandError):
        add("--name", "Beta", "--tax-id", "12.345.678/0001-95")

    company = Company.objects.get()
    assert list(
        AuditEvent.objects.order_by("pk").values_list("action", "company_id", "detail")
    ) == [
        ("company_made", company.pk, {"how": "command", "tax_id": ["12.345.678/0001-95"]}),
        ("company_changed", company.pk, {"how": "command", "customer_id": ["erp=1001"]}),
    ]
