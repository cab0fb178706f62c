"""Lists of companies: read, judged line by line, taken over, never guessed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.tenancy import WORKER, scope
from b2b_orders.companies.models import (
    Company,
    CompanyImport,
    CustomerId,
    Establishment,
    ImportLine,
    MapConflict,
    Membership,
    Team,
)
from b2b_orders.companies.services import add_establishment
from b2b_orders.ingest import company_imports, company_lists, errand_imports, errands
from b2b_orders.ingest.company_lists import decode, read_csv
from b2b_orders.ingest.errands import run_errand
from b2b_orders.ingest.models import Connection, Errand, Lane
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from erp_bridge.connector import Call, Declares, KnownCompany
from erp_bridge.records import Party
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import World
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.conftest import Cast
from tests.factories import CONNECTION_VTEX, NOW, make_reading, make_vtex_record

IMPORTS = "/operacao/empresas/importar"
NEW, OTHER = "11222333000181", "11444777000161"
LIST = f"nome;cnpjs;ids;tipo;equipe\nDelta;{NEW};erp=3001;resale;Sul\n"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)
    monkeypatch.setattr(errands, "wake_worker", lambda errand_id: None)


@pytest.fixture
def olga(cast: Cast, client_for: Any) -> Client:
    connect_vtex("http://127.0.0.1:9")
    connect_erp("http://127.0.0.1:9")
    Lane.objects.all().delete()
    Team.objects.create(name="Sul")
    return client_for(cast.olga)


def do() -> Errand:
    errand = Errand.objects.get(state="waiting")
    while errand.state == "waiting":
        # With the rights that a worker has, and no more.
        with scope(role=WORKER):
            run_errand(errand_id=errand.pk, clock=lambda: NOW + timedelta(seconds=2))
        errand.refresh_from_db()
    return errand


def give(client: Client, content: str | bytes, name: str = "lista.csv") -> CompanyImport:
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(name, data, "text/csv")
    response = client.post(IMPORTS, {"form": "csv", "source": "csv", "file": file})
    assert response.status_code == 302
    do()
    return CompanyImport.objects.latest("pk")


def take_over(client: Client, row: CompanyImport) -> Errand:
    client.post(f"{IMPORTS}/{row.public_id}", {"errand": "apply-import"})
    return do()


def verdicts(row: CompanyImport) -> list[tuple[str, str]]:
    return list(row.lines.order_by("number").values_list("verdict", "problem"))


# --- reading ----------------------------------------------------


def test_a_list_changes_nothing_until_it_is_taken_over(olga: Client):
    row = give(olga, LIST)

    assert (row.state, verdicts(row), row.content) == ("read", [("new", "")], "")
    assert not Company.objects.filter(name="Delta").exists()

    errand = take_over(olga, row)
    assert (errand.outcome["code"], errand.outcome["count"]) == ("import-applied", 1)
    delta = Company.objects.get(name="Delta")
    assert (delta.customer_type, delta.team and delta.team.name) == ("resale", "Sul")
    assert list(delta.establishments.values_list("tax_id", flat=True)) == [NEW]
    assert [str(each) for each in delta.customer_ids.all()] == ["erp:3001"]
    line = AuditEvent.objects.get(action="companies_imported", company=delta)
    assert line.detail == {"line": 2, "tax_ids": [NEW]}


def test_orders_that_waited_are_the_new_companys_at_once(olga: Client):
    record = make_vtex_record("900-01", customer=Party("Delta", NEW))
    store_readings(connection=CONNECTION_VTEX, readings=[make_reading(record)], now=NOW)

    take_over(olga, give(olga, LIST))

    assert Order.objects.get().company == Company.objects.get(name="Delta")


@pytest.mark.parametrize(
    ("line", "verdict", "problem"),
    [
        ("Alfa;12.345.678/0001-95;;;", "same", ""),
        (f"Alfa;12345678000195 {NEW};;;", "adds", ""),
        ("Alfa;12345678000195;erp=01001;;", "same", ""),
        ("Beta;12abc34501de35;erp=1002;;", "same", ""),
        ("Zeta;UY:21-123456-0019;;;", "new", ""),
        ("Alfa;12345678000195 12ABC34501DE35;;;", "conflict", "two-companies-claim"),
        ("Alfa;12345678000195;erp=1002;;", "conflict", "two-companies-claim"),
        ("Alfa;;erp=001002 erp=1001;;", "conflict", "two-companies-claim"),
        (f"Alfa Distribuidora;{NEW};;;", "conflict", "name-taken"),
        # A branch of Beta's under Alfa's tax id: one of the two is mistyped.
        (f"Beta Comércio;12345678000195 {NEW};;;", "conflict", "name-of-another"),
        ("Delta;12345678000196;;;", "error", "tax-id-wrong"),
        ("Delta;UY:12345678000195;;;", "error", "tax-id-wrong"),
        (f"Delta;{NEW};1001;;", "error", "id-wrong"),
        (f"Delta;{NEW};nowhere=1;;", "error", "connection-missing"),
        (f"Delta;{NEW};loja=1001;;", "error", "vtex-id-wrong"),
        (f"Delta;{NEW};;;Norte", "error", "team-wrong"),
        (f"Delta;{NEW};;{'x' * 41};", "error", "customer-type-too-long"),
        (f";{NEW};;;", "error", "company-name-missing"),
        (f"{'x' * 151};{NEW};;;", "error", "name-too-long"),
        ("Delta;;;;", "error", "nothing-to-know-it-by"),
        (f"Delta;{NEW};;;;;more", "error", "too-many-cells"),
    ],
)
def test_each_line_says_what_it_would_do(olga: Client, line: str, verdict: str, problem: str):
    row = give(olga, f"nome;cnpjs;ids;tipo;equipe\n{line}\n")

    assert verdicts(row) == [(verdict, problem)]
    before = (Company.objects.count(), Establishment.objects.count(), CustomerId.objects.count())
    if verdict in {"conflict", "error", "same"}:
        take_over(olga, row)
        after = (Company.objects.count(), Establishment.objects.count(), CustomerId.objects.count())
        assert after == before


def test_lines_of_one_name_are_one_company_and_of_two_names_a_conflict(olga: Client):
    row = give(olga, f"nome,cnpj\nDelta,{NEW}\ndelta,{OTHER}\nOmega,{NEW}\n")

    assert verdicts(row) == [("new", ""), ("new", ""), ("conflict", "twice-in-list")]
    take_over(olga, row)
    delta = Company.objects.get(name="Delta")
    assert set(delta.establishments.values_list("tax_id", flat=True)) == {NEW, OTHER}
    assert not Company.objects.filter(name__iexact="omega").exists()


def test_what_joins_two_companies_is_listed_as_a_conflict(olga: Client):
    give(olga, "nome;cnpjs\nHolding;12345678000195 12ABC34501DE35\n")

    conflict = MapConflict.objects.get()
    assert (conflict.kind, conflict.source) == ("organisation", "csv")
    assert [claim["name"] for claim in conflict.claims] == [
        "Alfa Distribuidora",
        "Beta Comércio",
        "Holding",
    ]


# --- hostile files ----------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "file-missing"),
        (b"PK\x03\x04" + b"x" * 50, "file-not-text"),
        (b"nome;cnpjs\nDelta\0;1\n", "file-not-text"),
        (b"nome;cnpjs\n\x81\x8d\n", "file-not-text"),
        (b"x" * 10_000_001, "file-too-large"),
    ],
    ids=["empty", "zip", "NUL", "no encoding", "10 MB"],
)
def test_what_is_no_list_is_refused_at_the_form(olga: Client, content: bytes, problem: str):
    file = SimpleUploadedFile("x.csv", content, "text/csv")

    response = olga.post(IMPORTS, {"form": "csv", "source": "csv", "file": file})

    assert response.status_code == 400
    assert not CompanyImport.objects.exists()
    if problem == "file-not-text":
        with pytest.raises(InvalidInput, match=problem):
            decode(content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a;b\n1;2\n", "columns-missing"),
        ("nome;cnpjs\n" + '"' + "x" * 200_000, "file-not-csv"),
        ("nome;cnpjs\n" + "D;1\n" * 51, "too-many-lines"),
    ],
    ids=["no columns", "a quote without end", "too long"],
)
def test_a_list_that_cannot_be_read_says_why_and_leaves_nothing(
    olga: Client, content: str, problem: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(company_lists, "MAX_LINES", 50)
    row = give(olga, content)

    assert (row.state, row.outcome) == ("failed", problem)
    assert not ImportLine.objects.exists()


def test_formulas_are_text_on_the_page_and_harmless_in_the_file(olga: Client):
    row = give(olga, f'nome;cnpjs\n"=HYPERLINK(""http://x"";""a"")";{NEW}\n<b>x</b>;{OTHER}\n')

    page = olga.get(f"{IMPORTS}/{row.public_id}").content.decode()
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    file = b"".join(olga.get(f"{IMPORTS}/{row.public_id}/csv").streaming_content).decode()
    assert "'=HYPERLINK" in file
    assert f'="{NEW}"' in file.replace('""', '"')


def test_what_was_handed_out_can_be_given_again(olga: Client):
    row = give(olga, f"nome;cnpjs;ids\nDelta;{NEW};erp=0055\nZeta;UY:211234560019;\n")
    file = b"".join(olga.get(f"{IMPORTS}/{row.public_id}/csv").streaming_content)

    again = give(olga, file)

    assert [line.values | {"detail": ""} for line in again.lines.order_by("number")] == [
        line.values for line in row.lines.order_by("number")
    ]


def test_a_file_of_an_older_spreadsheet_keeps_its_accents():
    content = f"nome;cnpj\nComércio São João;{NEW}\n"

    (line,) = read_csv(decode(content.encode("cp1252")))
    (same,) = read_csv(decode(b"\xef\xbb\xbf" + content.encode()))

    assert (line.name, line.tax_ids) == ("Comércio São João", (NEW,))
    assert same == line


# --- taking over ------------------------------------------------


def test_what_became_a_conflict_meanwhile_is_not_applied(olga: Client, cast: Cast):
    row = give(olga, f"nome;cnpjs\nDelta;{NEW} {OTHER}\n")
    add_establishment(company_id=cast.alfa.pk, tax_id=NEW)
    add_establishment(company_id=cast.beta.pk, tax_id=OTHER)

    take_over(olga, row)

    assert verdicts(row) == [("conflict", "two-companies-claim")]
    assert not Company.objects.filter(name="Delta").exists()
    assert MapConflict.objects.count() == 1


def test_a_line_extends_the_company_that_was_shown_and_no_other(olga: Client, cast: Cast):
    row = give(olga, f"nome;cnpjs\nAlfa;12345678000276 {NEW}\n")
    assert "É aqui: Alfa Distribuidora" in olga.get(f"{IMPORTS}/{row.public_id}").content.decode()
    Establishment.objects.filter(tax_id="12345678000276").update(company=cast.beta)

    take_over(olga, row)

    assert verdicts(row) == [("conflict", "moved-meanwhile")]
    assert not Establishment.objects.filter(tax_id=NEW).exists()


def test_a_line_that_was_to_make_a_company_extends_none_that_came_meanwhile(
    olga: Client, cast: Cast
):
    row = give(olga, f"nome;cnpjs\nDelta;{NEW} {OTHER}\n")
    add_establishment(company_id=cast.beta.pk, tax_id=NEW)

    take_over(olga, row)

    assert verdicts(row) == [("conflict", "moved-meanwhile")]
    assert not Establishment.objects.filter(tax_id=OTHER).exists()


def test_a_worker_killed_while_taking_over_leaves_what_another_finishes(
    olga: Client, monkeypatch: pytest.MonkeyPatch
):
    row = give(olga, f"nome;cnpjs\nDelta;{NEW}\nOmega;{OTHER}\nSigma;UY:211234560019\n")
    olga.post(f"{IMPORTS}/{row.public_id}", {"errand": "apply-import"})
    whole = company_imports._put
    done: list[int] = []

    def dying(*args: Any) -> Company:
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(1)
        return whole(*args)

    with monkeypatch.context() as broken:
        broken.setattr(company_imports, "_put", dying)
        with pytest.raises(KeyboardInterrupt):
            run_errand(errand_id=Errand.objects.get(state="waiting").pk, clock=lambda: NOW)
    assert Company.objects.filter(name__in=("Delta", "Omega", "Sigma")).count() == 1

    assert do().outcome["count"] == 3
    row.refresh_from_db()
    assert row.state == "applied"
    assert sorted(Company.objects.values_list("name", flat=True))[3:] == ["Gama", "Omega", "Sigma"]
    assert AuditEvent.objects.filter(action="companies_imported").exclude(company=None).count() == 3


def test_a_long_list_is_taken_over_in_turns(olga: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(errand_imports, "TURN_SECONDS", 0.0)
    whole = company_imports.apply_some
    monkeypatch.setattr(company_imports, "apply_some", lambda **kwargs: whole(**kwargs, limit=1))
    row = give(olga, f"nome;cnpjs\nDelta;{NEW}\nOmega;{OTHER}\n")
    olga.post(f"{IMPORTS}/{row.public_id}", {"errand": "apply-import"})
    errand = Errand.objects.get(state="waiting")

    run_errand(errand_id=errand.pk, clock=lambda: NOW)

    errand.refresh_from_db()
    assert (errand.state, errand.outcome["count"]) == ("waiting", 1)
    assert do().outcome["count"] == 2


def test_a_list_that_was_left_cannot_be_taken_over(olga: Client):
    row = give(olga, LIST)
    olga.post(f"{IMPORTS}/{row.public_id}", {"errand": "drop-import"})
    do()

    response = olga.post(f"{IMPORTS}/{row.public_id}", {"errand": "apply-import"})

    assert response.status_code == 404
    assert not ImportLine.objects.exists()


def test_lines_of_old_lists_are_forgotten(olga: Client):
    old, new = give(olga, LIST), give(olga, LIST)
    CompanyImport.objects.filter(pk=old.pk).update(asked_at=NOW - timedelta(days=31))

    assert company_imports.forget_old_lines(before=NOW - timedelta(days=30)) == 1

    assert (old.lines.count(), new.lines.count()) == (0, 1)


# --- from sources -----------------------------------------------


@pytest.fixture
def shop(world: World) -> Iterator[VtexSimulator]:
    with VtexSimulator(world) as server:
        yield server


def read_from(client: Client, source: str, connection: str) -> CompanyImport:
    client.post(IMPORTS, {"form": "source", "source": source, "connection": connection})
    do()
    return CompanyImport.objects.latest("pk")


def test_a_shops_organisations_and_firms_are_proposed_and_nobodys_membership(
    olga: Client, shop: VtexSimulator
):
    connection = Connection.objects.get(name=CONNECTION_VTEX)
    connection.settings |= {"base_url": shop.url}
    connection.save()
    shop.masterdata.more["CL"] = [
        {"corporateDocument": "11.222.333/0001-81", "corporateName": "Delta", "companyId": 12},
        {"corporateDocument": NEW, "corporateName": "DELTA LTDA", "companyId": 12},
        {"corporateDocument": "21-123456-0019", "corporateName": "Zeta"},
    ]
    members = Membership.objects.count()

    row = read_from(olga, "vtex", CONNECTION_VTEX)

    assert row.state == "read"
    lines = {line.values["name"]: line for line in row.lines.all()}
    delta = lines["Delta"]
    assert (delta.verdict, delta.values["tax_ids"]) == ("new", [NEW])
    assert (delta.values["ids"], delta.values["unconfirmed"]) == (
        [],
        [[CONNECTION_VTEX, "company_id:12"]],
    )
    assert (lines["Zeta"].verdict, lines["Zeta"].problem) == ("error", "tax-id-wrong")
    alfa = lines["Alfa Distribuidora Ltda"]
    assert alfa.verdict == "adds"
    assert [value.split(":")[0] for _, value in alfa.values["ids"]] == [
        "organization",
        "cost_center",
        "cost_center",
    ]
    take_over(olga, row)
    assert Company.objects.filter(name="Delta").exists()
    assert not CustomerId.objects.filter(value__startswith="company_id").exists()
    assert Membership.objects.count() == members


def test_a_shop_that_does_not_answer_fails_the_import_and_no_more(olga: Client):
    row = read_from(olga, "vtex", CONNECTION_VTEX)

    assert (row.state, row.outcome) == ("failed", "unreachable")


def test_an_erp_that_cannot_list_companies_says_so(olga: Client):
    row = read_from(olga, "erp", "erp")

    assert (row.state, row.outcome) == ("failed", "cannot-list-companies")


class _Listing:
    """The part of a connector that lists companies."""

    def declares(self) -> Declares:
        return Declares(companies=True)

    def companies(self, call: Call) -> Iterator[tuple[KnownCompany, ...]]:
        yield (KnownCompany("Delta", (NEW,), ("0077",)),)
        yield (KnownCompany("", (OTHER,)), KnownCompany("Beta", ("12345678000195",), ("1002",)))

    def close(self) -> None:
        """Nothing is open."""


def test_an_erps_customers_are_proposed_with_their_ids(
    olga: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("b2b_orders.ingest.sources._connector", lambda connection: _Listing())

    row = read_from(olga, "erp", "erp")

    assert verdicts(row) == [
        ("new", ""),
        ("error", "company-name-missing"),
        ("conflict", "two-companies-claim"),
    ]
    take_over(olga, row)
    assert str(CustomerId.objects.get(company__name="Delta")) == "erp:0077"


def test_the_wrong_kind_of_source_is_refused(olga: Client):
    for source, connection in (("vtex", "erp"), ("erp", "loja"), ("vtex", ""), ("x", "loja")):
        response = olga.post(IMPORTS, {"source": source, "connection": connection})
        assert response.status_code == 400
    assert not CompanyImport.objects.exists()


# --- the command ------------------------------------------------


def test_the_command_shows_and_applies_a_list(olga: Client, tmp_path: Path):
    path = tmp_path / "lista.csv"
    path.write_text(LIST + "Alfa;123;;;\n")
    out = io.StringIO()

    call_command("import_companies", str(path), "--by", "olga@example.com", stdout=out)
    assert "line 3: error: tax-id-wrong (123)" in out.getvalue()
    assert "new: 1, same: 0, adds: 0, conflict: 0, error: 1" in out.getvalue()
    assert not Company.objects.filter(name="Delta").exists()

    call_command("import_companies", str(path), "--by", "olga@example.com", "--apply", stdout=out)
    assert "Taken over: 1 lines." in out.getvalue()
    assert Company.objects.filter(name="Delta").count() == 1


def test_the_command_needs_somebody_of_operations_and_a_list(olga: Client, tmp_path: Path):
    path = tmp_path / "lista.csv"
    path.write_text(LIST)
    for name, by in ((path, "ana@example.com"), (tmp_path / "none", "olga@example.com")):
        with pytest.raises(CommandError):
            call_command("import_companies", str(name), "--by", by)
