"""`inspect_document` and `inspect_number`, as an operator and as a machine call them."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.fiscal.nfe import (
    RECIPIENT,
    SAME_ROOT,
    STRANGER,
    Item,
    build_boleto,
    build_event,
    build_nfe,
    key_of,
)
from tests.fiscal.pdf import build_pdf


def said(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def told(*arguments: str) -> dict:
    return json.loads(said("inspect_document", *arguments, "--json"))


@pytest.fixture
def files(tmp_path):
    def write(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


def test_a_note_is_told_with_facts_and_verdict_at_the_top(files):
    note = files("nota.xml", build_nfe(items=(Item(customer_po="PO-1"),)))

    answer = told(note, "--tax-id", RECIPIENT)

    assert {name: answer[name] for name in ("file", "format", "root", "access_key")} == {
        "file": "nota.xml",
        "format": "xml",
        "root": "nfeProc",
        "access_key": key_of(),
    }
    assert (answer["verdict"], answer["reasons"], answer["action"]) == ("serve", [], "serve")
    assert (answer["signature"], answer["xsd_valid_pl4"]) == ("valid", True)
    assert (answer["access_key_check_digit_ok"], answer["emitter_matches_key"]) == (True, True)
    assert answer["items"][0]["customer_po"] == "PO-1"
    assert "notes" not in answer


def test_what_does_not_fit_the_schema_is_advice_only(files):
    answer = told(files("n.xml", build_nfe(cancelled=True)))

    assert answer["xsd_valid_pl4"] is False
    assert (answer["verdict"], answer["action"]) == ("warn", "serve_with_warning")


def test_tax_ids_may_stand_anywhere_and_be_punctuated(files):
    note = files("n.xml", build_nfe(recipient=STRANGER))

    for arguments in (
        (note, "--tax-id", RECIPIENT, "99.902.002/0001-33"),
        ("--tax-id", RECIPIENT, "--tax-id", STRANGER, note),
        (note, "--tax-id", f"{RECIPIENT},{STRANGER}"),
    ):
        assert told(*arguments)["verdict"] == "serve"
    refused = told(note, "--tax-id", RECIPIENT)
    assert (refused["reasons"], refused["action"]) == (["recipient_mismatch"], "refuse")
    assert told(note)["notes"] == ["recipient not checked: no --tax-id was given"]


def test_settings_can_be_tried(files):
    branch = files("n.xml", build_nfe(recipient=SAME_ROOT))
    active = files("b.pdf", build_pdf(javascript=True))

    assert told(branch, "--tax-id", RECIPIENT)["action"] == "refuse"
    assert told(branch, "--tax-id", RECIPIENT, "--same-root")["action"] == "serve_with_warning"
    assert told(active)["action"] == "refuse"
    assert told(active, "--active-content", "warn")["action"] == "serve_with_warning"
    assert told(active)["reason"] == "OpenAction JavaScript"


def test_other_files_of_the_invoice_are_taken_into_account(files):
    note = files("n.xml", build_nfe(installments=[("001", "2026-04-09", "990.50")], total="990.50"))
    event = files("e.xml", build_event())
    pending = files("p.xml", build_event(status="573"))
    boleto = files("b.pdf", build_boleto())

    assert told(note)["verdict"] == "serve"
    cancelled = told(note, "--with", event)
    assert (cancelled["verdict"], cancelled["reasons"]) == ("warn", ["cancelled"])
    assert told(note, "--with", pending, boleto)["verdict"] == "serve"
    assert told(boleto)["verdict"] == "serve"
    differs = told("--with", event, note, boleto)
    assert (differs["file"], differs["reasons"]) == ("b.pdf", ["amount_differs"])
    assert differs["reason"] == "amount differs from installment 001 of the invoice (990.50)"


def test_due_dates_are_read_from_the_reference_date(files):
    line = "23793381286000782713695000063305975520000370000"
    paper = files("b.pdf", build_pdf([line]))

    assert told(paper, "--reference-date", "2018-05-01")["due_date"] == "2018-06-11"
    assert told(paper, "--reference-date", "2026-11-21")["due_date"] is None


def test_a_person_reads_it_in_lines(files):
    note = files("n.xml", build_nfe(series=0, signed=False))

    text = said("inspect_document", note)

    assert text.splitlines()[:3] == [
        f"n.xml: xml, {len(build_nfe(series=0, signed=False))} bytes",
        "Would be handed out, with a warning. Verdict: warn (signature_absent)",
        "  recipient not checked: no --tax-id was given",
    ]
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert {"series: 0", "total: 100.00", "xsd valid pl4: False"} <= lines


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (b"", ["empty"]),
        (b"\xff\x00\xfe", ["unknown_format"]),
        (b"<x/>", ["unknown_root"]),
        (b"<!DOCTYPE x><x/>", ["doctype_forbidden"]),
        (b"[1]", ["not_xml"]),
    ],
)
def test_anything_at_all_gets_an_answer(files, content, reasons):
    path = files("x.xml", content)

    answer = told(path)

    assert (answer["root"], answer["verdict"], answer["reasons"]) == (None, "refuse", reasons)
    assert "signature" not in answer
    assert "Would be refused" in said("inspect_document", path)


def test_a_file_larger_than_we_take_is_refused(files, settings):
    settings.PORTAL_DOCUMENT_MAX_BYTES = 1000

    answer = told(files("n.xml", build_nfe()))

    assert (answer["reasons"], answer["action"]) == (["too_large"], "refuse")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("missing.pdf",),
        ("/",),
        ("/etc/hostname", "--tax-id", "123"),
        ("/etc/hostname", "--reference-date", "yesterday"),
        ("/etc/hostname", "--with", "missing.xml"),
        ("--tax-id", RECIPIENT),
    ],
)
def test_wrong_use_ends_with_two(arguments):
    with pytest.raises(CommandError) as caught:
        said("inspect_document", *arguments)

    assert caught.value.returncode in {1, 2}


def test_a_number_is_told_as_every_kind_it_can_be():
    answer = json.loads(said("inspect_number", "12.ABC.345/01DE-35", "--json"))

    assert answer[0] == {
        "group": "cnpj",
        "kind": "cnpj",
        "valid": True,
        "normalized": "12ABC34501DE35",
        "formatted": "12.ABC.345/01DE-35",
    }
    assert {one["group"] for one in answer} == {
        "cnpj",
        "cpf",
        "access_key",
        "access_key_nfse",
        "boleto",
        "arrecadacao",
        "pix",
        "inscricao_estadual",
    }


def test_a_number_may_be_given_with_its_blanks():
    line = "23793.38128 60007.827136 95000.063305 9 75520000370000"

    for arguments in ((line,), tuple(line.split(" "))):
        first = json.loads(
            said("inspect_number", *arguments, "--reference-date", "2018-05-01", "--json")
        )[0]
        assert (first["group"], first["kind"], first["valid"]) == ("boleto", "line47", True)
        assert (first["amount"], first["due_date"]) == ("3700.00", "2018-06-11")


def test_a_person_is_told_only_what_it_can_be():
    assert said("inspect_number", "16.727.230/0001-98").splitlines() == [
        "CNPJ: not valid (check_digit)"
    ]
    assert said("inspect_number", "?").splitlines() == ["None of the numbers that we know."]
    assert "  model: 55" in said("inspect_number", key_of()).splitlines()


def test_a_wrong_reference_date_is_wrong_use():
    with pytest.raises(CommandError, match="is no date"):
        said("inspect_number", "191", "--reference-date", "x")


def test_it_runs_where_nothing_is_set_up(tmp_path):
    manage = settings.BASE_DIR / "manage.py"

    run = subprocess.run(
        [sys.executable, manage, "inspect_number", "12.ABC.345/01DE-35", "--json"],
        env={},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )

    assert [row["kind"] for row in json.loads(run.stdout) if row["valid"]] == ["cnpj"]
