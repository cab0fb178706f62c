"""/operacao: how the sources do, what deserves attention, and what is done about it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from b2b_orders.audit.services import report_incident
from b2b_orders.common.tenancy import WORKER, scope
from b2b_orders.ingest import errands
from b2b_orders.ingest.errands import run_errand
from b2b_orders.ingest.models import Connection, Errand, Lane, Parked, Run, Stream, Subscription
from b2b_orders.portal.views import operations
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW

PAGES = [
    *("", "/conexoes/erp", "/retidos", "/situacoes", "/sem-empresa"),
    *("/divergencias", "/recusas", "/execucoes"),
]


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)


@pytest.fixture
def olga(cast, client_for) -> Client:
    return client_for(cast.olga)


def park(external_id: str = "1172", **fields) -> Parked:
    values = {"reason": "contract-violation", "message": "<b>items[3]</b>"} | fields
    return Parked.objects.create(
        connection="loja", external_id=external_id, first_at=NOW, last_at=NOW, **values
    )


def do(errand: Errand) -> None:
    run_errand(errand_id=errand.pk, clock=lambda: NOW + timedelta(seconds=2))


# --- overview --------------------------------------------------------------------------------


def test_sources_stand_in_a_line_each_with_their_figures(olga, sources, erp_down):
    Connection.objects.filter(name="erp").update(last_error="no answer before the deadline")
    Subscription.objects.create(connection=sources["loja"], kind="feed", state="ours")

    response = olga.get("/operacao")

    rows = texts(response, "//section[@aria-label='Fontes']//tbody/tr")
    assert rows == [
        "ERP Sem resposta 09:14 0 agora, 0 depois não consultada",
        "Loja Site Respondendo 10:00 0 agora, 0 depois não consultada Feed: Como configuramos",
    ]
    assert "ERP não responde desde 09:15. no answer before the deadline" in words(response)
    assert "Alfa" not in words(response)


def test_why_a_source_is_down_is_said_in_the_readers_language(olga, sources, erp_down):
    Connection.objects.filter(name="erp").update(
        last_error="no connection, or it broke", last_error_code="unreachable"
    )

    said = words(olga.get("/operacao"))

    assert "ERP não responde desde 09:15. Sem conexão ou sem resposta a tempo" in said
    assert "no connection" not in said


def test_no_source_in_trouble_says_so(olga, sources):
    assert "Nenhuma fonte precisa de atenção." in words(olga.get("/operacao"))


def test_a_rehearsed_outage_is_called_so_here_and_only_here(olga, ana, sources):
    Connection.objects.filter(name="erp").update(
        outage_since=NOW - timedelta(minutes=5), outage_until=NOW + timedelta(minutes=5)
    )

    assert "Queda ensaiada" in words(olga.get("/operacao"))
    buyers = words(ana.get("/pedidos"))
    assert "ERP sem resposta desde 09:55. Mostrando dados das 10:00." in buyers
    assert "nsai" not in buyers


def test_the_tabs_say_how_much_waits(olga, sources):
    park("1")
    report_incident("wrong-company", connection="erp", now=NOW - timedelta(hours=2))

    groups = texts(olga.get("/operacao/retidos"), "//nav[@class='tabs']/a")
    pages = texts(olga.get("/operacao/retidos"), "//nav[@class='subtabs']/a")
    security = texts(olga.get("/operacao/recusas"), "//nav[@class='subtabs']/a")

    assert groups == ["Fontes 1", "Pedidos", "Clientes", "Pessoas e segurança 1"]
    assert pages == ["Visão geral", "Retidos 1", "Execuções"]
    assert security == ["Recusas 1", "Equipe", "Auditoria", "Dados pessoais"]
    current = parse(olga.get("/operacao/retidos")).xpath("//a[@aria-current='page']/@href")
    assert current == ["/operacao/retidos"]


@pytest.mark.parametrize(
    ("path", "group", "page"),
    [
        ("/operacao/conexoes/erp", "/operacao", "/operacao"),
        ("/operacao/empresas/conflitos", "/operacao/empresas", "/operacao/empresas/conflitos"),
        ("/operacao/acesso", "/operacao/empresas", "/operacao/acesso"),
    ],
)
def test_a_page_is_marked_in_its_group_however_deep_it_lies(olga, sources, path, group, page):
    shown = parse(olga.get(path))

    assert shown.xpath("//nav[@class='tabs']/a[@aria-current]/@href") == [group]
    assert shown.xpath("//nav[@class='subtabs']/a[@aria-current]/@href") == [page]


# --- a connection ------------------------------------------------------------------------------


def test_a_connection_shows_all_of_it(olga, sources):
    loja = sources["loja"]
    Lane.objects.create(
        connection=loja,
        name="history",
        due_at=NOW + timedelta(minutes=5),
        failures=3,
        last_error="cut off",
    )
    Subscription.objects.create(
        connection=loja, kind="feed", state="foreign", quantity=812, oldest_seconds=7200
    )
    Stream.objects.create(
        connection=loja,
        kind="backfill",
        began_at=NOW - timedelta(minutes=10),
        updated_at=NOW,
        total=1000,
        done=250,
    )
    Run.objects.create(
        connection=loja,
        kind="feed",
        started_at=NOW - timedelta(seconds=4),
        finished_at=NOW,
        read=12,
        new=3,
        changed=4,
        unchanged=5,
    )
    park()

    response = olga.get("/operacao/conexoes/loja")
    page = words(response)

    assert "Histórico Falhou 3 vezes" in page
    assert "cut off" in page
    assert "Feed De outra pessoa" in page
    assert "À espera nele 812" in page
    assert "Idade do mais antigo 2 h" in page
    assert "250 de 1.000 pedidos · faltam cerca de 30 min" in page
    assert parse(response).xpath("//progress/@value") == ["25"]
    assert "Feed 09:59 4 s 12 3 4 5 0" in page
    assert "1172 A resposta foge do combinado <b>items[3]</b>" in page


def test_an_unknown_connection_is_not_found(olga, sources):
    assert olga.get("/operacao/conexoes/nowhere").status_code == 404
    assert olga.post("/operacao/conexoes/nowhere", {"errand": "run-now"}).status_code == 404


@pytest.mark.parametrize("kind", ["test-connection", "run-now"])
def test_a_button_leaves_an_errand_and_comes_back_to_the_page(olga, sources, kind):
    response = olga.post("/operacao/conexoes/loja", {"errand": kind})

    errand = Errand.objects.get()
    assert (errand.kind, errand.params) == (kind, {"connection": "loja"})
    assert response["Location"] == f"/operacao/conexoes/loja?errand={errand.public_id}"


def test_what_a_page_does_not_offer_cannot_be_asked_there(olga, sources):
    for path, kind in (
        ("/operacao/conexoes/loja", "discard-parked"),
        ("/operacao/conexoes/loja", ""),
        ("/operacao/retidos", "run-now"),
    ):
        assert olga.post(path, {"errand": kind}).status_code == 404
    assert not Errand.objects.exists()


# --- the notice of an errand ---------------------------------------------------------------------


def test_the_page_says_how_far_an_errand_is(olga, sources, time_machine):
    page = olga.post("/operacao/conexoes/loja", {"errand": "run-now"})["Location"]

    assert "Rodar agora Pedido agora; um worker vai assumir." in words(olga.get(page))

    time_machine.move_to(NOW + timedelta(seconds=8))
    assert "Pedido há 8 s; nenhum worker assumiu. Veja se os workers estão no ar." in words(
        olga.get(page)
    )
    Errand.objects.update(started_at=NOW)
    assert "Pedido há 8 s; um worker está fazendo." in words(olga.get(page))

    do(Errand.objects.get())
    shown = olga.get(page)
    assert "Todo o trabalho dela está na vez e começa em segundos." in words(shown)
    assert parse(shown).xpath("//*[@id='errand']/@hx-get") == []


def test_the_notice_asks_for_itself_and_then_shows_the_page_anew(olga, sources):
    page = olga.post("/operacao/conexoes/loja", {"errand": "run-now"})["Location"]
    (poll,) = parse(olga.get(page)).xpath("//*[@id='errand']/@hx-get")

    waiting = olga.get(poll, headers={"HX-Request": "true"})
    do(Errand.objects.get())
    done = olga.get(poll, headers={"HX-Request": "true"})

    assert parse(waiting).xpath("//section/@hx-get") == [poll]
    assert done["HX-Redirect"] == page
    assert olga.get(poll)["Location"] == page


def test_a_page_that_says_done_shows_what_was_done(olga, sources, monkeypatch):
    page = olga.post(
        "/operacao/conexoes/erp", {"errand": "outage-on", "minutes": "5", "reason": "a drill"}
    )["Location"]
    read = operations.get_figures

    def read_while_a_worker_ends(**asked):
        figures = read(**asked)
        with scope(role=WORKER):
            do(Errand.objects.get())
        return figures

    monkeypatch.setattr(operations, "get_figures", read_while_a_worker_ends)

    assert "Pedido agora; um worker vai assumir." in words(olga.get(page))
    monkeypatch.undo()
    assert "Queda ensaiada" in words(olga.get(page))


def test_without_javascript_the_page_asks_again_by_itself(olga, sources):
    page = olga.post("/operacao/conexoes/loja", {"errand": "run-now"})["Location"]
    refresh = "//noscript/meta[@http-equiv='refresh']"

    assert len(parse(olga.get(page)).xpath(refresh)) == 1
    do(Errand.objects.get())
    assert parse(olga.get(page)).xpath(refresh) == []


@pytest.mark.parametrize(
    "back", ["https://evil.example/operacao", "//evil.example", "/pedidos", "/operacaoX", ""]
)
def test_the_notice_leads_back_to_pages_of_operations_only(olga, sources, back):
    olga.post("/operacao/conexoes/loja", {"errand": "run-now"})
    errand = Errand.objects.get()

    response = olga.get(f"/operacao/tarefas/{errand.public_id}", {"back": back})

    assert response["Location"] == f"/operacao?errand={errand.public_id}"


def test_an_errand_in_the_address_that_is_none_shows_no_notice(olga, sources):
    for wanted in ("nonsense", "00000000-0000-4000-8000-000000000000"):
        response = olga.get("/operacao", {"errand": wanted})
        assert response.status_code == 200
        assert parse(response).xpath("//*[@id='errand']") == []


def test_the_overview_lists_what_was_asked_for_lately(olga, sources):
    olga.post("/operacao/conexoes/loja", {"errand": "run-now"})
    do(Errand.objects.get())

    assert texts(
        olga.get("/operacao"), "//section[@aria-label='Pedidos recentes da operação']//td"
    )[:2] == ["Feito", "Loja"]


# --- parked --------------------------------------------------------------------------------------


def test_parked_items_are_listed_as_text_and_can_be_narrowed(olga, sources):
    park("1172")
    park("1173", reason="row")
    park("1174", discarded_at=NOW)

    everything = olga.get("/operacao/retidos")
    rows = "//table//tbody/tr/th"
    assert len(texts(everything, rows)) == 2
    assert "<b>items[3]</b>" in words(everything)
    one = olga.get("/operacao/retidos", {"reason": "row"})
    assert texts(one, rows) == ["1173 Uma linha que não dá para ler"]
    assert "Nada retido com estes filtros." in words(
        olga.get("/operacao/retidos", {"connection": "erp"})
    )


def test_no_parked_item_says_so(olga, sources):
    assert "Nada retido." in words(olga.get("/operacao/retidos"))


def test_one_or_all_shown_can_be_tried_again_with_the_filter_kept(olga, sources):
    first, second = park("1"), park("2")

    one = olga.post("/operacao/retidos?connection=loja", {"errand": "retry-parked", "id": first.pk})
    olga.post("/operacao/retidos", {"errand": "retry-parked", "id": [first.pk, second.pk]})

    query = parse_qs(urlsplit(one["Location"]).query)
    assert query["connection"] == ["loja"]
    assert list(Errand.objects.order_by("pk").values_list("params", flat=True)) == [
        {"ids": [first.pk]},
        {"ids": [first.pk, second.pk]},
    ]


def test_a_reason_that_is_too_short_is_told_at_its_field_and_kept(olga, sources):
    first, second = park("1"), park("2")

    response = olga.post(
        "/operacao/retidos",
        {
            "errand": "discard-parked",
            "id": first.pk,
            "form": f"parked-{first.pk}",
            "reason": "no",
        },
    )

    assert response.status_code == 400
    page = parse(response)
    (field,) = page.xpath("//input[@aria-invalid='true']")
    assert (field.get("id"), field.get("value")) == (f"parked-{first.pk}", "no")
    assert field.get("aria-describedby") == f"parked-{first.pk}-error"
    assert texts(response, f"//*[@id='parked-{first.pk}-error']") == [
        "Dê um motivo de pelo menos 5 caracteres."
    ]
    assert len(page.xpath("//details[@open]")) == 1
    assert page.xpath(f"//input[@id='parked-{second.pk}']/@value") == [""]
    assert not Errand.objects.exists()


def test_older_parked_items_are_a_page_away(olga, sources):
    for number in range(51):
        park(str(number))

    response = olga.get("/operacao/retidos?connection=loja")
    (older,) = parse(response).xpath("//a[@rel='next']/@href")

    assert len(texts(response, "//tbody/tr")) == 50
    assert len(texts(olga.get(older), "//tbody/tr")) == 1
    assert parse_qs(urlsplit(older).query)["connection"] == ["loja"]
    assert len(texts(olga.get("/operacao/retidos?after=nonsense"), "//tbody/tr")) == 50


# --- incidents and runs ---------------------------------------------------------------------------


def test_incidents_are_worded_and_name_no_company(olga, sources, cast):
    report_incident(
        "wrong-company",
        connection="erp",
        company_id=cast.alfa.pk,
        object_kind="order",
        object_id="0007",
        detail={"operation": "find"},
        now=NOW,
    )
    report_incident("html-instead-of-pdf", connection="erp", now=NOW - timedelta(hours=1))

    response = olga.get("/operacao/recusas")

    assert texts(response, "//tbody/tr") == [
        (
            "Uma fonte respondeu com o pedido de outra empresa pergunta feita: find"
            " 10:00 ERP Pedido 0007"
        ),
        "Arquivo com defeito: outra coisa no lugar do documento 09:00 ERP",
    ]
    assert "Alfa" not in words(response)


def test_details_of_an_incident_have_words_and_unknown_ones_stand_as_noted(olga, sources):
    report_incident(
        "damaged-pdf",
        connection="erp",
        detail={"kind": "nfe_xml", "external_id": "77", "found": "xml", "colour": "red"},
        now=NOW,
    )

    assert texts(olga.get("/operacao/recusas"), "//tbody//span[@class='sub break']") == [
        "documento: XML da NF-e, id na fonte: 77, arquivo que veio: xml, colour: red"
    ]


@pytest.mark.parametrize("code", ["feed-foreign", "feed-ageing", "feed-vanished", "hook-refused"])
def test_alarms_of_feed_and_hook_have_words(olga, sources, code):
    report_incident(code, connection="loja", now=NOW)

    assert code not in words(olga.get("/operacao/recusas"), "//table")


def test_runs_are_listed_with_counts(olga, sources):
    Run.objects.create(
        connection=sources["erp"], kind="poll", started_at=NOW, read=9, failed=2, error="stopped"
    )

    assert texts(olga.get("/operacao/execucoes"), "//tbody/tr") == [
        "Últimos pedidos interrompido à mão ERP 10:00 rodando 9 0 0 0 2"
    ]
    assert "Nenhuma execução encontrou algo ainda." in words(
        olga.get("/operacao/execucoes?connection=loja")
    )


def test_a_connection_goes_by_its_label_with_its_name_where_that_says_more(olga, sources):
    Connection.objects.filter(name="loja").update(label="Site")
    report_incident("feed-vanished", connection="loja", now=NOW)
    report_incident("feed-vanished", connection="erp", now=NOW - timedelta(hours=1))
    park()
    rows = "//td[@data-label='Conexão']"

    assert texts(olga.get("/operacao/recusas"), rows) == ["Site loja", "ERP"]
    assert texts(olga.get("/operacao/retidos"), rows) == ["Site loja"]
    assert texts(olga.get("/operacao/retidos"), "//option[@value='loja']") == ["Site (loja) (1)"]
    assert texts(olga.get("/operacao/situacoes"), "//option[@value='loja']") == ["Site (loja)"]


# --- who and how ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_one_heading_and_captions(olga, sources, page):
    park()
    html = parse(olga.get(f"/operacao{page}"))

    assert len(html.xpath("//h1")) == 1
    assert all(table.xpath("caption") for table in html.xpath("//table"))
    for column in html.xpath("//thead//th"):
        assert column.get("scope") == "col"
    for form in html.xpath("//form[@method='post']"):
        assert form.xpath(".//input[@name='csrfmiddlewaretoken']")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("person", ["ana", "suzana", "teo"])
def test_others_have_no_such_page(client_for, cast, sources, person, page):
    client = client_for(getattr(cast, person))

    unknown = client.get("/operacao/nowhere/at-all")
    for response in (client.get(f"/operacao{page}"), client.post(f"/operacao{page}")):
        assert response.status_code == 404
        assert words(response, "//main") == words(unknown, "//main")


@pytest.mark.parametrize("page", PAGES)
def test_a_post_without_its_token_is_refused(cast, sources, page):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.olga, "allauth.account.auth_backends.AuthenticationBackend")

    assert client.post(f"/operacao{page}", {"errand": "run-now"}).status_code in {403, 405}
    assert not Errand.objects.exists()


def test_operations_start_at_their_page(olga, sources):
    assert olga.get("/")["Location"] == "/operacao"
