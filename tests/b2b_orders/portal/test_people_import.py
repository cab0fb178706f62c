"""A list of people: looked through line by line, and nobody invited before one says so."""

from __future__ import annotations

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Company, Establishment, Invitation, PeopleImport, Role
from b2b_orders.portal import people_mail
from tests.b2b_orders.portal.pages import texts, words
from tests.factories import NOW, make_member, make_person

HEAD = "nome;e-mail;papel;cnpj\n"


@pytest.fixture
def rita(client_for, cast):
    return client_for(cast.rita)


def give(client, content: str | bytes, name: str = "pessoas.csv"):
    content = content.encode() if isinstance(content, str) else content
    return client.post("/empresa/pessoas/importar", {"file": SimpleUploadedFile(name, content)})


def preview_of(client, content: str | bytes):
    response = give(client, content)
    assert response.status_code == 302, words(response, "//*[@role='alert']")
    return client.get(response["Location"])


def bad_lines(page) -> list[str]:
    return texts(page, "//table[.//th[normalize-space()='O que fazer']]//tbody/tr")


@pytest.mark.parametrize(
    "content",
    [
        HEAD + "João;joao@a.example;comprador;\n",
        "\ufeff" + HEAD + "João;joao@a.example;Comprador;\r\n\r\n",
        (HEAD + "João;joao@a.example;COMPRADOR;\n").encode("cp1252"),
        "E-mail,Name,Role\njoao@a.example,João,buyer\n",
        'nombre\tcorreo\trol\nJoão\t"joao@a.example"\tcomprador\n',
    ],
    ids=["utf-8", "with a mark", "latin", "commas", "tabs"],
)
def test_list_is_read_however_spreadsheets_save_it(rita, cast, content):
    page = preview_of(rita, content)

    assert "Ninguém foi convidado ainda" in words(page, "//h1")
    assert texts(page, "//tbody/tr/td") == [
        *("joao@a.example", "João", "Comprador", "Empresa inteira"),
    ]
    assert "Convidar 1 pessoa" in words(page, "//button")
    assert Invitation.objects.count() == 0


def test_each_line_says_what_is_wrong_with_it_and_what_to_do(rita, cast):
    Invitation.objects.create(
        company=cast.alfa,
        email="b@a.example",
        role="buyer",
        token_hash="x",
        asked_at=NOW,
        expires_at=NOW.replace(year=2027),
    )
    content = HEAD + (
        "A;ana@example.com;comprador;\n"
        "B;b@a.example;comprador;\n"
        "C;c@a.example;chefe;\n"
        "D;d@a.example;consulta;12ABC34501DE35\n"
        "E;e@a.example;consulta;\n"
        "E;E@A.example;consulta;\n"
        "F;nobody;consulta;\n"
        'G;g@a.example;consulta;="12345678000276"\n'
    )

    page = preview_of(rita, content)

    assert [line.removeprefix("Linha ") for line in bad_lines(page)] == [
        "2 ana@example.com E-mail Esta pessoa já está na empresa. Nada a fazer.",
        "3 b@a.example E-mail Este endereço já foi convidado. Nada a fazer.",
        "4 c@a.example Papel Escreva comprador, financeiro, consulta ou administrador.",
        "5 d@a.example Filiais Um CNPJ não é da empresa, ou você não o vê.",
        "7 e@a.example E-mail Este endereço já está mais acima. Apague esta linha.",
        "8 nobody E-mail Isto não é um endereço de e-mail. Corrija.",
    ]
    assert "Convidar 2 pessoas" in words(page, "//button")
    assert "12.345.678/0002-76" in words(page, "//main")


def test_saying_so_invites_once_whoever_is_in_order(rita, cast):
    response = give(rita, HEAD + "A;a@a.example;financeiro;12345678000276\nB;ana@example.com;x;\n")
    address = response["Location"]

    assert rita.post(address).status_code == 302
    again = rita.post(address)

    assert again.status_code == 400
    row = Invitation.objects.get()
    assert (row.email, row.name, row.role, row.is_scoped) == ("a@a.example", "A", "finance", True)
    assert (row.establishment_ids, row.invited_by) == ([cast.alfa_branch.pk], cast.rita)
    assert people_mail.send_waiting(now=NOW) == 1
    line = AuditEvent.objects.get(action=Action.PEOPLE_IMPORTED)
    assert line.detail == {"invited": 1, "left_out": 1, "filename": "pessoas.csv"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "linha no arquivo"),
        (HEAD.encode(), "linha no arquivo"),
        (b"a;b;c\n1;2;3\n", "nomear as colunas"),
        (b"PK\x03\x04 a spreadsheet", "arquivo CSV"),
        (b"nome;e-mail;papel\n\0;a@a.example;x\n", "arquivo CSV"),
        (b'nome;e-mail;papel\n"open;a@a.example;x\n', "arquivo CSV"),
        (HEAD.encode() + b"A;a@a.example;consulta;\n" * 2001, "mais de 2.000 linhas"),
        (HEAD.encode() + b"x" * 1_000_001, "grande demais"),
    ],
    ids=["empty", "only a heading", "no columns", "zip", "nul", "quote", "too many", "too large"],
)
def test_file_that_is_no_such_list_is_refused_with_words(rita, cast, content, says):
    response = give(rita, content)

    assert response.status_code == 400
    assert says in words(response, "//*[@role='alert']")
    assert PeopleImport.objects.count() == 0


def test_two_thousand_people_are_invited_in_one_go(rita, cast):
    lines = "".join(f"P{n};p{n}@a.example;consulta;\n" for n in range(2000))
    started = time.monotonic()

    address = give(rita, HEAD + lines)["Location"]
    assert rita.post(address).status_code == 302

    assert Invitation.objects.count() == 2000
    # A page must not be cut off by the server's time; it takes some two seconds.
    assert time.monotonic() - started < 20


def test_administrator_of_a_branch_imports_into_it_alone(cast, client_for):
    helga = make_person("Helga")
    make_member(helga, cast.alfa, Role.ADMIN, tax_ids=("12345678000276",))

    page = preview_of(
        client_for(helga),
        HEAD
        + "A;a@a.example;consulta;\nB;b@a.example;consulta;12345678000195\n"
        + "C;c@a.example;consulta;12345678000276\n",
    )

    assert [line.removeprefix("Linha ") for line in bad_lines(page)] == [
        "2 a@a.example Filiais Informe as filiais: você mesmo não vê a empresa inteira.",
        "3 b@a.example Filiais Um CNPJ não é da empresa, ou você não o vê.",
    ]


def test_where_new_people_see_branches_a_line_must_name_them(rita, cast):
    Company.objects.filter(pk=cast.alfa.pk).update(default_scope="establishments")

    page = preview_of(rita, HEAD + "A;a@a.example;consulta;\nB;b@a.example;consulta;todas\n")

    assert [line.removeprefix("Linha ") for line in bad_lines(page)] == [
        '2 a@a.example Filiais Informe as filiais, ou escreva "todas".',
    ]
    assert "Convidar 1 pessoa" in words(page, "//button")


def test_list_of_somebody_else_does_not_exist(rita, cast, client_for):
    address = give(rita, HEAD + "A;a@a.example;consulta;\n")["Location"]
    second, boss = make_person("Sonia"), make_person("Boss")
    make_member(second, cast.alfa, Role.ADMIN)
    make_member(boss, cast.beta, Role.ADMIN)

    for person in (second, boss):
        client = client_for(person)
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
    assert Invitation.objects.count() == 0


def test_template_can_be_given_back_as_it_is(rita, cast):
    template = rita.get("/empresa/pessoas/importar/modelo").content

    page = preview_of(rita, template)

    assert "Convidar 2 pessoas" in words(page, "//button")
    assert bad_lines(page) == []


def test_lists_are_forgotten_after_a_week(rita, cast):
    give(rita, HEAD + "A;a@a.example;consulta;\n")

    people_mail.tidy(now=NOW.replace(day=20))

    assert PeopleImport.objects.count() == 0


def test_a_branch_abroad_is_named_with_its_country_or_without(rita, cast):
    abroad = Establishment.objects.create(company=cast.alfa, tax_id="211234560019", country="UY")
    lines = "a;a@a.example;comprador;UY:21-123456-0019\nb;b@a.example;comprador;21-123456-0019 | "

    page = preview_of(rita, HEAD + lines + "12345678000276\n")
    rita.post(page.request["PATH_INFO"])

    found = Invitation.objects.order_by("email").values_list("establishment_ids", flat=True)
    assert list(found) == [[abroad.pk], sorted([abroad.pk, cast.alfa_branch.pk])]
