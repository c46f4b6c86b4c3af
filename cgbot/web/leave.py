"""
Leaving with one click (edge: RFC 8058).

The link in each copy is the credential, signed for one member of one group and valid as long as the membership. A GET
shows a page, since scanners follow every link; only the POST leaves, again and again to the same end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.context import Context
from cgbot.groups import members, records
from cgbot.groups.members import Member
from cgbot.mail import verp
from cgbot.store.db import Tx
from cgbot.web.access import masked
from cgbot.web.services import services


async def leave(request: Request) -> Response:
    """Ask on GET, leave on POST."""
    here = services(request)
    context = here.context()
    name, token = str(request.path_params["group"]), str(request.path_params["token"])
    member = await here.db.read(_member, context, name, token)
    if member is None or name not in context.charters:
        raise HTTPException(404)
    facts = {"charter": context.charters[name], "address": masked(member.address), "left": member.state == "left"}
    if request.method == "POST":
        await here.db.write(_leave, context, member.id, here.on_leave)
        facts["left"] = True
    return here.page("leave.html", facts)


def _member(tx: Tx, context: Context, name: str, token: str) -> Member | None:
    group = records.find_group(tx, name)
    member_id = verp.read_member_token(context.keys, "leave", name, token)
    member = members.get_member(tx, member_id) if member_id is not None else None
    return member if group and member and member.group_id == group.id else None


def _leave(tx: Tx, context: Context, member_id: int, on_leave: Callable[..., None]) -> None:
    member = members.get_member(tx, member_id)
    if member is not None and member.state != "left":
        on_leave(tx, context, member)


HANDLERS: Final = {"leave": leave}
