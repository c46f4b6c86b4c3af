"""The office that takes papers."""

from __future__ import annotations

import pytest

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.store.db import Database
from tests.papers.mailing import Office, opened


@pytest.fixture
def office(db: Database, context: Context, group: Group) -> Office:
    """Monday 3 May 2027, 10:00 in Geneva; a meeting on 20 May."""
    return opened(db, context, group)
