"""Reads the seller's logo: a small SVG without anything that could act, or a small PNG."""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from lxml import etree

MOST_BYTES = 100_000
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = "{http://www.w3.org/2000/svg}"
# What draws; nothing that runs, links, embeds, animates or brings in HTML.
_DRAWS = {
    *("svg", "g", "defs", "title", "desc", "metadata", "path", "rect", "circle", "ellipse"),
    *("line", "polyline", "polygon", "text", "tspan", "use", "symbol", "clipPath", "mask"),
    *("linearGradient", "radialGradient", "stop", "pattern", "style", "filter"),
    *("feGaussianBlur", "feOffset", "feMerge", "feMergeNode", "feColorMatrix", "feFlood"),
    *("feComposite", "feBlend"),
}
_WITHIN = re.compile(r"\s*url\(\s*[\"']?#[\w-]+[\"']?\s*\)\s*\Z")
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)(?:px)?\s*\Z")


class BadLogo(ValueError):
    """The logo cannot be used; its text says why."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that was checked. `ratio` is its width by its height."""

    content: bytes
    kind: str
    ratio: float


def read_logo(source: str) -> Logo:
    """Read a logo from a path or a `data:` address, and check it."""
    content = _content(source)
    if len(content) > MOST_BYTES:
        raise BadLogo(f"It is larger than {MOST_BYTES} bytes.")
    if content.startswith(_PNG):
        return Logo(content, "image/png", _png_ratio(content))
    return Logo(content, "image/svg+xml", _svg_ratio(content))


def _content(source: str) -> bytes:
    if source.startswith("data:"):
        head, _, body = source.partition(",")
        try:
            return b64decode(body, validate=True) if ";base64" in head else unquote_to_bytes(body)
        except NotBase64:
            raise BadLogo("Its base64 cannot be read.") from None
    try:
        with Path(source).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError):
        raise BadLogo("There is no such file, or it cannot be read.") from None


def _png_ratio(content: bytes) -> float:
    if content[12:16] != b"IHDR" or len(content) < 33:
        raise BadLogo("It is no whole PNG.")
    width, height = struct.unpack(">II", content[16:24])
    return _ratio(width, height)


def _svg_ratio(content: bytes) -> float:
    told = content.count(b"<?") - content.lstrip().startswith(b"<?xml ")
    if told or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise BadLogo("Its XML declares a document type, or what a program is to do with it.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadLogo("It is neither a PNG nor an SVG.") from None
    if root.tag != f"{_SVG}svg":
        raise BadLogo("It is neither a PNG nor an SVG.")
    for element in root.iter(etree.Element):
        _check(element)
    return _ratio(*_size(root))


def _check(element: etree._Element) -> None:
    """Refuse whatever does more than draw."""
    name = str(element.tag)
    if not name.startswith(_SVG) or name.removeprefix(_SVG) not in _DRAWS:
        raise BadLogo(f"It has <{name.rpartition('}')[2]}>, which does more than draw.")
    if name == f"{_SVG}style":
        _check_style("".join(str(part) for part in element.itertext()))
    for key, value in element.attrib.items():
        _check_attribute(str(key).rpartition("}")[2].lower(), str(value))


def _check_attribute(name: str, value: str) -> None:
    if name.startswith("on"):
        raise BadLogo(f"It has the attribute {name}, which runs a script.")
    if name in {"href", "src"} and not value.strip().startswith("#"):
        raise BadLogo("It refers to something outside itself.")
    if name == "style":
        _check_style(value)
    elif "url(" in value.lower() and not _WITHIN.match(value):
        raise BadLogo("It refers to something outside itself.")


def _check_style(text: str) -> None:
    """Allow references to parts of the picture alone."""
    if "@" in text or "\\" in text or "expression" in text.lower():
        raise BadLogo("Its style brings in something, or hides what it does.")
    for found in re.findall(r"url\([^)]*\)?", text, re.IGNORECASE):
        if not _WITHIN.match(found):
            raise BadLogo("It refers to something outside itself.")


def _size(root: etree._Element) -> tuple[float, float]:
    box = re.split(r"[\s,]+", str(root.get("viewBox", "")).strip())
    if len(box) == 4:
        try:
            return float(box[2]), float(box[3])
        except ValueError:
            raise BadLogo("Its viewBox cannot be read.") from None
    sides = [_LENGTH.match(str(root.get(side, ""))) for side in ("width", "height")]
    if not sides[0] or not sides[1]:
        raise BadLogo("It has neither a viewBox nor a width and a height.")
    return float(sides[0].group(1)), float(sides[1].group(1))


def _ratio(width: float, height: float) -> float:
    if not (width > 0 and height > 0 and 1 / 4 <= width / height <= 12):
        raise BadLogo("Its sides are such that it does not fit beside the navigation.")
    return width / height
