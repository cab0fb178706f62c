"""Which documents the ERP holds of an order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.model import (
    ErpOrder,
    Form,
    Invoice,
    Order,
    Papers,
    SellerState,
    Title,
    replaced_titles,
    titles_of,
)

# Boletos and slips are not kept for ever.
FINANCE_YEARS = 5


class FileKind(IntEnum):
    """The old contract's `tipoArquivo`."""

    BOLETO = 0
    TRANSFER = 1
    XML = 2
    DANFE = 3
    SERIALS = 4
    GARE = 5
    GNRE = 6
    OTHER = 7


@dataclass(frozen=True, slots=True)
class Document:
    """One file of an ERP order; `name` is the last part of its address."""

    kind: FileKind
    name: str
    description: str
    invoice: Invoice
    title: Title | None = None
    amount: int = 0
    due: date | None = None
    form: Form | None = None

    @property
    def state(self) -> SellerState:
        """What the ERP says of the amount due."""
        return self.title.state if self.title else "aberto"


def reais(cents: int) -> str:
    """Write an amount as Brazilians do."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}R$ {whole:,}".replace(",", ".") + f",{rest:02d}"


_NONE = Papers()


def documents_of(order: Order, erp: ErpOrder, today: date) -> tuple[Document, ...]:
    """List an ERP order's files, in the order in which the ERP shows them."""
    papers = erp.papers or _NONE
    made: list[Document] = []
    for invoice in erp.invoices:
        made += _fiscal(order, erp, invoice, today)
    if erp.invoices and (today - erp.invoices[0].issued).days < FINANCE_YEARS * 365:
        made += _finance(erp, today)
    return tuple(
        replace(document, form=form) if (form := papers.forms.get(document.name)) else document
        for document in made
        if document.name not in papers.pending
    )


def _fiscal(order: Order, erp: ErpOrder, invoice: Invoice, today: date) -> list[Document]:
    papers = erp.papers or _NONE
    label, slug = invoice.label, f"{invoice.number}-{invoice.series}"
    made = [
        Document(
            FileKind.DANFE,
            f"danfe-{slug}.pdf",
            f"DANFE NF {label}",
            invoice,
            form="html" if erp.damaged_danfe else None,
        )
    ]
    if invoice.issued < today:  # the XML follows some time after the paper
        made.insert(0, Document(FileKind.XML, f"nfe-{slug}.xml", f"XML NF {label}", invoice))
    has_serials = any(
        PRODUCTS[order.items[part.position].product].has_serial for part in invoice.parts
    )
    if has_serials or label in papers.serials:
        name, text = f"series-{slug}.csv", f"Números de série NF {label}"
        made.append(Document(FileKind.SERIALS, name, text, invoice))
    others = (
        (invoice.cancelled, f"evento-{slug}.xml", f"Cancelamento NF {label}"),
        (label in papers.corrections, f"cce-{slug}.xml", f"Carta de correção NF {label}"),
        (label in papers.carried, f"cte-{slug}.xml", f"CT-e NF {label}"),
    )
    made += [
        Document(FileKind.OTHER, name, text, invoice) for is_there, name, text in others if is_there
    ]
    return made


def _finance(erp: ErpOrder, today: date) -> list[Document]:
    made = [_slip(erp, which, at) for which, at in erp.tax_slips]
    if erp.papers and erp.papers.has_transfer:
        invoice = erp.invoices[0]
        name = f"transferencia-{invoice.number}-{invoice.series}.pdf"
        text = f"Segunda via de transferência NF {invoice.label}"
        made.append(Document(FileKind.TRANSFER, name, text, invoice))
    titles = [*replaced_titles(erp, today), *titles_of(erp, today)]
    return made + [_boleto(title) for title in sorted(titles, key=lambda t: (t.number, t.issue))]


def _slip(erp: ErpOrder, which: str, at: int) -> Document:
    invoice = erp.invoices[at]
    amount = invoice.total * 4 // 100
    is_gnre = which == "gnre"
    return Document(
        FileKind.GNRE if is_gnre else FileKind.GARE,
        f"{which}-{invoice.number}-{invoice.series}.pdf",
        f"{'GNRE' if is_gnre else 'DARE-SP'} NF {invoice.label} - {reais(amount)}",
        invoice,
        amount=amount,
        due=invoice.issued,
    )


def _boleto(title: Title) -> Document:
    issue = f"-via{title.issue + 1}" if title.issue else ""
    return Document(
        FileKind.BOLETO,
        f"boleto-{title.number}-{title.of}{issue}.pdf",
        f"Boleto {title.instalment} - NF {title.invoice.label}"
        f" - venc. {title.due:%d/%m/%Y} - {reais(title.amount)}",
        title.invoice,
        title=title,
        amount=title.amount,
        due=title.due,
    )
