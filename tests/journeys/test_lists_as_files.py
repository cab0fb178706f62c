"""Many numbers in, lists out, and lists as each wants them: B06 and B30, views and columns."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook

from erp_bridge.simulators.cast import O1, O2
from tests.journeys.conftest import LOCALE, say, saying

TOO_MANY = "That is %(given)s numbers; at most %(most)s can be searched at once."
PASTED = f"{O1.customer_number}\n999999\n{O2.erp_number}\n999999\n{O1.erp_number}"


def _rows_of(download) -> list[list[str]]:
    text = Path(download.path()).read_text(encoding="utf-8")
    assert text.startswith("\ufeff")
    return list(
        csv.reader(io.StringIO(text[1:], newline=""), delimiter="," if LOCALE == "en" else ";")
    )


def _take(page, button) -> object:
    with page.expect_download() as taken:
        button.click()
    return taken.value


@pytest.mark.usefixtures("any_language")
def test_b06_pasted_numbers_are_answered_in_their_order_and_downloaded(page_of):
    page = page_of("ana")
    page.goto("/pedidos")
    page.get_by_role("link", name=say("Paste several numbers")).click()
    page.get_by_label(say("Numbers"), exact=True).fill(PASTED)
    page.locator("main").get_by_role("button", name=say("Search"), exact=True).click()

    given = page.locator("table.answers tbody th")
    expect(given).to_have_count(4)
    assert [text.split("\n")[0].strip() for text in given.all_inner_texts()] == [
        O1.customer_number,
        "999999",
        O2.erp_number,
        O1.erp_number,
    ]
    expect(given.nth(1)).to_contain_text(say("given %(count)s times", count="2"))
    rows = page.locator("table.answers tbody tr")
    expect(rows.nth(1)).to_contain_text(say("not found"))
    heading = say("%(found)s of %(count)s number found", 4, found=3)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    written = _rows_of(_take(page, page.get_by_role("button", name="CSV")))
    found, missing = say("found"), say("not found")
    assert [row[2] for row in written[1:]] == [found, missing, found, found]


@pytest.mark.usefixtures("any_language")
def test_b06_with_501_numbers_nothing_is_lost_from_the_box(page_of):
    page = page_of("ana")
    page.goto("/pedidos/lote")
    numbers = "\n".join(str(700_000 + at) for at in range(501))
    box = page.locator("#numbers")
    box.fill(numbers)
    page.locator("main").get_by_role("button", name=say("Search"), exact=True).click()

    expect(page.locator("#problem")).to_contain_text(saying(TOO_MANY, given="501", most="500"))
    assert box.input_value().split() == numbers.split()


@pytest.mark.usefixtures("any_language")
def test_b30_the_file_has_as_many_rows_as_the_button_says(page_of):
    page = page_of("ana")
    page.goto("/pedidos?situacao=invoiced&situacao=shipped")
    button = page.locator("#export > summary")
    expect(button).to_contain_text(say("Export"))
    count = int(re.sub(r"\D", "", button.inner_text()))
    assert count > 1
    button.click()
    download = _take(page, page.locator("#export").get_by_role("button", name="CSV"))
    written = _rows_of(download)
    with page.expect_download() as taken:
        page.locator("#export").get_by_role("button", name=say("Excel (XLSX)")).click()
    book = CalamineWorkbook.from_path(taken.value.path())

    assert download.suggested_filename.endswith(".csv")
    assert len(written) == 1 + count
    typed = book.get_sheet_by_index(0).to_python()
    assert len(typed) == 1 + count
    assert all(isinstance(row[0], str) for row in typed)
    at = written[0].index(say("Status"))
    assert {row[at] for row in written[1:]} <= {say("Invoiced"), say("Shipped")}


def test_columns_and_a_view_are_chosen_without_scripts(page_of):
    page = page_of("bruno", java_script_enabled=False)
    # A phone shows cards, whose facts nobody chooses.
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto("/pedidos?situacao=invoiced")
    page.get_by_role("link", name="Colunas").click()
    page.get_by_role("checkbox", name="Número do pedido no ERP").check()
    page.get_by_role("button", name="Mover Número do pedido no ERP para cima").click()
    expect(page.get_by_role("checkbox", name="Número do pedido no ERP")).to_be_checked()
    page.get_by_role("button", name="Salvar").last.click()
    expect(page).to_have_url(re.compile(r"/pedidos\?situacao=invoiced$"))
    heads = page.locator("table thead th")
    assert "Número do pedido no ERP" in heads.all_inner_texts()

    page.locator(".list-tools summary").first.click()
    page.get_by_role("link", name="Salvar esta lista ou alterar visões").click()
    page.get_by_label("Nome").first.fill("Faturados com ERP")
    page.get_by_role("button", name="Salvar").first.click()
    page.goto("/pedidos")
    page.locator(".list-tools summary").first.click()
    page.get_by_role("link", name="Faturados com ERP").click()

    expect(page).to_have_url(re.compile(r"situacao=invoiced&visao="))
    assert "Número do pedido no ERP" in heads.all_inner_texts()


def test_picked_orders_are_counted_by_keyboard_and_their_file_has_them(page_of):
    page = page_of("ana")
    page.goto("/pedidos")
    boxes = page.get_by_role("checkbox", name=re.compile("Selecionar pedido"))
    expect(page.locator("#picked")).to_be_hidden()
    boxes.nth(0).focus()
    page.keyboard.press("Space")
    boxes.nth(3).focus()
    page.keyboard.press("Space")

    expect(page.get_by_text("2 pedidos selecionados")).to_be_visible()
    written = _rows_of(_take(page, page.locator("#picked").get_by_role("button", name="CSV")))
    assert len(written) == 1 + 2
