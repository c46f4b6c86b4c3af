"""
Edge: `cgbot init`, a configuration and a group's file for your own domain, and the DNS records to publish.

On a terminal it asks for what no option told; elsewhere it takes the defaults and refuses what has none. Both files
are read as `serve` would read them before either is in place, and a file that is there already is never touched.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from cgbot import allowed, configuration
from cgbot.cli import dns_records
from cgbot.errors import ConfigError
from cgbot.groups import charter as charters
from cgbot.groups.charter import Charter, Officer
from cgbot.mail import address
from cgbot.mail.address import Mailbox
from cgbot.settings import bundled

_SHIPPED: Final = "cg-aisec"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was told, by options or when asked."""

    domain: str
    public_url: str
    relay: str
    group: str
    title: str
    parent: str
    conveners: tuple[Mailbox, ...]
    operator: str
    data_dir: Path


def init(
    directory: Annotated[Path, typer.Option(help="Folder for cgbot.toml and groups/.")] = Path("config"),
    domain: Annotated[str, typer.Option(help="Mail domain, such as lists.example.org.")] = "",
    public_url: Annotated[str, typer.Option(help="Where browsers find the pages.")] = "",
    relay: Annotated[str, typer.Option(help="HOST or HOST:PORT that sends our mail; - for Maildirs only.")] = "",
    group: Annotated[str, typer.Option(help="Name of the group, the part of its address before the @.")] = "",
    title: Annotated[str, typer.Option(help="Title of the group.")] = "",
    parent: Annotated[str, typer.Option(help="Body that the group reports to, such as SG17.")] = "",
    convener: Annotated[list[str] | None, typer.Option(help='"Name <address>"; repeat it for several.')] = None,
    operator: Annotated[str, typer.Option(help="Address that is told of faults.")] = "",
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the database, Maildirs and secrets.")] = None,
) -> None:
    """Write cgbot.toml and the group's file, and print the DNS records to publish."""
    ask = sys.stdin.isatty()
    _refuse_existing(directory / "cgbot.toml")
    answers = Answers(
        domain=_normal("--domain", _answer(ask, domain, "Mail domain (--domain)", ""), allowed.DOMAIN),
        public_url=public_url,
        relay=_answer(ask, relay, "Relay for outgoing mail, HOST or HOST:PORT (- for Maildirs only)", "-"),
        group=_answer(ask, group, "Name of the group, before the @", _SHIPPED),
        title=title,
        parent=parent,
        conveners=_mailboxes(convener or []),
        operator=_normal(
            "--operator", _answer(ask, operator, "Address that is told of faults", "-", blank="-"), allowed.ADDRESS
        ),
        data_dir=(data_dir or _usual_data(directory)).absolute(),
    )
    path = directory / "groups" / f"{answers.group}.toml"
    _refuse_existing(path)
    answers = _complete(answers, ask=ask)
    _put(directory, {"cgbot.toml": _configuration(answers), f"groups/{answers.group}.toml": _charter(answers)})
    typer.echo(f"Wrote {directory / 'cgbot.toml'} and {path}. Look at both, then publish in DNS:\n")
    mail_host = socket.getfqdn() if answers.domain in socket.getfqdn() else f"mail.{answers.domain}"
    host = _relay(answers.relay)[0]
    typer.echo("\n".join(dns_records.to_publish(dns_records.MailDomain(answers.domain, mail_host, host))))
    start = "" if directory == Path("config") else f"CGBOT_CONFIG={directory.absolute() / 'cgbot.toml'} "
    typer.echo(f"\nThen: {start}cgbot check, and {start}cgbot serve")


def _complete(answers: Answers, *, ask: bool) -> Answers:
    """Ask for what depends on the group: the addresses of its officers, or its title and first convener."""
    url = _answer(ask, answers.public_url, "Where browsers find the pages", f"https://{answers.domain}")
    answers = replace(answers, public_url=_normal("--public-url", url, allowed.URL))
    if answers.group == _SHIPPED:
        known = [officer for officer in _shipped().people if officer.name not in _names(answers.conveners)]
        asked = [f"{one.name} <{told}>" for one in known if (told := _address_of(one, ask=ask))]
        return replace(answers, conveners=(*answers.conveners, *_mailboxes(asked)))
    title = _answer(ask, answers.title, "Title of the group (--title)", "")
    parent = _answer(ask, answers.parent, "Body that the group reports to (--parent), such as SG17", "")
    if not answers.conveners:
        told = _answer(ask, "", 'Convener, "Name <address>" (--convener)', "")
        answers = replace(answers, conveners=_mailboxes([told]))
    return replace(answers, title=title, parent=parent)


def _names(people: Sequence[Mailbox]) -> set[str]:
    return {one.name for one in people}


def _address_of(officer: Officer, *, ask: bool) -> str:
    told = _answer(ask, "", f"Address of {officer.name}, {officer.role} (- if not known)", "-", blank="-")
    if told and not address.is_valid(told):
        _wrong("the address", told, "a mail address")
    return told


def _answer(ask: bool, told: str, question: str, default: str, *, blank: str = "") -> str:
    """Give what was told, else ask; without a terminal a question that has no default is an error."""
    if not told and ask:
        told = typer.prompt(question, default=default or None)
    told = told or default
    if not told:
        raise ConfigError("command line", question, "is missing: say it with an option (cgbot init --help)")
    return "" if told == blank else told


def _normal(option: str, value: str, rule: allowed.Rule) -> str:
    try:
        return str(rule.normal(value))
    except ValueError:
        _wrong(option, value, rule.text)


def _wrong(option: str, value: str, rule: str) -> NoReturn:
    raise ConfigError("command line", option, f"{value!r} is not allowed: {rule}")


def _mailboxes(texts: Sequence[str]) -> tuple[Mailbox, ...]:
    found = []
    for text in texts:
        boxes = address.parse_mailboxes(text)
        if len(boxes) != 1 or not address.is_valid(boxes[0].address):
            _wrong("--convener", text, 'one person, written "Name <address>"')
        found.append(boxes[0])
    return tuple(found)


def _usual_data(directory: Path) -> Path:
    return Path("/var/lib/cgbot") if directory.absolute().is_relative_to("/etc") else Path("var")


def _relay(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if re.search(r"[^:]:\d+$", text) else (text, "", "25")
    return ("" if host == "-" else host), int(port)


def _configuration(answers: Answers) -> str:
    """Fill the shipped file's keys in, so that every default and its comment stays in sight."""
    host, port = _relay(answers.relay)
    text = (bundled("config") / "cgbot.toml").read_text("utf-8")
    text = re.sub(r"\A(?:#.*\n)+", f"# The configuration of cgbot for {answers.domain}.\n", text)
    wanted = {
        "service.domain": answers.domain,
        "service.public_url": answers.public_url,
        "service.data_dir": str(answers.data_dir),
        "service.operator": answers.operator,
        "relay.host": host,
        "relay.port": port,
        "relay.tls": "none" if host in {"", "localhost", "::1"} or host.startswith("127.") else "starttls",
        # A domain that DNS knows can have its members' mail checked; elsewhere every look-up would fail.
        "authentication.check": "none" if dns_records.is_reserved(answers.domain) else "own",
    }
    for key, value in wanted.items():
        section, name = key.split(".")
        start = text.index(f"[{section}]")
        line = re.compile(rf"^(?:# )?{name} = .*$", re.MULTILINE)
        value_line = f"{name} = {json.dumps(value)}"
        text = text[:start] + line.sub(lambda _, new=value_line: new, text[start:], count=1)  # type: ignore[misc]
    return text


def _shipped() -> Charter:
    return charters.load(bundled("config") / "groups" / f"{_SHIPPED}.toml")


def _charter(answers: Answers) -> str:
    """Write the group's file: the shipped one with its officers' addresses, or a short one to be completed."""
    if answers.group != _SHIPPED:
        people = "".join(_person(one, "convener") for one in answers.conveners)
        return _SHORT.format(
            name=json.dumps(answers.group),
            acronym=json.dumps(answers.group.upper()),
            title=json.dumps(answers.title, ensure_ascii=False),
            parent=json.dumps(answers.parent, ensure_ascii=False),
            people=people,
        )
    text = _shipped().source
    for one in answers.conveners:
        line = re.compile(rf"^name = {re.escape(json.dumps(one.name, ensure_ascii=False))}$", re.MULTILINE)
        found = line.search(text)
        if found is None:
            text = f"{text.rstrip()}\n{_person(one, 'convener')}"
        else:
            text = f"{text[: found.end()]}\naddress = {json.dumps(one.address)}{text[found.end() :]}"
    return text


def _person(one: Mailbox, role: str) -> str:
    name = json.dumps(one.name or one.address, ensure_ascii=False)
    return f"\n[[people]]\nname = {name}\naddress = {json.dumps(one.address)}\nrole = {json.dumps(role)}\n"


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise ConfigError(str(path), "", "is there already, and stays as it is: name another folder with --directory")


def _put(directory: Path, texts: dict[str, str]) -> None:
    """Write all files or none; each is read as the program will read it before it has its name."""
    try:
        (directory / "groups").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cgbot-init-", dir=directory) as draft:
            (Path(draft) / "groups").mkdir()
            for name, text in texts.items():
                (Path(draft) / name).write_text(text, "utf-8")
            configuration.load({}, Path(draft) / "cgbot.toml")
            charters.load_all(Path(draft) / "groups")
            _link(directory, Path(draft), list(texts))
    except OSError as error:
        raise ConfigError(str(directory), "", f"cannot be written: {error.strerror}") from error


def _link(directory: Path, draft: Path, names: Sequence[str]) -> None:
    """Give the drafts their names without replacing anything; undo the first when the second is not possible."""
    placed: list[Path] = []
    try:
        for name in names:
            (directory / name).hardlink_to(draft / name)
            placed.append(directory / name)
    except OSError:
        for path in placed:
            path.unlink()
        raise


_SHORT: Final = """\
# The group {name}: its terms of reference and its settings. docs/charter.md tells every key.
name = {name}
acronym = {acronym}
title = {title}
parent = {parent}
mode = "host"
archive = "members"
{people}"""
