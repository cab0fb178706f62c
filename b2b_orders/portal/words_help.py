"""What the words of the pages mean, by the codes of `words`: the help page shows both."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import Text

STATUS_MEANING: dict[str, Text] = {
    "placed": lazy("The shop has the order; nobody has worked on it yet."),
    "awaiting_approval": lazy("Somebody of your company has to approve it in the shop."),
    "awaiting_payment": lazy("It waits for the payment, or for the bank to confirm it."),
    "awaiting_erp": lazy(
        "The shop passed it on; the ERP, where it is handled, does not have it yet."
    ),
    "commercial_review": lazy("The seller checks prices, quantities and terms."),
    "credit_review": lazy("The seller checks credit or payment before goods leave."),
    "picking": lazy("The goods are being taken from stock and packed."),
    "partly_invoiced": lazy(
        "Some of the items have their invoice (NF); the others follow on another one."
    ),
    "invoiced": lazy("Every item has its invoice (NF). The goods have not left yet."),
    "shipped": lazy("The goods are with the carrier."),
    "delivered": lazy("The carrier or the seller says that the goods have arrived."),
    "cancel_requested": lazy("Somebody asked to cancel it; that is not decided yet."),
    "cancelled": lazy("It will not be delivered. Its documents are kept for the record."),
    "replaced": lazy("Another order took its place; this one is kept for the record."),
}
UNMAPPED_MEANING = lazy(
    "A word that the source uses and we do not know. It is shown as it was received, never guessed."
)

DOCUMENT_STATE_MEANING: dict[str, Text] = {
    "expected": lazy(
        "The order should have it and the source does not have it yet. We look every 10 minutes."
    ),
    "late": lazy("It should have been there by now. We go on looking and the team knows."),
    "available": lazy("It was checked and can be viewed and downloaded."),
    "failed": lazy("The last attempt to fetch it failed. A click tries again."),
    "damaged": lazy(
        "The source sent a file that is broken or is something else. You never get such a file."
    ),
    "cancelled": lazy("The invoice was cancelled. The file is kept for the record."),
    "replaced": lazy("Another one took its place, as when a boleto is issued anew."),
    "not_applicable": lazy("This order does not need it; the reason stands beside it."),
}


@dataclass(frozen=True, slots=True)
class NumberHelp:
    """What a number is, and how it looks."""

    meaning: Text
    example: str


NUMBER_HELP: dict[str, NumberHelp] = {
    "web": NumberHelp(
        lazy("Given by the shop when the order is placed; it is in the shop's e-mail."),
        "1172452900788-01",
    ),
    "erp": NumberHelp(
        lazy("Given by the seller's system when it takes the order in. Zeros in front count."),
        "0004500123",
    ),
    "customer": NumberHelp(
        lazy("Your own: purchase order (PO) or whatever you wrote when ordering."), "PO-2026/0815"
    ),
    "invoice": NumberHelp(
        lazy("Number and series of the invoice, as printed on the DANFE."), "1001/1"
    ),
    "access_key": NumberHelp(
        lazy("The 44 characters below the bar code of the DANFE."),
        "3526 0312 3456 7800 0195 5500 1000 0010 0111 2345 6784",
    ),
    "boleto_line": NumberHelp(
        lazy("The 47 digits on top of the boleto; its bar code works too."),
        "34191.79001 01043.510047 91020.150008 6 91070000100000",
    ),
    "tracking": NumberHelp(lazy("Given by the carrier when the goods leave."), "BR123456789"),
}


@dataclass(frozen=True, slots=True)
class Term:
    """A word that needs explaining; `name` stays as it is in Brazil."""

    slug: str
    name: Text
    meaning: Text


TERMS: tuple[Term, ...] = (
    Term("cnpj", "CNPJ", lazy("Company tax id: 14 characters, of which four name the branch.")),
    Term("cpf", "CPF", lazy("Personal tax id: 11 digits.")),
    Term(
        "ie", lazy("State registration (IE)"), lazy("The company's number at a state's tax office.")
    ),
    Term(
        "legal-name",
        lazy("Legal name"),
        lazy("The name under which a company is registered; its trade name may be another."),
    ),
    Term(
        "branch",
        lazy("Branch"),
        lazy("An establishment of a company, with its own CNPJ. The first one is the head office."),
    ),
    Term("po", lazy("Purchase order (PO)"), lazy("Your own document for what you order.")),
    Term(
        "sequence",
        lazy("Sequence"),
        lazy("A short number that the shop gives to an order besides the long one."),
    ),
    Term(
        "seller-order",
        lazy("Seller order id"),
        lazy("The number that the shop uses towards the seller."),
    ),
    Term("nf", lazy("Invoice (NF)"), lazy("The fiscal invoice for goods that leave.")),
    Term(
        "nfe",
        "NF-e",
        lazy("Brazilian electronic invoice: the XML is the invoice itself; keep that file."),
    ),
    Term("danfe", "DANFE", lazy("Printed form of the NF-e, which travels with the goods.")),
    Term(
        "access-key",
        lazy("Access key"),
        lazy("44 characters that identify an NF-e; with it the tax office shows the invoice."),
    ),
    Term("cte", "CT-e", lazy("Electronic freight document, issued by the carrier.")),
    Term("dacte", "DACTE", lazy("Printed form of the CT-e.")),
    Term(
        "cce",
        lazy("Correction letter (CC-e)"),
        lazy("A correction of small errors of an NF-e; it is kept with the invoice."),
    ),
    Term(
        "statement",
        lazy("Recipient's statement"),
        lazy("What the buyer tells the tax office of an NF-e: known, received or refused."),
    ),
    Term("gnre", "GNRE", lazy("Interstate tax payment form, for goods that cross a state border.")),
    Term("gare", "GARE", lazy("Former São Paulo tax form; DARE-SP took its place.")),
    Term("dare-sp", "DARE-SP", lazy("São Paulo tax form.")),
    Term(
        "proof-of-delivery",
        lazy("Proof of delivery"),
        lazy("The slip that the recipient signs when the goods arrive."),
    ),
    Term("boleto", "Boleto", lazy("Bank payment slip: any bank takes its number line or PIX.")),
    Term(
        "boleto-line",
        lazy("Boleto number line"),
        lazy("The digits that are typed to pay a boleto. The bank's screen shows whom you pay."),
    ),
    Term(
        "boleto-copy",
        lazy("Boleto copy"),
        lazy("The boleto issued once more, with today's amount if it is overdue."),
    ),
    Term("pix", "PIX", lazy("Brazil's instant payment; its code is copied into the bank's app.")),
    Term(
        "title",
        lazy("Open item"),
        lazy("An amount that is due on a day; an invoice may have several."),
    ),
    Term("payee", lazy("Payee"), lazy("Who receives the money. Compare it before you pay.")),
    Term("erp", "ERP", lazy("The seller's own system, where orders are handled and invoiced.")),
    Term(
        "disagreement",
        lazy("Disagreement"),
        lazy("Website and ERP say different things of one order. Both are shown; the ERP rules."),
    ),
    Term(
        "data-as-of",
        lazy("Data as of 09:15"),
        lazy("When a source last told us; what happened there since is not known here yet."),
    ),
)
