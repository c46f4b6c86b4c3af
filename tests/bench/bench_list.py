"""
One 4 KB post to 10,000 subscribers: VERP, a one-click address of their own for each, from the 250 to the last copy.

Beside Mailman 3 with VERP and beside mlmmj, which hands the list to Postfix with XVERP in groups of a hundred and keeps
no record of a recipient. Signed and unsigned, since neither peer signs.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from tests.bench.bench_accept import MEMORY_MB, peak_mb
from tests.bench.bench_fanout import mailman
from tests.bench.rows import Row, Tools
from tests.harness import LIST, Program, serving

MEMBERS = 10_000
FEW = 1_000
MAILMAN = f"l{MEMBERS}@mm3.test"
GOAL_MAILMAN = 20.0
GOAL_MLMMJ = 2.0
MAILMAN_ELSEWHERE = 83.0
MLMMJ_ELSEWHERE = 1162.0


def run(tools: Tools) -> Iterator[Row]:
    """Ours unsigned and signed, then each peer; memory with 1,000 and with 10,000 subscribers."""
    ours, peaks = _ours(tools, MEMBERS, signed=False)
    signed, _ = _ours(tools, MEMBERS, signed=True)
    _, few = _ours(tools, FEW, signed=False)
    what = f"fan-out to {MEMBERS:,} subscribers"
    rate, name = _mlmmj(tools)
    yield Row(f"{what}, unsigned", ours, rate, name, GOAL_MLMMJ)
    yield Row(f"{what}, signed with RSA-2048 and Ed25519", signed, rate, name, 0)
    rate, name = _mailman(tools)
    yield Row(f"{what}, unsigned", ours, rate, name, GOAL_MAILMAN)
    yield Row(f"{what}, signed with RSA-2048 and Ed25519", signed, rate, name, GOAL_MAILMAN)
    yield Row("peak memory of serve", peaks, few, f"with {FEW:,}", 1.25, " MB", less_is_better=True)
    yield Row("peak memory of serve", peaks, MEMORY_MB, "limit", 1, " MB", less_is_better=True)


def _ours(tools: Tools, members: int, *, signed: bool) -> tuple[float, float]:
    """Recipients a second, and the peak memory in MB."""
    relay = SimpleNamespace(port=2600)
    word = "yes" if signed else "no"
    program = Program(
        tools.scratch / f"list-{members}-{word}",
        relay=relay,  # type: ignore[arg-type]  # only its port is asked
        CGBOT__SIGNING__ENABLED=word,
    )
    with serving(program.with_members({f"u{number:05d}@sink.test": "member" for number in range(members)})):
        rates = [
            tools.fanout(
                post=program.addresses["smtp"], rcpt=LIST, mailfrom="u00001@sink.test", expect=members, subs=members
            )
            for _ in range(tools.repeats)
        ]
        return statistics.median(rates), peak_mb(program)


def _mailman(tools: Tools) -> tuple[float, str]:
    with mailman(tools, MAILMAN, MEMBERS) as is_there:
        if not is_there:
            return MAILMAN_ELSEWHERE, "Mailman, VERP (as measured elsewhere)"
        options = {"post": "127.0.0.1:8024", "lmtp": True, "rcpt": MAILMAN, "mailfrom": "u00001@sink.test"}
        return tools.fanout(**options, expect=MEMBERS, subs=MEMBERS), "Mailman, VERP"


def _mlmmj(tools: Tools) -> tuple[float, str]:
    with _list_behind_postfix(tools) as is_there:
        if not is_there:
            return MLMMJ_ELSEWHERE, "mlmmj, XVERP to Postfix (as measured elsewhere)"
        rates = [
            tools.fanout(post="127.0.0.1:2501", rcpt="l@lists.test", expect=MEMBERS, subs=MEMBERS)
            for _ in range(tools.repeats)
        ]
        return statistics.median(rates), "mlmmj, XVERP to Postfix"


@contextmanager
def _list_behind_postfix(tools: Tools) -> Iterator[bool]:
    if not (shutil.which("mlmmj-receive") and shutil.which("postfix", path=f"{os.environ['PATH']}:/usr/sbin")):
        sys.stderr.write("mlmmj or Postfix is not installed: not compared\n")
        yield False
        return
    os.environ["MLMMJ_DOMAIN"] = "lists.test"
    try:
        tools.script("postfix_up.sh", "start")
        tools.script("mlmmj_up.sh", "l", str(MEMBERS), "postfix", "2501")
        yield True
    finally:
        tools.script("postfix_up.sh", "stop", check=False)
        os.environ.pop("MLMMJ_DOMAIN")
