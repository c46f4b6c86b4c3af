"""
What a leaf of the log says (pure rules): a few lines of text whose hash stands in the tree.

The form is a contract with everybody who has kept a proof (docs/proof.md): it never changes, a new one gets a new first
line. The salt keeps anybody from trying what an erased leaf has said; erasing a post drops the salt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cgbot.archive import merkle
from cgbot.errors import Malformed

SALT_OCTETS: Final = 16
_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_POST: Final = re.compile(
    r"cgbot post 1\ngroup ([0-9]{1,18})\npost ([0-9]{1,18})\nsha256 ([0-9a-f]{64})\n"
    r"received (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\nsalt [0-9a-f]{32}\n"
)


@dataclass(frozen=True, slots=True)
class PostLeaf:
    """An archived post: its group, its number, the SHA-256 of its raw bytes, when it was received."""

    group_id: int
    post_id: int
    sha256: bytes
    received_at: datetime

    def data(self, salt: bytes) -> bytes:
        """The leaf's lines."""
        return (
            f"cgbot post 1\ngroup {self.group_id}\npost {self.post_id}\nsha256 {self.sha256.hex()}\n"
            f"received {in_words(self.received_at)}\nsalt {salt.hex()}\n"
        ).encode()

    def hash(self, salt: bytes) -> bytes:
        """Its hash in the tree."""
        return merkle.leaf_hash(self.data(salt))


@dataclass(frozen=True, slots=True)
class ErasureLeaf:
    """A post was erased: its group, its number, the hash of its leaf, when, by whose order, and why."""

    group_id: int
    post_id: int
    leaf: bytes
    erased_at: datetime
    erased_by: str
    reason: str

    def data(self, salt: bytes) -> bytes:
        """The leaf's lines."""
        return (
            f"cgbot erasure 1\ngroup {self.group_id}\npost {self.post_id}\nleaf {self.leaf.hex()}\n"
            f"erased {in_words(self.erased_at)}\nby {self.erased_by}\nreason {self.reason}\nsalt {salt.hex()}\n"
        ).encode()

    def hash(self, salt: bytes) -> bytes:
        """Its hash in the tree."""
        return merkle.leaf_hash(self.data(salt))


def in_words(at: datetime) -> str:
    """A time as leaves write it: UTC, with six digits of a second."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def read_post(data: bytes) -> PostLeaf:
    """Read the lines of a post's leaf. Raises Malformed."""
    found = _POST.fullmatch(data.decode("ascii", "replace"))
    if found is None:
        raise Malformed("this proof does not say which post it is about")
    try:
        at = datetime.strptime(found[4], _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise Malformed(f"{found[4]} is no time") from None
    return PostLeaf(int(found[1]), int(found[2]), bytes.fromhex(found[3]), at)
