"""
Edge of the archive's signatures: the Ed25519 keys beside the other secrets, the first made at the first start.

A key is a file `archive-NNNN` of mode 0600 with its seed as base64; every one that is there signs, so that a new key
and the old one can be used side by side. `retire` leaves of a key only what earlier heads are checked with,
`archive-NNNN.pub`.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from pathlib import Path
from typing import Final

from cgbot import configuration
from cgbot.archive.note import Signer
from cgbot.archive.sealing import LogKeys
from cgbot.errors import ConfigError
from cgbot.settings import Settings

_KEY: Final = "secrets.directory"
_OCTETS: Final = 32
_NAME: Final = re.compile(r"archive-([0-9]{4})")


def load(settings: Settings, *, make: bool = True) -> LogKeys:
    """Read the keys, making the first; without `make` there may be none."""
    folder = settings.secrets_directory
    try:
        if make and not _seeds(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            configuration.make_secret(folder / "archive-0001", _new())
        seeds = tuple(_octets(one) for one in _seeds(folder))
        return LogKeys(seeds, tuple(_octets(one) for one in sorted(folder.glob("archive-[0-9]*.pub"), reverse=True)))
    except OSError as error:
        raise ConfigError(str(folder), _KEY, f"cannot be used: {error.strerror}") from error


def rotate(settings: Settings) -> LogKeys:
    """Make a further key, which signs beside the older ones."""
    load(settings)
    folder = settings.secrets_directory
    newest = _NAME.fullmatch(_seeds(folder)[0].name)
    configuration.make_secret(folder / f"archive-{int(newest[1]) + 1 if newest else 1:04}", _new())
    return load(settings)


def retire(settings: Settings) -> LogKeys:
    """Keep of all keys but the newest only the public half."""
    load(settings)
    for path in _seeds(settings.secrets_directory)[1:]:
        public = Signer("", _octets(path)).verifier.public
        configuration.make_secret(path.with_name(f"{path.name}.pub"), _written(public))
        path.unlink()
    return load(settings)


def _seeds(folder: Path) -> list[Path]:
    return sorted((one for one in folder.glob("archive-*") if _NAME.fullmatch(one.name)), reverse=True)


def _octets(path: Path) -> bytes:
    try:
        found = base64.b64decode(configuration.private(path, _KEY).strip(), validate=True)
    except binascii.Error:
        found = b""
    if len(found) != _OCTETS:
        raise ConfigError(str(path), _KEY, "is not a key of the archive's log: it must be 32 octets in base64")
    return found


def _new() -> str:
    return _written(secrets.token_bytes(_OCTETS))


def _written(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii") + "\n"
