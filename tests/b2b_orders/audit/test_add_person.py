"""manage.py add_person."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import AuditEvent
from tests.factories import PASSWORD, make_company

ANA = ("--email", "Ana@Example.com", "--name", "Ana")


@pytest.fixture
def alfa(db):
    return make_company("Alfa")


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("ANA_PASSWORD", PASSWORD)


def add(*arguments):
    out = io.StringIO()
    call_command("add_person", *arguments, stdout=out)
    return out.getvalue()


def test_an_employee_is_made_and_can_log_in(alfa, client):
    said = add(*ANA, "--company", "alfa", "--role", "buyer", "--password-env", "ANA_PASSWORD")

    assert said == "ana@example.com made: buyer of Alfa.\n"
    response = client.post("/accounts/login/", {"login": "ana@example.com", "password": PASSWORD})
    assert response.status_code == 302
    assert client.get("/api/v1/orders").status_code == 200


def test_an_employee_can_be_limited_to_an_establishment(alfa):
    add(
        *ANA,
        *("--company", str(alfa.public_id), "--role", "viewer"),
        *("--establishment", "12.345.678/0001-95", "--password-env", "ANA_PASSWORD"),
    )

    membership = Person.objects.get().memberships.get()
    assert (membership.role, membership.is_scoped) == ("viewer", True)
    assert membership.scopes.get().establishment.tax_id == "12345678000195"


def test_repeating_lets_the_same_person_into_one_more_company(alfa, monkeypatch):
    make_company("Beta", ("12ABC34501DE35",))
    add(*ANA, "--company", "Alfa", "--role", "buyer", "--password-env", "ANA_PASSWORD")
    before = Person.objects.get().password
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    said = add(*ANA, "--company", "Beta", "--role", "finance")

    assert said == "ana@example.com changed: finance of Beta.\n"
    person = Person.objects.get()
    assert person.memberships.count() == 2
    assert person.password == before


def lines():
    rows = AuditEvent.objects.order_by("pk").values_list("action", "company_id", "detail")
    return [(action, company, detail) for action, company, detail in rows]


def test_who_is_let_in_and_changed_at_a_terminal_stands_in_the_record(alfa, monkeypatch):
    branch = alfa.establishments.get()
    scoped = ("--establishment", branch.tax_id)
    add(*ANA, "--company", "Alfa", "--role", "buyer", "--password-env", "ANA_PASSWORD")
    add(*ANA, "--company", "Alfa", "--role", "viewer", *scoped, "--password-env", "ANA_PASSWORD")

    whole = {"role": "buyer", "establishments": None, "rights": {}}
    narrow = {"role": "viewer", "establishments": [branch.pk], "rights": {}}
    assert lines() == [
        ("member_added", alfa.pk, {"how": "command", "after": whole}),
        ("password_changed", None, {"how": "command"}),
        ("member_changed", alfa.pk, {"how": "command", "before": whole, "after": narrow}),
    ]
    event = AuditEvent.objects.last()
    assert (event.object_id, event.person_id) == (str(Person.objects.get().public_id), None)


def test_who_becomes_staff_at_a_terminal_stands_in_the_record(alfa):
    teo = ("--email", "teo@example.com", "--name", "Téo", "--staff", "telesales")
    add(*teo, "--seller-code", "V7", "--portfolio", "Alfa", "--password-env", "ANA_PASSWORD")

    [(action, company, detail)] = lines()
    assert (action, company) == ("staff_changed", None)
    assert detail == {
        "how": "command",
        "role": "telesales",
        "seller_code": "V7",
        "portfolio": [str(alfa.public_id)],
        "prices": False,
        "finance": False,
    }


def test_the_companys_default_scope_holds_at_a_terminal_too(alfa):
    alfa.default_scope = "establishments"
    alfa.save()
    told = (*ANA, "--company", "Alfa", "--role", "buyer", "--password-env", "ANA_PASSWORD")

    with pytest.raises(CommandError, match="name one, or give --whole-company"):
        add(*told)
    assert not Person.objects.exists()

    add(*told, "--whole-company")
    assert not Person.objects.get().memberships.get().is_scoped


def test_changing_somebody_of_a_branch_does_not_show_them_the_whole_company(alfa):
    told = (*ANA, "--company", "Alfa", "--role", "buyer", "--password-env", "ANA_PASSWORD")
    add(*told, "--establishment", alfa.establishments.get().tax_id)

    with pytest.raises(CommandError, match="not all of Alfa is shown"):
        add(*told)

    assert Person.objects.get().memberships.get().is_scoped


def test_a_password_can_be_typed(alfa, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))

    add(*ANA, "--company", "Alfa", "--role", "buyer")

    assert Person.objects.get().check_password(PASSWORD)


def test_telesales_get_code_portfolio_and_rights(alfa):
    add(
        *("--email", "teo@example.com", "--name", "Téo", "--staff", "telesales"),
        *("--seller-code", "V7", "--portfolio", "Alfa", "--prices"),
        *("--password-env", "ANA_PASSWORD"),
    )

    staff = Person.objects.get().staff
    assert (staff.role, staff.seller_code) == ("telesales", "V7")
    assert (staff.can_see_prices, staff.can_see_finance) == (True, False)
    assert [row.company_id for row in staff.portfolio.all()] == [alfa.pk]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--company", "Nobody", "--role", "buyer"), "There is no company 'Nobody'"),
        (("--company", "Alfa"), "--role is missing: one of buyer, finance, viewer, admin"),
        (("--staff", "support", "--role", "buyer"), "go with --company"),
        (("--company", "Alfa", "--role", "buyer", "--seller-code", "V7"), "go with --staff"),
        (
            ("--company", "Alfa", "--role", "buyer", "--establishment", "1"),
            "--establishment: '1' is not a CNPJ",
        ),
        (
            ("--company", "Alfa", "--role", "buyer", "--establishment", "12ABC34501DE35"),
            "--establishment: the company has no 12ABC34501DE35",
        ),
        (("--staff", "telesales", "--portfolio", "Nobody"), "There is no company 'Nobody'"),
        (("--staff", "king"), "invalid choice: 'king'"),
        (("--staff", "support", "--company", "Alfa"), "not allowed with"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_made(alfa, arguments, message):
    with pytest.raises(CommandError) as refused:
        add(*ANA, *arguments, "--password-env", "ANA_PASSWORD")

    assert message in str(refused.value)
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    ("email", "variable", "typed", "message"),
    [
        ("nonsense", "ANA_PASSWORD", "", "--email: this is not an e-mail address"),
        ("a@example.com", "MISSING", "", "--password-env: the variable MISSING is not set"),
        ("a@example.com", "", "\n", "The password is missing"),
        ("a@example.com", "", "short\n", "the password: This password is too short."),
        ("a@example.com", "", "1234567890\n", "the password: This password is too common."),
    ],
)
def test_a_bad_address_or_password_is_refused(alfa, monkeypatch, email, variable, typed, message):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    password = ("--password-env", variable) if variable else ()

    with pytest.raises(CommandError) as refused:
        add("--email", email, "--name", "A", "--staff", "support", *password)

    assert message in str(refused.value)
    assert not Person.objects.exists()
