"""Files as sources send them: right, cut, poisoned, or something else altogether."""

from __future__ import annotations

import io
import zipfile

import pikepdf

from erp_bridge.identifiers import check_digit_mod11

EMITTER = "11222333000181"
ALFA = "12345678000195"
ALFA_BRANCH = "12345678000276"


def make_pdf(text: str = "Boleto", **root: object) -> bytes:
    """Make a one-page PDF; `root` adds to its catalogue."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(200, 200))
    pdf.pages[0].Contents = pdf.make_stream(f"BT ({text * 50}) Tj ET".encode())
    for name, value in root.items():
        pdf.Root[f"/{name}"] = value(pdf) if callable(value) else value
    out = io.BytesIO()
    pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def make_locked_pdf() -> bytes:
    out = io.BytesIO()
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    return out.getvalue()


def action(name: str):
    return lambda pdf: pikepdf.Dictionary(S=pikepdf.Name(f"/{name}"), JS="app.alert(1)")


def attachment(pdf: pikepdf.Pdf) -> pikepdf.Dictionary:
    file = pdf.make_stream(b"MZ")
    file.stream_dict.Type = pikepdf.Name("/EmbeddedFile")
    spec = pikepdf.Dictionary(Type=pikepdf.Name("/Filespec"), EF=pikepdf.Dictionary(F=file))
    return pikepdf.Dictionary(
        EmbeddedFiles=pikepdf.Dictionary(Names=pikepdf.Array(["x", pdf.make_indirect(spec)]))
    )


def make_key(number: int = 1001, series: int = 1, emitter: str = EMITTER) -> str:
    first = f"352603{emitter}55{series:03d}{number:09d}1{number:08d}"
    return first + check_digit_mod11(first)


def make_nfe(
    number: int = 1001,
    *,
    recipient: str = ALFA,
    key: str = "",
    emitter: str = EMITTER,
    protocol_key: str | None = None,
    root: str = "nfeProc",
    prolog: str = '<?xml version="1.0" encoding="UTF-8"?>',
) -> bytes:
    key = key or make_key(number)
    of_recipient = "CPF" if len(recipient) == 11 else "CNPJ"
    note = (
        f'<NFe xmlns="http://www.portalfiscal.inf.br/nfe"><infNFe versao="4.00" Id="NFe{key}">'
        f"<emit><CNPJ>{emitter}</CNPJ><xNome>Vendedora São João</xNome></emit>"
        f"<dest><{of_recipient}>{recipient}</{of_recipient}></dest></infNFe></NFe>"
    )
    if root == "NFe":
        return (prolog + note).encode()
    proof = (
        ""
        if protocol_key == ""
        else (
            f"<protNFe><infProt><chNFe>{protocol_key or key}</chNFe>"
            "<cStat>100</cStat></infProt></protNFe>"
        )
    )
    return (
        f'{prolog}<{root} xmlns="http://www.portalfiscal.inf.br/nfe">{note}{proof}</{root}>'
    ).encode()


def make_zip(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


HTML = b"\n<!DOCTYPE html><html><title>Sess\xc3\xa3o expirada</title>%PDF-</html>"
