"""
Signed notes and checkpoints (pure rules; C2SP signed-note v1 and tlog-checkpoint; Ed25519 of RFC 8032).

A note is a text, an empty line, and signature lines `— NAME BASE64(key id || signature)`. A checkpoint is a note of
three lines: the log's origin, its size, its root in base64. A signature of a key that nobody gave is ignored; one of a
known key that does not fit refuses the whole note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cgbot.errors import Malformed, Refused

_ED25519: Final = b"\x01"
_KEY_OCTETS: Final = 32
_HASH_OCTETS: Final = 32
_ID_OCTETS: Final = 4
_LONGEST: Final = 1 << 20
_MOST_SIGNATURES: Final = 100
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES: Final = 3
_IN_TEXT: Final = re.compile(
    r"^\S+\n[0-9]+\n[A-Za-z0-9+/]{43}=\n(?:\S+\n)*\n(?:— \S+ [A-Za-z0-9+/=]+\n)+", re.MULTILINE
)


class NotProven(Refused):
    """A signature, a proof or a hash does not show what it should."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key that signatures are checked with; `public` its 32 octets."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four octets of SHA-256(name || LF || 0x01 || key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_OCTETS]

    def __str__(self) -> str:
        """The verifier key: NAME+HEX+BASE64."""
        return f"{self.name}+{self.key_id.hex()}+{encode(_ED25519 + self.public)}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs; `seed` its 32 private octets, never printed."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """What others check its signatures with."""
        return Verifier(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The signature's line, with its end."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"— {self.name} {encode(self.verifier.key_id + signature)}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it stands in a note."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a signed head says."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{encode(self.root)}\n"


def encode(octets: bytes) -> str:
    """Base64 of RFC 4648 section 4."""
    return base64.b64encode(octets).decode("ascii")


def decode(text: str) -> bytes:
    """What this base64 says; only its one canonical form is taken. Raises Malformed."""
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        found = b""
    if not text or encode(found) != text:
        raise Malformed(f"{text[:80]!r} is not base64")
    return found


def verifier(text: str) -> Verifier:
    """Read a verifier key, NAME+HEX+BASE64. Raises Malformed."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = decode(encoded)
    if not is_name(name) or len(key) != 1 + _KEY_OCTETS or key[:1] != _ED25519:
        raise Malformed("this is not a verifier key of Ed25519: NAME+HEX+BASE64")
    found = Verifier(name, key[1:])
    if found.key_id.hex() != key_id:
        raise Malformed(f"this verifier key is damaged: its number should be {found.key_id.hex()}")
    return found


def is_name(name: str) -> bool:
    """Say whether a key may have this name: no spaces, no plus sign."""
    return bool(name) and "+" not in name and not any(one.isspace() for one in name)


def sign(text: str, signers: Iterable[Signer]) -> str:
    """The note of a text that ends in a line feed, signed with each key."""
    return f"{text}\n{''.join(one.sign(text) for one in signers)}"


def split(note: str) -> tuple[str, tuple[Signature, ...]]:
    """The text of a note and its signatures, unchecked. Raises Malformed."""
    if len(note) > _LONGEST or _CONTROL.search(note) or not note.endswith("\n"):
        raise Malformed("this is not a signed note")
    text, found, lines = note.rpartition("\n\n")
    if not found or not lines:
        raise Malformed("this note has no signature")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > _MOST_SIGNATURES:
        raise Malformed(f"this note has more than {_MOST_SIGNATURES} signatures")
    return text + "\n", signatures


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    value = decode(encoded)
    if dash != "—" or not is_name(name) or len(value) <= _ID_OCTETS:
        raise Malformed(f"{line[:80]!r} is not a signature line")
    return Signature(name, value[:_ID_OCTETS], value[_ID_OCTETS:])


def opened(note: str, verifiers: Sequence[Verifier]) -> str:
    """The text of a note that one of these keys has signed. Raises Malformed or NotProven."""
    text, signatures = split(note)
    known = {(one.name, one.key_id): one for one in verifiers}
    checked = [_check(text, one, key) for one in signatures if (key := known.get((one.name, one.key_id)))]
    if not checked:
        raise NotProven("none of the known keys has signed this")
    return text


def _check(text: str, signature: Signature, key: Verifier) -> Verifier:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature.value, text.encode())
    except (InvalidSignature, ValueError) as error:
        raise NotProven(f"the signature of {key.name} does not fit what it signs") from error
    return key


def read(text: str) -> Checkpoint:
    """Read a note's text as a checkpoint; lines after the third are allowed and ignored. Raises Malformed."""
    lines = text.split("\n")
    if len(lines) <= _LINES or not all(lines[:-1]) or not _SIZE.fullmatch(lines[1]):
        raise Malformed("this is not a checkpoint: origin, size and root, a line each")
    found = decode(lines[2])
    if len(found) != _HASH_OCTETS:
        raise Malformed("this checkpoint's root is not a SHA-256")
    return Checkpoint(lines[0], int(lines[1]), found)


def find(text: str) -> str:
    """The first checkpoint in a text, such as a mail that held one, unchecked. Raises Malformed."""
    found = _IN_TEXT.search(text.replace("\r\n", "\n"))
    if found is None:
        raise Malformed("there is no checkpoint in it")
    return found[0]


def checkpoint(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint of a note that one of these keys has signed. Raises Malformed or NotProven."""
    return read(opened(note, verifiers))
