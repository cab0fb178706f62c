"""Links that name a company: for its own people they lead to its pages, for others nowhere."""

from __future__ import annotations

import uuid

import pytest

from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, words


def test_link_into_the_company_that_is_looked_at_leads_to_its_page(ana, cast, world):
    response = ana.get(f"/c/{cast.alfa.public_id}{address(world.o1)}?q=1")

    assert response.status_code == 302
    assert response["Location"] == f"{address(world.o1)}?q=1"


def test_link_into_another_own_company_asks_first_and_shows_nothing_of_it(client_for, cast, world):
    davi = client_for(cast.davi)
    davi.post("/empresa/trocar", {"company": cast.beta.public_id})

    page = davi.get(f"/c/{cast.alfa.public_id}{address(world.o1)}")

    assert page.status_code == 200
    assert "Este link é da Alfa Distribuidora." in words(page, "//h1")
    assert "Você está vendo a Beta Comércio. Continuar como Alfa Distribuidora?" in words(page)
    assert world.o1.title not in words(page)
    # The frame stays that of the company that is looked at, without the link's address.
    assert not [href for href in parse(page).xpath("//header//a/@href") if href.startswith("/c/")]

    form = parse(page).xpath("//main//form")[0]
    given = {
        "company": form.xpath(".//button/@value")[0],
        "next": form.xpath(".//input[@name='next']/@value")[0],
    }
    there = davi.post(form.get("action"), given, follow=True)
    assert there.redirect_chain == [(address(world.o1), 302)]
    assert world.o1.title in words(there, "//h1")


def test_looking_at_the_question_switches_nothing(client_for, cast, world):
    davi = client_for(cast.davi)
    davi.post("/empresa/trocar", {"company": cast.beta.public_id})

    davi.get(f"/c/{cast.alfa.public_id}{address(world.o1)}")

    assert "Pedidos da Beta Comércio" in words(davi.get("/pedidos"), "//h1")


@pytest.mark.parametrize("company", ["beta", "gama"])
def test_link_into_a_company_of_others_or_an_inactive_one_leads_nowhere(
    client_for, cast, world, company
):
    who = cast.davi if company == "gama" else cast.ana
    client = client_for(who)
    client.get("/pedidos")
    wanted = getattr(cast, company).public_id

    theirs = client.get(f"/c/{wanted}{address(world.o5)}")
    never = client.get(f"/c/{uuid.uuid4()}{address(world.o5)}")

    assert (theirs.status_code, never.status_code) == (404, 404)
    assert words(theirs) == words(never)


def test_no_form_can_be_sent_to_such_a_link(ana, cast, world):
    response = ana.post(f"/c/{cast.alfa.public_id}{address(world.o1)}/atualizar")

    assert response.status_code == 404


def test_link_brings_back_after_logging_in(client, cast, world):
    path = f"/c/{cast.alfa.public_id}{address(world.o1)}"

    response = client.get(path)

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={path}"
