"""
Edge of the settings: cgbot.toml, the environment and the secrets' files, read into frozen Settings and Keys.

The file is the one that CGBOT_CONFIG names, else `config/cgbot.toml` in the working folder, else the bundled one; a
variable CGBOT__SECTION__KEY wins over it. Relative paths count from the working folder. Every fault is a ConfigError
that names the file or the variable, the dotted key, the value and what is allowed; the first fault ends the reading,
and no setting takes effect. What the settings mean is settings.py.
"""

from __future__ import annotations

import difflib
import os
import re
import secrets
import stat
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import time
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cgbot import settings as tree
from cgbot.errors import ConfigError
from cgbot.keys import Keys
from cgbot.settings import Key, Settings, bundled

ENVIRONMENT: Final = "environment"
_PREFIX: Final = "CGBOT__"
_OTHERS_MAY: Final = stat.S_IRWXG | stat.S_IRWXO
_KEY_BYTES: Final = 32
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_PASSWORD_IN_URL: Final = re.compile(r"(://[^:/@]*):[^@]*@")


def load(environ: Mapping[str, str], file: Path | None = None) -> Settings:
    """Read the settings; `file` wins over CGBOT_CONFIG. Raises ConfigError and touches nothing."""
    source = file or find_file(environ)
    values = _known(_read(source), source) | dict(_from_environment(environ))
    parts = {
        section: kind(**{name: value for (of, name), value in values.items() if of == section})
        for section, kind in tree.sections().items()
    }
    settings = Settings(**parts, file=source.absolute())
    _check_together(settings, source)
    return settings


def find_file(environ: Mapping[str, str]) -> Path:
    """Find the configuration file; it need not exist when CGBOT_CONFIG names it."""
    named = environ.get("CGBOT_CONFIG")
    local = Path("config/cgbot.toml")
    return Path(named) if named else local if local.is_file() else bundled("config") / "cgbot.toml"


def pin_time_zones() -> None:
    """Take time zones from the tzdata package alone, whatever the system has; call before the first zone is used."""
    zoneinfo.reset_tzpath(to=[str(files("tzdata") / "zoneinfo")])


def load_keys(settings: Settings) -> Keys:
    """
    Read the master keys, the newest first; at the very first start make one.

    A key is a file `master-NNNN` of mode 0600; adding one with a higher number rotates, removing one revokes its marks.
    """
    folder = settings.secrets_directory
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = sorted(folder.glob("master-*"), reverse=True) or [
            make_secret(folder / "master-0001", secrets.token_hex(_KEY_BYTES) + "\n")
        ]
        return Keys(tuple(_key(path) for path in found))
    except OSError as error:
        raise ConfigError(str(folder), "secrets.directory", f"cannot be used: {error.strerror}") from error


def relay_password(settings: Settings) -> str:
    """Read the relay's password, "" when none is set; never kept in the settings."""
    path = settings.relay.password_file
    if path is None:
        return ""
    try:
        return private(path, "relay.password_file").decode().strip("\r\n")
    except OSError as error:
        raise ConfigError(str(path), "relay.password_file", f"cannot be read: {error.strerror}") from error


def make_secret(path: Path, text: str) -> Path:
    """Write a fresh secret so that a crash leaves a whole one or none, and a second process takes the first one's."""
    draft = path.with_name(f".draft-{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the one
    finally:
        draft.unlink()
    _sync_folder(path.parent)
    return path


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _key(path: Path) -> bytes:
    text = private(path, "secrets.directory").strip()
    if not re.fullmatch(rb"[0-9a-f]{64,}", text):
        raise ConfigError(str(path), "secrets.directory", "is not a master key: it must be 64 hexadecimal digits")
    return bytes.fromhex(text.decode())


def private(path: Path, key: str) -> bytes:
    """Read a secret's file, unless somebody else could have."""
    with path.open("rb") as stream:
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        if mode & _OTHERS_MAY:
            raise ConfigError(str(path), key, f"may be read by others (mode {mode:04o}): run chmod 600 {path}")
        return stream.read(1 << 16)


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigError(str(file), "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(file), "", f"is not UTF-8 at octet {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(file), "", f"is not TOML: {error}") from error


def _known(data: Mapping[str, Any], file: Path) -> dict[tuple[str, str], Any]:
    """Check each section and key of the file, and give the values their types."""
    names = _by_section()
    result = {}
    for section, values in data.items():
        if section not in names:
            raise ConfigError(str(file), section, _unknown("section", section, list(names)))
        if not isinstance(values, dict):
            raise ConfigError(str(file), section, f"{values!r} is not allowed: a section, written [{section}]")
        for name, value in values.items():
            if name not in names[section]:
                raise ConfigError(str(file), f"{section}.{name}", _unknown("key", name, list(names[section])))
            result[section, name] = _value(names[section][name], value, str(file))
    return result


def _from_environment(environ: Mapping[str, str]) -> list[tuple[tuple[str, str], Any]]:
    result = []
    names = _by_section()
    for variable in sorted(environ):
        if not variable.startswith(_PREFIX):
            continue
        section, _, name = variable.removeprefix(_PREFIX).lower().partition("__")
        if name not in names.get(section, {}):
            all_names = [f"{_PREFIX}{key.section}__{key.name}".upper() for key in tree.all_keys()]
            raise ConfigError(ENVIRONMENT, variable, _unknown("variable", variable, all_names, few=True))
        value = _value(names[section][name], environ[variable], f"{ENVIRONMENT} ({variable})", parse=True)
        result.append(((section, name), value))
    return result


def _by_section() -> dict[str, dict[str, Key]]:
    names: dict[str, dict[str, Key]] = {}
    for key in tree.all_keys():
        names.setdefault(key.section, {})[key.name] = key
    return names


def _unknown(what: str, name: str, known: Sequence[str], *, few: bool = False) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    rest = "" if few else f" Known: {', '.join(known)}."
    return f"unknown {what}{hint or '.'}{rest}"


def _value(key: Key, value: object, source: str, *, parse: bool = False) -> object:
    """Give a value its type and normal form; `parse` reads it from a variable's text."""
    convert, wanted = _type(key.type)
    text = key.rule.text or wanted
    try:
        return key.rule.normal(convert(_parsed(key.type, str(value)) if parse else value))
    except (ValueError, TypeError):
        shown = _PASSWORD_IN_URL.sub(r"\1:…@", repr(value))
        # The cause would repeat the value, password and all.
        raise ConfigError(source, str(key), f"{shown} is not allowed: {text}") from None


def _parsed(kind: str, text: str) -> object:
    """Read a variable's text as the value that TOML would have given."""
    if kind == "int":
        return int(text.replace("_", ""))
    if kind == "tuple[str, ...]":
        return text.replace(",", " ").split()
    return text


def _type(kind: str) -> tuple[Callable[[Any], Any], str]:
    """Give the conversion to a field's type, and what it allows in words."""
    if kind.startswith("Literal["):
        words = re.findall(r"'([^']*)'|\"([^\"]*)\"", kind)
        choices = [a or b for a, b in words]
        return _one_of(choices), f"one of {', '.join(choices)}"
    return _TYPES[kind]


def _one_of(choices: Sequence[str]) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value not in choices:
            raise ValueError(value)
        return str(value)

    return convert


def _text(value: Any) -> str:
    if not isinstance(value, str) or _CONTROLS.search(value):
        raise TypeError(value)
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value


def _wall_time(value: Any) -> time:
    found = value if isinstance(value, time) else time.fromisoformat(_text(value))
    if found.tzinfo is not None:
        raise ValueError(value)
    return found


def _path(value: Any) -> Path:
    if not _text(value):
        raise ValueError(value)
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # ~NAME, and there is no such user
        raise ValueError(value) from error


def _path_or_none(value: Any) -> Path | None:
    return _path(value) if _text(value) else None


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(_text(one) for one in value)


_TYPES: Final[dict[str, tuple[Callable[[Any], Any], str]]] = {
    "str": (_text, "a text on one line"),
    "int": (_whole, "a whole number"),
    "time": (_wall_time, "a time such as 08:00"),
    "Path": (_path, "a path"),
    "Path | None": (_path_or_none, "a path or nothing"),
    "tuple[str, ...]": (_texts, "a list of texts"),
}


def _check_together(settings: Settings, source: Path) -> None:
    """Refuse settings that are allowed alone and wrong together."""
    smtp, relay = settings.smtp, settings.relay
    if (smtp.tls_certificate is None) != (smtp.tls_key is None):
        raise ConfigError(str(source), "smtp.tls_key", "STARTTLS needs both tls_certificate and tls_key, or neither")
    if relay.user and relay.password_file is None:
        raise ConfigError(str(source), "relay.password_file", "is empty, but relay.user is set: name a file")
    loopback = relay.host in {"", "localhost", "::1"} or relay.host.startswith("127.")
    if relay.user and relay.tls == "none" and not loopback:
        problem = "'none' is not allowed with relay.user: anybody could read the password; starttls or implicit"
        raise ConfigError(str(source), "relay.tls", problem)
