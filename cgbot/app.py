"""
The composition root: opens the house for a command, and for `serve` (see cgbot.serving).

`open_house` reads the settings, keys, templates and charters, opens the database, brings its schema up to date and
seeds the groups; every fault is a ConfigError or Deferred before anything has started. This is the one place that
reads the clock and makes random tokens.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cgbot import configuration, render
from cgbot.context import Context, Renderer
from cgbot.errors import ConfigError
from cgbot.groups import charter as charters
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.keys import Keys
from cgbot.settings import Settings
from cgbot.store import schema
from cgbot.store.db import Database, Tx

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_TOKEN_LENGTH: Final = 26  # 130 bits


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def new_token() -> str:
    """Make a random token: 26 of a-z and 2-7."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))


@dataclass(slots=True)
class House:
    """Everything that is open; `close` ends it. `render` and `charters` are replaced by a reload."""

    settings: Settings
    db: Database
    keys: Keys
    render: Renderer
    charters: Mapping[str, Charter]

    def context(self, now: datetime | None = None) -> Context:
        """What a use case may know, at this moment or at the one given."""
        return Context(now or utc_now(), self.settings, self.render, new_token, self.keys, self.charters)

    def reload(self) -> None:
        """Read settings, templates and charters again; a fault raises ConfigError and keeps what was."""
        settings = configuration.load(os.environ, self.settings.file)
        templates = _templates(settings)
        found = charters.load_all(settings.groups_directory)
        self.settings, self.render, self.charters = settings, templates, found
        self.db.write_now(groups.seed, self.context())

    def is_behind(self, tx: Tx) -> bool:
        """Say whether a group's file is there and was not read: a command beside us has renamed it, or made it."""
        names = (one.name for one in groups.list_groups(tx) if one.closed_at is None)
        folder = self.settings.groups_directory
        return any(name not in self.charters and (folder / f"{name}.toml").exists() for name in names)

    def close(self) -> None:
        """Close the database."""
        self.db.close()

    def __enter__(self) -> House:
        """Nothing to do: it is open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def read_settings(file: Path | None = None) -> Settings:
    """Read the settings and pin the time zones to the tzdata package."""
    configuration.pin_time_zones()
    return configuration.load(os.environ, file)


def open_house(settings: Settings | None = None) -> House:
    """Open everything that a command needs; raises ConfigError or Deferred."""
    settings = settings or read_settings()
    make_folder(settings)
    house = House(
        settings=settings,
        db=Database.open(settings.database_url),
        keys=configuration.load_keys(settings),
        render=_templates(settings),
        charters=charters.load_all(settings.groups_directory),
    )
    try:
        schema.prepare(house.db)
        house.db.write_now(groups.seed, house.context())
    except BaseException:
        house.close()
        raise
    return house


def _templates(settings: Settings) -> render.MailTemplates:
    """The mails; those that came with the program are sound, unless the operator's own files stand before them."""
    templates = render.build(settings.template_folders)
    if any(any(folder.rglob("*.*")) for folder in settings.template_folders[:-1]):
        render.refuse_broken(templates)
    return templates


def make_folder(settings: Settings) -> None:
    """Make the data folder for this user alone; ConfigError when it cannot be made or written."""
    folder = settings.service.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("settings", "service.data_dir", f"{folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError("settings", "service.data_dir", f"{folder} is not writable by this user")
