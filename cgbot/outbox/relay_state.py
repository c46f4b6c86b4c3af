"""
That the relay does not answer, written down for whoever looks and for the next run (records).

It outlives a run, so that `since` stays true over a restart. `cgbot outbox flush` forgets it, which makes a running
`serve` try at once.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import delete

from cgbot.outbox.silence import Silence
from cgbot.store import service
from cgbot.store.db import Tx
from cgbot.store.tables import service as values

_KEY = "relay.silent"


def find(tx: Tx) -> Silence | None:
    """What is known; None when the relay answers."""
    found = service.get(tx, _KEY)
    if found is None:
        return None
    row = json.loads(found)
    return Silence(row["relay"], datetime.fromisoformat(row["since"]), row["tries"], row["reason"])


def keep(tx: Tx, silence: Silence) -> None:
    """Write it down."""
    row = {"relay": silence.relay, "since": silence.since.isoformat(), "tries": silence.tries, "reason": silence.reason}
    service.put(tx, _KEY, json.dumps(row))


def forget(tx: Tx) -> bool:
    """It answers, or is to be tried at once; False when nothing was known."""
    return tx.execute(delete(values).where(values.c.key == _KEY)).rowcount > 0
