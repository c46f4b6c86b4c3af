"""
Edge of our signatures: the two DKIM keys beside the other secrets, made at the first start (files of mode 0600).

`dkim-SELECTOR.pem` is the RSA key (2048 bits), `dkim-SELECTOR.ed25519` the Ed25519 seed as base64. A new selector in
the settings makes a new pair, and the old one can stay published until the old mail is delivered.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cgbot import configuration
from cgbot.errors import ConfigError
from cgbot.mail.signing import SigningKeys
from cgbot.settings import Settings

_BITS: Final = 2048
_SEED_OCTETS: Final = 32
_EXPONENT: Final = 65_537
_SELECTOR: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


def load(settings: Settings, *, make: bool = True) -> SigningKeys | None:
    """Read the keys, making them if there are none; None where nothing is signed, or where there are none to read."""
    domain, selector = settings.signing_domain, settings.signing.selector
    if settings.signing.enabled == "no" or "." not in domain:
        return None
    if not _SELECTOR.fullmatch(selector):
        raise ConfigError("settings", "signing.selector", f"{selector!r} is not allowed: a-z, 0-9 and hyphens")
    folder = settings.secrets_directory
    rsa_file, ed_file = folder / f"dkim-{selector}.pem", folder / f"dkim-{selector}.ed25519"
    try:
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(rsa_file, _new_rsa)
            _make(ed_file, _new_ed25519)
        elif not (rsa_file.exists() and ed_file.exists()):
            return None
        return _checked(SigningKeys(domain, selector, _read(rsa_file), _read(ed_file).strip()), rsa_file)
    except OSError as error:
        raise ConfigError(str(folder), "signing.selector", f"cannot be used: {error.strerror}") from error


def _make(path: Path, new: Callable[[], str]) -> None:
    if not path.exists():
        configuration.make_secret(path, new())


def _read(path: Path) -> bytes:
    return configuration.private(path, "signing.selector")


def _checked(keys: SigningKeys, path: Path) -> SigningKeys:
    try:
        keys.records()
    except Exception as error:  # whatever the libraries say of a file that is no key
        raise ConfigError(str(path), "signing.selector", "this file, or the one beside it, is not a key") from error
    return keys


def _new_rsa() -> str:
    key = rsa.generate_private_key(_EXPONENT, _BITS)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode("ascii")


def _new_ed25519() -> str:
    return base64.b64encode(secrets.token_bytes(_SEED_OCTETS)).decode("ascii") + "\n"
