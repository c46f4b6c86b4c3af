"""Who waits to join, on the desk: shown with a way to decide, which takes two steps as any order."""

from __future__ import annotations

import pytest

from cgbot import wiring
from cgbot.groups import join_requests, members
from cgbot.groups.asking import Asker
from cgbot.groups.members import NewMember
from tests.web.conftest import Site
from tests.web.markup import Page

pytestmark = pytest.mark.anyio


async def test_who_waits_to_join_is_shown_with_a_way_to_decide(site: Site) -> None:
    site.commands = wiring.commands()
    new = NewMember("chair@example.org", name="A Chair", role="convener")
    client = site.signed_in(site.db.write_now(members.add, site.context, site.group.id, new))
    assert "Waiting to join" not in (await client.get("/desk/cg-aisec/")).text
    asker = Asker("join", site.group.id, "cg-aisec", "zoe+x@example.org", "<b>Zoe</b>")
    site.db.write_now(join_requests.add, site.context, asker)
    answer = await client.get("/desk/cg-aisec/")
    page = Page(answer.text)
    assert page.problems == []
    assert "<b>Zoe</b> zoe+x@example.org · asked on" in " ".join(page.words.split())
    form = await client.get("/desk/cg-aisec/order/admit/?words=zoe%2Bx@example.org")
    assert 'value="zoe+x@example.org"' in form.text
