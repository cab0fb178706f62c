"""Parses fiscal XML safely: no DOCTYPE, no entities, no network, limits on size and depth."""

from __future__ import annotations

import codecs
import re
from typing import Final

from lxml import etree

from erp_bridge.identifiers import normalise_tax_id

MAX_XML_BYTES: Final = 5_000_000
NFE: Final = "{http://www.portalfiscal.inf.br/nfe}"
CTE: Final = "{http://www.portalfiscal.inf.br/cte}"
NFSE: Final = "{http://www.sped.fazenda.gov.br/nfse}"
DSIG: Final = "{http://www.w3.org/2000/09/xmldsig#}"

# Writing an element for its signature takes the square of how many names it has: thousands
# would take minutes. Of an authorised document none has ten.
MAX_ATTRIBUTES: Final = 64
MAX_NAMESPACES: Final = 500
_DOCTYPE = re.compile(rb"<!DOCTYPE", re.IGNORECASE)
# No field of an authorised document is longer than 5000.
MAX_TEXT: Final = 20_000
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?")


class Unreadable(ValueError):
    """Bytes are no XML that we read. `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parser(*, remove_blank_text: bool = False) -> etree.XMLParser:
    """Make a parser that expands and fetches nothing; it refuses depth over 256.

    Comments and instructions are dropped so that they cannot split a text: what is read
    is then what was signed, which leaves comments out, too.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=remove_blank_text,
    )


def parse(content: bytes) -> etree._Element:
    """Parse bytes; raises `Unreadable`."""
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise Unreadable("empty")
    if len(content) > MAX_XML_BYTES:
        raise Unreadable("too_large")
    if _DOCTYPE.search(content):
        raise Unreadable("doctype_forbidden")
    try:
        root = etree.fromstring(content, parser())
    except (etree.XMLSyntaxError, ValueError, AssertionError) as error:
        raise Unreadable("not_well_formed") from error
    # In UTF-16 it does not read as above.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("doctype_forbidden")
    if _is_bloated(root):
        raise Unreadable("too_large")
    return root


def _is_bloated(root: etree._Element) -> bool:
    """Say whether there are more attributes or names of namespaces than a document has."""
    namespaces = 0
    for event, found in etree.iterwalk(root, events=("start", "start-ns")):
        if event == "start-ns":
            namespaces += 1
        elif len(found.attrib) > MAX_ATTRIBUTES:
            return True
        if namespaces > MAX_NAMESPACES:
            return True
    return False


def fields_of(element: etree._Element | None) -> dict[str, str | None]:
    """Read all texts right below an element at once, by tag; of equal tags the first.

    Many times quicker than to look each of them up: invoices have up to 990 items.
    """
    return {} if element is None else {str(one.tag): one.text for one in reversed(element)}


def text_of(element: etree._Element | None, path: str) -> str | None:
    """Read the text at a path; None where there is none."""
    return None if element is None else tidy(element.findtext(path))


def tidy(found: str | None) -> str | None:
    """Drop blanks around a text; None for an empty one."""
    return (found.strip()[:MAX_TEXT] or None) if found is not None else None


def amount_of(element: etree._Element | None, path: str) -> str | None:
    """Read an amount as it is written, if it is one."""
    return amount(text_of(element, path))


def amount(text: str | None) -> str | None:
    """Take a text for an amount, if it is one."""
    bare = tidy(text)
    return bare if bare is not None and _DECIMAL.fullmatch(bare) else None


def count_of(element: etree._Element | None, path: str) -> int | None:
    """Read a whole number, if it is one."""
    return whole(text_of(element, path))


def whole(text: str | None) -> int | None:
    """Read a whole number of at most fifteen digits."""
    if text is None or not re.fullmatch(r"[0-9]{1,15}", text):
        return None
    return int(text)


def tax_id_of(party: etree._Element | None, namespace: str) -> tuple[str, str] | None:
    """Read who a party is: its number and whether it is a CNPJ, a CPF or a foreign number."""
    for name, kind in (("CNPJ", "cnpj"), ("CPF", "cpf"), ("idEstrangeiro", "foreign")):
        if found := text_of(party, f"{namespace}{name}"):
            return normalise_tax_id(found), kind
    return None
