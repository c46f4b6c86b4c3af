"""
The HTML of a post, on demand and behind two walls (edge).

What is shown is sanitised (mail.safe_html), and stands in a frame that runs nothing and loads nothing: the sandbox of
the frame, and the policy of the page, which a frame written into it shares. The text stays what a post is read by.
"""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.archive.forgotten import Forgotten
from cgbot.archive.records import Post
from cgbot.mail import message as messages
from cgbot.mail import safe_html, withheld
from cgbot.store import raw
from cgbot.web import archive, reading
from cgbot.web import text as texts
from cgbot.web.services import entered, services


async def html_view(request: Request) -> Response:
    """A post as its author's mail program showed it, as far as that is harmless."""
    here = services(request)
    group, _ = entered(request)
    post = archive.chosen(request, await archive.find(here, group.id, str(request.path_params["message_id"])))
    show = reading.eyes(request)
    content = await here.db.read(raw.get, post.sha256)
    found, shown = await here.slow(lambda: _sanitised(content, here.forgotten(), mask=show.mask))
    if not found:
        raise HTTPException(404)
    return await here.page(request, "html.html", {"post": post, "shown": shown, **_head(post, show)})


def _head(post: Post, show: reading.Eyes) -> dict[str, str]:
    return {"subject": show.line(post.subject), "author": show.author(post)}


def _sanitised(content: bytes, gone: Forgotten, *, mask: bool) -> tuple[bool, str | None]:
    """Whether there is HTML at all, and what of it may be shown."""
    page = gone.hide(withheld.from_text(messages.parse(content).html, content))
    return bool(page.strip()), safe_html.clean(page, texts.without_addresses if mask else None)


HANDLERS: Final = {"html": html_view}
