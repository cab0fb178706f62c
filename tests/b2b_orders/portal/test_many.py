"""/pedidos/lote: numbers pasted or given as a file, answers as a page, a file or documents."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from python_calamine import CalamineWorkbook

from b2b_orders.audit.models import AuditEvent
from b2b_orders.companies.models import Membership
from b2b_orders.documents.models import Pack
from b2b_orders.portal.limiting import Cost, cost_of
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import make_order

MANY = "/pedidos/lote"
PASTED = "po 2026 0815\n999999; 4500987\t999999,1001/1"
GIVEN = "//table//tbody/tr/th"


def paste(client, text=PASTED, **more):
    return client.post(MANY, {"numeros": text, **more})


def content(response) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def test_the_list_leads_to_it(ana, world):
    assert parse(ana.get("/pedidos")).xpath(f"//a[@href='{MANY}']")
    assert parse(ana.get(MANY)).xpath("//label[@for='numbers']")


def test_found_and_not_found_stand_in_the_order_given(ana, world):
    page = paste(ana)

    assert texts(page, GIVEN) == ["po 2026 0815", "999999 informado 2 vezes", "4500987", "1001/1"]
    assert texts(page, "//h2[@id='answers']") == ["3 de 4 números encontrados · 1 não encontrado"]
    rows = [" ".join(row.split()) for row in texts(page, "//table//tbody/tr")]
    assert "1172452900788-01 Seu pedido" in rows[0] or "1172452900788-01" in rows[0]
    assert "Despachado" in rows[0]
    assert "1001/1, 1002/1" in rows[0]
    assert "R$ 4.512,30" in rows[0].replace("\xa0", " ")
    assert "não encontrado" in rows[1]
    assert parse(page).xpath("//a[@class='main']/@href")[0] == f"/pedidos/{world.o1.public_id}"
    assert parse(page).xpath("//a[@class='alone']/@href") == ["/pedidos?q=999999&listar=1"]


def test_each_fact_of_an_answer_says_on_a_phone_what_it_is(ana, world):
    page = paste(ana)

    assert [row.xpath("./*/@data-label") for row in parse(page).xpath("//table//tbody/tr")][:2] == [
        ["Número informado", "Pedido", "Situação", "Notas fiscais (NF)", "Data", "Total"],
        ["Número informado"],
    ]


def test_a_part_of_numbers_says_how_many_have_it_and_leads_there(ana, world):
    page = paste(ana, "45009")

    assert texts(page, "//h2[@id='answers']") == ["0 de 1 número encontrado · 1 não encontrado"]
    [link] = parse(page).xpath("//a[@class='alone']")
    assert link.text_content() == "1 pedido contém 45009"
    assert texts(ana.get(link.get("href")), "//table//a[@class='main']") == ["0004500987"]


def test_what_was_pasted_stays_in_the_box_one_number_a_line(ana, world):
    box = parse(paste(ana)).xpath("//textarea[@id='numbers']")[0]

    assert box.text.split() == ["po", "2026", "0815", "999999", "4500987", "999999", "1001/1"]


def test_five_hundred_and_one_are_too_many_and_nothing_is_lost(ana, world):
    numbers = [str(70_000 + at) for at in range(501)]

    page = paste(ana, "\n".join(numbers))

    assert page.status_code == 400
    assert texts(page, "//*[@id='problem']") == ["São 501 números; o limite é de 500 por vez."]
    box = parse(page).xpath("//textarea[@id='numbers']")[0]
    assert box.text.split() == numbers
    assert box.get("aria-invalid") == "true"
    assert not AuditEvent.objects.filter(action="numbers_pasted").exists()


def test_nothing_pasted_is_told_at_the_box(ana, world):
    page = paste(ana, " \n;")

    assert (page.status_code, texts(page, "//*[@id='problem']")) == (
        400,
        ["Cole ao menos um número ou escolha um arquivo."],
    )


def test_a_page_of_many_takes_as_many_statements_as_one_of_few(
    ana, world, django_assert_max_num_queries
):
    text = "\n".join(["4500987", *(str(70_000 + at) for at in range(499))])
    ana.get(MANY)

    with django_assert_max_num_queries(11):
        page = paste(ana, text)

    assert len(texts(page, GIVEN)) == 500


def test_five_hundred_orders_are_less_than_sixty_kilobytes(ana, cast, sources):
    for at in range(500):
        make_order(
            cast.alfa, ((NumberKind.ERP, f"45{at:05}"), (NumberKind.INVOICE, f"{10_000 + at}/1"))
        )

    page = paste(ana, "\n".join(f"45{at:05}" for at in range(500)))

    assert page.content.count(b'class="main"') == 500
    assert len(gzip.compress(page.content)) < 60_000


def test_a_file_goes_before_the_box_and_says_which_column_was_taken(ana, world):
    file = SimpleUploadedFile("x.csv", "Cliente;Pedido\nAna;4500987\nTéo;PO-2026/0815\n".encode())

    page = paste(ana, "1234", arquivo=file)

    assert texts(page, GIVEN) == ["4500987", "PO-2026/0815"]
    assert "Usamos a coluna B, “Pedido”." in words(page)


def test_a_file_that_is_none_is_told_at_its_field_and_the_box_stays(ana, world):
    page = paste(ana, "4500987", arquivo=SimpleUploadedFile("x.xlsx", b"PK\x03\x04"))

    assert page.status_code == 400
    assert parse(page).xpath("//input[@id='file']/@aria-describedby") == ["file-hint problem"]
    assert "Não foi possível ler este arquivo." in words(page)
    assert parse(page).xpath("//textarea[@id='numbers']")[0].text.split() == ["4500987"]


def test_answers_are_a_csv_and_a_workbook_with_a_line_each(ana, world):
    written = content(paste(ana, acao="csv")).decode().removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(written), delimiter=";"))
    book = CalamineWorkbook.from_filelike(io.BytesIO(content(paste(ana, acao="xlsx"))))
    typed = book.get_sheet_by_index(0).to_python()

    assert rows[0][:5] == ["Número informado", "Vezes", "Encontrado", "Encontrado como", "Pedido"]
    assert [row[:3] for row in rows[1:]] == [
        ["po 2026 0815", "1", "encontrado"],
        ["999999", "2", "não encontrado"],
        ["4500987", "1", "encontrado"],
        ['="1001/1"', "1", "encontrado"],
    ]
    assert rows[3][4] == '="0004500987"'
    assert [row[4] for row in typed[1:]] == [
        "1172452900788-01",
        "",
        "0004500987",
        "1172452900788-01",
    ]
    assert typed[1][-2:] == [4512.3, "BRL"]


def test_documents_of_the_found_are_packed(ana, cast, world):
    answer = paste(ana, acao="zip")

    assert answer["Location"] == "/documentos#downloads"
    assert (Pack.objects.get().company, Pack.objects.get().total) == (cast.alfa, 6)


def test_each_sees_what_their_rights_and_branches_allow(client_for, cast, world):
    carla = paste(client_for(cast.carla), "4500987\nPO-2026/0815")
    Membership.objects.filter(person=cast.bruno).update(sees_prices=False)
    bruno = client_for(cast.bruno)
    page = paste(bruno, "PO-2026/0815")

    assert texts(carla, "//a[@class='main']") == ["0004500987"]
    assert "4.512,30" not in words(page)
    assert "4512,30" not in content(paste(bruno, "PO-2026/0815", acao="csv")).decode()
    assert paste(client_for(cast.beto), "1172452900788-01").content.count(b'class="main"') == 0


def test_the_record_says_how_many_and_not_which(ana, world):
    paste(ana)

    assert AuditEvent.objects.get(action="numbers_pasted").detail == {"numbers": 4, "found": 3}


def test_support_pastes_for_a_company_whose_eyes_it_has(cast, suzana, world):
    suzana.post(
        "/atendimento/atuar",
        {"q": world.o1.title, "order": str(world.o1.public_id), "reason": "call 4711"},
    )
    home = f"/c/{cast.alfa.public_id}"
    suzana.post(f"{home}/atuacao/visao", {"person": ""})

    page = suzana.post(f"{home}{MANY}", {"numeros": "4500987\n0007700001"})

    assert texts(page, "//a[@class='main']") == ["0004500987"]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "' OR 1=1 --", "x" * 5000, "\x00"])
def test_hostile_text_is_text(ana, world, text):
    page = paste(ana, f"{text}\n4500987")

    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
    assert texts(page, "//a[@class='main']") == ["0004500987"]


@pytest.mark.parametrize(("method", "cost"), [("get", Cost.PAGE), ("post", Cost.EXPORT)])
def test_pasting_costs_as_much_as_an_export(ana, world, method, cost):
    response = getattr(ana, method)(MANY, {"numeros": "1"})

    assert cost_of(response.wsgi_request) is cost
