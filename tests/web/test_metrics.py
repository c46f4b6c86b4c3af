"""What a monitor reads."""

from __future__ import annotations

import pytest

from cgbot.outbox import relay_state
from cgbot.outbox.silence import Silence
from tests.web.conftest import Site

pytestmark = pytest.mark.anyio


async def test_attempts_by_outcome_and_a_relay_that_is_silent(site: Site) -> None:
    found = await site.page("/metrics")
    assert (
        '# TYPE cgbot_delivery_attempts_total counter\ncgbot_delivery_attempts_total{outcome="in-doubt"} 1\n' in found
    )
    assert 'cgbot_delivery_attempts_total{outcome="sent"} 3\n' in found
    assert "silent" not in found
    silence = Silence("mx.example.org:25", site.context.now, 3, "connection refused")
    await site.db.write(relay_state.keep, silence)
    found = await site.page("/metrics")
    assert f"cgbot_relay_silent_since_timestamp_seconds {silence.since.timestamp():.0f}\n" in found
