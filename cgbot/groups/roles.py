"""
Pure rules: the roles of a group and what each may do.

ALLOWED is the policy, to be read aloud: "to decide what is held: convener, vice-convener, secretary". The operator of
the program may do all of it by command. `cgbot` asks `may` before every act of a person; pages and mails alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Role = Literal["convener", "vice-convener", "secretary", "member", "observer"]
Action = Literal[
    "receive posts", "post", "read the members' archive", "be invited to meetings", "read the conveners' archive",
    "decide what is held", "call meetings", "stop notices", "see the members", "change members",
    "approve reports and statements", "call for contributions", "draft reports", "contribute", "see the desk",
    "put threads in order",
]  # fmt: skip

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "convener": "runs the group",
        "vice-convener": "runs the group beside the convener",
        "secretary": "does the conveners' paperwork",
        "member": "takes part",
        "observer": "reads and listens; posts wait for a convener",
    }
)
EVERYBODY: Final = frozenset(ROLES)
MEMBERS: Final = EVERYBODY - {"observer"}
CONVENERS: Final = frozenset({"convener", "vice-convener", "secretary"})
APPROVERS: Final = frozenset({"convener", "vice-convener"})

ALLOWED: Final[Mapping[Action, frozenset[str]]] = MappingProxyType(
    {
        "receive posts": EVERYBODY,
        "be invited to meetings": EVERYBODY,
        "read the members' archive": EVERYBODY,
        "post": MEMBERS,
        "read the conveners' archive": CONVENERS,
        "decide what is held": CONVENERS,
        "call meetings": CONVENERS,
        "stop notices": CONVENERS,
        "see the members": CONVENERS,
        "change members": CONVENERS,
        "see the desk": CONVENERS,
        "put threads in order": CONVENERS,
        "call for contributions": CONVENERS,
        "contribute": MEMBERS,
        "draft reports": CONVENERS,
        "approve reports and statements": APPROVERS,
    }
)


def may(role: str, action: Action) -> bool:
    """Say whether somebody of this role ("" for an outsider) may do it."""
    return role in ALLOWED[action]
