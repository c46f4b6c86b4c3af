"""The keys of the archive's log: made once, kept from others, rotated and retired as files."""

from __future__ import annotations

import stat

import pytest

from cgbot import log_keys
from cgbot.errors import ConfigError
from cgbot.settings import Settings


def test_the_first_key_is_made_once(settings: Settings) -> None:
    assert log_keys.load(settings, make=False).seeds == ()
    keys = log_keys.load(settings)
    assert log_keys.load(settings) == log_keys.load(settings, make=False) == keys
    assert [len(one) for one in keys.seeds] == [32]
    (file,) = settings.secrets_directory.iterdir()
    assert file.name == "archive-0001"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_new_key_signs_beside_the_old_one_until_that_is_retired(settings: Settings) -> None:
    first = log_keys.load(settings)
    both = log_keys.rotate(settings)
    assert both.seeds[1:] == first.seeds
    assert both.seeds[0] != first.seeds[0]
    last = log_keys.retire(settings)
    assert last.seeds == both.seeds[:1]
    assert set(last.verifiers("o")) == set(both.verifiers("o"))
    assert sorted(one.name for one in settings.secrets_directory.iterdir()) == ["archive-0001.pub", "archive-0002"]
    assert log_keys.rotate(settings).seeds[1:] == last.seeds
    assert (settings.secrets_directory / "archive-0003").exists()


def test_a_key_that_others_may_read_or_that_is_none_is_refused(settings: Settings) -> None:
    log_keys.load(settings)
    file = settings.secrets_directory / "archive-0001"
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        log_keys.load(settings)
    file.chmod(0o600)
    for wrong in ("", "!", "AAAA"):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match="32 octets"):
            log_keys.load(settings)
