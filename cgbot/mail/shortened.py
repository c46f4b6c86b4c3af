"""
A post without its large attachments (pure rules): each is replaced by its name, its size and the page where it is.

For members who asked for links. The message is written anew by the standard library, so a signature of its author over
the body does not survive; whoever sends it decides on these octets what the From field may say. What cannot be written
anew stays whole.
"""

from __future__ import annotations

import email
import email.generator
import email.policy
import io
from email.message import Message
from typing import Any, Final

LARGEST: Final = 1_000_000  # octets of a part that stays
_POLICY: Final = email.policy.compat32.clone(linesep="\r\n", max_line_length=None)
_MOST_PARTS: Final = 1000
_SIGNED: Final = "multipart/signed"  # RFC 1847: what is signed must arrive as it is


def shorten(raw: bytes, page: str) -> bytes | None:
    """The message with links in place of parts over LARGEST; None where there is none, or nothing can be done."""
    if len(raw) <= LARGEST:
        return None
    try:
        message = email.message_from_bytes(raw, policy=_POLICY)
        large = [part for part in _leaves(message) if len(_content(part)) > LARGEST]
        if not large or message in large or any(one.get_content_type() == _SIGNED for one in message.walk()):
            return None
        for part in large:
            _replace(part, page)
        out = io.BytesIO()
        email.generator.BytesGenerator(out, mangle_from_=False, policy=_POLICY).flatten(message)
    except Exception:  # noqa: BLE001 - hostile input: the library raises whatever it meets, and the post goes out whole
        return None
    return out.getvalue()


def _leaves(message: Message) -> list[Message]:
    parts = [part for number, part in enumerate(message.walk()) if number < _MOST_PARTS]
    return [part for part in parts if not part.is_multipart()]


def _content(part: Message) -> bytes:
    found: Any = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _replace(part: Message, page: str) -> None:
    """Put words in the place of a part; its other fields go with it."""
    name = " ".join(str(part.get_filename() or part.get_content_type()).split())[:200]
    size = f"{len(_content(part)) / 1_000_000:.1f} MB"
    for field in list(dict.fromkeys(part.keys())):
        del part[field]
    text = f"[{name}, {size}, is in the archive: {page}]\n"
    part.set_payload(text.encode("utf-8", "replace"), "utf-8")  # writes the type and the encoding
    del part["MIME-Version"]  # a field of the whole message
    part["Content-Disposition"] = "inline"
