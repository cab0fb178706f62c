"""The fixed cast, and a client signed in as any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.test import Client

from b2b_orders.accounts.models import Person
from b2b_orders.companies.models import Company, Establishment, Role, StaffRole
from tests.factories import (
    CONNECTION_ERP,
    make_company,
    make_member,
    make_person,
    make_staff,
    sign_in,
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The companies and people that tests know by name."""

    alfa: Company
    beta: Company
    gama: Company  # inactive
    alfa_main: Establishment
    alfa_branch: Establishment
    beta_main: Establishment
    ana: Person  # buyer of Alfa
    bruno: Person  # finance of Alfa
    carla: Person  # buyer of Alfa, the branch only
    davi: Person  # buyer of Alfa and Beta, and of inactive Gama
    rita: Person  # admin of Alfa
    beto: Person  # buyer of Beta
    suzana: Person  # support
    teo: Person  # telesales, seller V7, with Alfa in the portfolio
    olga: Person  # operations


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let tests that commit empty the database after them, the audit record included."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER append_only_whole")
        cursor.execute("ALTER TABLE audit_auditseal DISABLE TRIGGER append_only_whole")
        # Tests that commit empty the database: what migrations wrote would be there for
        # some tests and not for others. Who needs rules makes them, see `document_rules`.
        cursor.execute("DELETE FROM documents_documentrule")


@pytest.fixture
def document_rules(db: None) -> None:
    """Give the portal the rules for documents that it begins with."""
    import_module("b2b_orders.documents.migrations.0008_expected").seed(apps, None)


@pytest.fixture
def cast(db: None) -> Cast:
    alfa = make_company(
        "Alfa Distribuidora",
        ("12345678000195", "12345678000276"),
        customer_ids={CONNECTION_ERP: "1001"},
    )
    beta = make_company("Beta Comércio", ("12ABC34501DE35",), customer_ids={CONNECTION_ERP: "1002"})
    gama = make_company("Gama", ("98765432000198",), is_active=False)
    people = {
        name: make_person(name.capitalize())
        for name in ("ana", "bruno", "carla", "davi", "rita", "beto", "suzana", "teo", "olga")
    }
    make_member(people["ana"], alfa)
    make_member(people["bruno"], alfa, Role.FINANCE)
    make_member(people["carla"], alfa, tax_ids=("12345678000276",))
    for company in (alfa, beta, gama):
        make_member(people["davi"], company)
    make_member(people["rita"], alfa, Role.ADMIN)
    make_member(people["beto"], beta)
    make_staff(people["suzana"], StaffRole.SUPPORT)
    make_staff(people["teo"], StaffRole.TELESALES, seller_code="V7", portfolio=(alfa,))
    make_staff(people["olga"], StaffRole.OPERATIONS)
    return Cast(
        alfa=alfa,
        beta=beta,
        gama=gama,
        alfa_main=Establishment.objects.get(tax_id="12345678000195"),
        alfa_branch=Establishment.objects.get(tax_id="12345678000276"),
        beta_main=Establishment.objects.get(tax_id="12ABC34501DE35"),
        **people,
    )


@pytest.fixture
def client_for() -> Callable[[Person], Client]:
    """Build a client signed in as a person."""

    def build(person: Person) -> Client:
        return sign_in(Client(), person)

    return build


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Start each test without sessions and counts of the one before."""
    cache.clear()
