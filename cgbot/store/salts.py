"""
Random octets from the database (records).

A use case knows no randomness of its own, and what is replayed after a lost race may draw anew; both engines draw from
the system's generator.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

OCTETS: Final = 16
_SQLITE: Final = text("SELECT randomblob(:octets)")
_POSTGRESQL: Final = text("SELECT uuid_send(gen_random_uuid()) FROM generate_series(1, :count)")


def draw(tx: Connection, count: int) -> list[bytes]:
    """So many salts of 16 octets; of PostgreSQL's, 122 bits are random."""
    if tx.dialect.name == "postgresql":
        return [bytes(one) for one in tx.execute(_POSTGRESQL, {"count": count}).scalars()]
    if not count:
        return []  # SQLite draws at least one octet
    drawn = bytes(tx.execute(_SQLITE, {"octets": OCTETS * count}).scalar_one())
    return [drawn[at : at + OCTETS] for at in range(0, len(drawn), OCTETS)]
