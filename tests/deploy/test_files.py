"""What the files that start cgbot elsewhere promise, read without starting it."""

from __future__ import annotations

import configparser
import re

from cgbot.settings import Settings
from tests.deploy.front import DEPLOY

ROOT = DEPLOY.parent


def postfix(parameter: str) -> str:
    found = re.search(rf"^{parameter} = (.*)$", (DEPLOY / "postfix/main.cf").read_text("utf-8"), re.MULTILINE)
    assert found, parameter
    return found[1]


def test_what_the_front_server_takes_is_not_refused_behind_it() -> None:
    """Else it would have to bounce to a sender whom nobody has proved; it adds some lines of trace on the way."""
    assert int(postfix("message_size_limit")) + 100_000 < Settings().limits.message_size
    assert int(postfix("lmtp_destination_recipient_limit")) <= Settings().limits.recipients
    assert int(postfix("smtpd_client_connection_count_limit")) <= Settings().limits.connections_per_peer


def test_the_front_server_relays_for_cgbot_alone() -> None:
    assert postfix("mynetworks") == "$cgbot_address"
    assert "reject_unverified_recipient" in postfix("smtpd_recipient_restrictions")
    assert re.search(r"CGBOT_ADDRESS: 172\.30\.25\.10/32", (ROOT / "docker-compose.yml").read_text("utf-8"))


def test_the_unit_has_no_rights() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's names have capitals
    unit.read(DEPLOY / "cgbot.service", "utf-8")
    service = unit["Service"]
    assert service["User"] not in {"", "root"}
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"


def test_the_container_is_not_root_and_tells_whether_it_is_well() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert "USER cgbot" in lines
    assert lines.index("USER cgbot") > max(i for i, line in enumerate(lines) if line.startswith("RUN"))
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert "/healthz" in (ROOT / "Dockerfile").read_text("utf-8")
