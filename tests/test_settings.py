"""The settings: read from file and environment, refused with a useful sentence, documented, and without secrets."""

from __future__ import annotations

import re
import tomllib
import zoneinfo
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot import configuration, settings
from cgbot.errors import ConfigError
from cgbot.settings import DatabaseSettings, Secrets, Service, Settings
from scripts import document

ROOT = Path(__file__).parent.parent


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "cgbot.toml"


def load(config: Path, text: str = "", **environ: str) -> Settings:
    config.write_text(text, "utf-8")
    return configuration.load(environ, config)


def test_an_empty_file_gives_the_defaults(config: Path) -> None:
    assert load(config) == Settings(file=config)


def test_file_and_environment(config: Path) -> None:
    """The environment wins, key by key."""
    text = """
        [service]
        domain = "Lists.Example.ORG"
        public_url = "https://cg.example.org/"
        [smtp]
        port = 25
        host = ""
        [notices]
        daily_at = 07:30:00
        [authentication]
        trusted = ["mx.example.org"]
    """
    found = load(
        config,
        text,
        CGBOT__SMTP__PORT="2_525",
        CGBOT__AUTHENTICATION__TRUSTED_PEERS="10.0.0.0/8, ::1",
        CGBOT__SERVICE__DATA_DIR="/srv/cgbot",
        CGBOT__LMTP__SOCKET="",
        OTHER="x",
    )
    assert (found.service.domain, found.service.public_url) == ("lists.example.org", "https://cg.example.org")
    assert (found.smtp.host, found.smtp.port) == ("", 2525)
    assert found.notices.daily_at == time(7, 30)
    assert found.authentication.trusted == ("mx.example.org",)
    assert found.authentication.trusted_peers == ("10.0.0.0/8", "::1")
    assert found.lmtp.socket is None
    assert found.database_url == "sqlite:////srv/cgbot/cgbot.sqlite3"
    assert found.secrets_directory == Path("/srv/cgbot/secrets")
    assert found.groups_directory == config.parent / "groups"


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("[smpt]\nport = 1", "smpt", r"unknown section; did you mean smtp\? Known: service, database, smtp"),
        ("[smtp]\nprot = 1", "smtp.prot", r"unknown key; did you mean port\? Known: host, port"),
        ("[smtp]\nport = 70000", "smtp.port", "70000 is not allowed: a whole number from 0 to 65535"),
        ("[smtp]\nport = '25'", "smtp.port", "'25' is not allowed: a whole number from 0 to 65535"),
        ("[smtp]\nport = true", "smtp.port", "True is not allowed"),
        ("[service]\ndomain = 'a b'", "service.domain", "'a b' is not allowed: a domain name"),
        ("[service]\npublic_url = 'cg.example.org'", "service.public_url", "not allowed: an address that begins"),
        ("[service]\noperator = 'root'", "service.operator", "'root' is not allowed: a mail address"),
        ("[service]\noperator = 'a@b\\nBcc: c'", "service.operator", "is not allowed"),
        ("[database]\nurl = 'mysql://a'", "database.url", "'mysql://a' is not allowed: postgresql://"),
        ("[relay]\ntls = 'ssl'", "relay.tls", "'ssl' is not allowed: one of none, starttls, implicit"),
        ("[notices]\nzone = 'Geneva'", "notices.zone", "'Geneva' is not allowed: a time zone name"),
        ("[notices]\ndaily_at = '25:00'", "notices.daily_at", "'25:00' is not allowed: a time such as 08:00"),
        ("[authentication]\ntrusted = 'a'", "authentication.trusted", "'a' is not allowed: a list of texts"),
        ("[authentication]\ntrusted_peers = ['x']", "authentication.trusted_peers", "is not allowed: a list of IP"),
        ("smtp = 1", "smtp", r"1 is not allowed: a section, written \[smtp\]"),
        ("[smtp]\ntls_key = 'k.pem'", "smtp.tls_key", "both tls_certificate and tls_key"),
        ("[relay]\nuser = 'u'", "relay.password_file", "is empty, but relay.user is set"),
        (
            "[relay]\nhost = 'mx.example.org'\nuser = 'u'\npassword_file = 'p'",
            "relay.tls",
            "'none' is not allowed with relay.user",
        ),
    ],
)
def test_a_wrong_value_names_file_key_value_and_what_is_allowed(
    config: Path, text: str, key: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(config, text)
    assert (caught.value.file, caught.value.key) == (str(config), key)
    assert re.search(problem, caught.value.problem)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[smtp\n", r"is not TOML: .*line 1"),
        (b"[service]\ndomain = '\xff'", "is not UTF-8 at octet 20"),
    ],
)
def test_a_file_that_is_not_toml(config: Path, content: bytes, problem: str) -> None:
    config.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        configuration.load({}, config)
    assert caught.value.file == str(config)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        configuration.load({"CGBOT_CONFIG": str(tmp_path / "nowhere.toml")})


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("CGBOT__SMTP__PROT", "1", r"environment: CGBOT__SMTP__PROT: unknown variable; did you mean CGBOT__SMTP__PORT"),
        (
            "CGBOT__SMTP__PORT",
            "eighty",
            r"environment \(CGBOT__SMTP__PORT\): smtp\.port: 'eighty' is not allowed: a wh",
        ),
        ("CGBOT__SERVICE", "1", r"environment: CGBOT__SERVICE: unknown variable"),
    ],
)
def test_a_wrong_variable_is_named(config: Path, variable: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(config, "", **{variable: value})


def test_the_file_is_looked_for_in_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert configuration.find_file({}) == settings.bundled("config") / "cgbot.toml"
    (tmp_path / "config").mkdir()
    (tmp_path / "config/cgbot.toml").touch()
    assert configuration.find_file({}) == Path("config/cgbot.toml")
    assert configuration.find_file({"CGBOT_CONFIG": "/etc/cgbot.toml"}) == Path("/etc/cgbot.toml")


@given(st.text())
def test_no_text_in_a_variable_raises_anything_but_a_config_error(text: str) -> None:
    for key in settings.all_keys():
        try:
            configuration.load({f"CGBOT__{key.section}__{key.name}".upper(): text}, Path("/dev/null"))
        except ConfigError:
            continue


def test_time_zones_come_from_the_pinned_package() -> None:
    """Not from the system, whose rules may be older or newer than those that the tests ran with."""
    configuration.pin_time_zones()
    assert [Path(path).parts[-2:] for path in zoneinfo.TZPATH] == [("tzdata", "zoneinfo")]
    zone = ZoneInfo.no_cache("Europe/Zurich")
    assert datetime(2027, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=2)


def test_every_key_is_documented_with_its_default() -> None:
    """The page is made of the same meanings, defaults and rules as the program."""
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    assert page == document.whole("configuration.md"), "run make docs"
    for key in settings.all_keys():
        assert f"| `{key}` | `{document.shown(key)}` | {key.meaning} |" in page


def test_the_shipped_file_shows_every_default() -> None:
    """With the marks of its comments removed it is the configuration that an empty file gives."""
    path = ROOT / "config/cgbot.toml"
    text = path.read_text("utf-8")
    assert configuration.load({}, path) == Settings(file=path)
    data: dict[str, dict[str, Any]] = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE))
    assert {f"{section}.{name}" for section, values in data.items() for name in values} == {
        str(key) for key in settings.all_keys()
    }
    for key in settings.all_keys():
        value = data[key.section][key.name]
        assert value == (
            key.default if isinstance(key.default, time) else tomllib.loads(f"x = {document.shown(key)}")["x"]
        )


def test_every_key_is_used() -> None:
    """A setting that no module reads would be a promise without a program."""
    sources = [path for path in (ROOT / "cgbot").rglob("*.py") if path.name not in {"settings.py", "configuration.py"}]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    own = (ROOT / "cgbot/settings.py").read_text("utf-8") + (ROOT / "cgbot/configuration.py").read_text("utf-8")
    unused = [
        str(key)
        for key in settings.all_keys()
        if not re.search(rf"\.{key.name}\b", text)
        and not re.search(rf"(\.{key.section}|\bown|relay)\.{key.name}\b", own)
    ]
    assert unused == []


def test_a_master_key_is_made_once(tmp_path: Path) -> None:
    """At the first start, readable by its owner alone; afterwards the same."""
    found = Settings(service=Service(data_dir=tmp_path / "var"))
    keys = configuration.load_keys(found)
    (path,) = found.secrets_directory.iterdir()
    assert path.name == "master-0001"
    assert path.stat().st_mode & 0o777 == 0o600
    assert found.secrets_directory.stat().st_mode & 0o777 == 0o700
    assert [len(key) for key in keys.masters] == [32]
    assert configuration.load_keys(found).masters == keys.masters


def test_a_second_key_rotates(tmp_path: Path) -> None:
    """The newest makes marks, the older ones are still accepted."""
    found = Settings(secrets=Secrets(directory=tmp_path))
    old = configuration.load_keys(found)
    newest = tmp_path / "master-0002"
    newest.write_text("ab" * 32)
    newest.chmod(0o600)
    both = configuration.load_keys(found)
    assert both.masters == (b"\xab" * 32, *old.masters)
    assert both.accepts(old.mark("return-path", 1), "return-path", 1)
    assert both.mark("return-path", 1) != old.mark("return-path", 1)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master-0001"
    path.write_text("ab" * 32)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=rf"may be read by others \(mode {mode:04o}\): run chmod 600 {path}"):
        configuration.load_keys(Settings(secrets=Secrets(directory=tmp_path)))


def test_a_damaged_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "master-0001"
    path.write_text("ab" * 31)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is not a master key") as caught:
        configuration.load_keys(Settings(secrets=Secrets(directory=tmp_path)))
    assert "abab" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(ConfigError, match=r"secrets\.directory: cannot be used"):
        configuration.load_keys(Settings(service=Service(data_dir=tmp_path / "var")))


def test_the_relays_password_comes_from_a_private_file(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("hunter2\n")
    text = f"[relay]\nuser = 'u'\npassword_file = '{path}'"
    path.chmod(0o644)
    found = load(config, text)
    with pytest.raises(ConfigError, match=r"relay\.password_file: may be read by others"):
        configuration.relay_password(found)
    path.chmod(0o600)
    assert configuration.relay_password(found) == "hunter2"
    assert "hunter2" not in repr(found)
    assert configuration.relay_password(Settings()) == ""


def test_no_secret_in_a_repr_or_an_error(tmp_path: Path) -> None:
    found = Settings(database=DatabaseSettings(url="postgresql://u:hunter2@h/d"), secrets=Secrets(directory=tmp_path))
    keys = configuration.load_keys(found)
    assert "hunter2" not in repr(found)
    for key in keys.masters:
        assert key.hex() not in repr(keys)
        assert repr(key) not in repr(keys)
    with pytest.raises(ConfigError) as caught:
        configuration.load({"CGBOT__DATABASE__URL": "mysql://u:hunter2@h/d"}, Path("/dev/null"))
    assert "mysql://u:…@h/d" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
