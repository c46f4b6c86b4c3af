"""The list is told that the group has another name (use case), where the operator wants it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.groups import records
from cgbot.posts import announcing
from cgbot.posts.announcing import Announcement

_TEMPLATE: Final = "renamed-told"


def tell(tx: Connection, context: Context, group_id: int, was: str) -> None:
    """Write one mail about the new address to the whole list; `was` is the name before."""
    name = records.name_of(tx, group_id)
    charter = context.charters[name]
    service = context.settings.service
    facts = {
        "title": charter.title,
        "was": f"{was}@{service.domain}",
        "list_address": charter.posting_address(service.domain),
        "request_address": charter.address(service.domain, "request"),
        "list_id": charter.list_id(service.domain),
        "page": f"{service.public_url}/{name}/",
        "companion": charter.companion is not None,
    }
    announcing.announce(tx, context, (group_id, name), Announcement(f"renamed from {was}", _TEMPLATE, facts))
