"""Pages of one group over both databases: posts as the sorter keeps them, and a browser of somebody anonymous."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from cgbot import render, wiring
from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import records, sign_in, tokens
from cgbot.groups.charter import Addresses, Audience, Joining
from cgbot.groups.commands import Command
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.mail.address import fold
from cgbot.posts import errands, holding, holds
from cgbot.posts.holds import Hold
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.posts.moderation import Action, Judgement, Verdict
from cgbot.store import raw
from cgbot.store.db import Database, Tx
from cgbot.store.tables import errands as errand_rows
from cgbot.web import app
from cgbot.web.services import Services
from cgbot.wiring import leave

Client = httpx2.AsyncClient


class Beating:
    """A clock that runs."""

    def healthy(self) -> bool:
        return True

    def last_tick(self) -> datetime | None:
        return None

    def attempts(self) -> dict[str, int]:
        return {"sent": 3, "in-doubt": 1}


@dataclass
class Site:
    """One group's pages; `now` is the time of every request."""

    db: Database
    context: Context
    group: Group
    other: Group | None = None  # a second group, of the same audiences
    commands: Mapping[str, Command] = field(default_factory=dict)
    _opened: list[Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.context.now

    async def post(self, *mails: bytes) -> list[str]:
        """Take mails in and archive those that are new, each a minute after the last; their permalinks."""
        return [await self._post(content, minutes) for minutes, content in enumerate(mails)]

    async def _post(self, content: bytes, minutes: int) -> str:
        errand = await self._errand(content, self.context.now + timedelta(minutes=minutes))
        facts = errand.facts
        assert facts is not None

        def archive(tx: Tx) -> None:
            if keep.find(tx, self.group.id, facts).same_content is None:
                keep.add(tx, errand, facts)

        self.db.write_now(archive)
        return facts.permalink

    async def hold(self, content: bytes, *reasons: str) -> Hold:
        """Take a mail in and hold it for these reasons; the conveners are told as they would be."""
        errand = await self._errand(content, self.context.now)
        hits = tuple(Verdict(Action.HOLD, "a-rule", reason) for reason in reasons or ("the author is no member",))
        settled = self.db.write_now(holding.hold, self.context, errand, Judgement(hits[0], hits))
        self.db.write_now(errands.settle, errand.id, settled, self.context.now)
        return self.db.read_now(holds.waiting)[-1]

    async def _errand(self, content: bytes, at: datetime) -> Errand:
        to = (Addressed("cg-aisec@lists.example.org", self.group.id, "post"),)
        arrival = Arrival(content, "a@example.org", at, "smtp", "127.0.0.1", "x", False, b"", to)
        arrival_id = await Intake(self.db).take(arrival)
        message = messages.parse(content)
        errand_id = self.db.read_now(lambda tx: tx.execute(sa.select(sa.func.max(errand_rows.c.id))).scalar_one())
        return Errand(errand_id, arrival_id, self.group.id, self.group.name, "", "post", "", "", 1, "a@example.org", at,
                      "smtp", "127.0.0.1", raw.prepare(content).sha256, message, keep.prepare(message))  # fmt: skip

    def browser(
        self, archive: Audience = "public", calendar: Audience = "public", addresses: Addresses = "masked"
    ) -> Client:
        """Somebody anonymous, before pages of these audiences."""
        audiences: dict[str, Any] = {"archive": archive, "calendar": calendar, "addresses": addresses}
        charter = replace(self.context.charters["cg-aisec"], **audiences)
        other = replace(charter, name="cg-other", acronym="CG-OTHER")
        charters = {"cg-aisec": charter, "cg-other": other} if self.other else {"cg-aisec": charter}
        here = replace(self.context, charters=charters)
        templates = render.environment(here.settings.template_folders)
        services = Services(
            self.db,
            templates,
            lambda: here.at(self.now),
            Beating(),
            leave,
            self.commands,
            wiring.kinds(),
            wiring.ON_JOIN,
        )
        transport = httpx2.ASGITransport(app.build(services), raise_app_exceptions=False, client=("203.0.113.9", 50000))
        self._opened.append(Client(transport=transport, base_url="https://cg.example.org"))
        return self._opened[-1]

    def allow(self, joining: Joining) -> None:
        """Let the group take members by this policy."""
        charter = replace(self.context.charters["cg-aisec"], joining=joining)
        self.context = replace(self.context, charters={**self.context.charters, "cg-aisec": charter})

    def add_group(self) -> Group:
        """The second group."""
        charter = replace(self.context.charters["cg-aisec"], name="cg-other", acronym="CG-OTHER")
        self.db.write_now(records.seed, replace(self.context, charters={"cg-other": charter}))
        self.other = self.db.read_now(records.get_group, "cg-other")
        return self.other

    def signed_in(self, member: Member, archive: Audience = "public", calendar: Audience = "public") -> Client:
        """A browser in which somebody has signed in, and which says of its forms where they come from."""
        facts = {"key": fold(member.address), "person": str(member.person_id)}
        here = self.context.at(self.now)
        token = self.db.write_now(tokens.make, here, sign_in.SESSION, facts, sign_in.SESSION_LIFETIME)
        client = self.browser(archive, calendar)
        client.headers["cookie"] = f"__Host-cgbot={token}"
        client.headers["sec-fetch-site"] = "same-origin"
        return client

    async def page(self, path: str) -> str:
        """A page that must be there."""
        answer = await self.browser().get(path)
        assert answer.status_code == 200, path
        return answer.text

    async def close(self) -> None:
        for one in self._opened:
            await one.aclose()


@pytest.fixture
async def site(db: Database, context: Context, group: Group) -> AsyncIterator[Site]:
    made = Site(db, context, group)
    yield made
    await made.close()
