"""
One-time reply addresses in a message (pure rule on what its readers would see).

NAME-confirm+TOKEN@ vouches for whoever it was mailed to. Somebody who answers with the list in Cc, or forwards one of
our notices to it, would hand it to every reader of the archive.
"""

from __future__ import annotations

import re
from typing import Final

from cgbot.mail.message import Message

_NAMED: Final = re.compile(r"-confirm\+([a-z0-9]{8,64})(?:@|%40)", re.IGNORECASE)
_LOOKED_AT: Final = 200_000  # octets or characters of each place
_MOST_PARTS: Final = 20


def tokens_in(message: Message) -> tuple[str, ...]:
    """The tokens that stand in the header, the text, or a message that it encloses; in lower case, each once."""
    enclosed = [one for one in message.attachments if one.content_type.startswith(("message/", "text/"))]
    places = [
        message.raw[:_LOOKED_AT].decode("latin-1"),
        message.text[:_LOOKED_AT],
        message.html[:_LOOKED_AT],
        *(one.content[:_LOOKED_AT].decode("latin-1") for one in enclosed[:_MOST_PARTS]),
    ]
    return tuple(dict.fromkeys(found.lower() for place in places for found in _NAMED.findall(place)))
