"""Makes PDFs as banks and tax offices print them, and as nobody should send them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pikepdf

from erp_bridge.identifiers import make_boleto_line


def build_pdf(
    lines: Sequence[str] = ("Documento de teste",),
    *,
    pages: int = 1,
    javascript: bool = False,
    launch: bool = False,
    attachment: bool = False,
    user_password: str = "",
    owner_password: str = "",
    junk_before: bytes = b"",
    truncated: float = 0.0,
) -> bytes:
    """Make a PDF with lines of text; `truncated` is the share that is kept of its bytes."""
    pdf = pikepdf.new()
    font = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name.Helvetica,
            Encoding=pikepdf.Name.WinAnsiEncoding,
        )
    )
    for _ in range(pages):
        page = pdf.add_blank_page(page_size=(595, 842))
        page.Contents = pdf.make_stream(_content(lines))
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    if javascript:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
    if launch:
        action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe")
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action
        )
        pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(note)])
    if attachment:
        pdf.attachments["nota.exe"] = b"MZ"
    out = io.BytesIO()
    locked = None
    if user_password or owner_password:
        locked = pikepdf.Encryption(owner=owner_password or user_password, user=user_password)
    pdf.save(out, encryption=locked or False)
    content = junk_before + out.getvalue()
    return content[: int(len(content) * truncated)] if truncated else content


def _content(lines: Sequence[str]) -> bytes:
    written = [b"BT /F1 9 Tf 11 TL 40 800 Td"]
    for line in lines:
        text = line.encode("cp1252")
        for special in (b"\\", b"(", b")"):
            text = text.replace(special, b"\\" + special)
        written.append(b"(" + text + b") Tj T*")
    return b"\n".join([*written, b"ET"])


def build_boleto(
    *,
    amount: Decimal = Decimal("1000.50"),
    due_on: date | None = date(2026, 4, 9),
    bank: str = "237",
    free_field: str = "3381260007827139500006330",
    document_number: str = "1001/001",
    payee: str = "VENDEDORA EXEMPLO LTDA  CNPJ 11.222.333/0001-81",
    payer: str = "COMPRADORA EXEMPLO S.A.  CNPJ 12.345.678/0001-95",
    pix: str = "",
    line: str = "",
    **traits: object,
) -> bytes:
    """Make a bank slip whose line holds the amount and the due date."""
    line = line or make_boleto_line(bank=bank, due_on=due_on, amount=amount, free_field=free_field)
    printed = f"{line[:5]}.{line[5:10]} {line[10:15]}.{line[15:21]} {line[21:26]}.{line[26:32]}"
    lines = [
        "Boleto de cobrança",
        "Linha digitável",
        f"{printed} {line[32]} {line[33:]}",
        "Beneficiário",
        payee,
        "Pagador",
        payer,
        "Número do documento",
        document_number,
        "Vencimento",
        due_on.strftime("%d/%m/%Y") if due_on else "CONTRA APRESENTAÇÃO",
        "Valor do documento",
        money(amount),
    ]
    if pix:
        # As issuers break it: in the middle of a word, after what fits into a line.
        lines += ["Pix copia e cola", pix[:95], pix[95:]] if len(pix) > 95 else ["Pix", pix]
    return build_pdf(lines, **traits)  # type: ignore[arg-type]


def build_slip(
    *,
    title: str = "Guia Nacional de Recolhimento de Tributos Estaduais - GNRE",
    state_label: str = "UF favorecida",
    state: str = "RJ",
    revenue_code: str = "100102",
    origin_key: str = "",
    due_on: date = date(2026, 3, 20),
    amount: Decimal = Decimal("1250.37"),
    line: str = "858200000120503702202025611301234560789012345608",
) -> bytes:
    """Make a tax slip (GNRE, DARE-SP) with its 48 digits."""
    blocks = [f"{line[at : at + 11]}-{line[at + 11]}" for at in range(0, 48, 12)]
    lines = [title, state_label, state, "Código da receita", revenue_code]
    if origin_key:
        lines += ["Documento de origem (chave NF-e)", origin_key]
    lines += [
        "Data de vencimento",
        due_on.strftime("%d/%m/%Y"),
        "Total a recolher",
        money(amount),
        "Representação numérica",
        " ".join(blocks),
    ]
    return build_pdf(lines)


def money(amount: Decimal) -> str:
    """Write an amount as Brazilian papers do."""
    return "R$ " + f"{amount:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
