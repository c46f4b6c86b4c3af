"""
Leaving with one click (edge: RFC 8058), and the link that takes it back.

The link in each copy is the credential, signed for one member of one group and valid as long as the membership. A GET
shows a page, since scanners follow every link; only the POST leaves, again and again to the same end. The link in the
mail about it works once, for 72 hours (groups.leaving), with a button too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.context import Context
from cgbot.groups import leaving, members, records
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.mail import verp
from cgbot.store.db import Tx
from cgbot.web.access import masked
from cgbot.web.services import services


async def leave(request: Request) -> Response:
    """Ask on GET, leave on POST."""
    here = services(request)
    context = here.context()
    name, token = (str(request.path_params[part]).replace("\0", "") for part in ("group", "token"))
    group, member = await here.db.read(_member, context, name, token)
    charter = context.charters.get(group.name) if group else None
    if member is None or charter is None:
        raise HTTPException(404)
    facts = {"charter": charter, "address": masked(member.address), "left": member.state == "left"}
    facts["join_address"] = charter.address(context.settings.service.domain, "join")
    if request.method == "POST":
        await here.db.write(_leave, context, member.id, here.on_leave)
        facts["left"] = True
    answer = await here.page(request, "leave.html", facts)
    answer.headers["cache-control"] = "no-store"
    return answer


def _member(tx: Tx, context: Context, name: str, token: str) -> tuple[Group | None, Member | None]:
    """The group that has or had this name, and the member of it whom the token names."""
    group = records.find_group(tx, name)
    member_id = verp.read_member_token(context.keys, "leave", name, token)
    member = members.get_member(tx, member_id) if member_id is not None else None
    return group, member if group and member and member.group_id == group.id else None


def _leave(tx: Tx, context: Context, member_id: int, on_leave: Callable[..., None]) -> None:
    member = members.get_member(tx, member_id)
    if member is not None and member.state != "left":
        on_leave(tx, context, member)


async def rejoin(request: Request) -> Response:
    """Ask whether a leaving shall be taken back; with the button, do it."""
    here = services(request)
    context = here.context()
    token = str(request.path_params["token"]).replace("\0", "")
    member = await here.db.read(leaving.asked_for, context, token)
    done = None
    if member is not None and request.method == "POST":
        done = await here.db.write(leaving.undo, context, token, here.on_join)
    facts = {"address": masked(member.address) if member else "", "done": done is not None, "charter": None}
    if member is not None:
        facts["charter"] = context.charters[await here.db.read(records.name_of, member.group_id)]
    answer = await here.page(request, "rejoin.html", facts, 200 if member else 404)
    answer.headers["cache-control"] = "no-store"
    return answer


HANDLERS: Final = {"leave": leave, "rejoin": rejoin}
