"""The demo's people and companies: made once, with the services production uses."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from b2b_orders.accounts.models import Person
from b2b_orders.companies.models import (
    Company,
    CustomerId,
    Establishment,
    Membership,
    Portfolio,
    StaffProfile,
)
from b2b_orders.ingest.models import Connection

URLS = ("--vtex-url", "http://127.0.0.1:8001", "--erp-url", "http://127.0.0.1:8002")

pytestmark = pytest.mark.django_db


def load(*more: str) -> str:
    out = StringIO()
    call_command("load_demo", *URLS, *more, stdout=out)
    return out.getvalue()


def counts() -> tuple[int, ...]:
    models = (Company, Establishment, CustomerId, Person, Membership, StaffProfile, Portfolio)
    return tuple(model.objects.count() for model in (*models, Connection))


def test_loading_twice_changes_nothing():
    load()
    once = counts()
    load()

    assert counts() == once
    assert once[0] == 63


def test_people_are_told_with_the_passwords_that_let_them_in():
    people = json.loads(load("--json"))

    assert [(one["role"], one["company"], one["email"]) for one in people] == [
        ("buyer", "Alfa Distribuidora", "ana@alfa.example"),
        ("finance", "Alfa Distribuidora", "bruno@alfa.example"),
        ("buyer", "Alfa Distribuidora", "carla@alfa.example"),
        ("admin", "Alfa Distribuidora", "rita@alfa.example"),
        ("buyer", "Alfa Distribuidora, Beta Comércio", "davi@beta.example"),
        ("support", "", "suzana@seller.example"),
        ("telesales", "", "teo@seller.example"),
        ("operations", "", "olga@seller.example"),
        ("operations", "", "otto@seller.example"),
    ]
    for one in people:
        assert Person.objects.get(email=one["email"]).check_password(one["password"])


def test_without_json_no_password_is_printed():
    assert load() == "The demo is loaded: 9 people.\n"


def test_carla_sees_the_branch_only():
    load()

    membership = Membership.objects.get(person__email="carla@alfa.example")
    assert membership.is_scoped
    assert [scope.establishment.tax_id for scope in membership.scopes.all()] == ["12345678000276"]


def test_companies_have_their_cnpjs_and_ids_in_the_erp():
    load()

    beta = Establishment.objects.get(tax_id="12ABC34501DE35").company
    assert beta.name == "Beta Comércio"
    assert [(one.connection, one.value) for one in beta.customer_ids.all()] == [("erp", "1002")]
    assert not Company.objects.get(name="Gama Materiais").is_active


def test_telesales_has_alfa_and_some_others_in_the_portfolio():
    load()

    staff = StaffProfile.objects.get(person__email="teo@seller.example")
    names = {one.company.name for one in staff.portfolio.select_related("company")}
    assert staff.seller_code == "TEO01"
    assert "Alfa Distribuidora" in names
    assert len(names) == 6


def test_another_address_changes_the_connection():
    load()
    call_command(
        *("load_demo", "--vtex-url", "http://127.0.0.1:9001", "--erp-url", "http://127.0.0.1:9002"),
        stdout=StringIO(),
    )

    settings = {row.name: row.settings for row in Connection.objects.all()}
    assert settings["vtex"]["base_url"] == "http://127.0.0.1:9001"
    assert settings["erp"]["endpoint"] == "http://127.0.0.1:9002"
    assert {row.label for row in Connection.objects.all()} == {"Site", "ERP"}


def test_address_that_cannot_be_used_is_named():
    with pytest.raises(CommandError, match=r"^base_url: "):
        call_command("load_demo", "--vtex-url", "nowhere", "--erp-url", "nowhere")


def test_two_companies_are_of_a_type_that_rules_may_name():
    load()

    typed = Company.objects.exclude(customer_type="").order_by("name")
    assert list(typed.values_list("name", "customer_type")) == [
        ("Alfa Distribuidora", "revenda"),
        ("Beta Comércio", "consumidor"),
    ]
