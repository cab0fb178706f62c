"""What the frame of every page shows: whose data it is, who is looking, and where to go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.audit.joining import count_wishes
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.companies.people import may_see_people
from b2b_orders.companies.viewers import ActingView, CompanyChoice
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.acting import AgentBar, agent_bar
from b2b_orders.portal.presenters.branding import BrandLinks, brand_links
from b2b_orders.portal.presenters.keyboard import box_view
from b2b_orders.portal.presenters.welcome import Welcome, welcome_of_member, welcome_of_staff

SHORT = {"pt-br": "PT", "es": "ES", "en": "EN"}


@dataclass(frozen=True, slots=True)
class NavItem:
    """A page of the main navigation; `current` is what `aria-current` says.

    `count` is empty where nothing waits; `on_phone` is where a phone has it instead: "bar" at the
    bottom, with an icon, or "menu" of the person.
    """

    text: str
    url: str
    is_current: bool
    current: str = "page"
    count: str = ""
    on_phone: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class CompanyItem:
    """A company that the person may switch to."""

    public_id: str
    name: str
    ending: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class LanguageItem:
    """A language of the site."""

    code: str
    name: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of a page."""

    seller: str
    brand: BrandLinks
    support: str
    home: str
    here: str
    # By what support finds this request in the log; error pages show it.
    code: str
    search: str
    # The access record of the company, for whoever may read it.
    record: str
    title_prefix: str
    company: str
    company_ending: str
    choices: tuple[CompanyItem, ...]
    acting: ActingView | None
    bar: AgentBar | None
    nav: tuple[NavItem, ...]
    bottom: tuple[NavItem, ...]
    help: str
    theme: str
    # The first steps, for who has not closed them; the pages where people start show them.
    welcome: Welcome | None
    languages: tuple[LanguageItem, ...]
    language_short: str
    person: str
    person_short: str
    email: str


def portal(request: HttpRequest) -> dict[str, Any]:
    """Give every template the frame of its page."""
    return {"shell": shell(request), "box": box_view(request)}


def shell(request: HttpRequest) -> Shell:
    """Build the frame from what the middleware found out.

    Reads nothing but, for administrators, how many ask to be let in.
    """
    viewer = getattr(request, "viewer", None)
    acting: ActingView | None = getattr(request, "acting", None)
    company = _company(request)
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    name: str = user.name if user is not None and signed_in else ""
    code = formats.language()
    nav = _nav(request, company)
    help_url = addresses(request).to("help") if signed_in else ""
    return Shell(
        seller=settings.PORTAL_SELLER_NAME,
        brand=brand_links(code),
        # The seller's own people are who would be written to.
        support="" if getattr(request, "staff", None) else settings.PORTAL_SUPPORT_EMAIL,
        home=reverse("portal:home"),
        here=_here(request),
        code=code_of(request),
        search=addresses(request).to("orders") if viewer else "",
        record=_record(request, viewer),
        title_prefix=f"[{company.name}] " if acting and company else "",
        company=company.name if company else "",
        company_ending=f"…{company.tax_id_ending}" if company and company.tax_id_ending else "",
        choices=_choices(request, company) if acting is None else (),
        acting=acting,
        bar=agent_bar(acting, getattr(request, "outages", ()), here=_here(request))
        if acting
        else None,
        nav=nav,
        bottom=_bottom(nav) if viewer else (),
        help=help_url,
        theme=getattr(user, "theme", "") if signed_in else "",
        welcome=_welcome(request, company) if signed_in else None,
        languages=tuple(
            LanguageItem(each, word, each == code) for each, word in settings.LANGUAGES
        ),
        language_short=SHORT[code],
        person=name,
        person_short=_first_name(name),
        email=user.email if user is not None and signed_in else "",
    )


def code_of(request: HttpRequest) -> str:
    """Return the beginning of the request's id, as people read it out: 7F3A."""
    return str(getattr(request, "request_id", ""))[:4].upper()


def _record(request: HttpRequest, viewer: Viewer | None) -> str:
    if viewer is None or not viewer.can(Right.ACCESS_RECORD):
        return ""
    return addresses(request).to("access-record")


def _welcome(request: HttpRequest, company: CompanyChoice | None) -> Welcome | None:
    user, viewer = request.user, getattr(request, "viewer", None)
    standing, staff = getattr(request, "standing", None), getattr(request, "staff", None)
    if getattr(user, "welcomed_at", None) is not None or standing is None:
        return None
    name = _first_name(getattr(user, "name", ""))
    if viewer is None:
        return welcome_of_staff(first_name=name, staff=staff) if staff else None
    role = standing.role_in(viewer.company_id)
    if role is None or company is None or viewer.is_staff:
        return None
    return welcome_of_member(first_name=name, company=company.name, viewer=viewer, role=role)


def _first_name(name: str) -> str:
    return name.split(maxsplit=1)[0] if name.strip() else ""


def _company(request: HttpRequest) -> CompanyChoice | None:
    """Find the company that is looked at among those that may be."""
    viewer = getattr(request, "viewer", None)
    if viewer is None:
        return None
    acting: ActingView | None = getattr(request, "acting", None)
    if acting is not None:
        return CompanyChoice(
            viewer.company_id,
            acting.company_public_id,
            acting.company_name,
            acting.tax_id_ending,
        )
    standing = getattr(request, "standing", None)
    known = (*standing.companies, *standing.portfolio) if standing else ()
    return next((choice for choice in known if choice.id == viewer.company_id), None)


def _choices(request: HttpRequest, current: CompanyChoice | None) -> tuple[CompanyItem, ...]:
    """List the person's companies, where there is a choice."""
    companies: tuple[CompanyChoice, ...] = getattr(request, "companies", ())
    if len(companies) < 2 or addresses(request).company:
        return ()
    return tuple(
        CompanyItem(
            public_id=str(choice.public_id),
            name=choice.name,
            ending=f"…{choice.tax_id_ending}" if choice.tax_id_ending else "",
            is_current=current is not None and choice.id == current.id,
        )
        for choice in companies
    )


def _nav(request: HttpRequest, company: CompanyChoice | None) -> tuple[NavItem, ...]:
    """List the pages of the seller's people, then those of the company that is looked at.

    Staff, who have more pages than room, find help in the menu of their person alone.
    """
    staff = getattr(request, "staff", None)
    items = []
    if staff is not None:
        pages = []
        if staff.can_act:
            pages.append((_("Support"), "portal:support"))
        if staff.seller_code or not (staff.can_act or staff.can_operate):
            pages.append((_("Telesales"), "portal:telesales"))
        # Beside a company's own pages there is no room for it.
        if company is None and not staff.can_operate:
            pages.append((_("Questions"), "portal:questions"))
        if staff.can_operate:
            pages.append((_("Operations"), "portal:operations"))
        items += _one_current([_item(text, reverse(name), request.path) for text, name in pages])
    if company is not None:
        items += _company_nav(request, is_staff=staff is not None)
    return tuple(items)


def _one_current(items: list[NavItem]) -> list[NavItem]:
    """Mark the page itself where it lies within another one's part of the site."""
    marked = max((item for item in items if item.is_current), key=_depth, default=None)
    return [replace(item, is_current=item is marked) for item in items]


def _depth(item: NavItem) -> int:
    return len(item.url)


def _company_nav(request: HttpRequest, *, is_staff: bool) -> Iterator[NavItem]:
    viewer: Viewer | None = getattr(request, "viewer", None)
    to = addresses(request)
    pages = (
        (Right.DOCUMENTS, _("Documents"), "packs", "file"),
        (Right.FINANCE, _("Finance"), "finance", "barcode"),
    )
    yield _orders(request)
    for right, text, name, icon in pages:
        if viewer is not None and viewer.can(right):
            item = _item(text, to.to(name), request.path)
            yield replace(item, on_phone="bar", icon=icon)
    if viewer is not None and may_see_people(viewer):
        waiting = _waiting(request, viewer)
        url, part = to.to("people"), to.to("people").removesuffix("pessoas")
        is_here = request.path.startswith(part)
        current = "page" if request.path == url else "true"
        yield NavItem(_("Company"), url, is_here, current, waiting)
    if not is_staff:
        yield replace(_item(_("Help"), to.to("help"), request.path), on_phone="menu")


def _orders(request: HttpRequest) -> NavItem:
    """Lead to the orders; the branch board is a way into them."""
    to = addresses(request)
    item = _item(_("Orders"), to.to("orders"), request.path)
    is_here = item.is_current or request.path == to.to("branches")
    return replace(item, is_current=is_here, on_phone="bar", icon="inbox")


def _bottom(nav: tuple[NavItem, ...]) -> tuple[NavItem, ...]:
    """Fill the bar at the bottom of a phone; the box to search in is on every page."""
    pages = tuple(item for item in nav if item.on_phone == "bar")
    return (*pages, NavItem(_("Search"), "#q", is_current=False, icon="search"))


def _waiting(request: HttpRequest, viewer: Viewer) -> str:
    """Say how many wait for an administrator's decision; asked once a request."""
    if not viewer.can(Right.PEOPLE):
        return ""
    known: int | None = getattr(request, "people_waiting", None)
    if known is None:
        known = count_wishes(viewer=viewer)
        request.people_waiting = known  # type: ignore[attr-defined] # ours, read above
    return formats.count(known) if known else ""


def _item(text: str, url: str, path: str) -> NavItem:
    """Mark the page itself, or the part of the site that the page belongs to."""
    return NavItem(text, url, path.startswith(url), "page" if path == url else "true")


def _here(request: HttpRequest) -> str:
    """Say where a change of language comes back to: this page, or home after a form."""
    return request.get_full_path() if request.method == "GET" else "/"
