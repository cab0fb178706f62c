"""The seller's logo draws, and does nothing else."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from b2b_orders.common.brand_checks import check_brand
from b2b_orders.common.branding import icon_png
from b2b_orders.common.logos import MOST_BYTES, BadLogo, read_logo

NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
GOOD = (
    f'<svg {NAMES} viewBox="0 0 120 30"><!-- ours --><defs><linearGradient id="g"/></defs>'
    '<style>.a{fill:url(#g)}</style><path class="a" d="M0 0h9" fill="url(#g)"/>'
    '<use xlink:href="#g"/></svg>'
)


def as_data(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def with_part(part: str) -> str:
    return as_data(f'<svg {NAMES} viewBox="0 0 9 9">{part}</svg>')


def test_a_drawing_is_taken_as_it_is(tmp_path):
    path = tmp_path / "logo.svg"
    path.write_text(GOOD)

    for source in (str(path), as_data(GOOD)):
        logo = read_logo(source)
        assert (logo.content, logo.kind, logo.ratio) == (GOOD.encode(), "image/svg+xml", 4.0)


def test_a_png_is_taken_with_its_size(tmp_path):
    path = tmp_path / "logo.png"
    path.write_bytes(icon_png("#0a5a55", 192))

    logo = read_logo(str(path))

    assert (logo.kind, logo.ratio) == ("image/png", 1.0)


@pytest.mark.parametrize(
    "part",
    [
        "<script>alert(1)</script>",
        '<g onload="alert(1)"/>',
        '<path ONCLICK="alert(1)"/>',
        '<a href="javascript:alert(1)"><path/></a>',
        '<use href="https://evil.example/#a"/>',
        '<use xlink:href="data:image/svg+xml,x#a"/>',
        '<image href="https://evil.example/x.png"/>',
        "<foreignObject><b/></foreignObject>",
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        '<path fill="url(https://evil.example/x)"/>',
        '<path style="fill:URL( https://evil.example/x )"/>',
        "<style>@import 'https://evil.example/x.css';</style>",
        "<style>.a{fill:url(//evil.example/x)}</style>",
        r"<style>.a{fill:\75rl(//evil.example/x)}</style>",
        '<?xml-stylesheet href="https://evil.example/x.css"?>',
        '<html xmlns="http://www.w3.org/1999/xhtml"><script/></html>',
        '<handler xmlns="http://www.w3.org/2001/xml-events">x</handler>',
    ],
)
def test_a_drawing_that_does_more_is_refused(part):
    with pytest.raises(BadLogo):
        read_logo(with_part(part))


@pytest.mark.parametrize(
    "source",
    [
        as_data('<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + GOOD),
        as_data('<?xml version="1.0"?><?xml-stylesheet href="x"?>' + GOOD),
        as_data("<html/>"),
        as_data("not XML"),
        as_data(f"<svg {NAMES}/>"),
        as_data(f'<svg {NAMES} viewBox="0 0 0 9"/>'),
        as_data(f'<svg {NAMES} viewBox="0 0 900 9"/>'),
        as_data(f'<svg {NAMES} viewBox="a b c d"/>'),
        as_data(f'<svg {NAMES} viewBox="0 0 nan nan"/>'),
        as_data(GOOD + " " * MOST_BYTES),
        "data:image/png;base64,%%%",
        "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n").decode(),
        "/nowhere/logo.svg",
        "\0",
    ],
)
def test_what_is_no_small_picture_is_refused(source):
    with pytest.raises(BadLogo):
        read_logo(source)


def ids_of(settings, colour: str = "", logo: str = "") -> list[str]:
    settings.PORTAL_BRAND_COLOR, settings.PORTAL_SELLER_LOGO = colour, logo
    return [str(message.id) for message in check_brand()]


def test_checks_say_what_is_wrong_with_the_brand(settings):
    assert ids_of(settings) == []
    assert ids_of(settings, "#6f2da8", as_data(GOOD)) == []
    assert ids_of(settings, "blue") == ["portal.E010"]
    assert ids_of(settings, "#ffcc00") == ["portal.W010"]
    assert ids_of(settings, "#6f2da8", with_part("<script/>")) == ["portal.E011"]
    assert ids_of(settings, logo=str(Path(__file__))) == ["portal.E011"]
