"""`cgbot check`: one line for each thing that is needed, and exit status 1 when one of them is not there."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.exception
import dns.resolver
import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from cgbot.archive import sealing
from cgbot.cli import check as checks
from cgbot.cli import dns_records
from cgbot.cli.finding import Finding
from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.store import schema
from cgbot.store.db import Database
from cgbot.store.tables import arrivals, log_leaves, raw_messages
from tests.archive.posting import mail, put

app = typer.Typer()
app.command()(checks.check)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cgbot.toml"
    data = tmp_path / "data"
    path.write_text(f'[service]\ndomain = "lists.example.org"\ndata_dir = "{data}"\n')
    (tmp_path / "groups").mkdir()
    shipped = Path(__file__).parent.parent.parent / "config/groups/cg-aisec.toml"
    (tmp_path / "groups/cg-aisec.toml").write_text(shipped.read_text("utf-8"), "utf-8")
    return path


def run(config: Path, *arguments: str, **environ: str) -> tuple[int, dict[str, list[Finding]]]:
    """Run it and give exit status and findings by subject."""
    result = CliRunner().invoke(app, ["--json", *arguments], env={"CGBOT_CONFIG": str(config), **environ})
    found: dict[str, list[Finding]] = {}
    for item in json.loads(result.output):
        found.setdefault(item["subject"], []).append(Finding(**item))
    return result.exit_code, found


def states(findings: list[Finding]) -> list[str]:
    return [finding.state for finding in findings]


def test_a_fresh_installation_is_fine(config: Path) -> None:
    """What the first start will make is not missing, and looking makes nothing."""
    status, found = run(config)
    assert status == 0
    assert states(found["configuration"]) == states(found["templates"]) == states(found["group"]) == ["ok"]
    assert states(found["secrets"]) == states(found["database"]) == ["skipped"]
    assert states(found["dns"]) == ["skipped"]
    assert found["dns"][0].text == "lists.example.org is not a public domain"
    assert states(found["relay"]) == ["warning"]
    assert {"clock", "disk", "python"} <= found.keys()
    assert not (config.parent / "data").exists()


def test_lines_for_readers(config: Path) -> None:
    result = CliRunner().invoke(app, [], env={"CGBOT_CONFIG": str(config)})
    assert f"ok       configuration  {config}, domain lists.example.org\n" in result.output


def test_a_wrong_setting_fails(config: Path) -> None:
    status, found = run(config, CGBOT__SMTP__PORT="eighty")
    assert status == 1
    assert list(found) == ["configuration"]
    assert "smtp.port: 'eighty' is not allowed" in found["configuration"][0].text


def test_a_wrong_template_fails_with_its_line(config: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "mail").mkdir(parents=True)
    (own / "mail/held.txt").write_text("one\n{{ nonsense")
    status, found = run(config, CGBOT__SERVICE__TEMPLATES=str(own))
    assert status == 1
    assert found["template"][0].text.startswith(f"{own}/mail/held.txt:2: ")


def test_a_wrong_charter_fails(config: Path) -> None:
    (config.parent / "groups/cg-other.toml").write_text('name = "cg-other"\narchive = "secret"')
    status, found = run(config)
    assert status == 1
    assert sorted(states(found["group"])) == ["failed", "ok"]


def test_a_folder_that_is_not_writable_fails(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, found = run(config, CGBOT__SERVICE__DATA_DIR=str(tmp_path / "file" / "data"))
    assert status == 1
    assert states(found["disk"]) == ["failed"]


@pytest.fixture
def relay() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize(("greeting", "state"), [(b"220 relay ESMTP\r\n", "ok"), (b"554 go away\r\n", "failed")])
def test_the_relay_must_greet(config: Path, relay: socket.socket, greeting: bytes, state: str) -> None:
    def greet() -> None:
        client, _ = relay.accept()
        with client:
            client.sendall(greeting)

    thread = threading.Thread(target=greet)
    thread.start()
    host, port = relay.getsockname()
    _, found = run(config, CGBOT__RELAY__HOST=host, CGBOT__RELAY__PORT=str(port))
    thread.join()
    assert states(found["relay"]) == [state]


def test_a_relay_that_is_away_fails(config: Path, relay: socket.socket) -> None:
    port = relay.getsockname()[1]
    relay.close()
    status, found = run(config, CGBOT__RELAY__HOST="127.0.0.1", CGBOT__RELAY__PORT=str(port))
    assert (status, states(found["relay"])) == (1, ["failed"])


def test_what_was_signed_of_the_archive_still_stands(
    config: Path, db: Database, database_url: str, context: Context, group: Group
) -> None:
    _, found = run(config, CGBOT__DATABASE__URL=database_url)
    assert "archive" not in found
    db.write_now(put, group.id, mail("a"))
    sealing.seal(db, context.at(datetime(2026, 5, 3, 8, 0, tzinfo=UTC)), sealing.LogKeys((bytes(32),)))
    _, found = run(config, CGBOT__DATABASE__URL=database_url)
    assert [str(one) for one in found["archive"]] == [
        "ok       archive        cg-aisec: 1 entries signed on 03 May 2026"
    ]
    db.write_now(put, group.id, mail("b"))
    _, found = run(config, CGBOT__DATABASE__URL=database_url)
    assert states(found["archive"]) == ["warning"]
    assert "and 1 since that are not" in found["archive"][0].text
    db.write_now(lambda tx: tx.execute(sa.update(log_leaves).values(hash=bytes(32))))
    status, found = run(config, CGBOT__DATABASE__URL=database_url)
    assert (status, states(found["archive"])) == (1, ["failed"])
    assert "cgbot archive verify" in found["archive"][0].text


def test_the_database_is_looked_into(config: Path, db: Database, database_url: str, group: Group) -> None:
    """The officers whom the file names without an address are told, not failed."""
    status, found = run(config, CGBOT__DATABASE__URL=database_url)
    assert status == 0
    assert found["database"][0].text.startswith(db.dialect)
    assert states(found["people"]) == ["warning"] * 3
    assert "Xiongwei Jia (convener) has no address" in found["people"][0].text


def test_a_database_of_a_newer_version_fails(config: Path, db: Database, database_url: str) -> None:
    db.write_now(lambda tx: tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    try:
        status, found = run(config, CGBOT__DATABASE__URL=database_url)
        assert (status, states(found["database"])) == (1, ["failed"])
        assert "version 9999, of a newer cgbot" in found["database"][0].text
    finally:
        db.write_now(lambda tx: tx.execute(sa.text(f"UPDATE alembic_version SET version_num = '{schema.HEAD}'")))


def test_a_clock_behind_the_mail_fails(config: Path, db: Database, database_url: str, context: Context) -> None:
    """A mail that came in the future means that the clock went back."""
    late = context.now + timedelta(days=40_000)
    db.write_now(
        lambda tx: (
            tx.execute(sa.insert(raw_messages).values(sha256=bytes(32), size=0, codec="none", body=b"")),
            tx.execute(
                sa.insert(arrivals).values(
                    sha256=bytes(32),
                    mail_from="",
                    received_at=late,
                    protocol="lmtp",
                    peer="",
                    helo="",
                    tls=False,
                    trace=b"",
                )
            ),
        )
    )
    status, found = run(config, CGBOT__DATABASE__URL=database_url)
    assert status == 1
    assert "failed" in states(found["clock"])


class Zone:
    """A resolver's answers, as a zone file would give them."""

    def __init__(self, **changes: list[str] | None) -> None:
        self.records: dict[str, list[str] | None] = {
            "lists.itu.int MX": ["10 mail.itu.int."],
            "mail.itu.int A": ["192.0.2.1"],
            "1.2.0.192.in-addr.arpa. PTR": ["mail.itu.int."],
            "lists.itu.int TXT": ["v=spf1 mx -all", "something else"],
            "_dmarc.lists.itu.int TXT": ["v=DMARC1; p=none"],
        } | {name.replace("__", " "): value for name, value in changes.items()}

    def __call__(self, name: str, kind: str) -> list[str]:
        answer = self.records.get(f"{name} {kind}", [])
        if answer is None:
            raise dns.resolver.NXDOMAIN
        return answer


def looked_up(zone: dns_records.Lookup) -> dict[str, str]:
    return {finding.subject: finding.state for finding in dns_records.look_up("lists.itu.int", zone)}


def test_dns_as_it_should_be() -> None:
    assert set(looked_up(Zone())) == {"dns mx", "dns ptr", "dns spf", "dns dkim", "dns dmarc"}
    assert set(looked_up(Zone()).values()) == {"ok"}


@pytest.mark.parametrize(
    ("changes", "subject", "state"),
    [
        ({"lists.itu.int MX": []}, "dns mx", "failed"),
        ({"mail.itu.int A": []}, "dns mx", "failed"),
        ({"1.2.0.192.in-addr.arpa. PTR": []}, "dns ptr", "warning"),
        ({"1.2.0.192.in-addr.arpa. PTR": ["host-1.example.net."]}, "dns ptr", "warning"),
        ({"lists.itu.int TXT": ["nothing"]}, "dns spf", "failed"),
        ({"lists.itu.int TXT": ["v=spf1 -all", "v=spf1 mx -all"]}, "dns spf", "failed"),
        ({"lists.itu.int TXT": ["v=spf1 +all"]}, "dns spf", "failed"),
        ({"_domainkey.lists.itu.int TXT": None}, "dns dkim", "warning"),
        ({"_dmarc.lists.itu.int TXT": None}, "dns dmarc", "failed"),
        ({"_dmarc.lists.itu.int TXT": None, "_dmarc.itu.int TXT": ["v=DMARC1; p=reject"]}, "dns dmarc", "ok"),
    ],
)
def test_dns_that_lacks_something(changes: dict[str, list[str] | None], subject: str, state: str) -> None:
    assert looked_up(Zone(**{name.replace(" ", "__"): value for name, value in changes.items()}))[subject] == state


def test_a_resolver_that_does_not_answer_is_asked_once() -> None:
    def silent(_name: str, _kind: str) -> list[str]:
        raise dns.exception.Timeout

    assert looked_up(silent) == {"dns": "warning"}


KEY = ("cgbot._domainkey.lists.itu.int", "v=DKIM1; k=rsa; p=" + "A" * 390)


@pytest.mark.parametrize(
    ("published", "state", "told"),
    [
        ([KEY[1]], "ok", "has our key"),
        (["v=DKIM1; k=rsa; p=B"], "failed", "another text"),
        (None, "failed", "is not published"),
    ],
)
def test_the_keys_of_our_signatures(published: list[str] | None, state: str, told: str) -> None:
    """What is missing is shown as the zone file wants it, in strings of 255 octets."""
    zone = Zone(**{f"{KEY[0]}__TXT": published})
    (found,) = [one for one in dns_records.look_up("lists.itu.int", zone, (KEY,)) if one.subject == "dns dkim"]
    assert found.state == state
    assert told in found.text
    if state == "failed":
        assert f'{KEY[0]}.\tIN TXT "{KEY[1][:255]}" "{KEY[1][255:]}"' in found.text
