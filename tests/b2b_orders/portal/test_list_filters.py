"""/pedidos with a filter: the form, what is active, chips, sorts, pages, and what is wrong."""

from __future__ import annotations

import gzip
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from b2b_orders.companies.models import Acting
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_order, make_title

TITLES = "//table//a[contains(@class, 'main')]"
PILLS = "//a[contains(@class, 'pill')]"
FORM = {"HX-Request": "true", "HX-Source": "form#filters"}


def listed(client: Client, address: str, **headers: str) -> list[str]:
    return texts(client.get(address, headers=headers), TITLES)


def hrefs(response, xpath: str) -> list[str]:
    return [link.get("href") for link in parse(response).xpath(xpath)]


def query_of(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address).query)


@pytest.fixture
def orders(cast, sources) -> None:
    """Alfa's orders by title, newest first."""
    for place, (title, status, branch, by, total) in enumerate(
        (
            ("1001", "picking", cast.alfa_main, "Carla", "50.00"),
            ("1002", "invoiced", cast.alfa_main, "Carla", "500.00"),
            ("1003", "invoiced", cast.alfa_branch, "Ana", "700.00"),
            ("1004", "delivered", cast.alfa_branch, "Carla", None),
        )
    ):
        make_order(
            cast.alfa,
            [(NumberKind.ERP, title)],
            fulfilment=status,
            establishment=branch,
            placed_by_name=by,
            total=total and Decimal(total),
            placed_at=NOW - timedelta(days=place),
        )
    make_order(cast.beta, [(NumberKind.ERP, "9001")], fulfilment="picking")


FULL = (
    "/pedidos?situacao=invoiced&filial=12345678000195&feito_por=carla"
    "&de=2026-03-01&ate=2026-03-31&minimo=100&maximo=5.000"
)


def test_a_filter_in_the_address_is_what_everybody_with_it_sees(ana, orders, client_for, cast):
    assert listed(ana, FULL) == ["1002"]
    assert listed(client_for(cast.bruno), FULL) == ["1002"]
    # A colleague of another branch sees what is theirs of it; another company nothing.
    assert listed(client_for(cast.carla), FULL) == []
    assert listed(client_for(cast.beto), "/pedidos?situacao=picking") == ["9001"]


def test_each_active_part_has_a_way_out_that_keeps_the_others(ana, orders):
    response = ana.get(FULL + "&ordem=total&por_pagina=50")

    assert texts(response, PILLS) == [
        "Remover o filtro Faturado",
        "Remover o filtro Filial 0001",
        "Remover o filtro Feito por carla",
        "Remover o filtro 01/03/2026 a 31/03/2026",
        "Remover o filtro Total de 100,00 a 5.000,00",
    ]
    without_branch = query_of(hrefs(response, PILLS)[1])
    assert without_branch == [
        *(("situacao", "invoiced"), ("feito_por", "carla")),
        *(("de", "2026-03-01"), ("ate", "2026-03-31")),
        *(("minimo", "100.00"), ("maximo", "5000.00")),
        *(("ordem", "total"), ("por_pagina", "50")),
    ]
    [clear] = hrefs(response, "//a[text()='Limpar tudo']")
    assert query_of(clear) == [("ordem", "total"), ("por_pagina", "50")]
    for link in hrefs(response, PILLS):
        assert ana.get(link).status_code == 200


def test_the_form_holds_what_the_address_says_and_needs_no_script(ana, orders):
    page = parse(ana.get(FULL))
    [form] = page.xpath("//form[@id='filters']")

    assert (form.get("action"), form.get("method")) == ("/pedidos", "get")
    ticked = [box.get("value") for box in form.xpath(".//input[@type='checkbox'][@checked]")]
    assert ticked == ["invoiced", "12345678000195"]
    typed = {f.get("name"): f.get("value") for f in form.xpath(".//div[@class='typed']/input")}
    assert typed == {
        "feito_por": "carla",
        "de": "2026-03-01",
        "ate": "2026-03-31",
        "minimo": "100",
        "maximo": "5.000",
    }
    assert all(form.xpath(f".//label[@for='{f.get('id')}']") for f in form.xpath(".//select"))
    assert form.xpath(".//button[@type='submit']")
    # What a browser without scripts sends of it, empty fields and all.
    sent = (
        "/pedidos?situacao=invoiced&feito_por=&de=&ate=&minimo=&maximo=&ordem=-data&por_pagina=20"
    )
    assert listed(ana, sent) == ["1002", "1003"]


def test_a_wrong_date_is_said_at_its_field_and_the_list_stays(ana, orders):
    address = "/pedidos?situacao=picking&de=2026-04-01&ate=2026-03-01&minimo=abc"

    in_place = ana.get(address, headers=FORM)

    assert (in_place["HX-Retarget"], in_place["HX-Push-Url"]) == ("#filters", "false")
    assert b"<table" not in in_place.content
    for response in (in_place, ana.get(address)):
        page = parse(response)
        for name, typed, problem in (
            ("de", "2026-04-01", "Esta data é posterior à última."),
            ("minimo", "abc", "Isto não é um valor: escreva como 1.234,50."),
        ):
            [field] = page.xpath(f"//input[@name='{name}']")
            assert (field.get("value"), field.get("aria-invalid")) == (typed, "true")
            [said] = page.xpath(f"//*[@id='{field.get('aria-describedby')}']")
            assert said.text_content().strip() == problem
            assert field.xpath("ancestor::details[@open]")
    # Without scripts the rest of the filter holds.
    assert listed(ana, address) == ["1001"]


def test_ticking_a_box_brings_the_list_and_leaves_the_form_alone(ana, orders):
    response = ana.get("/pedidos?situacao=invoiced&de=&ate=&ordem=-data", headers=FORM)

    assert response["HX-Push-Url"] == "/pedidos?situacao=invoiced"
    assert {"HX-Request", "HX-Source"} <= set(response["Vary"].split(", "))
    body = response.content.decode()
    assert "<html" not in body
    assert 'id="filters"' not in body
    assert words(response, "//*[@id='show-count']") == "2"
    assert texts(response, TITLES) == ["1002", "1003"]
    by_link = ana.get("/pedidos", headers={"HX-Request": "true", "HX-Source": "a"})
    assert parse(by_link).xpath("//form[@id='filters']")
    assert parse(by_link).xpath("//*[@data-focus]")


def test_too_narrow_a_filter_says_which_part_leaves_out_the_most(ana, orders):
    response = ana.get("/pedidos?filial=12345678000195&situacao=delivered&feito_por=Carla")

    said = words(response, "//*[@id='narrow']")
    assert said == 'Nenhum pedido com estes filtros. Sem "Entregue" seriam 2.'
    [link] = hrefs(response, "//*[@id='narrow']/a")
    assert listed(ana, link) == ["1001", "1002"]
    hopeless = ana.get("/pedidos?feito_por=nobody&minimo=99999999")
    assert words(hopeless, "//*[@id='narrow']") == "Nenhum pedido com estes filtros."


def test_counts_say_how_many_and_how_they_are_sorted(ana, orders):
    assert words(ana.get("/pedidos"), "//caption") == "4 pedidos · mais recentes primeiro"
    two = ana.get("/pedidos?situacao=invoiced&ordem=total")
    assert words(two, "//caption") == "2 pedidos · menor total primeiro"
    assert words(ana.get("/pedidos?situacao=picking"), "//caption") == "1 pedido"


def test_chips_are_filters_with_counts_of_what_one_may_know(ana, orders, cast, client_for):
    chips = "//a[contains(@class, 'list-chip')]"
    assert texts(ana.get("/pedidos"), chips) == ["Em andamento 3"]
    late = make_order(
        cast.alfa,
        [(NumberKind.ERP, "1005")],
        fulfilment="picking",
        promised_on=NOW.date() - timedelta(days=2),
        divergence_count=1,
    )
    make_title(late, due_on=NOW.date(), amount=Decimal("1230.00"))
    dollars = make_order(cast.alfa, [(NumberKind.ERP, "1006")], currency="USD")
    make_title(dollars, amount=Decimal("5.00"))

    page = ana.get("/pedidos?ordem=total")
    found = [text.replace("\xa0", " ") for text in texts(page, chips)]
    assert found == [
        "Em andamento 5",
        "Atrasados 1",
        "A pagar em 7 dias 2 · R$ 1.230,00 · US$ 5,00",
        "Com divergência 1",
    ]
    late_url = hrefs(page, chips)[1]
    assert query_of(late_url) == [("so", "atrasados"), ("ordem", "total")]
    kept = ana.get(late_url)
    assert texts(kept, TITLES) == ["1005"]
    [on] = parse(kept).xpath(f"{chips}[@aria-current='true']")
    assert query_of(on.get("href")) == [("ordem", "total")]
    cast.bruno.memberships.update(sees_finance=False)
    assert "A pagar" not in words(client_for(cast.bruno).get("/pedidos"), "//main")


def test_the_rows_that_say_so_are_those_that_the_chip_of_late_orders_keeps(ana, orders, cast):
    for title, status, days in (
        ("2001", "picking", 1),
        ("2002", "shipped", 1),
        ("2003", "picking", 0),
        ("2004", "delivered", 1),
    ):
        promised = NOW.date() - timedelta(days=days)
        numbers = [(NumberKind.ERP, title)]
        make_order(cast.alfa, numbers, fulfilment=status, promised_on=promised)

    said = "//tr[.//td[contains(@class, 'c-status')]/span[@class='tag warn'][text()='Atrasado']]"
    late = texts(ana.get("/pedidos"), f"{said}//a[contains(@class, 'main')]")
    assert sorted(late) == ["2001", "2002"]
    assert sorted(listed(ana, "/pedidos?so=atrasados")) == sorted(late)


def test_without_prices_nothing_tells_of_amounts_and_the_page_says_what_it_left_out(
    ana, orders, cast
):
    cast.ana.memberships.update(role="viewer")
    response = ana.get("/pedidos?minimo=100&maximo=600&ordem=total&so=a_pagar")

    assert texts(response, TITLES) == ["1001", "1002", "1003", "1004"]
    assert not parse(response).xpath("//input[@name='minimo']")
    assert not parse(response).xpath("//option[contains(@value, 'total')]")
    assert "aquilo que você não pode ver" in words(response, "//main")
    assert "aquilo que você não pode ver" not in words(ana.get("/pedidos"), "//main")


def test_headings_lead_to_each_sort_and_say_the_present_one(ana, orders):
    sorts = ana.get("/pedidos?situacao=invoiced").context["sorts"]

    assert {name: link.aria for name, link in sorts.items()} == {
        "data": "descending",
        "total": "",
        "situacao": "",
        "previsao": "",
        "alterado": "",
    }
    assert query_of(sorts["total"].url) == [("situacao", "invoiced"), ("ordem", "-total")]
    by_total = ana.get(sorts["total"].url)
    assert texts(by_total, TITLES) == ["1003", "1002"]
    again = by_total.context["sorts"]["total"]
    assert (again.aria, query_of(again.url)[-1]) == ("descending", ("ordem", "total"))


def test_pages_keep_filter_sort_and_size_and_lead_back(ana, cast, sources):
    for place in range(52):
        make_order(cast.alfa, [(NumberKind.ERP, f"{place:03}")], total=Decimal(place % 5))
    first = ana.get("/pedidos?situacao=invoiced&ordem=total")
    assert len(texts(first, TITLES)) == 20
    assert not hrefs(first, "//a[@rel='prev']")

    [onwards] = hrefs(first, "//a[@rel='next']")
    second = ana.get(onwards)
    [back] = hrefs(second, "//a[@rel='prev']")

    assert query_of(onwards)[:2] == [("situacao", "invoiced"), ("ordem", "total")]
    assert not set(texts(first, TITLES)) & set(texts(second, TITLES))
    assert texts(ana.get(back), TITLES) == texts(first, TITLES)
    assert words(second, "//caption") == "52 pedidos · menor total primeiro"
    assert len(listed(ana, "/pedidos?por_pagina=50")) == 50
    assert len(listed(ana, "/pedidos?por_pagina=100")) == 52
    assert len(listed(ana, "/pedidos?por_pagina=100000")) == 20
    wrong = ana.get("/pedidos?ordem=-total&after=" + dict(query_of(onwards))["after"])
    assert (wrong.status_code, len(texts(wrong, TITLES))) == (200, 20)


def test_a_chosen_number_of_rows_is_kept_and_one_in_somebodys_link_is_not(
    ana, cast, client_for, sources
):
    for place in range(52):
        make_order(cast.alfa, [(NumberKind.ERP, f"{place:03}")])
    here = FORM | {"HX-Current-URL": "http://testserver/pedidos?por_pagina=100"}

    ana.get("/pedidos?por_pagina=100")
    ana.get("/pedidos?situacao=invoiced&por_pagina=100", headers=here)
    assert len(listed(ana, "/pedidos")) == 20
    chosen = ana.get("/pedidos?situacao=invoiced&por_pagina=50", headers=here)

    assert chosen["HX-Push-Url"] == "/pedidos?situacao=invoiced"
    assert len(listed(ana, "/pedidos")) == 50
    assert len(listed(client_for(cast.rita), "/pedidos")) == 20
    plain = FORM | {"HX-Current-URL": "http://testserver/pedidos"}
    ana.get("/pedidos?por_pagina=20", headers=plain)
    assert len(listed(ana, "/pedidos")) == 20


def test_a_number_is_listed_within_the_filter_and_opens_at_once_without_one(ana, orders):
    assert ana.get("/pedidos?q=1002").status_code == 302
    assert listed(ana, "/pedidos?q=1002&situacao=invoiced") == ["1002"]
    assert listed(ana, "/pedidos?q=100&situacao=invoiced") == ["1002", "1003"]
    none = ana.get("/pedidos?q=1002&situacao=picking")
    assert texts(none, TITLES) == []
    # It is there, but for the filter: that must not read as not found.
    assert words(none, "//*[@id='narrow']") == (
        'Nenhum pedido com estes filtros. Sem "Em separação" seria 1.'
    )
    assert "Não achamos" not in words(none)
    [pill] = hrefs(ana.get("/pedidos?q=100&situacao=picking"), PILLS)
    assert query_of(pill) == [("q", "100"), ("listar", "1")]


def test_an_order_leads_on_through_the_list_it_was_opened_from(ana, orders):
    page = ana.get("/pedidos?situacao=invoiced&situacao=delivered&ordem=data")
    assert texts(page, TITLES) == ["1004", "1003", "1002"]
    middle = ana.get(hrefs(page, TITLES)[1])

    [before] = hrefs(middle, "//a[@rel='prev']")
    [behind] = hrefs(middle, "//a[@rel='next']")
    [back] = hrefs(middle, "//a[contains(@class, 'crumb')]")

    assert "1004" in words(ana.get(before), "//h1")
    last = ana.get(behind)
    assert "1002" in words(last, "//h1")
    assert not hrefs(last, "//a[@rel='next']")
    assert texts(ana.get(back), TITLES) == ["1004", "1003", "1002"]
    assert not hrefs(ana.get(hrefs(middle, "//a[@rel='prev']")[0] + "&q=1"), "//a[@rel='prev']")


def test_hostile_text_in_a_filter_is_shown_as_text(ana, orders):
    attack = "<script>alert(1)</script>\"' onload=x"
    response = ana.get("/pedidos", {"feito_por": attack, "filial": attack, "de": attack})

    assert response.status_code == 200
    assert b"<script>alert(1)" not in response.content
    assert sum(attack in text for text in texts(response, PILLS)) == 2


def test_support_filters_the_company_that_it_acts_for(suzana, cast, orders):
    suzana.post("/atendimento/atuar", {"q": "12345678000195", "reason": "call 1"})
    assert Acting.objects.count() == 1
    base = f"/c/{cast.alfa.public_id}/pedidos"

    response = suzana.get(f"{base}?situacao=invoiced")

    assert texts(response, TITLES) == ["1002", "1003"]
    assert all(link.startswith(base) for link in hrefs(response, PILLS))
    assert parse(response).xpath("//form[@id='filters']/@action") == [base]


def test_a_page_of_a_hundred_is_light(ana, cast, sources):
    for place in range(100):
        make_order(cast.alfa, [(NumberKind.ERP, f"{place:03}")])

    response = ana.get("/pedidos?por_pagina=100")

    assert len(texts(response, TITLES)) == 100
    assert len(gzip.compress(response.content)) < 30_000


def test_the_keys_of_filters_and_of_the_file_are_on_the_page(ana, orders):
    response = ana.get("/pedidos")

    assert hrefs(response, "//*[@data-key='e']/..//a")[-1:] == ["/pedidos/exportacoes"]
    # On a phone the button of the sheet answers; else the first part of the filter.
    assert texts(response, "//summary[@data-key='f']") == ["Filtros", "Situação"]


def test_only_the_heading_that_the_list_is_sorted_by_says_so(ana, orders):
    heads = parse(ana.get("/pedidos?ordem=total")).xpath("//th[@aria-sort]")

    assert [(head.text_content(), head.get("aria-sort")) for head in heads] == [
        ("Total", "ascending")
    ]


def test_an_empty_answer_offers_nothing_to_do_with_a_list(ana, orders):
    tools = "//*[@class='list-tools']"

    assert len(parse(ana.get("/pedidos?q=100")).xpath(tools)) == 1
    assert len(parse(ana.get("/pedidos?situacao=replaced")).xpath(tools)) == 1
    assert parse(ana.get("/pedidos?q=999999")).xpath(tools) == []
