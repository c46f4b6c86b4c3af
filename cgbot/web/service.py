"""Health, metrics, robots and the style sheet (edge)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from cgbot.errors import CgbotError
from cgbot.outbox import relay_state
from cgbot.store.db import Tx
from cgbot.store.tables import deliveries, errands
from cgbot.web.access import may_see
from cgbot.web.services import services


async def health(request: Request) -> Response:
    """200 when the database answers and the clock beats, 503 otherwise; says which."""
    here = services(request)
    try:
        await here.db.read(lambda tx: tx.execute(select(1)).scalar_one())
        database = True
    except CgbotError:
        database = False
    clock = here.clock.healthy()
    return JSONResponse({"database": database, "clock": clock}, 200 if database and clock else 503)


async def metrics(request: Request) -> Response:
    """Counts in Prometheus' text form."""
    counts, silence = await services(request).db.read(lambda tx: (_counts(tx), relay_state.find(tx)))
    lines = []
    for name, rows in counts.items():
        lines.append(f"# TYPE cgbot_{name} gauge")
        lines += [f'cgbot_{name}{{state="{state}"}} {number}' for state, number in rows]
    if last := services(request).clock.last_tick():
        name = "cgbot_clock_last_tick_timestamp_seconds"
        lines += [f"# TYPE {name} gauge", f"{name} {last.timestamp():.3f}"]
    lines.append("# TYPE cgbot_delivery_attempts_total counter")
    for outcome, number in sorted(services(request).clock.attempts().items()):
        lines.append(f'cgbot_delivery_attempts_total{{outcome="{outcome}"}} {number}')
    if silence:
        name = "cgbot_relay_silent_since_timestamp_seconds"
        lines += [f"# TYPE {name} gauge", f"{name} {silence.since.timestamp():.0f}"]
    return PlainTextResponse("\n".join(lines) + "\n", headers={"cache-control": "no-store"})


def _counts(tx: Tx) -> dict[str, list[tuple[str, int]]]:
    found = {}
    for table in (errands, deliveries):
        rows = tx.execute(select(table.c.state, func.count()).group_by(table.c.state).order_by(table.c.state))
        found[table.name] = [(str(state), int(number)) for state, number in rows]
    return found


async def robots(request: Request) -> Response:
    """Search engines stay away from what is not written for them, and from groups that want it so."""
    charters = services(request).context().charters.values()
    # A group that the public does not see at all is not named.
    away = (f"/{one.name}/" for one in charters if one.robots == "kept-away" and may_see(one, "calendar"))
    closed = ("/leave/", "/rejoin/", "/calendar/", "/sign-in", "/desk/", "/me/", "/*/join/", "/*/search", *sorted(away))
    return PlainTextResponse("User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in closed))


async def style(request: Request) -> Response:
    """The one style sheet."""
    content = services(request).templates.get_template("web/style.css").render()
    return Response(content, media_type="text/css", headers={"cache-control": "public, max-age=300"})


HANDLERS: Final = {"health": health, "metrics": metrics, "robots": robots, "style": style}
