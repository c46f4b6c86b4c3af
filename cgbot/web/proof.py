"""
What proves the archive, for whoever does not trust us (edge): signed heads, proofs, what was erased.

All of it is open where the group's archive is, and written as C2SP says, so that others' programs read it: a
checkpoint, the inclusion proof of a message, the consistency proof from an older size. A look signs nothing.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cgbot.archive import log, proving, tombstones
from cgbot.archive.tombstones import Tombstone
from cgbot.errors import Malformed
from cgbot.store.db import Tx
from cgbot.web import archive
from cgbot.web.access import masked
from cgbot.web.reading import eyes
from cgbot.web.services import entered, services

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_STONES: Final = 50
_FRESH: Final = {"cache-control": "no-cache", "vary": "Cookie"}


async def checkpoint(request: Request) -> Response:
    """The newest signed head of the group's log."""
    group, _ = entered(request)
    head = await services(request).db.read(proving.newest, group.id)
    return PlainTextResponse(head.note, headers=_FRESH)


async def consistency(request: Request) -> Response:
    """The proof that the log of `since` entries is the beginning of the newest head's."""
    group, _ = entered(request)
    since = request.query_params.get("since", "0")
    if not _SIZE.fullmatch(since):
        raise Malformed("since is a number of entries, such as the second line of a checkpoint")
    found = await services(request).db.read(proving.consistency, group.id, int(since))
    return PlainTextResponse(found.text(), headers=_FRESH)


async def proof(request: Request) -> Response:
    """The proof that a message stands in the archive, a file to keep beside it."""
    here = services(request)
    group, _ = entered(request)
    found = await archive.find(here, group.id, str(request.path_params["message_id"]))
    one = archive.chosen(request, found)
    text = (await here.db.read(proving.inclusion, one.id)).text()
    name = f'attachment; filename="{one.permalink}.tlog-proof"'
    return PlainTextResponse(text, headers={**_FRESH, "content-disposition": name})


async def proofs(request: Request) -> Response:
    """How the archive is proven: the newest head, the keys, how to check; and what was erased."""
    here = services(request)
    group, _ = entered(request)
    known, head, stones = await here.db.read(_state, group.id)
    mask = eyes(request).mask
    gone = [{"stone": one, "by": masked(one.erased_by) if mask else one.erased_by} for one in stones]
    facts = {"head": head, "verifiers": known.verifiers.split() if known else [], "gone": gone}
    return await here.page(request, "proof.html", facts)


def _state(tx: Tx, group_id: int) -> tuple[log.Log | None, log.Head | None, tuple[Tombstone, ...]]:
    return log.find(tx, group_id), log.newest_head(tx, group_id), tombstones.newest(tx, group_id, _STONES)


HANDLERS: Final = {"checkpoint": checkpoint, "consistency": consistency, "proof": proof, "proofs": proofs}
