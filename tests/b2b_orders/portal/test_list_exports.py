"""A list as a file: what is shown and no more, at once or by a worker; documents of the picked."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.core.files.storage import storages
from django.utils import timezone
from python_calamine import CalamineWorkbook

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.models import Membership
from b2b_orders.documents import list_exports
from b2b_orders.documents.list_exports import clear_exports, waiting_exports
from b2b_orders.documents.models import ListExport, Pack
from b2b_orders.portal import exporting
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_order

EXPORT = "/pedidos/exportar"


@pytest.fixture(autouse=True)
def woken(settings, tmp_path, monkeypatch):
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    sent: list[int] = []
    monkeypatch.setattr(exporting, "wake", sent.append)
    monkeypatch.setattr(exporting, "wake_aside", sent.append)
    return sent


def content(response) -> bytes:
    assert response.status_code == 200, response.headers
    return b"".join(response.streaming_content)


def lines(response, separator=";") -> list[list[str]]:
    text = content(response).decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:]), delimiter=separator))


def cells(response) -> list[list[object]]:
    return (
        CalamineWorkbook.from_filelike(io.BytesIO(content(response)))
        .get_sheet_by_index(0)
        .to_python()
    )


# --- at once ----------------------------------------------------------------------------------


def test_the_button_says_how_many_orders_and_the_file_has_as_many(ana, world):
    page = ana.get("/pedidos")

    assert texts(page, "//details[@id='export']/summary") == ["Exportar 3 pedidos"]
    assert len(lines(ana.post(EXPORT, {"formato": "csv"}))) == 1 + 3


def test_a_csv_is_what_the_list_shows_in_the_persons_language(ana, world):
    response = ana.post(EXPORT, {"formato": "csv"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response["Content-Disposition"]
    head, _o3, o1, _o2 = lines(response)
    assert dict(zip(head, o1, strict=True)) == {
        "Pedido": "1172452900788-01",
        "Seu número": "PO-2026/0815",
        "Data": "10/03/2026",
        "Filial (CNPJ)": '="12345678000195"',
        "Filial": "",
        "Feito por": "",
        "Situação": "Despachado",
        "Total": "4512,30",
        "Moeda": "BRL",
        "Documentos disponíveis": "5",
        "Documentos esperados": "6",
    }


def test_a_workbook_has_numbers_as_text_and_days_and_amounts_as_such(ana, world):
    ana.post("/pedidos/colunas", {"coluna": ["data", "total"], "ordem": ["data", "total"]})

    head, *rows = cells(ana.post(EXPORT, {"formato": "xlsx"}))

    assert head == ["Pedido", "Data", "Total", "Moeda"]
    assert rows[1] == ["1172452900788-01", date(2026, 3, 10), 4512.3, "BRL"]
    assert rows[2][0] == "0004500987"


def test_the_filter_of_the_page_is_the_filter_of_the_file(ana, world):
    given = {"formato": "csv", "filial": "12345678000276", "feito_por": "Téo"}

    assert [row[0] for row in lines(ana.post(EXPORT, given))[1:]] == ['="0004500987"']
    event = AuditEvent.objects.get(action="orders_exported")
    assert event.detail == {
        "filter": "filial=12345678000276&feito_por=T%C3%A9o",
        "format": "csv",
        "rows": 1,
    }


def test_what_a_search_found_is_exported_and_nothing_else(ana, cast, world):
    for at in range(120):
        make_order(cast.alfa, ((NumberKind.ERP, f"88{at:04}"),))

    page = ana.get("/pedidos", {"q": "8800", "listar": "1"})
    rows = lines(ana.post(EXPORT, {"formato": "csv", "q": "8800"}))

    assert texts(page, "//details[@id='export']/summary") == ["Exportar 100 pedidos"]
    assert len(rows) == 1 + 100
    assert {row[0][:4] for row in rows[1:]} == {"8800"}
    assert parse(page).xpath("//details[@id='export']//input[@name='q']/@value") == ["8800"]


@pytest.mark.parametrize(
    ("language", "separator", "status"), [("es", ";", "Despachado"), ("en", ",", "Shipped")]
)
def test_a_file_speaks_the_language_of_the_page(ana, cast, world, language, separator, status):
    cast.ana.language = language
    cast.ana.save()

    rows = lines(ana.post(EXPORT, {"formato": "csv"}), separator)

    assert status in rows[2]


def test_nobody_gets_more_than_they_see(client_for, cast, world):
    rows = lines(client_for(cast.carla).post(EXPORT, {"formato": "csv"}))
    Membership.objects.filter(person=cast.bruno).update(sees_prices=False, sees_finance=False)
    bruno = client_for(cast.bruno)
    bruno.post("/pedidos/colunas", {"coluna": ["total", "em_aberto"], "ordem": ["total"]})
    without = content(bruno.post(EXPORT, {"formato": "csv"})).decode()

    assert [row[0] for row in rows[1:]] == ['="0004500987"']
    assert "4512,30" not in without
    assert "Total" not in without


def test_hostile_facts_of_sources_run_nowhere(ana, cast, sources):
    make_order(cast.alfa, ((NumberKind.ERP, "=1+1"),), placed_by_name="@SUM(A1)\x07")

    [_head, row] = lines(ana.post(EXPORT, {"formato": "csv"}))
    [_head, typed] = cells(ana.post(EXPORT, {"formato": "xlsx"}))

    assert (row[0], row[5]) == ("'=1+1", "'@SUM(A1)\x07")
    assert (typed[0], typed[5]) == ("=1+1", "@SUM(A1)")


def test_an_empty_list_makes_no_file(ana, cast, sources):
    assert not parse(ana.get("/pedidos")).xpath("//details[@id='export']")

    assert ana.post(EXPORT, {"formato": "csv"})["Location"] == "/pedidos"
    assert "Não há nenhum pedido nesta lista." in words(ana.get("/pedidos"))


def test_support_exports_what_it_sees_and_its_reason_stands_in_the_record(cast, suzana, world):
    suzana.post(
        "/atendimento/atuar",
        {"q": world.o1.title, "order": str(world.o1.public_id), "reason": "call 4711"},
    )
    home = f"/c/{cast.alfa.public_id}"
    suzana.post(f"{home}/atuacao/visao", {"person": ""})

    rows = lines(suzana.post(f"{home}{EXPORT}", {"formato": "csv"}))

    assert len(rows) == 1 + 3
    event = AuditEvent.objects.get(action="orders_exported")
    assert (event.staff_role, event.reason) == ("support", "call 4711")
    assert "call 4711" not in str(rows)


# --- by a worker ------------------------------------------------------------------------------


@pytest.fixture
def long_list(settings, world):
    settings.PORTAL_EXPORT_AT_ONCE = 2


def run(export_id) -> bool:
    return exporting.run_export(export_id=export_id, clock=timezone.now)


def asked(client, **given) -> ListExport:
    response = client.post(EXPORT, {"formato": "csv"} | given)
    assert response["Location"] == "/pedidos/exportacoes"
    return ListExport.objects.latest("pk")


def test_a_long_list_is_written_by_a_worker_told_by_mail_and_taken(
    ana, cast, long_list, woken, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        export = asked(ana, so="", formato="xlsx")
    assert woken == [export.pk]
    page = ana.get("/pedidos/exportacoes")
    assert "3 pedidos · XLSX" in words(page)
    assert parse(page).xpath("//progress/@value") == ["0"]
    assert parse(page).xpath("//*[@hx-trigger='every 2s']")

    assert run(export.pk)

    [message] = mail.outbox
    assert message.to == [cast.ana.email]
    assert message.subject == "Sua lista de pedidos está pronta"
    assert f"/c/{cast.alfa.public_id}/pedidos/exportacoes" in message.body
    page = ana.get("/pedidos/exportacoes")
    assert not parse(page).xpath("//main//*[@hx-trigger]")
    rows = cells(ana.get(f"/pedidos/exportacoes/{export.public_id}"))
    assert [row[0] for row in rows[1:]] == ["1172452900999-01", "1172452900788-01", "0004500987"]
    actions = AuditEvent.objects.filter(object_id=str(export.public_id)).order_by("pk")
    assert [(each.action, each.detail["rows"]) for each in actions] == [
        ("orders_exported", 3),
        ("export_taken", 3),
    ]


def test_a_worker_that_was_killed_leaves_a_row_that_another_writes_anew(ana, long_list):
    export = asked(ana)
    ListExport.objects.update(state="running", written=2, started_at=NOW)
    storages["documents"].save(f"exports/{export.public_id}.csv", io.BytesIO(b"half a file"))

    assert waiting_exports(now=NOW + timedelta(seconds=59)) == []
    assert waiting_exports(now=NOW + timedelta(minutes=1)) == [export.pk]
    assert run(export.pk)
    assert not run(export.pk)

    rows = lines(ana.get(f"/pedidos/exportacoes/{export.public_id}"))
    assert len(rows) == 1 + 3
    assert len(mail.outbox) == 1
    assert waiting_exports(now=NOW + timedelta(minutes=1)) == []


def test_a_mail_server_that_is_away_is_asked_again_and_nobody_is_told_twice(ana, long_list):
    export, sent = asked(ana), []
    run(export.pk)
    ListExport.objects.update(told_at=None)
    due = NOW + timedelta(minutes=1)

    def away(told):
        raise MailFailed("no-mail-server", is_final=False)

    def sends(told):
        sent.append(told.rows)

    assert list_exports.tell_finished(now=due, send=away) == 0
    assert list_exports.tell_finished(now=due, send=sends) == 1
    assert list_exports.tell_finished(now=due, send=sends) == 0
    assert sent == [3]


def test_a_worker_writes_in_the_language_and_zone_of_who_asked(ana, cast, world, settings):
    settings.PORTAL_EXPORT_AT_ONCE = 2
    cast.ana.language = "en"
    cast.ana.save()
    ana.post("/pedidos/colunas", {"coluna": ["situacao", "alterado"], "ordem": ["situacao"]})
    export = asked(ana)
    ListExport.objects.update(time_zone="Asia/Tokyo")

    run(export.pk)

    rows = lines(ana.get(f"/pedidos/exportacoes/{export.public_id}"), ",")
    assert rows[0] == ["Order", "Status", "Last change"]
    moment = NOW.astimezone(timezone.zoneinfo.ZoneInfo("Asia/Tokyo"))
    assert rows[2] == ["1172452900788-01", "Shipped", f"{moment:%Y-%m-%d %H:%M}"]


def test_rights_are_those_of_the_moment_of_writing_and_of_taking(ana, cast, long_list):
    before, after = asked(ana), asked(ana)
    run(before.pk)
    member = Membership.objects.get(person=cast.ana)
    member.sees_prices = False
    member.save()
    run(after.pk)

    taken = ana.get(f"/pedidos/exportacoes/{before.public_id}")
    rows = lines(ana.get(f"/pedidos/exportacoes/{after.public_id}"))

    assert taken.status_code == 410
    assert "Suas permissões mudaram desde então." in words(taken)
    assert "Total" not in rows[0]


def test_who_left_the_company_gets_nothing_written(ana, cast, long_list):
    export = asked(ana)
    Membership.objects.filter(person=cast.ana).delete()

    assert not run(export.pk)

    export.refresh_from_db()
    assert (export.state, export.outcome, export.name) == ("failed", "no-longer-allowed", "")
    assert mail.outbox == []


def test_what_is_cancelled_while_it_is_written_leaves_no_file(ana, long_list, monkeypatch):
    export = asked(ana)
    noted = exporting.note_written

    def cancelled(**given):
        ana.post(f"/pedidos/exportacoes/{export.public_id}/apagar")
        return noted(**given)

    monkeypatch.setattr(exporting, "note_written", cancelled)

    assert not run(export.pk)
    export.refresh_from_db()
    assert (export.state, export.outcome) == ("failed", "cancelled")
    assert not storages["documents"].exists(f"exports/{export.public_id}.csv")


def test_files_expire_and_are_deleted_and_so_are_their_rows_in_time(ana, long_list):
    export, dropped = asked(ana), asked(ana)
    run(export.pk)
    run(dropped.pk)
    ana.post(f"/pedidos/exportacoes/{dropped.public_id}/apagar")
    name = f"exports/{export.public_id}.csv"
    week = NOW + timedelta(days=7, minutes=1)

    assert clear_exports(now=NOW + timedelta(days=1)) == 1
    assert not ListExport.objects.filter(pk=dropped.pk).exists()
    assert storages["documents"].exists(name)
    assert clear_exports(now=week) == 1
    assert not storages["documents"].exists(name)
    answer = ana.get(f"/pedidos/exportacoes/{export.public_id}")
    assert (answer.status_code, "O arquivo venceu." in words(answer)) == (410, True)
    clear_exports(now=week + timedelta(days=31))
    assert not ListExport.objects.exists()


def test_an_export_is_its_persons_alone(client_for, cast, ana, long_list):
    export = asked(ana)
    run(export.pk)
    address = f"/pedidos/exportacoes/{export.public_id}"

    for person in (cast.bruno, cast.davi, cast.beto, cast.rita):
        client = client_for(person)
        client.get("/pedidos")
        assert client.get(address).status_code == 404
        assert client.post(f"{address}/apagar").status_code == 404
        assert "CSV" not in words(client.get("/pedidos/exportacoes"), "//main")


def test_only_so_many_are_written_at_once_and_none_that_is_too_long(ana, settings, long_list):
    settings.PORTAL_PACKS_OF_PERSON = 1
    asked(ana)

    again = ana.post(EXPORT, {"formato": "csv", "de": "2026-01-01"})
    assert again["Location"] == "/pedidos?de=2026-01-01"
    assert "Já há listas sendo preparadas." in words(ana.get("/pedidos"))
    settings.PORTAL_EXPORT_ROWS = 2
    ana.post(EXPORT, {"formato": "csv"})
    assert "Esta lista é longa demais para um arquivo." in words(ana.get("/pedidos"))
    assert ListExport.objects.count() == 1


def test_what_could_not_be_written_for_hours_is_given_up(ana, long_list):
    export = asked(ana)

    assert waiting_exports(now=NOW + timedelta(hours=7)) == []

    export.refresh_from_db()
    assert (export.state, export.outcome) == ("failed", "given-up")
    assert "Não foi possível preparar." in words(ana.get("/pedidos/exportacoes"))
    assert words(ana.get("/pedidos/exportacoes"), "//*[@class='state']") == "Falhou"


# --- picked -----------------------------------------------------------------------------------


def test_each_row_can_be_picked_and_named(ana, world):
    boxes = parse(ana.get("/pedidos")).xpath("//input[@name='pedido'][@form='picked']")

    assert [box.get("value") for box in boxes] == [
        str(order.public_id) for order in (world.o3, world.o1, world.o2)
    ]
    label = "//label[input[@name='pedido']]"
    assert texts(ana.get("/pedidos"), label)[1] == "Selecionar pedido 1172452900788-01"


def test_a_file_of_the_picked_has_them_alone(ana, world):
    given = {"pedido": [str(world.o2.public_id), str(world.o5.public_id), "x"], "formato": "csv"}

    rows = lines(ana.post("/pedidos/selecao", given))

    assert [row[0] for row in rows[1:]] == ['="0004500987"']


def test_the_documents_of_the_picked_are_packed_and_of_nobody_elses(ana, cast, world):
    ids = [str(each.public_id) for each in (world.o1, world.o5)]

    answer = ana.post("/pedidos/selecao", {"pedido": ids, "acao": "zip"})

    assert answer["Location"] == "/documentos#downloads"
    pack = Pack.objects.get()
    assert (pack.company, pack.total) == (cast.alfa, 6)
    assert "Todos os documentos de 2 pedidos escolhidos" in words(ana.get("/documentos"))


def test_picking_nothing_or_nothing_with_documents_says_so_at_the_list(ana, world):
    nothing = ana.post("/pedidos/selecao", {"acao": "zip", "situacao": "shipped"})
    assert nothing["Location"] == "/pedidos?situacao=shipped"
    assert "Selecione ao menos um pedido." in words(ana.get("/pedidos"))

    ana.post("/pedidos/selecao", {"acao": "zip", "pedido": str(world.o3.public_id)})
    assert not Pack.objects.exists()


def test_what_another_company_has_picked_does_not_exist(ana, world):
    theirs = ana.post("/pedidos/selecao", {"pedido": str(world.o5.public_id), "formato": "csv"})
    never = ana.post("/pedidos/selecao", {"pedido": str(uuid.uuid4()), "formato": "csv"})

    assert (theirs.status_code, never.status_code) == (404, 404)


def test_amounts_of_a_currency_keep_their_cents(ana, cast, sources):
    make_order(cast.alfa, total=Decimal("99999999999999.99"), currency="USD")

    [_head, row] = lines(ana.post(EXPORT, {"formato": "csv"}))

    assert row[7:9] == ["99999999999999,99", "USD"]
