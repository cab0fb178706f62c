"""Events of a note, CT-e and NFS-e."""

from __future__ import annotations

import io

import pytest

from b2b_orders.documents.reading.findings import Context
from b2b_orders.documents.reading.inspection import inspect
from erp_bridge.identifiers import check_digit_mod11
from tests.fiscal.nfe import (
    CARRIER,
    EMITTER,
    RECIPIENT,
    STRANGER,
    build_cte,
    build_event,
    key_of,
)

OURS = Context(tax_ids=frozenset({RECIPIENT}))


def read(content: bytes, context: Context = OURS):
    return inspect(io.BytesIO(content), context)


# --- events ---------------------------------------------------------------------------------


def test_a_cancellation_is_read():
    found = read(build_event())

    assert (found.word.value, found.reasons) == ("event_cancels", ("cancelled",))
    assert (found.signature, found.key_ok) == ("valid", True)
    assert found.facts == {
        "root": "procEventoNFe",
        "event_type": "110111",
        "access_key": key_of(),
        "sequence": 1,
        "environment": "production",
        "event_at": "2026-03-11T09:00:00-03:00",
        "registered_at": "2026-03-11T09:00:21-03:00",
        "status": "135",
        "protocol": "135260000000002",
        "author": EMITTER,
        "justification": "Pedido em duplicidade",
    }


def test_a_letter_of_correction_is_read_with_its_text():
    found = read(build_event(event_type="110110", sequence=3, correction="Leia-se B."))

    assert (found.word.value, found.reasons) == ("event_info", ("correction_letter",))
    assert (found.facts["sequence"], found.facts["correction"]) == (3, "Leia-se B.")
    assert found.signature == "valid"


@pytest.mark.parametrize("status", ["135", "136", "155"])
@pytest.mark.parametrize("event_type", ["110111", "110112"])
def test_registered_cancellations_cancel(status, event_type):
    assert read(build_event(event_type=event_type, status=status)).word.value == "event_cancels"


@pytest.mark.parametrize(
    ("traits", "word", "reasons"),
    [
        ({"status": "573"}, "event_info", ("cancellation_without_effect", "event_not_registered")),
        ({"status": ""}, "event_info", ("cancellation_without_effect", "event_not_registered")),
        ({"event_type": "110110", "status": "999"},
         "event_info", ("correction_letter", "event_not_registered")),
        ({"event_type": "110130"}, "event_info", ("proof_of_delivery",)),
        ({"event_type": "210200", "author": RECIPIENT}, "event_info", ("recipient_statement",)),
        ({"event_type": "990000", "author": STRANGER}, "event_info", ("other_event",)),
        ({"signed": False}, "event_cancels", ("cancelled", "signature_absent")),
        ({"author": STRANGER}, "refuse", ("event_author_mismatch",)),
        ({"event_type": "110110", "author": RECIPIENT}, "refuse", ("event_author_mismatch",)),
        ({"answer_key": key_of(7)}, "refuse", ("protocol_key_mismatch",)),
        ({"key": key_of()[:43] + "x"}, "refuse", ("access_key_format",)),
        ({"key": "9" * 44, "author": "9" * 14}, "refuse", ("access_key_check_digit",)),
        ({"tampered": ("duplicidade", "atraso")}, "refuse", ("signature_digest_mismatch",)),
        ({"tampered": ("110111", "110112")}, "refuse", ("event_id_mismatch",)),
    ],
)  # fmt: skip
def test_each_event_has_its_verdict(traits, word, reasons):
    found = read(build_event(**traits))

    assert (found.word.value, found.reasons) == (word, reasons)


def test_an_event_of_the_test_environment_cancels_nothing():
    content = build_event(signed=False).replace(b"<tpAmb>1", b"<tpAmb>2")

    found = read(content)

    assert found.word.value == "event_info"
    assert found.reasons == ("cancellation_without_effect", "homologation", "signature_absent")


# --- CT-e -----------------------------------------------------------------------------------


def test_a_cte_is_read():
    found = read(build_cte(invoice_keys=[key_of(), key_of(1002)]))

    assert (found.word.value, found.reasons, found.signature) == ("serve", (), "valid")
    assert (found.key_ok, found.emitter_matches_key) == (True, True)
    assert found.facts == {
        "root": "cteProc",
        "access_key": key_of(31245, 1, CARRIER, model="57"),
        "model": "57",
        "series": 1,
        "number": 31245,
        "issued_at": "2026-03-12T18:20:00-03:00",
        "environment": "production",
        "emitter": {"document": CARRIER, "name": "TRANSPORTADORA EXEMPLO LTDA"},
        "sender": {"document": EMITTER, "name": "VENDEDORA EXEMPLO LTDA"},
        "receiver": None,
        "recipient": {"document": RECIPIENT, "kind": "cnpj", "name": "COMPRADORA EXEMPLO S.A."},
        "payer": EMITTER,
        "service_total": "248.90",
        "cargo_value": "3714.11",
        "invoice_keys": [key_of(), key_of(1002)],
        "protocol": {
            "number": "135260000000001",
            "status": "100",
            "received_at": "2026-03-12T18:20:00-03:00",
            "key_matches": True,
        },
    }


@pytest.mark.parametrize(
    ("traits", "word", "reasons"),
    [
        ({"recipient": STRANGER}, "refuse", ("recipient_mismatch",)),
        ({"recipient": STRANGER, "receiver": RECIPIENT}, "serve", ()),
        ({"recipient": STRANGER, "payer": RECIPIENT}, "serve", ()),
        ({"recipient": STRANGER, "sender": RECIPIENT, "payer": "0"}, "serve", ()),
        ({"root": "CTe"}, "warn", ("no_protocol",)),
        ({"environment": "2"}, "warn", ("homologation",)),
        ({"signed": False}, "warn", ("signature_absent",)),
        ({"protocol_status": "301"}, "refuse", ("protocol_not_authorised",)),
        ({"protocol_key": key_of()}, "refuse", ("protocol_key_mismatch",)),
        ({"tampered": ("3714.11", "37.14")}, "refuse", ("signature_digest_mismatch",)),
        ({"key": key_of(31245, 1, EMITTER, model="57")},
         "refuse", ("access_key_emitter_mismatch",)),
    ],
)  # fmt: skip
def test_each_cte_has_its_verdict(traits, word, reasons):
    found = read(build_cte(**traits))

    assert (found.word.value, found.reasons) == (word, reasons)


def test_the_invoices_in_a_cte_are_not_taken_for_a_note():
    assert read(build_cte()).facts["root"] == "cteProc"


# --- NFS-e ----------------------------------------------------------------------------------

NFSE = """<NFSe xmlns="http://www.sped.fazenda.gov.br/nfse"><infNFSe versao="1.01" Id="NFS{key}">
<nNFSe>999</nNFSe><emit><CNPJ>11222333000181</CNPJ><xNome>SERVICOS LTDA</xNome></emit>
<valores><vLiq>8885.00</vLiq></valores><DPS><infDPS><tpAmb>1</tpAmb>
<dhEmi>2026-02-11T09:00:00-03:00</dhEmi><toma><CNPJ>{recipient}</CNPJ><xNome>TOMADORA</xNome></toma>
<valores><vServPrest><vServ>10000.00</vServ></vServPrest></valores></infDPS></DPS></infNFSe></NFSe>"""
NFSE_KEY = "42046082211222333000181" + "0" * 27


def nfse(recipient: str = RECIPIENT, key: str = NFSE_KEY) -> bytes:
    return NFSE.format(recipient=recipient, key=key).encode()


def test_an_invoice_for_services_is_known():
    found = read(nfse())

    assert (found.word.value, found.reasons) == ("warn", ("signature_absent",))
    assert found.facts == {
        "root": "NFSe",
        "access_key": NFSE_KEY,
        "number": 999,
        "issued_at": "2026-02-11T09:00:00-03:00",
        "environment": "production",
        "emitter": {"document": "11222333000181", "name": "SERVICOS LTDA"},
        "recipient": {"document": RECIPIENT, "kind": "cnpj", "name": "TOMADORA"},
        "service_total": "10000.00",
        "total": "8885.00",
    }


def test_an_invoice_for_services_to_another_company_is_refused():
    assert read(nfse(STRANGER)).reasons == ("recipient_mismatch",)
    assert read(nfse(key="1" * 49)).reasons == ("access_key_format",)


def test_check_digits_of_made_keys_are_right():
    assert check_digit_mod11(key_of()[:43]) == key_of()[43]
