"""Opening a paper to pay: asked at its source, once, and what came of it is written down."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from b2b_orders.audit.models import AuditEvent, Incident
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.models import Role
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document, State
from b2b_orders.documents.payables import Payable, Standing, show_payable
from b2b_orders.documents.services import DocumentUnavailable, Download, open_download
from b2b_orders.documents.title_payments import NOT_ASKED, show_title, title_ref
from b2b_orders.orders.models import Title
from erp_bridge.errors import (
    BridgeError,
    ContractViolation,
    SourceFailing,
    Throttled,
    Unreachable,
    WrongOwner,
)
from erp_bridge.records import DocumentKind, DocumentRecord, Party, TitleState
from tests.b2b_orders.documents.conftest import FakeSource, as_web, viewer_of
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.documents.payment_codes import (
    AMOUNT,
    DUE,
    PAYEE,
    PAYEE_TAX_ID,
    make_line,
    make_pix,
    make_slip_line,
)
from tests.factories import NOW, make_document, make_order
from tests.fiscal.pdf import build_boleto

pytestmark = pytest.mark.django_db

PDF = make_pdf()
LINE = make_line()
BOLETO = DocumentRecord(
    key="b1",
    kind=DocumentKind.BOLETO,
    title="Boleto 1/2",
    invoice_number="1001",
    issued_on=date(2026, 3, 1),
    due_on=DUE,
    amount=AMOUNT,
    title_state=TitleState.OPEN,
    typeable_line=LINE,
    instalment="1/2",
    pix=make_pix(),
    payee=Party(PAYEE, PAYEE_TAX_ID),
)
EARLIER = NOW - timedelta(hours=4)


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


def listed(order, *records: DocumentRecord, at=EARLIER) -> Document:
    listing = Listing(order.records.get().pk, order.company_id, records or (BOLETO,))
    record_listings(listings=[listing], now=at)
    return Document.objects.get(key=listing.documents[0].key)


@pytest.fixture
def boleto(order) -> Document:
    return listed(order)


def show(document: Document, viewer, actor, source: FakeSource, now=NOW) -> Payable:
    with as_web(viewer):
        return show_payable(
            viewer=viewer, actor=actor, public_id=document.public_id, source=source, now=now
        )


def take(document: Document, viewer, actor, source: FakeSource, now=NOW, **given) -> Download:
    with as_web(viewer):
        return open_download(
            viewer=viewer,
            actor=actor,
            public_id=document.public_id,
            source=source,
            now=now,
            **given,
        )


def refused(document: Document, viewer, actor, source: FakeSource, now=NOW) -> DocumentUnavailable:
    with as_web(viewer):
        with pytest.raises(DocumentUnavailable) as caught:
            open_download(
                viewer=viewer, actor=actor, public_id=document.public_id, source=source, now=now
            )
        return caught.value


# --- what the source says ----------------------------------------------------------------


def test_what_is_still_to_be_paid_is_shown_as_checked_now(order, boleto, bruno, actor, source):
    source.listing = [BOLETO]

    shown = show(boleto, bruno, actor, source)

    assert (shown.standing, shown.is_stated, shown.problem) == (Standing.PAYABLE, True, "")
    assert shown.answered_at == NOW
    assert (shown.amount, shown.due_on) == (AMOUNT, DUE)
    assert (shown.payee_name, shown.payee_tax_id) == (PAYEE, PAYEE_TAX_ID)
    assert shown.payer_tax_id == "12345678000195"
    assert (shown.payment.line, shown.payment.findings) == (LINE, ())
    assert shown.payment.pix.receiver == "FORNECEDOR EXEMPLO LTDA"
    assert source.asked_for_lists == [("erp", bruno.company_id, order.records.get().external_id)]
    assert source.list_seconds[0] <= 4
    assert source.changes == []


def test_what_was_paid_since_is_said_and_written(order, boleto, bruno, actor, source):
    source.listing = [
        replace(BOLETO, title_state=TitleState.PAID, settled_on=date(2026, 3, 9)),
    ]

    shown = show(boleto, bruno, actor, source)

    assert (shown.standing, shown.settled_on) == (Standing.PAID, date(2026, 3, 9))
    boleto.refresh_from_db()
    assert (boleto.title_state, boleto.settled_on) == ("paid", date(2026, 3, 9))
    # The amount due follows: the order is read again.
    assert source.changes == [order.public_id]
    # It stays paid: nobody is asked any more.
    show(boleto, bruno, actor, source, NOW + timedelta(days=1))
    assert len(source.asked_for_lists) == 1


def test_one_made_anew_leads_to_the_new_one(boleto, bruno, actor, source, order):
    newer = replace(BOLETO, key="b1-new", typeable_line=make_line(bank="001"))
    listed(order, BOLETO, newer)
    source.listing = [replace(BOLETO, replaced_by="b1-new"), newer]

    shown = show(boleto, bruno, actor, source)

    assert shown.standing is Standing.REPLACED
    assert shown.replaced_by == Document.objects.get(key="b1-new").public_id
    boleto.refresh_from_db()
    assert boleto.state == State.REPLACED


def test_a_replacement_of_another_order_is_not_led_to(boleto, bruno, actor, source, cast):
    foreign = make_order(cast.beta)
    make_document(foreign, DocumentKind.BOLETO, "b1-new")
    source.listing = [replace(BOLETO, replaced_by="b1-new")]

    assert show(boleto, bruno, actor, source).replaced_by is None


def test_a_new_amount_is_shown_and_the_old_file_is_not_handed_out(boleto, bruno, actor, source):
    source.listing, source.files["b1"] = [BOLETO], PDF
    take(boleto, bruno, actor, source)
    line = make_line(amount=Decimal("1021.40"))
    source.listing = [
        replace(BOLETO, amount=Decimal("1021.40"), typeable_line=line, pix=""),
    ]
    later = NOW + timedelta(minutes=1)

    shown = show(boleto, bruno, actor, source, later)

    assert (shown.amount, shown.payment.line) == (Decimal("1021.40"), line)
    source.files["b1"] = newer = make_pdf("1.021,40")
    with take(boleto, bruno, actor, source, later).open() as file:
        assert file.read() == newer
    source.files["b1"] = Unreachable("dead")


def test_the_old_file_of_a_new_amount_is_not_handed_out_while_the_new_one_cannot_be_had(
    boleto, bruno, actor, source
):
    source.listing, source.files["b1"] = [BOLETO], PDF
    take(boleto, bruno, actor, source)
    source.listing = [replace(BOLETO, amount=Decimal("1021.40"))]
    source.files["b1"] = Unreachable("dead")

    error = refused(boleto, bruno, actor, source, NOW + timedelta(minutes=1))

    assert error.reason == "unreachable"


def test_what_is_no_longer_listed_is_not_paid_and_may_come_back(boleto, bruno, actor, source):
    source.listing = []

    assert show(boleto, bruno, actor, source).standing is Standing.UNLISTED
    source.listing = [BOLETO]
    later = NOW + timedelta(minutes=1)
    assert show(boleto, bruno, actor, source, later).standing is Standing.PAYABLE


def test_a_source_that_does_not_say_whether_it_is_paid_is_not_taken_for_a_yes(
    boleto, bruno, actor, source
):
    source.listing = [replace(BOLETO, title_state=TitleState.UNKNOWN)]

    shown = show(boleto, bruno, actor, source)

    assert (shown.standing, shown.is_stated) == (Standing.PAYABLE, False)


@pytest.mark.parametrize(
    "error",
    [Unreachable("dead"), SourceFailing("500"), ContractViolation("html"), Throttled("429")],
)
def test_without_an_answer_what_we_hold_is_shown_with_its_age(
    boleto, bruno, actor, source, error: BridgeError
):
    source.listing = error

    shown = show(boleto, bruno, actor, source)

    assert (shown.standing, shown.problem) == (Standing.PAYABLE, error.code)
    assert shown.answered_at == EARLIER
    assert shown.payment.line == LINE
    boleto.refresh_from_db()
    assert (boleto.state, boleto.listed_at) == (State.AVAILABLE, EARLIER)
    assert Incident.objects.count() == 0


def test_an_answer_of_another_company_is_alarmed_and_not_believed(boleto, bruno, actor, source):
    source.listing = WrongOwner("another company's")

    assert show(boleto, bruno, actor, source).problem == "wrong-owner"
    assert [(i.code, i.company_id) for i in Incident.objects.all()] == [
        ("wrong-company", bruno.company_id)
    ]


# --- asking once -------------------------------------------------------------------------


def test_many_clicks_ask_once_in_half_a_minute(order, boleto, bruno, actor, source):
    second = replace(BOLETO, key="b2", instalment="2/2")
    other = listed(order, second, BOLETO)
    source.listing = [BOLETO, second]

    for seconds in (0, 5, 29):
        shown = show(boleto, bruno, actor, source, NOW + timedelta(seconds=seconds))
        assert (shown.problem, shown.answered_at) == ("", NOW)
    # The answer was about all papers of the order.
    assert show(other, bruno, actor, source, NOW + timedelta(seconds=29)).problem == ""
    assert len(source.asked_for_lists) == 1

    show(boleto, bruno, actor, source, NOW + timedelta(seconds=31))
    assert len(source.asked_for_lists) == 2


def test_silence_is_remembered_for_a_shorter_time(boleto, bruno, actor, source):
    source.listing = Unreachable("dead")
    show(boleto, bruno, actor, source)
    source.listing = [BOLETO]

    soon = show(boleto, bruno, actor, source, NOW + timedelta(seconds=5))
    later = show(boleto, bruno, actor, source, NOW + timedelta(seconds=11))

    assert (soon.problem, later.problem) == ("unreachable", "")
    assert len(source.asked_for_lists) == 2


@pytest.mark.django_db(transaction=True)
def test_two_who_click_at_the_same_moment_make_one_call(cast, bruno, actor):
    boleto = listed(make_order(cast.alfa, establishment=cast.alfa_main))
    entered, let_go = threading.Event(), threading.Event()

    def waiting() -> None:
        entered.set()
        assert let_go.wait(10)

    paid = replace(BOLETO, title_state=TitleState.PAID)
    source = FakeSource(listing=[paid], listed_while=waiting)
    shown: list[Payable] = []

    def run() -> None:
        try:
            shown.append(show(boleto, bruno, actor, source))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    threads[0].start()
    assert entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    let_go.set()
    for thread in threads:
        thread.join(20)

    assert [each.standing for each in shown] == [Standing.PAID] * 3
    assert len(source.asked_for_lists) == 1


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_another_in_vain_is_shown_what_we_hold(cast, bruno, actor, monkeypatch):
    monkeypatch.setattr("b2b_orders.documents.payables.RECHECK_SECONDS", 0.3)
    boleto = listed(make_order(cast.alfa, establishment=cast.alfa_main))
    entered, let_go = threading.Event(), threading.Event()

    def waiting() -> None:
        entered.set()
        let_go.wait(10)

    source = FakeSource(listing=[BOLETO], listed_while=waiting)

    def run() -> None:
        try:
            show(boleto, bruno, actor, source)
        finally:
            connection.close()

    first = threading.Thread(target=run)
    first.start()
    assert entered.wait(10)
    try:
        shown = show(boleto, bruno, actor, source)
        assert (shown.problem, shown.answered_at) == ("busy", EARLIER)
    finally:
        let_go.set()
        first.join(10)
    assert len(source.asked_for_lists) == 1


# --- fraud -------------------------------------------------------------------------------


def test_another_payee_than_before_is_said_and_alarmed(boleto, bruno, actor, source):
    source.listing = [
        replace(BOLETO, payee=Party("José Laranja ME", "99901001000174"), pix=""),
    ]

    shown = show(boleto, bruno, actor, source)

    assert (shown.payee_name, shown.payee_before) == ("José Laranja ME", (PAYEE, PAYEE_TAX_ID))
    incident = Incident.objects.get()
    assert (incident.code, incident.object_id) == ("payee-changed", str(boleto.public_id))
    # It is still said when nothing changes any more.
    again = show(boleto, bruno, actor, source, NOW + timedelta(days=1))
    assert again.payee_before == (PAYEE, PAYEE_TAX_ID)
    assert Incident.objects.count() == 1


def test_a_payee_that_changes_while_nobody_looks_is_alarmed_all_the_same(
    order, boleto, bruno, actor, source
):
    swapped = replace(BOLETO, payee=Party(PAYEE, "99901001000174"))
    listed(order, swapped, at=NOW)
    source.listing = [swapped]

    assert [incident.code for incident in Incident.objects.all()] == ["payee-changed"]
    assert show(boleto, bruno, actor, source).payee_before == (PAYEE, PAYEE_TAX_ID)


@pytest.mark.parametrize(
    ("change", "problem", "is_refused"),
    [
        ({"typeable_line": LINE[:-1] + "7", "pix": ""}, "line-digits", True),
        ({"typeable_line": make_slip_line(), "pix": ""}, "line-of-slip", True),
        ({"pix": make_pix().lower()}, "pix-broken", False),
        ({"pix": make_pix(receiver="JOSE LARANJA")}, "pix-receiver-differs", False),
    ],
)
def test_what_was_tampered_with_is_not_payable_and_alarmed_once(
    boleto, bruno, actor, source, change, problem, is_refused
):
    source.listing = [replace(BOLETO, **change)]

    for minutes in (0, 1, 2):
        shown = show(boleto, bruno, actor, source, NOW + timedelta(minutes=minutes))

    assert [finding.code for finding in shown.payment.findings] == [problem]
    assert shown.payment.is_refused is is_refused
    [incident] = Incident.objects.all()
    assert (incident.code, incident.detail) == ("payment-wrong", {"problem": problem})


def test_a_file_that_names_another_payer_shows_nothing(boleto, bruno, actor, source):
    Document.objects.update(facts={"payer": "99902002000133", "line": LINE})
    source.listing = [BOLETO]

    shown = show(boleto, bruno, actor, source)

    assert (shown.payment.line, shown.payment.pix, shown.payment.is_refused) == ("", None, True)
    assert Incident.objects.get().detail == {"problem": "payer-differs"}
    Document.objects.update(facts={"payer": "12345678000276", "line": LINE})
    again = show(boleto, bruno, actor, source, NOW + timedelta(seconds=5))
    assert (again.payment.line, again.payment.findings) == (LINE, ())


def test_a_line_that_is_not_the_pdf_s_is_alarmed(boleto, bruno, actor, source):
    Document.objects.update(facts={"line": make_line(bank="001")})
    source.listing = [BOLETO]

    shown = show(boleto, bruno, actor, source)

    assert [f.code for f in shown.payment.findings] == ["line-differs-from-file"]


def test_where_the_source_gives_no_line_the_pdf_s_is_shown(order, bruno, actor, source):
    bare = replace(BOLETO, typeable_line="", pix="")
    boleto = listed(order, bare)
    Document.objects.update(facts={"line": LINE})
    source.listing = [bare]

    assert show(boleto, bruno, actor, source).payment.line == LINE


# --- whose -------------------------------------------------------------------------------


def test_nobody_sees_what_is_not_theirs_to_pay(cast, order, boleto, actor, source):
    danfe = make_document(order)
    expected = make_document(order, DocumentKind.BOLETO, "b9", state=State.EXPECTED)
    alfas = viewer_of(cast.alfa, cast.ana)
    branch = frozenset({cast.alfa_branch.pk})
    strangers = [
        (viewer_of(cast.beta, cast.beto), boleto.public_id),
        (viewer_of(cast.alfa, cast.ana, Role.VIEWER), boleto.public_id),
        (viewer_of(cast.alfa, cast.ana, rights=frozenset()), boleto.public_id),
        (viewer_of(cast.alfa, cast.carla, establishment_ids=branch), boleto.public_id),
        (alfas, danfe.public_id),
        (alfas, expected.public_id),
        (alfas, uuid.uuid4()),
    ]

    for viewer, public_id in strangers:
        with as_web(viewer), pytest.raises(NotVisible):
            show_payable(viewer=viewer, actor=actor, public_id=public_id, source=source, now=NOW)
    assert (source.asked_for_lists, AuditEvent.objects.count()) == ([], 0)


def test_every_showing_is_recorded_without_what_pays_it(boleto, bruno, actor, source, order):
    source.listing = [BOLETO]
    show(boleto, bruno, actor, source)
    source.listing = Unreachable("dead")
    show(boleto, bruno, actor, source, NOW + timedelta(minutes=1))

    events = list(AuditEvent.objects.order_by("pk"))
    assert [(e.action, e.person_id, e.object_id) for e in events] == [
        ("payment_shown", bruno.person_id, str(boleto.public_id))
    ] * 2
    shared = {"kind": "boleto", "order": str(order.public_id), "outcome": "payable"}
    assert [e.detail for e in events] == [
        shared | {"checked": "answered"},
        shared | {"checked": "unreachable"},
    ]
    written = "".join(str(e.detail) for e in events)
    assert LINE not in written
    assert BOLETO.pix not in written


def test_a_tax_slip_says_its_line_and_amount(order, bruno, actor, source):
    line = make_slip_line(Decimal("87.40"))
    slip = DocumentRecord(
        key="g1", kind=DocumentKind.GNRE, typeable_line=line, amount=Decimal("87.40")
    )
    document = listed(order, slip)
    Document.objects.update(facts={"payer": "99902002000133"})
    source.listing = [slip]

    shown = show(document, bruno, actor, source)

    # Its payer is the seller.
    assert (shown.payment.line, shown.payment.barcode, shown.payment.findings) == (line, "", ())
    assert shown.amount == Decimal("87.40")


# --- downloading --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title_state": TitleState.PAID}, "paid"),
        ({"title_state": TitleState.CANCELLED}, "cancelled"),
        ({"replaced_by": "b9"}, "replaced"),
    ],
)
def test_a_boleto_that_must_not_be_paid_is_not_handed_out(
    boleto, bruno, actor, source, change, reason
):
    source.listing, source.files["b1"] = [BOLETO], PDF
    take(boleto, bruno, actor, source)
    source.listing = [replace(BOLETO, **change)]

    error = refused(boleto, bruno, actor, source, NOW + timedelta(minutes=1))

    assert error.reason == reason
    assert AuditEvent.objects.latest("pk").detail["problem"] == reason
    assert len(source.asked) == 1


def test_only_a_paid_one_can_be_had_as_a_copy(boleto, bruno, actor, source):
    source.files["b1"] = PDF
    source.listing = [replace(BOLETO, title_state=TitleState.PAID)]

    copy = take(boleto, bruno, actor, source, as_copy=True)

    assert (copy.is_copy, copy.is_checked) == (True, True)
    Document.objects.update(title_state="cancelled")
    with as_web(bruno), pytest.raises(DocumentUnavailable):
        open_download(
            viewer=bruno,
            actor=actor,
            public_id=boleto.public_id,
            source=source,
            now=NOW,
            as_copy=True,
        )


def test_asking_for_a_copy_of_one_to_pay_marks_nothing(boleto, bruno, actor, source):
    source.listing, source.files["b1"] = [BOLETO], PDF

    assert take(boleto, bruno, actor, source, as_copy=True).is_copy is False


def test_without_an_answer_the_file_we_hold_is_marked_and_the_source_is_left_alone(
    boleto, bruno, actor, source
):
    source.listing, source.files["b1"] = [BOLETO], PDF
    take(boleto, bruno, actor, source)
    source.listing = Unreachable("dead")
    source.files["b1"] = AssertionError("asked although it does not answer")

    download = take(boleto, bruno, actor, source, NOW + timedelta(minutes=20))

    assert (download.is_checked, download.fetched_at) == (False, NOW)


# --- amounts due without a boleto ----------------------------------------------------------


def make_title(order, key=LINE, **given) -> Title:
    values = {
        "company": order.company,
        "due_on": DUE,
        "amount": AMOUNT,
        "state": "open",
        "typeable_line": LINE,
        "payee_name": PAYEE,
    }
    return Title.objects.create(order=order, key=key, **(values | given))


def show_due(order, viewer, actor, ref: str):
    with as_web(viewer):
        return show_title(
            viewer=viewer, actor=actor, order_public_id=order.public_id, ref=ref, now=NOW
        )


def test_an_amount_with_a_line_and_no_boleto_is_shown_unchecked(order, bruno, actor):
    make_title(order)

    shown = show_due(order, bruno, actor, title_ref(LINE))

    assert (shown.public_id, shown.standing, shown.problem) == (None, Standing.PAYABLE, NOT_ASKED)
    assert (shown.payment.line, shown.amount, shown.payee_name) == (LINE, AMOUNT, PAYEE)
    assert LINE not in title_ref(LINE)
    event = AuditEvent.objects.get()
    assert (event.action, event.detail["outcome"]) == ("payment_shown", "payable")
    assert LINE not in str(event.detail)


@pytest.mark.parametrize(
    "change", [{"key": "b1"}, {"key": "x"}, {"key": "x", "typeable_line": "", "instalment": "1/2"}]
)
def test_an_amount_whose_boleto_is_there_is_shown_by_it(order, boleto, bruno, actor, change):
    make_title(order, **({"invoice_number": "1001"} | change))

    assert show_due(order, bruno, actor, title_ref(change["key"])) == boleto.public_id


def test_amounts_due_of_others_are_not_there(cast, order, actor):
    make_title(order)
    make_title(order, "bare", typeable_line="")
    ref = title_ref(LINE)
    strangers = [
        (viewer_of(cast.beta, cast.beto), ref),
        (viewer_of(cast.alfa, cast.ana, Role.VIEWER), ref),
        (viewer_of(cast.alfa, cast.ana), title_ref("bare")),
        (viewer_of(cast.alfa, cast.ana), "0" * 16),
        (viewer_of(cast.alfa, cast.ana), ""),
        (viewer_of(cast.alfa, cast.ana), LINE),
    ]
    for viewer, name in strangers:
        with pytest.raises(NotVisible):
            show_due(order, viewer, actor, name)
    assert AuditEvent.objects.count() == 0


def test_a_paid_amount_offers_nothing_to_pay(order, bruno, actor):
    make_title(order, state="paid", settled_on=date(2026, 3, 9))

    shown = show_due(order, bruno, actor, title_ref(LINE))

    assert (shown.standing, shown.settled_on, shown.problem) == (
        Standing.PAID,
        date(2026, 3, 9),
        "",
    )


# --- what the PDF says, where its source says nothing -----------------------------------------


def test_a_real_boletos_line_pix_and_payee_reach_the_card_where_the_list_has_none(
    order, bruno, actor, source
):
    pix = make_pix()
    bare = replace(BOLETO, typeable_line="", pix="", payee=Party())
    boleto = listed(order, bare)
    source.listing = [bare]
    source.files["b1"] = build_boleto(
        amount=AMOUNT, due_on=DUE, bank="341", document_number="1001/001", line=LINE, pix=pix
    )
    assert show(boleto, bruno, actor, source).payment.line == ""

    take(boleto, bruno, actor, source)
    shown = show(boleto, bruno, actor, source)

    assert (shown.payment.line, shown.payment.amount) == (LINE, AMOUNT)
    assert shown.payment.pix is not None
    assert shown.payment.pix.payload == pix
    assert shown.payment.findings == ()
    assert (shown.payee_name, shown.payee_tax_id) == ("", "11222333000181")


def test_a_real_boleto_made_out_to_somebody_else_is_not_handed_out_nor_shown(
    order, bruno, actor, source
):
    bare = replace(BOLETO, typeable_line="", pix="", payee=Party())
    boleto = listed(order, bare)
    source.listing = [bare]
    source.files["b1"] = build_boleto(
        amount=AMOUNT,
        due_on=DUE,
        line=LINE,
        payer="OUTRA COMPRADORA LTDA  CNPJ 99.902.002/0001-33",
    )

    assert refused(boleto, bruno, actor, source).is_damaged

    shown = show(boleto, bruno, actor, source)
    assert (shown.payment.line, shown.payment.pix) == ("", None)


@pytest.mark.parametrize("who", ["reading", "click"])
def test_what_an_older_print_says_is_forgotten_when_another_is_to_be_paid(
    order, bruno, actor, source, who
):
    bare = replace(BOLETO, typeable_line="", pix="")
    boleto = listed(order, bare)
    Document.objects.update(facts={"line": LINE, "payee": PAYEE_TAX_ID})
    source.listing = [replace(bare, amount=AMOUNT + 20)]

    if who == "reading":
        listed(order, *source.listing, at=NOW)
    shown = show(boleto, bruno, actor, source)

    assert (shown.amount, shown.payment.line) == (AMOUNT + 20, "")
    assert Document.objects.get(pk=boleto.pk).facts == {}
