"""`cgbot init`: two files that work as they are, nothing overwritten, and the DNS records."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cgbot import configuration
from cgbot.cli.dns_records import MailDomain, to_publish
from cgbot.cli.init import init
from cgbot.errors import CgbotError, ConfigError
from cgbot.groups import charter as charters

app = typer.Typer()
app.command()(init)


def run(folder: Path, *arguments: str, told: str | None = None) -> str:
    """Run it and give what it says; an error of ours is raised as the shell would see it."""
    result = CliRunner().invoke(app, ["--directory", str(folder), *arguments], input=told)
    if isinstance(result.exception, CgbotError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_options_alone_write_both_files(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        *("--domain", "Lists.Example.COM", "--relay", "smtp.provider.example:587", "--operator", "root@example.com"),
        *("--convener", "Xiongwei Jia <jia@example.com>", "--convener", "Zhiyuan HU <hu@example.com>"),
        *("--convener", "Somebody Else <else@example.com>", "--data-dir", str(tmp_path / "data")),
    )
    settings = configuration.load({}, tmp_path / "cgbot.toml")
    assert settings.service.domain == "lists.example.com"
    assert settings.service.public_url == "https://lists.example.com"
    assert settings.service.operator == "root@example.com"
    assert settings.service.data_dir == tmp_path / "data"
    assert (settings.relay.host, settings.relay.port, settings.relay.tls) == (
        "smtp.provider.example",
        587,
        "starttls",
    )
    charter = charters.load(tmp_path / "groups/cg-aisec.toml")
    assert [(one.name, one.role, one.address) for one in charter.people] == [
        ("Xiongwei Jia", "convener", "jia@example.com"),
        ("Zhiyuan HU", "vice-convener", "hu@example.com"),
        ("Jabu Mtsweni", "vice-convener", ""),
        ("Somebody Else", "convener", "else@example.com"),
    ]
    assert charter.terms.mandate[0].label == "a"
    assert "lists.example.com.\tIN MX 10 " in said
    assert f"CGBOT_CONFIG={tmp_path / 'cgbot.toml'} cgbot check" in said


def test_another_group(tmp_path: Path) -> None:
    run(
        tmp_path,
        *("--domain", "lists.example.com", "--group", "cg-quic", "--title", 'The "Quick" group', "--parent", "SG11"),
        *("--convener", "Zoë <zoe@example.com>"),
    )
    charter = charters.load(tmp_path / "groups/cg-quic.toml")
    assert (charter.name, charter.title, charter.parent) == ("cg-quic", 'The "Quick" group', "SG11")
    assert [(one.name, one.role, one.address) for one in charter.people] == [("Zoë", "convener", "zoe@example.com")]
    assert charter.archive == "members"


def test_without_a_terminal_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"command line: Mail domain \(--domain\): is missing"):
        run(tmp_path)
    with pytest.raises(ConfigError, match=r"Title of the group \(--title\): is missing"):
        run(tmp_path, "--domain", "lists.example.com", "--group", "cg-quic")
    assert list(tmp_path.rglob("*.toml")) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--domain", "not a domain"], "--domain: 'not a domain' is not allowed: a domain name"),
        (["--domain", "a.example", "--operator", "me"], "--operator: 'me' is not allowed: a mail address"),
        (["--domain", "a.example", "--public-url", "cg"], "--public-url: 'cg' is not allowed: an address that begins"),
        (["--domain", "a.example", "--convener", "Zoë"], "--convener: 'Zoë' is not allowed: one person"),
        (
            ["--domain", "a.example", "--group", "A B", "--title", "t", "--parent", "p", "--convener", "a@b.example"],
            "name: 'A B' is not allowed: 2 to 50 characters",
        ),
    ],
)
def test_a_wrong_answer_is_named_and_nothing_written(tmp_path: Path, arguments: list[str], problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        run(tmp_path, *arguments)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("there", ["cgbot.toml", "groups/cg-aisec.toml"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / "groups").mkdir()
    (tmp_path / there).write_text("mine")
    with pytest.raises(ConfigError, match=f"{there}: is there already"):
        run(tmp_path, "--domain", "lists.example.com")
    assert [(path.name, path.read_text()) for path in tmp_path.rglob("*.toml")] == [(Path(there).name, "mine")]


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    """Return takes what is shown in brackets; a hyphen leaves out what may be left out."""
    ours, terminal = pty.openpty()
    answers = ["lists.example.com", "", "", "root@example.com", "", "jia@example.com", "", "m@example.com"]
    os.write(ours, ("\n".join(answers) + "\n").encode())
    program = [sys.executable, "-c", "import typer; from cgbot.cli.init import init; typer.run(init)"]
    done = subprocess.run(
        [*program, "--directory", str(tmp_path)], stdin=terminal, capture_output=True, text=True, check=True, timeout=60
    )
    os.close(ours)
    os.close(terminal)
    assert "Address of Xiongwei Jia, convener" in done.stdout
    charter = charters.load(tmp_path / "groups/cg-aisec.toml")
    assert [one.address for one in charter.people] == ["jia@example.com", "", "m@example.com"]
    settings = configuration.load({}, tmp_path / "cgbot.toml")
    assert (settings.relay.host, settings.service.operator) == ("", "root@example.com")


def test_records_for_a_public_domain() -> None:
    lines = to_publish(MailDomain("lists.itu.int", "mail.itu.int", "relay.itu.int"))
    assert "lists.itu.int.\tIN MX 10 mail.itu.int." in lines
    assert 'lists.itu.int.\tIN TXT "v=spf1 mx a:relay.itu.int -all"' in lines
    assert any(line.startswith('_dmarc.lists.itu.int.\tIN TXT "v=DMARC1; p=none;') for line in lines)
    assert any("_domainkey.lists.itu.int." in line for line in lines)


def test_no_records_for_a_domain_that_no_dns_serves() -> None:
    assert to_publish(MailDomain("localhost", "mail.localhost")) == (
        "; localhost is not a public domain: there is nothing to publish",
    )
