"""`{% stylesheets "core.css" %}` and `{% scripts "page.js" %}`: links to a bundle."""

from __future__ import annotations

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from b2b_orders.common import bundles

register = template.Library()


@register.simple_tag
def stylesheets(name: str) -> SafeString:
    """Link to the stylesheets of a bundle."""
    links = ((url,) for url in bundles.files(name))
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', links)


@register.simple_tag
def scripts(name: str) -> SafeString:
    """Link to the scripts of a bundle."""
    links = ((url,) for url in bundles.files(name))
    return format_html_join("\n", '<script src="{}" type="module"></script>', links)
