"""Questions about an order: who asks, who sees, who answers, and who is told."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.mail import MailFailed
from b2b_orders.common.visibility import VisibleQuerySet
from b2b_orders.companies.access import Actor, Right, StaffViewer, Viewer
from b2b_orders.companies.models import StaffRole, Team
from b2b_orders.orders.models import Answer, Question
from b2b_orders.orders.questions import (
    Answered,
    answer,
    ask,
    clean,
    list_questions,
    open_questions,
    tell_askers,
)
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order

pytestmark = pytest.mark.django_db
SEEN = {"at": NOW.isoformat(), "documents": []}


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, [(NumberKind.ERP, "111")])


def viewer_of(person, company, **more) -> Viewer:
    return Viewer(person.pk, company.pk, frozenset(Right), **more)


def acting(cast, company=None) -> Viewer:
    return viewer_of(
        cast.suzana,
        company or cast.alfa,
        staff_role=StaffRole.SUPPORT,
        acting_id=7,
        reason="question 1",
    )


def put(viewer: Viewer, order, text: str = "Where is the XML of 1002?", at=NOW) -> uuid.UUID:
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        return ask(
            viewer=viewer,
            actor=Actor(viewer.person_id),
            order_id=order.pk,
            order_public_id=order.public_id,
            text=text,
            document=None,
            seen=SEEN,
            now=at,
        )


def say(viewer: Viewer, order, question: uuid.UUID, text="The ERP has it at noon.", at=NOW) -> None:
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        answer(
            viewer=viewer,
            actor=Actor(viewer.person_id, viewer.staff_role),
            order_public_id=order.public_id,
            public_id=question,
            text=text,
            now=at,
        )


def seen_by(viewer: Viewer, order):
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        return list_questions(viewer=viewer, order_id=order.pk)


def waiting(staff: StaffViewer) -> list[str]:
    with tenancy.scope(role=tenancy.WEB, person_id=staff.person_id):
        return [each.order_title for each in open_questions(viewer=staff)]


def support(cast, **more) -> StaffViewer:
    return StaffViewer(cast.suzana.pk, StaffRole.SUPPORT, **more)


# --- asking -----------------------------------------------------------------------------------


def test_a_question_is_kept_with_what_was_seen_and_recorded_without_its_text(cast, order):
    public_id = put(viewer_of(cast.ana, cast.alfa), order)

    row = Question.objects.get(public_id=public_id)
    assert (row.company_id, row.order_id, row.person_id) == (cast.alfa.pk, order.pk, cast.ana.pk)
    assert row.seen == SEEN
    line = AuditEvent.objects.get(action=Action.QUESTION_ASKED)
    assert (line.object_kind, line.object_id) == ("order", str(order.public_id))
    assert "XML" not in str(line.detail)


def test_everybody_of_the_company_who_may_see_the_order_sees_the_question(cast, order):
    put(viewer_of(cast.ana, cast.alfa), order)
    branch = frozenset({cast.alfa_branch.pk})

    assert len(seen_by(viewer_of(cast.bruno, cast.alfa), order)) == 1
    assert seen_by(viewer_of(cast.carla, cast.alfa, establishment_ids=branch), order) == ()
    assert seen_by(viewer_of(cast.beto, cast.beta), order) == ()


def test_what_the_asker_saw_is_for_who_answers(cast, order):
    put(viewer_of(cast.ana, cast.alfa), order)

    assert seen_by(viewer_of(cast.bruno, cast.alfa), order)[0].seen == {}
    assert seen_by(acting(cast), order)[0].seen == SEEN


def test_staff_do_not_ask(cast, order):
    with pytest.raises(NotVisible):
        put(acting(cast), order)
    assert not Question.objects.exists()


def test_a_second_click_asks_once(cast, order):
    ana = viewer_of(cast.ana, cast.alfa)

    first, second = put(ana, order), put(ana, order, at=NOW + timedelta(seconds=2))
    later = put(ana, order, at=NOW + timedelta(minutes=10))

    assert first == second != later
    assert Question.objects.count() == 2
    assert AuditEvent.objects.filter(action=Action.QUESTION_ASKED).count() == 2


def test_one_person_asks_so_many_in_an_hour(cast, order, settings):
    settings.PORTAL_QUESTIONS_AN_HOUR = 2
    ana = viewer_of(cast.ana, cast.alfa)
    put(ana, order, "one")
    put(ana, order, "two")

    with pytest.raises(Conflict, match="too-many-questions"):
        put(ana, order, "three")
    put(viewer_of(cast.bruno, cast.alfa), order, "of somebody else")
    put(ana, order, "later", at=NOW + timedelta(hours=1, seconds=1))

    assert Question.objects.count() == 4


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  a\r\nb\rc ", "a\nb\nc"),
        ("a\x00b\x07c", "abc"),
        ("pay \u202eabc\u202c", "pay abc"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("e\u0301", "é"),
    ],
)
def test_a_text_is_kept_as_typed_but_for_signs_that_mislead(typed, kept):
    assert clean(typed, most=1000) == kept


@pytest.mark.parametrize("typed", ["", "  \r\n\t ", "\u202e\x00"])
def test_no_text_is_no_question(typed):
    with pytest.raises(InvalidInput, match="empty"):
        clean(typed, most=1000)


def test_a_text_has_a_thousand_signs_at_most_however_its_lines_end():
    assert len(clean("a\r\n" * 499 + "bc", most=1000)) == 1000
    with pytest.raises(InvalidInput, match="too-long"):
        clean("a" * 1001, most=1000)


# --- what waits ---------------------------------------------------------------------------------


def test_questions_wait_oldest_first_without_their_text(cast, order):
    other = make_order(cast.beta, [(NumberKind.ERP, "222")])
    put(viewer_of(cast.beto, cast.beta), other, at=NOW + timedelta(minutes=1))
    put(viewer_of(cast.ana, cast.alfa), order)

    assert waiting(support(cast)) == ["111", "222"]
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        tenancy.scope(role=tenancy.STAFF),
    ):
        list(Question.objects.values_list("text"))


def test_what_is_answered_waits_no_more(cast, order):
    question = put(viewer_of(cast.ana, cast.alfa), order)

    say(acting(cast), order, question)

    assert waiting(support(cast)) == []


def test_a_teams_questions_go_to_that_team(cast, order):
    south, north = Team.objects.create(name="South"), Team.objects.create(name="North")
    cast.alfa.team = south
    cast.alfa.save()
    other = make_order(cast.beta, [(NumberKind.ERP, "222")])
    put(viewer_of(cast.ana, cast.alfa), order)
    put(viewer_of(cast.beto, cast.beta), other)

    assert waiting(support(cast, team_id=south.pk)) == ["111", "222"]
    assert waiting(support(cast, team_id=north.pk)) == ["222"]
    assert waiting(support(cast)) == ["111", "222"]


def test_telesales_see_what_waits_in_their_portfolio(cast, order):
    other = make_order(cast.beta, [(NumberKind.ERP, "222")])
    put(viewer_of(cast.ana, cast.alfa), order)
    put(viewer_of(cast.beto, cast.beta), other)
    teo = StaffViewer(cast.teo.pk, StaffRole.TELESALES, company_ids=frozenset({cast.alfa.pk}))

    assert waiting(teo) == ["111"]
    with pytest.raises(NotAllowed):
        waiting(StaffViewer(cast.olga.pk, StaffRole.OPERATIONS))


def test_what_is_of_an_inactive_company_or_changed_hands_waits_for_nobody(cast, order):
    put(viewer_of(cast.ana, cast.alfa), order)
    order.company = cast.beta
    order.save()
    assert waiting(support(cast)) == []
    order.company = cast.alfa
    order.save()
    cast.alfa.is_active = False
    cast.alfa.save()

    assert waiting(support(cast)) == []


# --- answering ----------------------------------------------------------------------------------


def test_an_answer_has_the_name_and_role_of_who_gives_it(cast, order):
    ana = viewer_of(cast.ana, cast.alfa)
    question = put(ana, order)

    say(acting(cast), order, question)

    [row] = seen_by(ana, order)
    [said] = row.answers
    assert (said.text, said.person_name, said.staff_role) == (
        "The ERP has it at noon.",
        "Suzana",
        "support",
    )
    line = AuditEvent.objects.get(action=Action.QUESTION_ANSWERED)
    assert (line.company_id, line.person_id, line.reason) == (
        cast.alfa.pk,
        cast.suzana.pk,
        "question 1",
    )


@pytest.mark.parametrize("who", ["the company's own", "acting for another", "of another order"])
def test_nobody_else_answers(cast, order, who):
    question = put(viewer_of(cast.ana, cast.alfa), order)
    viewer, about = {
        "the company's own": (viewer_of(cast.bruno, cast.alfa), order),
        "acting for another": (acting(cast, cast.beta), order),
        "of another order": (acting(cast), make_order(cast.alfa, [(NumberKind.ERP, "333")])),
    }[who]

    with pytest.raises(NotVisible):
        say(viewer, about, question)
    assert not Answer.objects.exists()


def test_borrowed_eyes_answer_only_what_they_see(cast, order):
    question = put(viewer_of(cast.ana, cast.alfa), order)
    as_carla = viewer_of(
        cast.suzana,
        cast.alfa,
        staff_role=StaffRole.SUPPORT,
        establishment_ids=frozenset({cast.alfa_branch.pk}),
    )

    with pytest.raises(NotVisible):
        say(as_carla, order, question)


def test_an_answer_can_be_added_to_and_a_second_click_adds_nothing(cast, order):
    ana = viewer_of(cast.ana, cast.alfa)
    question = put(ana, order)

    say(acting(cast), order, question, "one")
    say(acting(cast), order, question, "one", NOW + timedelta(seconds=1))
    say(acting(cast), order, question, "two", NOW + timedelta(minutes=1))

    assert [each.text for each in seen_by(ana, order)[0].answers] == ["one", "two"]


def test_without_the_applications_filter_the_database_still_shows_no_other_companys(
    cast, order, monkeypatch
):
    theirs = make_order(cast.beta, [(NumberKind.ERP, "222")])
    question = put(viewer_of(cast.beto, cast.beta), theirs)
    monkeypatch.setattr(VisibleQuerySet, "visible_to", lambda self, viewer: self.all())

    assert seen_by(viewer_of(cast.ana, cast.alfa), theirs) == ()
    assert seen_by(acting(cast), theirs) == ()
    with pytest.raises(NotVisible):
        say(acting(cast), theirs, question)
    assert len(seen_by(viewer_of(cast.beto, cast.beta), theirs)) == 1


# --- being told ---------------------------------------------------------------------------------


@dataclass
class Post:
    """A mail server that keeps what it is given, is away, or refuses for good."""

    got: list[Answered] = field(default_factory=list)
    fails: bool | None = None

    def send(self, news: Answered) -> None:
        if self.fails is not None:
            raise MailFailed("no", is_final=self.fails)
        self.got.append(news)


def tell(post: Post) -> int:
    with tenancy.scope(role=tenancy.WORKER):
        return tell_askers(now=NOW, send=post.send)


@pytest.fixture
def answered(cast, order):
    question = put(viewer_of(cast.ana, cast.alfa), order)
    say(acting(cast), order, question)
    return question


def test_the_asker_is_told_once(cast, order, answered):
    post = Post()

    assert [tell(post), tell(post)] == [1, 0]

    [news] = post.got
    assert (news.email, news.answered, news.answered_by) == (
        "ana@example.com",
        "The ERP has it at noon.",
        "Suzana",
    )
    assert (news.company, news.order) == (cast.alfa.public_id, order.public_id)


@pytest.mark.parametrize("what", ["removed", "inactive", "no longer sees it", "order moved"])
def test_who_may_not_see_the_order_any_more_gets_no_mail(cast, order, answered, what):
    member = cast.alfa.memberships.get(person=cast.ana)
    if what == "removed":
        member.is_active = False
    elif what == "no longer sees it":
        member.is_scoped = True
    elif what == "inactive":
        cast.ana.is_active = False
        cast.ana.save()
    else:
        order.company = cast.beta
        order.save()
    member.save()
    post = Post()

    assert [tell(post), tell(post)] == [0, 0]
    assert post.got == []
    assert not Answer.objects.filter(told_at=None).exists()


def test_a_mail_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(answered):
    post = Post(fails=False)
    assert tell(post) == 0
    assert Answer.objects.filter(told_at=None).exists()

    post.fails = True
    assert tell(post) == 0
    post.fails = None
    assert tell(post) == 0
    assert post.got == []


def test_a_worker_that_is_killed_while_sending_leaves_the_answer_to_tell(answered):
    class Killed(BaseException):
        pass

    def die(_news: Answered) -> None:
        raise Killed

    with pytest.raises(Killed), transaction.atomic():
        tell_askers(now=NOW, send=die)

    assert Answer.objects.filter(told_at=None).count() == 1
