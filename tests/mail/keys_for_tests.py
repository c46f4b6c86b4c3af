"""Signing keys for tests, and the zone of a domain that has published them."""

from __future__ import annotations

import base64
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cgbot.mail.signing import SigningKeys


@cache
def signing_keys(domain: str = "lists.example.org") -> SigningKeys:
    """Keys of this run; the octets of the RSA key do not matter to any test."""
    key = rsa.generate_private_key(65_537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SigningKeys(domain, "cgbot", pem, base64.b64encode(bytes(range(32))))


def published(keys: SigningKeys) -> dict[tuple[str, str], list[str]]:
    """The zone of a domain that has published them."""
    return {(name, "TXT"): [text] for name, text in keys.records()}
