"""
Messages to take along (edge): a thread, or what a search finds, as a packed mailbox (mboxrd).

The forms are those of public-inbox, so that the clients of others work unchanged: `b4 mbox` and `lei import` fetch a
thread, `lei q` posts a query to the address of a group. They show addresses: they are for those who see these.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cgbot.archive import exporting
from cgbot.errors import Malformed
from cgbot.mail import mbox, withheld
from cgbot.store import inbox_query, search
from cgbot.store.db import Tx
from cgbot.store.query import parse
from cgbot.web import archive
from cgbot.web.access import may_see
from cgbot.web.services import MaskedError, Services, entered, entry_of, services

_GZIP: Final = 31  # zlib's wbits for a gzip wrapper
_MOST: Final = 10_000  # posts of one search


async def thread_mbox(request: Request) -> Response:
    """The thread of a post: what `b4 mbox` fetches (public-inbox's t.mbox.gz)."""
    here = services(request)
    group, _ = entered(request)
    _, thread = await here.db.read(archive.with_thread, group.id, str(request.path_params["message_id"]))
    return _answer(here, [one.id for one in thread], thread[0].permalink)


async def found_mbox(request: Request) -> Response:
    """
    What a search finds, newest first; with `t` the whole threads (public-inbox's `?q=QUERY&x=m`, by POST).

    404 where nothing is found. Raises Malformed for a query that cannot be answered truly, or finds too much.
    """
    here = services(request)
    group, charter = entered(request)
    if not may_see(charter, "raw", entry_of(request).role):
        raise MaskedError
    asked = request.query_params
    if asked.get("x") != "m":
        raise Malformed(f"x={asked.get('x', '')[:20]} is not answered here; x=m gives a mailbox of what q finds")
    query = inbox_query.translate(asked.get("q", ""))
    if problems := parse(query).problems:
        raise Malformed("; ".join(problems))
    found = await here.db.read(_found, group.id, query, asked.get("t", "") not in {"", "0"})
    if not found:
        raise HTTPException(404)
    if len(found) > _MOST:
        raise Malformed(f"more than {_MOST} posts are found; ask for fewer, as with d:20270501..20270601")
    return _answer(here, found, "results")


def _found(tx: Tx, group_id: int, query: str, threads: bool) -> tuple[int, ...]:
    found = search.find(tx, group_id, query, (_MOST + 1, 0))
    return exporting.with_threads(tx, found) if threads and len(found) <= _MOST else found


def _answer(here: Services, ids: Sequence[int], name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.mbox.gz"'}
    return StreamingResponse(_packed(here, ids), media_type="application/gzip", headers=headers)


def _packed(here: Services, ids: Sequence[int]) -> Iterator[bytes]:
    """Message by message, so that a long thread is never in memory; what is damaged is left out."""
    packer = zlib.compressobj(wbits=_GZIP)
    for one, content in exporting.each(here.db, ids):
        if content is not None:
            shown = here.forgotten().hide_octets(withheld.from_raw(content))
            yield packer.compress(mbox.mboxrd(shown, one.received_at))
    yield packer.flush()


HANDLERS: Final = {"thread_mbox": thread_mbox}
