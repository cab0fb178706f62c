"""The words for what reading a file found, and for pages that we make of XMLs: see `words`."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import Text, Word

# By the reasons of `manage.py inspect_document`. Tone and icon as next to the file's row.
FINDING: dict[str, Word] = {
    # what a buyer should know before using the file
    "cancelled": Word(lazy("The seller cancelled this invoice."), "bad", "cross"),
    "correction_letter": Word(lazy("A correction letter completes the invoice."), "info", "file"),
    "homologation": Word(lazy("Issued in a test environment: no fiscal value."), "bad", "alert"),
    "no_protocol": Word(
        lazy("Without the tax authority's protocol: ask the supplier for the authorised file."),
        "warn",
        "alert",
    ),
    "signature_broken_by_reformatting": Word(
        lazy(
            "Some system reformatted the file: the contents are those that were signed, but"
            " other programs may refuse it."
        ),
        "warn",
        "alert",
    ),
    "same_root_other_branch": Word(
        lazy("Issued to another establishment of your company."), "warn", "building"
    ),
    "user_password_needed": Word(
        lazy("Protected by a password, often the first digits of your CNPJ."), "plain", "file"
    ),
    "active_javascript": Word(
        lazy("The PDF contains a script: open it with care."), "warn", "alert"
    ),
    "active_embedded_file": Word(
        lazy("The PDF carries an attachment: open it with care."), "warn", "alert"
    ),
    "active_launch": Word(
        lazy("The PDF tries to start a program: open it with care."), "warn", "alert"
    ),
    "amount_differs": Word(
        lazy("The amount in the file differs from what the ERP states."), "warn", "alert"
    ),
    "due_date_differs": Word(
        lazy("The due date in the file differs from what the ERP states."), "warn", "alert"
    ),
    "active_rich_media": Word(
        lazy("The PDF contains media that run: open it with care."), "warn", "alert"
    ),
    "active_form": Word(
        lazy("The PDF contains a form that sends data: open it with care."), "warn", "alert"
    ),
    "active_hidden": Word(
        lazy("The PDF is too intricate to be looked through: open it with care."), "warn", "alert"
    ),
    "line_amount_not_printed": Word(
        lazy("The line to type holds another amount than is printed."), "bad", "alert"
    ),
    "line_due_date_differs": Word(
        lazy("The line to type holds another due date than is printed."), "warn", "alert"
    ),
    # what only operations and support look at
    "signature_absent": Word(lazy("Without a digital signature"), "warn", "alert"),
    "signed_by_another": Word(lazy("Signed with another company's certificate."), "warn", "alert"),
    "many_pages": Word(lazy("Unusually many pages."), "plain", "file"),
    "proof_of_delivery": Word(lazy("Proof of delivery."), "info", "file"),
    "recipient_statement": Word(lazy("Statement of the recipient."), "info", "file"),
    "other_event": Word(lazy("Event of the invoice."), "info", "file"),
    "cancellation_without_effect": Word(
        lazy("Cancellation that was not registered."), "warn", "alert"
    ),
    "event_not_registered": Word(lazy("Not registered by the tax authority."), "warn", "alert"),
    # why a file was refused: for operations
    "access_key_check_digit": Word(lazy("The access key does not add up."), "bad", "alert"),
    "access_key_emitter_mismatch": Word(
        lazy("The access key names another company as issuer."), "bad", "alert"
    ),
    "doctype_forbidden": Word(
        lazy("The XML has declarations that are not allowed."), "bad", "alert"
    ),
    "empty": Word(lazy("The file is empty."), "bad", "alert"),
    "html_instead_of_document": Word(
        lazy("The source sent a web page instead of the document."), "bad", "alert"
    ),
    "not_well_formed": Word(lazy("The XML is cut or broken."), "bad", "alert"),
    "not_xml": Word(lazy("The file is not an XML."), "bad", "alert"),
    "protocol_key_mismatch": Word(lazy("The protocol belongs to another invoice."), "bad", "alert"),
    "protocol_not_authorised": Word(
        lazy("The tax authority did not authorise the invoice."), "bad", "alert"
    ),
    "recipient_mismatch": Word(lazy("The invoice was issued to another company."), "bad", "alert"),
    "signature_digest_mismatch": Word(
        lazy("The file was changed after it was signed."), "bad", "alert"
    ),
    "truncated": Word(lazy("The PDF is cut off."), "bad", "alert"),
    "unknown_root": Word(lazy("Not a kind of fiscal XML that we know."), "bad", "alert"),
}

# Of a file that is handed out; the rest says why one is not, which is the seller's to settle.
FOR_BUYERS: Final = frozenset(
    {
        *("cancelled", "correction_letter", "homologation", "no_protocol"),
        *("signature_broken_by_reformatting", "same_root_other_branch", "user_password_needed"),
        *("active_javascript", "active_embedded_file", "active_launch", "active_rich_media"),
        *("active_form", "active_hidden", "amount_differs", "due_date_differs"),
        *("line_amount_not_printed", "line_due_date_differs"),
    }
)

SIGNATURE: dict[str, Word] = {
    "valid": Word(lazy("Signature checked"), "good", "check"),
    "absent": Word(lazy("Without a digital signature"), "warn", "alert"),
}

# How a page of ours is told from the supplier's own.
MADE: dict[str, Text] = {
    "danfe": lazy("DANFE made by us from the XML"),
    "dacte": lazy("DACTE made by us from the XML"),
    "cce": lazy("Correction letter made by us from the XML"),
}


def xml_instead_words() -> str:
    """Say where to turn when its printed form cannot be made."""
    return _("The XML is the document itself and says the same: you can download it.")
