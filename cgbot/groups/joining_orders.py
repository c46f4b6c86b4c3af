"""
What conveners order and ask about who joins, by mail and on the desk (use cases; `commands`, QUERIES).

"invite" writes to people who are not members, "admit" and "turn away" decide about somebody who waits, as the answer to
the mail that told of them does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import admission, invites, inviting, join_requests, member_letters, members
from cgbot.groups.asking import Hook
from cgbot.groups.commands import Command, Ordered, Proposal, Query, Request
from cgbot.groups.join_requests import JoinRequest
from cgbot.groups.member_letters import Note
from cgbot.groups.moments import in_words
from cgbot.mail.address import parse_mailboxes

_NOTE: Final = 500
_FIELDS: Final = ("addresses", "address", "to", "who")
_MOST_LISTED: Final = 500


def _addresses(request: Request) -> tuple[str, ...]:
    """The addresses behind the word and in the fields. Raises Malformed for other fields."""
    unknown = [name for name in request.fields if name not in _FIELDS]
    if unknown:
        raise Malformed(f"{', '.join(unknown)}: not known here; allowed is {_FIELDS[0]}. The mail has words of its own")
    words = [one for one in request.words if "@" in one]
    text = ",".join([*words, *request.fields.values()])
    pieces = [one.strip() for one in re.split(r"[,;\n]", text) if one.strip()]
    wrong = [one for one in pieces if not parse_mailboxes(one)]
    if wrong:
        raise Malformed(f"addresses: no mail address: {'; '.join(one[:60] for one in wrong[:5])}")
    return tuple(found.address for one in pieces for found in parse_mailboxes(one))


def _propose_invite(tx: Connection, context: Context, request: Request) -> Proposal:
    wanted = inviting.check(tx, context, request.group_id, _addresses(request))
    if not wanted.invited:
        raise Conflict("; ".join(f"{one} {why}" for one, why in wanted.left_out))
    lines = ["These people would get a mail that invites them to join; who answers it is a member:", ""]
    lines += [f"  {one}" for one in wanted.invited]
    lines += ["", "Left out:", "", *(f"  {one} {why}" for one, why in wanted.left_out)] if wanted.left_out else []
    many = len(wanted.invited)
    return Proposal(
        about=f"invitation of {', '.join(wanted.invited)}"[:200],
        summary=f"invite {many} {'person' if many == 1 else 'people'} to join",
        preview="\n".join(lines),
        fields={"addresses": "\n".join(wanted.invited)},
        facts={"addresses": list(wanted.invited)},
        words=(),
    )


def _invite(tx: Connection, context: Context, ordered: Ordered) -> str:
    listed = ordered.facts["addresses"]
    addresses = [str(one) for one in listed] if isinstance(listed, list) else []
    done = inviting.invite(tx, context, ordered.group_id, addresses, ordered.actor.address)
    return f"{len(done.invited)} invited: {', '.join(done.invited)}." if done.invited else "Nobody was left to invite."


def _propose_decision(state: str, tx: Connection, context: Context, request: Request) -> Proposal:
    found = _waiting(tx, request)
    note = " ".join((request.fields.get("note") or request.fields.get("text") or "").split())[:_NOTE]
    what = "would become a member and be welcomed" if state == "approved" else "would be told that it was not accepted"
    asked = in_words(found.asked_at, context.charters[request.group])
    who = f"{found.name} ({found.address})" if found.name else found.address
    return Proposal(
        about=f"request to join of {found.address}",
        summary=f"{'admit' if state == 'approved' else 'turn away'} {found.address}",
        preview=f"{who} asked to join on {asked}, and {what}." + (f"\nYour words: {note}" if note else ""),
        fields={"note": note} if note else {},
        facts={"request": found.id, "note": note},
        words=(found.address,),
    )


def _waiting(tx: Connection, request: Request) -> JoinRequest:
    """The request of the address behind the word. Raises Malformed and NotFound."""
    named = parse_mailboxes(",".join(request.words))
    if not named:
        raise Malformed("the address is missing: it stands behind the word, as in the mail that told of it")
    found = join_requests.find_waiting(tx, request.group_id, named[0].address)
    if found is None:
        raise NotFound(f'{named[0].address} does not wait to join; a mail with the word "applicants" lists who does')
    return found


def _decide(state: str, hooks: Sequence[Hook], tx: Connection, context: Context, ordered: Ordered) -> str:
    found = join_requests.get(tx, int(str(ordered.facts["request"])))
    if found is None:
        raise NotFound("this request is not there any more")
    admission.decide(tx, context, found, (state, ordered.actor.address, str(ordered.facts["note"])), hooks)
    return f"{found.address} {'is a member now' if state == 'approved' else 'was turned away'}, and was told."


def commands(on_join: Sequence[Hook]) -> tuple[Command, ...]:
    """The commands; what else happens to somebody who joins is handed down."""
    hooks = tuple(on_join)
    return (
        Command("invite", "change members", "invite\naddresses: hu@example.org, li@example.org",
                "Invite people to join; each gets one mail, a reminder after a week, and is a member by answering.",
                _propose_invite, _invite),
        Command("admit", "change members", "admit zoe@example.org", "Let somebody in who asks to join.",
                partial(_propose_decision, "approved"), partial(_decide, "approved", hooks)),
        Command("turn away", "change members", "turn away zoe@example.org\nnote: This group is for delegates.",
                "Turn somebody away who asks to join; your words reach them.",
                partial(_propose_decision, "rejected"), partial(_decide, "rejected", hooks)),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------- questions


def _invites(tx: Connection, context: Context, request: Request) -> str:
    found = invites.of_group(tx, request.group_id)
    charter = context.charters[request.group]
    rows = [
        f"{one.address}: {inviting.state_of(one, context.now)}\n    invited by {one.invited_by}, "
        f"{in_words(one.invited_at, charter)}" + (", reminded" if one.reminded_at else "")
        for one in found[:_MOST_LISTED]
    ]
    return _mail(tx, context, request, ("Who was invited", "\n\n".join([inviting.counted(found, context.now), *rows])))


def _applicants(tx: Connection, context: Context, request: Request) -> str:
    charter = context.charters[request.group]
    rows = [
        f"{one.address}{f' ({one.name})' if one.name else ''}\n    asked on {in_words(one.asked_at, charter)}"
        for one in join_requests.waiting(tx, request.group_id)[:_MOST_LISTED]
    ]
    last = 'To decide: a mail with "admit" or "turn away" and the address.'
    return _mail(tx, context, request, ("Who waits to join", "\n\n".join([*rows, last]) if rows else "Nobody waits."))


def _mail(tx: Connection, context: Context, request: Request, words: tuple[str, str]) -> str:
    title, text = words
    member = members.require(tx, request.group_id, request.actor.address)
    asked_by = request.errand.message.message_id if request.errand else ""
    note = Note("listing", {"title": title, "text": text}, asked_by)
    member_letters.write(tx, context, member, note)
    return f"told: {title.lower()}"


QUERIES: Final[Sequence[Query]] = (
    Query("invites", "change members", "invites", "Who was invited to join, and what became of it.", _invites,
          ("invited",)),
    Query("applicants", "change members", "applicants", "Who waits for your decision to join.", _applicants,
          ("join requests",)),
)  # fmt: skip
