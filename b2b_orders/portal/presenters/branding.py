"""Where the seller's look is found: addresses of the stylesheet, icons, logo and manifest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.urls import reverse

from b2b_orders.common.branding import Brand, brand

# The logo's height in the masthead, in CSS pixels, and how wide it may become.
_HEIGHT, _WIDEST = 30, 176
# A logo as wide as this has the name in it.
_HAS_NAME = 1.6


@dataclass(frozen=True, slots=True)
class LogoImage:
    """The seller's logo, with its size so that nothing moves when it arrives."""

    url: str
    width: int
    height: int
    has_name: bool


@dataclass(frozen=True, slots=True)
class BrandLinks:
    """What the head of a page names; `stylesheet` is empty for the product's own colour."""

    stylesheet: str
    icon: str
    touch_icon: str
    manifest: str
    logo: LogoImage | None


def brand_links(language: str) -> BrandLinks:
    """Name the files of the seller's look for a page in a language."""
    return _links(brand(), language)


@lru_cache(maxsize=16)
def _links(of: Brand, language: str) -> BrandLinks:
    def to(name: str) -> str:
        return reverse("portal:brand", kwargs={"digest": of.digest, "name": name})

    return BrandLinks(
        stylesheet=to("marca.css") if of.stylesheet else "",
        icon=to("icone.svg"),
        touch_icon=to("icone-192.png"),
        manifest=to(f"{language}.webmanifest"),
        logo=_logo(of, to("logo")),
    )


def _logo(of: Brand, url: str) -> LogoImage | None:
    if of.logo is None:
        return None
    width = min(round(_HEIGHT * of.logo.ratio), _WIDEST)
    return LogoImage(url, width, round(width / of.logo.ratio), of.logo.ratio >= _HAS_NAME)
