"""The ERP's papers: small valid PDFs with the texts that banks and states print.

Nothing here may be paid or filed: the bank does not exist, the companies are invented, and
each page says that it is a demonstration.
"""

from __future__ import annotations

import functools
import io
import unicodedata

import pikepdf

from erp_bridge.simulators import numbers
from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.documents import Document, reais
from erp_bridge.simulators.model import (
    SELLER,
    ErpOrder,
    Invoice,
    Order,
    Title,
    access_key,
)

DEMO_NOTICE = "DEMONSTRAÇÃO: SEM VALOR FISCAL OU FINANCEIRO"
_LINES_ON_PAGE = 58
_WIDTH = 95


def pdf(title: str, lines: list[str], *, script: str = "") -> bytes:
    """Set lines of text on as many A4 pages as they need; with a script, one that runs at once."""
    pages = [lines[at : at + _LINES_ON_PAGE] for at in range(0, len(lines), _LINES_ON_PAGE)]
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    action = b" /OpenAction << /S /JavaScript /JS (%s) >>" % _pdf_text(script) if script else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R%s >>" % action,
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, page in enumerate(pages):
        stream = _page_stream(title, page, index + 1, len(pages))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources"
            b" << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * index)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    return _pdf_file(objects)


def _page_stream(title: str, lines: list[str], number: int, of: int) -> bytes:
    parts = [
        b"BT /F1 14 Tf 40 800 Td (%s) Tj ET" % _pdf_text(title),
        b"BT /F1 8 Tf 40 785 Td (%s) Tj ET" % _pdf_text(f"{DEMO_NOTICE}  -  folha {number}/{of}"),
        b"40 778 m 555 778 l S",
        b"BT /F1 9 Tf 12 TL 40 762 Td",
    ]
    parts += [b"(%s) Tj T*" % _pdf_text(line) for line in lines]
    parts.append(b"ET")
    return b"\n".join(parts)


def _pdf_text(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _pdf_file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)


@functools.lru_cache(maxsize=100)
def locked(plain: bytes, password: str) -> bytes:
    """Put a PDF behind a password, as some banks do; the same one gives the same bytes."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(plain)) as document:
        document.save(out, encryption=pikepdf.Encryption(user=password, owner=password, R=4))
    return out.getvalue()


def print_tax_id(tax_id: str) -> str:
    """Write a CNPJ with its dots."""
    return f"{tax_id[:2]}.{tax_id[2:5]}.{tax_id[5:8]}/{tax_id[8:12]}-{tax_id[12:]}"


def print_key(key: str) -> str:
    """Write an access key in groups of four."""
    return " ".join(key[at : at + 4] for at in range(0, 44, 4))


def _parties(order: Order, invoice: Invoice) -> list[str]:
    emitter = invoice.emitter or SELLER.tax_id
    return [
        f"Emitente: {SELLER.name}   CNPJ {print_tax_id(emitter)}",
        f"Destinatário: {order.company.name}   CNPJ {print_tax_id(order.establishment.tax_id)}",
        f"Endereço: {_address(order)}",
        "",
    ]


def _address(order: Order) -> str:
    where = order.establishment.place
    return f"{where.street}, {where.number} - {where.district} - {where.city}/{where.state}"


def danfe_lines(order: Order, invoice: Invoice) -> list[str]:
    """Write an invoice's paper, item by item."""
    lines = [
        "Documento Auxiliar da Nota Fiscal Eletrônica",
        f"Número {invoice.number:09d}   Série {invoice.series}   Emissão {invoice.issued:%d/%m/%Y}",
        f"Chave de acesso: {print_key(access_key(invoice))}",
        "",
        *_parties(order, invoice),
        "Código          Quantidade   Unitário        Total           Descrição",
    ]
    for part in invoice.parts:
        item = order.items[part.position]
        product = PRODUCTS[item.product]
        lines.append(
            f"{product.reference:<12}    {part.quantity:>6} UN    {reais(item.price)}    "
            f"{reais(item.price * part.quantity)}    {product.name}"
        )
    return [
        *lines,
        "",
        f"Frete: {reais(invoice.freight)}    Desconto: {reais(invoice.discount)}",
        f"Valor total da nota: {reais(invoice.total)}",
    ]


def boleto_lines(order: Order, erp: ErpOrder, title: Title) -> list[str]:
    """Write a boleto as banks print one: each fact below its name."""
    code = pix_of(title)
    lines = [
        *("Banco", "999 - Banco Fictício de Demonstração", ""),
        *("Linha digitável", numbers.print_boleto_line(title.line), ""),
        *("Beneficiário", f"{SELLER.name}  CNPJ {print_tax_id(SELLER.tax_id)}", ""),
        "Pagador",
        f"{order.company.name}  CNPJ {print_tax_id(order.establishment.tax_id)}",
        _address(order),
        "",
        *("Número do documento", f"{title.invoice.number}/{title.number:03d}", ""),
        *("Nosso número", title.bank_number, ""),
        *("Vencimento", f"{title.due:%d/%m/%Y}", ""),
        *("Valor do documento", reais(title.amount), ""),
        f"Pedido {erp.number}   NF {title.invoice.label}   Parcela {title.instalment}",
        "",
        "Pix copia e cola",
    ]
    return lines + [code[at : at + _WIDTH] for at in range(0, len(code), _WIDTH)]


def pix_of(title: Title) -> str:
    """Give the PIX code that pays a boleto too."""
    path = f"{int(title.bank_number):032x}"
    return numbers.pix_code(
        address=f"pix.banco-ficticio.example/qr/v2/cobv/{path}",
        name=_plain(SELLER.name),
        city=_plain(SELLER.place.city),
        cents=title.amount,
    )


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.upper())
    return apart.encode("ascii", "ignore").decode()


def slip_lines(order: Order, document: Document) -> list[str]:
    """Write a tax slip: the seller owes it, the goods travel with it."""
    invoice, due = document.invoice, document.due or document.invoice.issued
    line = slip_line_of(document)
    is_gnre = document.name.startswith("gnre")
    state = order.establishment.place.state
    return [
        "Guia Nacional de Recolhimento de Tributos Estaduais - GNRE"
        if is_gnre
        else "Documento de Arrecadação de Receitas Estaduais - DARE-SP",
        "",
        *(("UF favorecida", state) if is_gnre else ("Secretaria da Fazenda", "SP")),
        *("Código da receita", "100102" if is_gnre else "046-2"),
        *("Contribuinte", f"{SELLER.name} CNPJ {print_tax_id(SELLER.tax_id)}"),
        "Destinatário",
        f"{order.company.name} CNPJ {print_tax_id(order.establishment.tax_id)}",
        *("Documento de origem (chave NF-e)", access_key(invoice)),
        *("Data de vencimento", f"{due:%d/%m/%Y}"),
        *("Total a recolher", reais(document.amount)),
        *("Representação numérica", numbers.print_slip_line(line)),
    ]


def slip_line_of(document: Document) -> str:
    """Give the 48 digits of a tax slip."""
    return numbers.slip_line(
        cents=document.amount,
        number=document.invoice.number,
        due=document.due or document.invoice.issued,
    )


def transfer_lines(order: Order, invoice: Invoice) -> list[str]:
    """Write the copy of a deposit that paid a part beforehand."""
    return [
        "Comprovante de transferência",
        "",
        *("Data", f"{invoice.issued:%d/%m/%Y}"),
        *("De", f"{order.company.name} CNPJ {print_tax_id(order.establishment.tax_id)}"),
        *("Para", f"{SELLER.name} CNPJ {print_tax_id(SELLER.tax_id)}"),
        *("Finalidade", f"Sinal da NF {invoice.label}"),
    ]
