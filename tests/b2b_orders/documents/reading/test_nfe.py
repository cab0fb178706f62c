"""What an NF-e says, and the verdict on it, trait by trait."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from b2b_orders.documents.reading.findings import Context, Word, action_of
from b2b_orders.documents.reading.inspection import inspect
from b2b_orders.documents.reading.schema import fits_schema
from b2b_orders.documents.reading.xml import NFE
from erp_bridge.identifiers import cnpj_with_digits
from tests.fiscal.nfe import (
    BRANCH,
    EMITTER,
    PERSON,
    RECIPIENT,
    SAME_ROOT,
    STRANGER,
    Item,
    build_event,
    build_nfe,
    key_of,
)

OURS = Context(tax_ids=frozenset({RECIPIENT, BRANCH}))
LETTERS = "12ABC34501DE35"


def read(content: bytes, context: Context = OURS):
    return inspect(io.BytesIO(content), context)


def verdict(content: bytes, context: Context = OURS) -> tuple[str, tuple[str, ...], str]:
    found = read(content, context)
    return found.word.value, found.reasons, found.signature


FULL = build_nfe(
    1201,
    series=3,
    issued_at="2026-09-14T10:22:31-03:00",
    items=(
        Item(
            "A-10", "Notebook 14 polegadas", Decimal("3.0000"), Decimal("3500.0000"), "PO-71", "10"
        ),
        Item("A-12", 'Mouse "x" & cia <2.4GHz>', Decimal("5.0000"), Decimal("59.3350"), "45", "1"),
    ),
    freight="120.00",
    discount="20.50",
    installments=[
        ("001", "2026-10-14", "5448.09"),
        ("002", "2026-11-13", "5448.09"),
    ],
    customer_po="PO-9",
    carrier="TRANSPORTADORA EXEMPLO LTDA",
    volumes=(4, 1),
    extra_info="Rastreio: TE000000001BR.",
    contributor_notes={"pedido_vtex": "v1029384exm-01"},
    delivery=BRANCH,
    referenced_keys=[key_of(7)],
    ibs_cbs=("0.10", "0.90"),
    total_with_ibs_cbs="10897.17",
)


def test_every_fact_of_a_note_is_read():
    facts = dict(read(FULL).facts)
    facts.pop("items")

    assert facts == {
        "root": "nfeProc",
        "access_key": key_of(1201, 3, year_month="2609"),
        "model": "55",
        "series": 3,
        "number": 1201,
        "issued_at": "2026-09-14T10:22:31-03:00",
        "operation": "Venda de mercadoria",
        "environment": "production",
        "purpose": "1",
        "emitter": {"document": EMITTER, "name": "VENDEDORA EXEMPLO LTDA", "uf": "SP"},
        "recipient": {
            "document": RECIPIENT,
            "kind": "cnpj",
            "name": "COMPRADORA EXEMPLO S.A.",
            "uf": "RJ",
        },
        "total_products": "10796.68",
        "total_freight": "120.00",
        "total_insurance": "0.00",
        "total_discount": "20.50",
        "total_other": "0.00",
        "total_ipi": "0.00",
        "total_st": "0.00",
        "total": "10896.18",
        "total_with_ibs_cbs": "10897.17",
        "ibs_total": "0.10",
        "cbs_total": "0.90",
        "installments": [
            {"number": "001", "due_date": "2026-10-14", "amount": "5448.09"},
            {"number": "002", "due_date": "2026-11-13", "amount": "5448.09"},
        ],
        "installments_sum": "10896.18",
        "installments_equal_total": True,
        "item_count": 2,
        "customer_po_header": "PO-9",
        "customer_pos": ["45", "PO-71", "PO-9"],
        "carrier": "TRANSPORTADORA EXEMPLO LTDA",
        "freight_mode": "0",
        "volumes": [4, 1],
        "gross_weights": [],
        "extra_info": "Rastreio: TE000000001BR.",
        "contributor_notes": {"pedido_vtex": "v1029384exm-01"},
        "delivery_document": BRANCH,
        "referenced_keys": [key_of(7)],
        "protocol": {
            "number": "135260000000001",
            "status": "100",
            "received_at": "2026-09-14T10:22:31-03:00",
            "key_matches": True,
        },
        "danfe_layout": "moc_7_0",
    }


def test_items_are_read_with_the_customers_order():
    assert read(FULL).facts["items"][1] == {
        "n": 2,
        "code": "A-12",
        "description": 'Mouse "x" & cia <2.4GHz>',
        "quantity": "5.0000",
        "unit_price": "59.3350",
        "total": "296.68",
        "customer_po": "45",
        "customer_po_item": "1",
    }


def test_a_sound_note_is_served_and_fits_the_schema():
    assert verdict(FULL) == ("serve", (), "valid")
    assert fits_schema(FULL, f"{NFE}nfeProc") is True
    found = read(FULL)
    assert (found.key_ok, found.emitter_matches_key, found.remark) == (True, True, "")


def test_what_a_note_does_not_say_is_empty():
    facts = read(build_nfe(protocol_status="", root="NFe")).facts

    absent = {name for name, value in facts.items() if value is None}
    assert absent == {
        "total_with_ibs_cbs",
        "ibs_total",
        "cbs_total",
        "customer_po_header",
        "carrier",
        "extra_info",
        "contributor_notes",
        "delivery_document",
        "protocol",
    }
    assert (facts["installments"], facts["installments_sum"]) == ([], "0.00")
    assert facts["installments_equal_total"] is False


def test_instalments_are_never_made_to_add_up():
    facts = read(build_nfe(installments=[("001", "2026-12-06", "20.00")])).facts

    assert (facts["installments_sum"], facts["installments_equal_total"]) == ("20.00", False)
    assert verdict(build_nfe(installments=[("001", "2026-12-06", "20.00")]))[0] == "serve"


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"environment": "2"}, ("warn", ("homologation",), "valid")),
        ({"root": "NFe"}, ("warn", ("no_protocol",), "valid")),
        ({"protocol_status": ""}, ("warn", ("no_protocol",), "valid")),
        ({"protocol_status": "150"}, ("serve", (), "valid")),
        ({"protocol_status": "302"}, ("refuse", ("protocol_not_authorised",), "valid")),
        ({"protocol_status": "101"}, ("refuse", ("protocol_not_authorised",), "valid")),
        ({"protocol_key": key_of(7)}, ("refuse", ("protocol_key_mismatch",), "valid")),
        ({"recipient": BRANCH}, ("serve", (), "valid")),
        ({"recipient": STRANGER}, ("refuse", ("recipient_mismatch",), "valid")),
        ({"recipient": PERSON}, ("refuse", ("recipient_mismatch",), "valid")),
        ({"recipient": ""}, ("refuse", ("recipient_mismatch",), "valid")),
        ({"recipient": SAME_ROOT}, ("policy", ("same_root_other_branch",), "valid")),
        (
            {"recipient": SAME_ROOT, "delivery": BRANCH},
            ("policy", ("same_root_other_branch",), "valid"),
        ),
        ({"recipient": STRANGER, "delivery": BRANCH}, ("refuse", ("recipient_mismatch",), "valid")),
        ({"purpose": "4", "referenced_keys": [key_of(7)]}, ("serve", (), "valid")),
        ({"key": key_of(emitter=STRANGER)}, ("refuse", ("access_key_emitter_mismatch",), "valid")),
        ({"key": key_of(7)}, ("refuse", ("access_key_fields_mismatch",), "valid")),
        ({"key": key_of(series=7)}, ("refuse", ("access_key_fields_mismatch",), "valid")),
        ({"key": key_of(model="65")}, ("refuse", ("access_key_fields_mismatch",), "valid")),
        ({"key": key_of(year_month="2604")}, ("refuse", ("access_key_fields_mismatch",), "valid")),
        ({"key": key_of()[:43]}, ("refuse", ("access_key_format",), "valid")),
        ({"cancelled": True}, ("warn", ("cancelled",), "valid")),
        ({"signed": False}, ("warn", ("signature_absent",), "absent")),
        (
            {"tampered": ("<vNF>100.00", "<vNF>100.01")},
            ("refuse", ("signature_digest_mismatch",), "invalid"),
        ),
        (
            {"indented": True},
            (
                "warn",
                ("signature_broken_by_reformatting",),
                "valid_only_after_blank_text_removed",
            ),
        ),
        (
            {"protocol_digest": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
            ("refuse", ("protocol_digest_mismatch",), "valid"),
        ),
        (
            {"signed": False, "environment": "2", "protocol_status": ""},
            ("warn", ("no_protocol", "signature_absent", "homologation"), "absent"),
        ),
        (
            {"recipient": STRANGER, "protocol_status": ""},
            ("refuse", ("recipient_mismatch",), "valid"),
        ),
        ({"signer": STRANGER}, ("warn", ("signed_by_another",), "valid")),
        ({"signer": cnpj_with_digits("112223330099")}, ("serve", (), "valid")),
    ],
)  # fmt: skip
def test_each_trait_has_its_verdict(traits, expected):
    assert verdict(build_nfe(**traits)) == expected


def test_a_wrong_check_digit_of_the_key_is_refused_and_said():
    wrong = key_of()[:43] + str((int(key_of()[43]) + 1) % 10)

    found = read(build_nfe(key=wrong))

    assert (found.word, found.reasons) == (Word.REFUSE, ("access_key_check_digit",))
    assert (found.key_ok, found.signature) == (False, "valid")
    assert found.facts["access_key"] == wrong


def test_companies_may_have_letters_and_emitters_may_be_persons():
    buyer = "AB12CD34000184"
    of_letters = build_nfe(emitter=LETTERS, recipient=buyer)
    of_person = build_nfe(33, series=920, emitter=PERSON)

    assert verdict(of_letters, Context(frozenset({buyer}))) == ("serve", (), "valid")
    assert verdict(of_person)[0] == "serve"
    assert read(of_person).emitter_matches_key is True


def test_a_recipient_can_be_a_person():
    content = build_nfe(recipient=PERSON)

    assert verdict(content, Context(frozenset({PERSON})))[0] == "serve"
    assert read(content).facts["recipient"]["kind"] == "cpf"


def test_nobody_asks_whose_it_is_where_no_company_is_named():
    assert verdict(build_nfe(recipient=STRANGER), Context())[0] == "serve"


@pytest.mark.parametrize(
    "traits",
    [
        {"encoding": "ISO-8859-1"},
        {"declared": False, "bom": True},
        {"declared": False},
        {"bom": True},
    ],
)
def test_encodings_make_no_difference(traits):
    content = build_nfe(extra_info="Observação: produção à vista", **traits)

    assert verdict(content) == ("serve", (), "valid")
    assert read(content).facts["extra_info"] == "Observação: produção à vista"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b'<!DOCTYPE html><html lang="pt"></html>', "html_instead_of_document"),
        (b'{"erro": "Sessao expirada"}', "not_xml"),
        (b'<?xml version="1.0"?><pedido xmlns="urn:x"/>', "unknown_root"),
        (build_nfe(root="enviNFe"), "unknown_root"),
        (build_nfe()[:-200], "not_well_formed"),
        (build_nfe() + b"\x00", "not_well_formed"),
        (b"\x00\x01\x02", "unknown_format"),
        (build_nfe(doctype="<!DOCTYPE nfeProc>"), "doctype_forbidden"),
        (build_nfe(doctype='<!doctype nfeProc SYSTEM "http://x.invalid/a">'), "doctype_forbidden"),
        (build_nfe(doctype='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
         "doctype_forbidden"),
        (b"<a>" * 100_000, "not_well_formed"),
        (b"<a>" * 300 + b"</a>" * 300, "not_well_formed"),
        (b"<a>" + b"x" * 5_000_001, "too_large"),
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused_with_the_reason(content, reason):
    found = read(content)

    assert (found.word, found.reasons) == (Word.REFUSE, (reason,))
    assert found.facts == {"root": None}


def test_two_notes_in_one_file_are_none():
    note = build_nfe(root="NFe")
    inner = note[note.index(b"<NFe") :]
    twice = b'<nfeProc xmlns="http://www.portalfiscal.inf.br/nfe">' + inner * 2 + b"</nfeProc>"

    assert read(twice).reasons == ("unknown_root",)


def test_an_event_held_beside_a_note_cancels_it():
    cancelled = read(build_event()).facts["access_key"]

    context = Context(OURS.tax_ids, cancelled_keys=frozenset({cancelled}))

    assert verdict(build_nfe(), context) == ("warn", ("cancelled",), "valid")
    assert verdict(build_nfe(7), context) == ("serve", (), "valid")


@pytest.mark.parametrize(
    ("word", "given", "expected"),
    [
        (Word.SERVE, {}, "serve"),
        (Word.WARN, {"has_reasons": True}, "serve_with_warning"),
        (Word.REFUSE, {"same_root_allowed": True, "active_content": "warn"}, "refuse"),
        (Word.POLICY, {}, "refuse"),
        (Word.POLICY, {"same_root_allowed": True}, "serve_with_warning"),
        (Word.REFUSE_OR_SANITISE, {}, "refuse"),
        (Word.REFUSE_OR_SANITISE, {"active_content": "warn"}, "serve_with_warning"),
        (Word.SERVE_AFTER_DECODING, {}, "serve"),
        (Word.EVENT_CANCELS, {"has_reasons": True}, "serve"),
        (Word.EVENT_INFO, {"has_reasons": True}, "serve"),
    ],
)
def test_what_is_done_follows_from_the_verdict_and_settings(word, given, expected):
    assert action_of(word, **given) == expected
