"""Settings by mail: at once for who is proven, after an answer of the member's own address for anybody else."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from cgbot import wiring
from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups import members, own_addresses
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, errand, outbox, token_of

PURPOSES = wiring.purposes()
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PROOF = {"Authentication_Results": "mx.example.org; dmarc=pass header.from=example.org", "peer": "127.0.0.1"}


@dataclass
class Post:
    """Mail to NAME-request@ as Mia writes it, proven or not, and answers to what comes back."""

    db: Database
    context: Context
    group: Group

    def write(self, text: str, subject: str = "", sender: str = "mia@example.org", **fields: str) -> Settled:
        mail = errand(self.context, self.group, "request", text, sender=sender, Subject=subject, mail_from=sender,
                      **fields)  # fmt: skip
        return self.db.write_now(PURPOSES["request"], self.context, mail)

    def prove(self, text: str, **fields: str) -> Settled:
        return self.write(text, **PROOF, **fields)

    def answer(self, letter: Sent, text: str = "yes", **fields: str) -> Settled:
        mail = errand(self.context, self.group, "confirm", text, detail=token_of(letter), sender=letter.recipient,
                      mail_from=letter.recipient, **fields)  # fmt: skip
        return self.db.write_now(PURPOSES["confirm"], self.context, mail)

    def later(self, **span: float) -> Post:
        return replace(self, context=self.context.at(self.context.now + timedelta(**span)))

    @property
    def mails(self) -> list[Sent]:
        return outbox(self.db)

    @property
    def mia(self) -> Member:
        found = self.db.read_now(members.find_member, self.group.id, "mia@example.org")
        assert found is not None
        return found


@pytest.fixture
def post(db: Database, context: Context, group: Group) -> Post:
    settings = context.settings
    trusting = replace(settings, authentication=replace(settings.authentication, trusted=("mx.example.org",)))
    db.write_now(members.add, context, group.id, NewMember("mia@example.org", name="Mia", zone="Asia/Seoul"))
    return Post(db, replace(context, settings=trusting), group)


def test_who_is_proven_sets_at_once(post: Post) -> None:
    text = "set none until 2027-06-01\nset organization Example Labs\nset language fr\nset attachments link\n"
    assert post.prove(text + "set digest plain\nset invitations off\n").reason.startswith("set: ")
    mia = post.mia
    assert mia.away_until == datetime(2027, 5, 31, 15, tzinfo=UTC)  # midnight in Seoul
    assert (mia.delivery, mia.organization, mia.language) == ("each", "Example Labs", "fr")
    assert (mia.attachments, mia.digest_format, mia.invitations) == ("link", "plain", False)
    (letter,) = post.mails
    assert letter.message["Subject"] == "Vos réglages dans CG-AISEC"
    assert "Aucun message avant : mardi 1er juin 2027" in " ".join(letter.text.split())
    assert post.prove("set daily").state == "sorted"
    assert (post.mia.delivery, post.mia.away_until) == ("daily", None)


def test_who_only_claims_is_asked_back_at_the_members_own_address(post: Post) -> None:
    text = "set daily\nset name CHEAP PILLS http://evil.example\nset organization Evil"
    assert post.write(text, sender="mia@example.org", Subject_="x").reason == "asked back by mail"
    (asked,) = post.mails
    assert asked.recipient == "mia@example.org"
    assert "PILLS" not in asked.message.as_string()
    assert "Evil" not in asked.text
    assert "Posts: once a day" in " ".join(asked.text.split())
    assert (post.mia.delivery, post.mia.name) == ("each", "Mia")
    assert post.answer(asked).state == "sorted"
    assert (post.mia.delivery, post.mia.organization) == ("daily", "Evil")
    post.answer(asked)
    assert len(post.mails) == 2  # a token works once
    assert "CHEAP PILLS" in post.mails[1].text


@ONE
def test_a_late_or_foreign_answer_changes_nothing(post: Post) -> None:
    post.write("set daily")
    asked = post.mails[0]
    assert post.later(hours=73).answer(asked).state == "discarded"
    assert post.answer(asked, Auto_Submitted="auto-replied").state == "discarded"
    assert post.mia.delivery == "each"


@ONE
def test_somebody_is_asked_back_five_times_a_day(post: Post) -> None:
    for _ in range(8):
        post.write("set daily")
    assert len(post.mails) == 5
    post.later(hours=25).write("set daily")
    assert len(post.mails) == 6


@ONE
def test_what_cannot_be_set_is_named_with_the_form(post: Post) -> None:
    post.prove("set moon on")
    (letter,) = post.mails
    assert '"moon on" is not something to set; allowed are each, daily' in " ".join(letter.text.split())
    assert "    set daily" in letter.text


@ONE
def test_the_words_of_who_only_claims_are_not_sent_back(post: Post) -> None:
    for text in ("set CHEAP PILLS http://evil.example", "set zone PILLS", "set none until PILLS", "add address PILLS"):
        post.write(text)
        assert "a line cannot be read; allowed are each, daily" in " ".join(post.mails[-1].text.split())
    assert "PILLS" not in "".join(one.text for one in post.mails)


@ONE
def test_a_stranger_gets_the_help(post: Post) -> None:
    post.write("set daily", sender="zoe@elsewhere.example")
    assert [str(one.message["Subject"]) for one in post.mails] == ["[CG-AISEC] What you can do by mail"]


def addresses(post: Post) -> tuple[str, ...]:
    return post.db.read_now(own_addresses.of_person, post.mia.person_id)


def test_another_address_is_asked_itself(post: Post) -> None:
    post.prove("add address mia@home.example")
    asked = next(one for one in post.mails if one.recipient == "mia@home.example")
    assert "Posts and commands from mia@home.example would count as theirs." in asked.text
    assert addresses(post) == ("mia@example.org",)
    assert post.answer(asked).state == "sorted"
    assert addresses(post) == ("mia@example.org", "mia@home.example")
    assert post.mia.address == "mia@example.org"
    assert post.db.read_now(members.find_member, post.group.id, "MIA@home.example") == post.mia
    assert post.write("whoami", sender="mia@home.example").reason == "told who they are"
    assert post.mails[-1].recipient == "mia@example.org"
    post.prove("remove address mia@home.example")
    assert addresses(post) == ("mia@example.org",)


@ONE
def test_mail_goes_to_a_new_address_and_both_are_told(post: Post) -> None:
    post.write("set address <mia@new.example>")
    assert [one.recipient for one in post.mails] == ["mia@example.org"]  # the member first: nothing proves who asked
    assert "new.example" not in post.mails[0].text
    post.answer(post.mails[0])
    post.answer(next(one for one in post.mails if one.recipient == "mia@new.example"))
    assert post.mia.address == "mia@new.example"
    told = [one.recipient for one in post.mails if "is an address of yours" in one.message["Subject"]]
    assert sorted(told) == ["mia@example.org", "mia@new.example"]


@ONE
def test_an_address_where_mail_goes_is_not_given_up(post: Post) -> None:
    post.prove("remove address mia@example.org")
    assert "the mail of cg-aisec goes to mia@example.org" in " ".join(post.mails[-1].text.split())
    assert addresses(post) == ("mia@example.org",)


def test_the_address_of_another_member_is_not_taken(post: Post) -> None:
    post.db.write_now(members.add, post.context, post.group.id, NewMember("hu@example.org"))
    post.prove("add address hu@example.org")
    post.answer(next(one for one in post.mails if one.recipient == "hu@example.org"))
    assert "hu@example.org is the address of another membership" in " ".join(post.mails[-1].text.split())
    post.db.write_now(members.remove, post.context, post.group.id, "hu@example.org")
    later = post.later(hours=25)
    later.prove("add address hu@example.org")
    later.answer([one for one in post.mails if one.recipient == "hu@example.org"][-1])
    assert addresses(post) == ("hu@example.org", "mia@example.org")


@ONE
@pytest.mark.parametrize("address", ["cg-aisec@lists.example.org", "cg-aisec-join@lists.example.org"])
def test_an_address_of_ours_is_nobodys(post: Post, address: str) -> None:
    post.prove(f"add address {address}")
    assert "is an address of cgbot itself" in " ".join(post.mails[-1].text.split())
    assert all("lists.example.org" not in one.recipient for one in post.mails)


@ONE
def test_the_conveners_words_stay(post: Post) -> None:
    """What only a convener may change is not something to set."""
    for text in ("set role convener", "set posting free", "set state active"):
        post.prove(text)
    assert (post.mia.role, post.mia.posting) == ("member", "")
    assert dataclasses.asdict(post.mia)["state"] == "active"


@ONE
def test_why_not_is_said_in_the_members_language(post: Post) -> None:
    post.prove("set language fr\n")
    post.prove("set zone Mars/Crater\n")
    assert "zone: 'Mars/Crater' n'est pas permis : le nom d'un fuseau" in " ".join(post.mails[-1].text.split())
    post.prove("remove address other@example.org\n")
    assert "other@example.org n'est pas une adresse de mia@example.org" in " ".join(post.mails[-1].text.split())
