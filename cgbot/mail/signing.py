"""
DKIM signatures of ours (pure rules: RFC 6376, RFC 8463), two on each mail: RSA-2048 and Ed25519.

dkimpy canonicalizes and hashes; `cryptography` computes the RSA, which is eleven times as fast. The body is hashed
once for a content, each copy then costs two signatures over its header. The time of a signature is that of the
content, so that a retry is byte-identical. From is signed once more than it is there, so that none can be added.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import dkim
import nacl.encoding
import nacl.signing
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from dkim import canonicalization
from dkim.canonicalization import CanonicalizationPolicy

from cgbot.mail import headers

# What is wrong with strangers' mail is no fault of ours.
QUIET: Final = logging.getLogger("cgbot.dkim")
QUIET.disabled = True
_BLANKS: Final = re.compile(rb"[ \t]{2,}|\t")
_RELAXED: Final = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
# What a reader sees and what a program acts on; each that is there is covered, From even where another one is added.
COVERED: Final = (
    b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references",
    b"mime-version", b"content-type", b"content-transfer-encoding", b"auto-submitted", b"list-id", b"list-post",
    b"list-help", b"list-subscribe", b"list-owner", b"list-archive", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The domain that vouches and its two keys; the Ed25519 key stands at SELECTOR-ed."""

    domain: str
    selector: str
    rsa: bytes = field(repr=False)  # PEM
    ed25519: bytes = field(repr=False)  # the seed as base64

    def records(self) -> tuple[tuple[str, str], ...]:
        """The names and texts of the two DNS records to publish."""
        public = _rsa_key(self.rsa).public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        ed = _ed25519_key(self.ed25519).verify_key.encode(nacl.encoding.Base64Encoder).decode("ascii")
        return (
            (f"{self.selector}._domainkey.{self.domain}", f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode('ascii')}"),
            (f"{self.selector}-ed._domainkey.{self.domain}", f"v=DKIM1; k=ed25519; p={ed}"),
        )


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is the same for every copy of a content: the hash of its body and the second of its signatures."""

    body_hash: bytes
    second: int


def body_hash(body: bytes | memoryview) -> bytes:
    """The bh= of a body, relaxed, as base64."""
    return base64.b64encode(hashlib.sha256(_RELAXED.canonicalize_body(bytes(body))).digest())


def sign(block: bytes, stamp: Stamp, keys: SigningKeys) -> bytes:
    """The two DKIM-Signature fields for a mail with this header block, with their line ends."""
    fields = [(name, piece.partition(b":")[2]) for name, piece in headers.cut(block) if name.lower() in COVERED]
    present = [name.lower() for name, _ in fields]
    covered = [name for name in COVERED for _ in range(present.count(name))] + [b"from"]
    ed = _one(
        fields, covered, stamp, (b"ed25519-sha256", keys.domain, f"{keys.selector}-ed"), _ed25519_key(keys.ed25519)
    )
    return ed + _one(fields, covered, stamp, (b"rsa-sha256", keys.domain, keys.selector), _rsa_key(keys.rsa))


def _one(
    fields: Sequence[tuple[bytes, bytes]], covered: list[bytes], stamp: Stamp, whose: tuple[bytes, str, str], key: Any
) -> bytes:
    algorithm, domain, selector = whose
    signer = dkim.DKIM(b"", signature_algorithm=algorithm)
    signer.headers = list(fields)
    signer.hasher = dkim.HASH_ALGORITHMS[algorithm]
    tags = [
        (b"v", b"1"),
        (b"a", algorithm),
        (b"c", b"relaxed/relaxed"),
        (b"d", domain.encode("ascii")),
        (b"s", selector.encode("ascii")),
        (b"t", str(stamp.second).encode("ascii")),
        (b"h", b" : ".join(covered)),
        (b"bh", stamp.body_hash),
        (b"b", b"0" * 60),  # as dkimpy does, so that folding changes nothing before the signature
    ]
    value: bytes = signer.gen_header(tags, tuple(covered), _RELAXED, b"DKIM-Signature", key)
    return b"DKIM-Signature: " + value


@lru_cache(8)
def _rsa_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


@lru_cache(8)
def _ed25519_key(seed: bytes) -> nacl.signing.SigningKey:
    return nacl.signing.SigningKey(seed, encoder=nacl.encoding.Base64Encoder)


def _rsa_sign(digest: Any, key: rsa.RSAPrivateKey) -> bytes:
    return key.sign(digest.digest(), padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4, in time proportional to the body: dkimpy's own takes the square of a run of blanks."""
    lines = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n")
    whole: bytes = canonicalization.correct_empty_body(canonicalization.strip_trailing_lines(lines))
    return whole


canonicalization.Relaxed.canonicalize_body = staticmethod(relaxed_body)
# dkimpy's own RSA is pure Python; from here on it takes the keys of `cryptography`, also for ARC.
dkim.RSASSA_PKCS1_v1_5_sign = _rsa_sign
dkim.parse_pem_private_key = _rsa_key
