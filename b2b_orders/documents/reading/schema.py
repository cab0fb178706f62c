"""Compares with the authority's schemas, as advice only: never a reason to refuse.

Old layouts and many honest files do not fit the newest schema. The files come with nfelib;
its code is not imported.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Final

from lxml import etree

from b2b_orders.documents.reading.xml import NFE

_SCHEMAS: Final = {
    f"{NFE}nfeProc": "nfe/schemas/v4_0/procNFe_v4.00.xsd",
    f"{NFE}NFe": "nfe/schemas/v4_0/nfe_v4.00.xsd",
}


def fits_schema(content: bytes, root_tag: str) -> bool | None:
    """Say whether a file fits its schema; None where we have none for it.

    It must have been parsed safely before.
    """
    schema = _schema(root_tag)
    if schema is None:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return bool(schema.validate(etree.fromstring(content, parser)))
    except etree.LxmlError:
        return None


@functools.cache
def _schema(root_tag: str) -> etree.XMLSchema | None:
    spec = importlib.util.find_spec("nfelib")
    if root_tag not in _SCHEMAS or spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / _SCHEMAS[root_tag]
    try:
        return etree.XMLSchema(etree.parse(str(path), etree.XMLParser(no_network=True)))
    except (OSError, etree.LxmlError):
        return None
