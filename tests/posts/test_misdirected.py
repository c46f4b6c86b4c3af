"""A command sent to the whole list: recognised, kept from the list, answered to its author."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.posts import list_words, post
from cgbot.store.db import Database
from tests.groups.mailbag import errand, outbox

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAMES = {"cg-aisec"}


def mail(text: str, subject: str = "a mail") -> messages.Message:
    head = f"From: a@example.org\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return messages.parse(f"{head}{text}\r\n".encode())


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        ("unsubscribe", "", "unsubscribe"),
        ("Unsubscribe.", "Re: agenda", "unsubscribe"),
        ("Please unsubscribe me from this list!", "", "unsubscribe"),
        ("unsubscribe cg-aisec", "", "unsubscribe"),
        ("SUBSCRIBE CG-AISEC Zoe van Dijk", "", "subscribe"),
        ("SIGNOFF CG-AISEC@lists.example.org", "", "signoff"),
        ("remove me please", "", "remove"),
        ("", "unsubscribe", "unsubscribe"),
        ("Thank you, regards, Bob", "Unsubscribe", "unsubscribe"),
        ("unsubscribe\r\n\r\n-- \r\nBob, Example Labs", "", "unsubscribe"),
        ("unsubscribe\r\n\r\nSent from my iPhone", "", "unsubscribe"),
        ("set none until 1 June 2027", "", "set none until 1 june 2027"),
        ("confirm 7f3k2m9x7f3k2m9x", "", "confirm 7f3k2m9x7f3k2m9x"),
        ("approve 12", "", "approve 12"),
        ("désinscription", "", "désinscription"),
        ("whoami", "", "whoami"),
        ("QUIET SIGNOFF CG-AISEC", "", "signoff"),
        ("SIGNOFF * (NETWIDE", "", "signoff"),
        ("quiet set CG-AISEC NOMAIL", "", "set nomail"),
        ("SET cg-aisec DIGESTS NOREPRO", "", "set digests norepro"),
        ("set * nomail", "", "set nomail"),
        ("set digests", "", "set digests"),
        ("unsubscribe cg-aisec mia@example.org\r\nend", "", "unsubscribe"),
        ("unsubscribe mia@example.org", "", "unsubscribe"),
        ("signoff cg-aisec\r\nsignoff cg-aisec-wp1@lists.example.org", "", "signoff"),
        ("review CG-AISEC", "", "review"),
        (
            "Hello all,\r\n\r\nplease unsubscribe me.\r\n\r\nThank you and best regards,\r\nBob\r\nExample Labs",
            "",
            "unsubscribe",
        ),
        ("I would like to unsubscribe from this mailing list, thank you!", "", "unsubscribe"),
        ("Could you please unsubscribe my address mia@example.org?", "", "unsubscribe"),
        ("How do I unsubscribe?", "", "unsubscribe"),
        ("Please remove me from your mailing list.", "", "unsubscribe"),
        ("take me off this list", "", "unsubscribe"),
        ("Kindly remove my email address mia@example.org from the list, thanks", "", "unsubscribe"),
        ("I want to be removed from this list.", "", "unsubscribe"),
        (
            "Bonjour,\r\n\r\nmerci de me désinscrire de cette liste.\r\n\r\nCordialement\r\nZoé Dupont",
            "",
            "désinscrire",
        ),
        ("désinscrivez-moi svp", "", "désinscrivez-moi"),
        ("Je souhaite me désabonner.", "", "désabonner"),
        ("Veuillez me retirer de votre liste de diffusion, s’il vous plaît", "", "désinscription"),
        ("Retirez-moi du groupe", "", "désinscription"),
        ("desinscription", "", "desinscription"),
        ("Quiero darme de baja de esta lista", "", "unsubscribe"),
        ("отписаться", "", "отписаться"),
        ("退订", "", "unsubscribe"),
        ("إلغاء الاشتراك", "", "unsubscribe"),
        ("", "remove me from this list", "unsubscribe"),
        ("", "SIGNOFF CG-AISEC", "signoff"),
    ],
)
def test_commands(text: str, subject: str, found: str) -> None:
    assert list_words.list_command(mail(text, subject), NAMES) == found


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Join us at five?", ""),
        ("Help with section 3 is welcome", ""),
        ("Stop using the old template, please", ""),
        ("Subscribe to the calendar, it helps", ""),
        ("Leave it as it is", ""),
        ("Set daily calls at nine?", ""),
        ("Set the date", ""),
        ("Lists of terms are attached", ""),
        ("Who comes?", ""),
        ("We should discuss this.", "leave"),
        ("I agree", "Help"),
        ("Please remove me from the list of editors.", ""),
        ("Remove me as the contact in section 3, please", ""),
        ("take me off the agenda", ""),
        ("Veuillez me retirer de la liste des orateurs", ""),
        ("I do not want to unsubscribe.", ""),
        ("Do you want me to unsubscribe you?", ""),
        ("How many people unsubscribe?", ""),
        ("unsubscribe from the newsletter of SG17", ""),
        ("Set mail servers aside for now", ""),
        ("set the index", ""),
        ("Quiet please", ""),
        ("Review the draft", ""),
        ("who is in cg-aisec now?", ""),
        ("unsubscribe\r\n\r\nIs this the word we want in the form?", ""),
        ("leave\r\n\r\nThanks\r\nBob", ""),
        ("Désinscription des participants : voir le point 3", ""),
        ("signoff cg-aisec\r\nWhat does this line mean in the old manual?", ""),
        ("SIGNOFF OTHER-LIST", ""),
        ("Please unsubscribe me from the reminders but not from the list", ""),
        ("I agree with Mia", "Re: unsubscribe"),
        ("unsubscribe\r\nwas a word that I used in section 3, it should say leave", ""),
        ("", ""),
    ],
)
def test_what_people_write_to_people_is_none(text: str, subject: str) -> None:
    assert list_words.list_command(mail(text, subject), NAMES) == ""


def take(db: Database, context: Context, group: Group, text: str, **fields: str) -> Settled:
    one = errand(
        context, group, "post", text, **{"sender": "mia@example.org", "mail_from": "mia@example.org", **fields}
    )
    return db.write_now(post.take_post, context, replace(one, facts=keep.prepare(one.message)))


@ONE
def test_who_wants_to_leave_is_asked_back_and_nobody_else_hears_of_it(
    db: Database, context: Context, group: Group
) -> None:
    for name in ("mia", "hu"):
        db.write_now(members.add, context, group.id, NewMember(f"{name}@example.org"))
    settled = take(db, context, group, "Please unsubscribe me")
    assert settled == Settled("discarded", "the command 'unsubscribe', sent to the whole list: asked back by mail")
    (letter,) = outbox(db)
    assert (letter.recipient, letter.message["Subject"]) == ("mia@example.org", "Please confirm: leave CG-AISEC")
    assert "already" in take(db, context, group, "unsubscribe").reason
    assert len(outbox(db)) == 1


@ONE
def test_who_asks_in_french_is_asked_back_in_french(db: Database, context: Context, group: Group) -> None:
    take(db, context, group, "merci de me désinscrire")
    (letter,) = outbox(db)
    assert letter.message["Subject"] == "Merci de confirmer : quitter CG-AISEC"


@ONE
def test_any_other_command_is_told_where_to_go_once_a_day(db: Database, context: Context, group: Group) -> None:
    db.write_now(members.add, context, group.id, NewMember("mia@example.org", language="fr"))
    for text in ("set daily", "help", "who"):
        assert take(db, context, group, text).state == "discarded"
    (letter,) = outbox(db)
    assert letter.message["Subject"] == "Votre message à CG-AISEC était une commande"
    assert letter.message["Auto-Submitted"] == "auto-replied"
    later = context.at(context.now + timedelta(hours=25))
    take(db, later, group, "help")
    assert len(outbox(db)) == 2


@ONE
@pytest.mark.parametrize(
    "fields", [{"Precedence": "bulk"}, {"mail_from": ""}, {"sender": "x@lists.example.org"}, {"sender": "a@b.c, d@e.f"}]
)
@pytest.mark.parametrize("text", ["help", "unsubscribe"])
def test_robots_and_ourselves_are_not_answered(
    db: Database, context: Context, group: Group, text: str, fields: dict[str, str]
) -> None:
    assert take(db, context, group, text, **fields).state in {"discarded", "held"}
    assert [one for one in outbox(db) if one.recipient != "operator@example.org"] == []
