"""Reading a page as a person would: its words, and its parts."""

from __future__ import annotations

from django.http import HttpResponse
from lxml import html

_WITHIN_A_LINE = {"a", "abbr", "b", "code", "mark", "small", "span", "strong", "time"}


def parse(response: HttpResponse) -> html.HtmlElement:
    return html.fromstring(response.content.decode())


def words(response: HttpResponse, xpath: str = "//body") -> str:
    return " ".join(texts(response, xpath))


def texts(response: HttpResponse, xpath: str) -> list[str]:
    return [" ".join(_spoken(part).split()) for part in parse(response).xpath(xpath)]


def _spoken(element: html.HtmlElement) -> str:
    """Read out an element; what stands on a line of its own is set off by a space."""
    if not isinstance(element.tag, str):
        return ""
    edge = "" if element.tag in _WITHIN_A_LINE else " "
    inside = "".join(_spoken(child) + (child.tail or "") for child in element)
    return edge + (element.text or "") + inside + edge
