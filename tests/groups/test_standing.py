"""whoami, who and lists: told to the member's own address, the roster only to who is proven or has answered."""

from __future__ import annotations

import dataclasses
import re

import pytest

from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.mail import address
from cgbot.mail.frozen import fill as filled
from cgbot.posts import distribution
from tests.groups.mailbag import Sent, errand
from tests.groups.test_setting import PURPOSES, Post, post

__all__ = ["post"]
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def words(letter: Sent) -> str:
    return " ".join(letter.text.split())


def open_to_members(post: Post) -> Post:
    charter = dataclasses.replace(post.context.charters["cg-aisec"], roster="members")
    return dataclasses.replace(post, context=dataclasses.replace(post.context, charters={"cg-aisec": charter}))


def test_who_somebody_is(post: Post) -> None:
    post.prove("set none until 1 June")
    post.write("who am I")
    letter = post.mails[-1]
    assert letter.message["Subject"] == "You in CG-AISEC"
    assert "Address: mia@example.org Role: member Posts: each as it comes" in words(letter)
    assert "No posts until: Tuesday 1 June 2027" in words(letter)
    assert "To leave: a mail to cg-aisec-leave@lists.example.org" in words(letter)


def test_in_french(post: Post) -> None:
    post.db.write_now(members.change, post.context, post.mia, {"language": "fr-CH"})
    post.write("whoami")
    assert post.mails[-1].message["Subject"] == "Vous dans CG-AISEC"
    assert "Rôle : membre Messages : chacun dès son arrivée" in words(post.mails[-1])
    post.write("aide")
    assert "Ce que le groupe sait de vous." in post.mails[-1].text


def test_the_roster_is_the_conveners_unless_the_charter_says_otherwise(post: Post) -> None:
    post.prove("who")
    assert "the list of members of this group is for its conveners" in words(post.mails[-1])
    opened = open_to_members(post)
    opened.db.write_now(
        members.add,
        post.context,
        post.group.id,
        NewMember("hu@example.org", name="Hu", role="convener", organization="X"),
    )
    assert opened.prove("who").reason == "2 members listed"
    assert "Hu <hu@example.org>, X (convener)" in post.mails[-1].text


def test_the_roster_never_goes_to_who_only_claims(post: Post) -> None:
    opened = open_to_members(post)
    assert opened.write("who").reason == "asked back by mail"
    asked = post.mails[-1]
    assert asked.recipient == "mia@example.org"
    assert "Mia <" not in asked.text
    assert opened.answer(asked).reason == "1 members listed"
    assert opened.answer(asked).state == "discarded"
    for _ in range(5):
        opened.write("who")
    assert len(post.mails) == 4  # asked back three times a day
    post.db.write_now(members.remove, post.context, post.group.id, "mia@example.org")
    assert opened.answer(post.mails[-1]).state == "discarded"


def test_a_stranger_gets_the_groups_once_a_day_but_not_their_members(post: Post) -> None:
    opened = open_to_members(post)
    assert opened.write("lists", sender="zoe@elsewhere.example").reason == "1 groups listed"
    assert "CG-AISEC" in post.mails[-1].text
    assert "a mail to cg-aisec-join@lists.example.org (open to everybody)" in words(post.mails[-1])
    assert opened.write("lists", sender="zoe@elsewhere.example").state == "discarded"
    opened.write("who", sender="zoe@elsewhere.example")
    assert "mia@example.org" not in "".join(one.text for one in post.mails)
    opened.write("listes", Accept_Language="fr-FR, en;q=0.5", sender="eve@elsewhere.example")
    assert post.mails[-1].message["Subject"] == "Les groupes de ce service"


@pytest.mark.parametrize(
    ("subject", "text", "told", "name"),
    [
        ("", "SUBSCRIBE CG-AISEC Zoë van Dijk", "join", "Zoë van Dijk"),
        ("subscribe cg-aisec", "", "join", "Zoe"),
        ("", "SUB cg-aisec-other x", "join", "Zoe"),
        ("SIGNOFF CG-AISEC", "", "leave", ""),
        ("", "unsubscribe", "leave", ""),
        ("Inscription", "", "rejoindre", "Zoe"),
        ("désinscription", "", "quitter", ""),
    ],
)
def test_old_habits(post: Post, subject: str, text: str, told: str, name: str) -> None:
    post.write(text, subject, sender="Zoe <zoe@elsewhere.example>")
    (asked,) = post.mails
    confirm = "Merci de confirmer :" if told in {"rejoindre", "quitter"} else "Please confirm:"
    assert asked.message["Subject"] == f"{confirm} {told} CG-AISEC"
    assert "van Dijk" not in asked.message.as_string()
    token = str(asked.message["Reply-To"]).partition("+")[2].partition("@")[0]
    post.write(f"confirm {token}", sender="Zoe <zoe@elsewhere.example>")
    member = post.db.read_now(members.find_member, post.group.id, "zoe@elsewhere.example")
    assert (member.name if member else "") == name
    if told == "rejoindre":
        assert member is not None
        assert member.language == "fr"
        assert post.mails[-1].message["Subject"] == "Bienvenue dans CG-AISEC"


HTML = "<html><body><div>&nbsp;</div><p class=MsoNormal>{}</p></body></html>"


@pytest.mark.parametrize("text", ["", "-- \r\nZoe\r\nExample Labs", "html"])
def test_the_links_of_every_post_work_with_an_empty_mail(post: Post, text: str) -> None:
    """RFC 2369: what a mail program makes of these three fields, whatever it writes below."""
    block = str(filled(distribution.described(post.context, "cg-aisec").fields(), {"one_click": "x"}), "ascii")
    links = dict(re.findall(r"^(List-(?:Help|Subscribe|Unsubscribe)): <mailto:([^>]+)>", block, re.MULTILINE))
    answers = {
        "List-Help": "What you can do",
        "List-Subscribe": "Please confirm: join",
        "List-Unsubscribe": "Please confirm: leave",
    }
    assert links.keys() == answers.keys()
    for name, link in links.items():
        recipient, _, query = link.partition("?subject=")
        found = address.destination(recipient, "lists.example.org", {"cg-aisec"})
        assert found is not None
        fields = {"Content_Type": "text/html; charset=utf-8"} if text == "html" else {}
        body = HTML.format("") if text == "html" else text
        mail = errand(post.context, post.group, found.purpose, body, sender="zoe@example.net", Subject=query, **fields)
        assert post.db.write_now(PURPOSES[found.purpose], post.context, mail).state == "sorted"
        assert answers[name] in post.mails[-1].message["Subject"]


def test_html_alone_is_read_too(post: Post) -> None:
    post.prove(HTML.format("set daily"), Content_Type="text/html; charset=utf-8")
    assert post.mia.delivery == "daily"
