"""
An older archive comes in, is searched and read: 20,000 generated mails (132 MB) beside notmuch and public-inbox.

Import means raw bytes, threads and full text, durable. Search is typed into the same function that the page calls, the
50 newest hits with subject, author and date; notmuch answers by its command. Pages are asked by wrk over four
connections, one process each; a page of ours shows the whole thread around the message.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.rows import Row, Tools
from tests.harness import Program, serving

MESSAGES = 20_000
GROUP = "cg-aisec"
NOTMUCH_ELSEWHERE, PUBLIC_INBOX_ELSEWHERE = 337.0, 230.0
NOTMUCH_SEARCH_ELSEWHERE = 19.6
PAGES_ELSEWHERE = {"message": 650.0, "thread": 309.0}
MEMORY_MB = 300
SIZE = 1.3
WARM, SECONDS = 3, 5


def run(tools: Tools) -> Iterator[Row]:
    """Import, size and memory; search; pages."""
    corpus = tools.folder / "data" / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    mbox = corpus / "20k.mbox"
    tools.python("gen_corpus.py", f"--count={MESSAGES}", "--seed=7", f"--mbox={mbox}")
    program = Program(tools.scratch / "archive")
    program.cgbot("archive", "search", GROUP, "nothing")  # makes the database
    ours, peak = _watched(program.command("archive", "import", GROUP, str(mbox)), program.env)
    name, theirs = _notmuch(tools)
    yield Row(f"import {MESSAGES:,} mails", ours, theirs, name, 3)
    name, theirs = _public_inbox(tools, mbox)
    yield Row(f"import {MESSAGES:,} mails", ours, theirs, name, 4)
    yield Row("peak memory of the import, all processes", peak, MEMORY_MB, "limit", 1, " MB", less_is_better=True)
    database = (program.folder / "var" / "cgbot.sqlite3").stat().st_size / 1e6
    raw = _raw(program) / 1e6
    yield Row("database", database, raw, "the messages", SIZE, " MB", less_is_better=True)
    yield from _search(tools, program, mbox)
    yield from _pages(tools, program, mbox)


def _watched(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Messages a second, and the highest sum of the resident memory of the process and its children in MB."""
    began = time.monotonic()
    peak = 0.0
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_resident, _tree(process.pid))))
            time.sleep(0.05)
    assert process.returncode == 0
    return MESSAGES / (time.monotonic() - began), peak / 1e6


def _tree(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _tree(int(child))
    return found


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    return 0


def _timed(command: list[str], **options: Any) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return MESSAGES / (time.monotonic() - began)


def _notmuch(tools: Tools) -> tuple[str, float]:
    if shutil.which("notmuch") is None:
        return "notmuch (as measured elsewhere)", NOTMUCH_ELSEWHERE
    folder = tools.folder / "data" / "nm"
    tools.python("gen_corpus.py", f"--count={MESSAGES}", "--seed=7", f"--maildir={folder / 'mail' / 'devel'}")
    (folder / "config").write_text(
        f"[database]\npath={folder / 'mail'}\n[user]\nname=x\nprimary_email=x@example.test\n[new]\ntags=inbox\n"
        "[maildir]\nsynchronize_flags=false\n"
    )
    return "notmuch", _timed(["notmuch", "new", "--quiet"], env=_notmuch_env(tools))


def _notmuch_env(tools: Tools) -> dict[str, str]:
    return {**os.environ, "NOTMUCH_CONFIG": str(tools.folder / "data" / "nm" / "config")}


def _public_inbox(tools: Tools, mbox: Path) -> tuple[str, float]:
    if shutil.which("public-inbox-index") is None:
        return "public-inbox (as measured elsewhere)", PUBLIC_INBOX_ELSEWHERE
    folder = tools.folder / "data" / "pi"
    folder.mkdir(parents=True, exist_ok=True)
    command = ["perl", "pi_import.pl", str(folder / "devel"), "devel@lists.example.test", "devel"]
    with mbox.open("rb") as stream:
        return "public-inbox", _timed(command, cwd=tools.folder, stdin=stream)


def _raw(program: Program) -> int:
    from cgbot.store.db import Database

    db = Database.open(f"sqlite:///{program.folder / 'var' / 'cgbot.sqlite3'}")
    try:
        return db.read_now(lambda tx: int(tx.exec_driver_sql("SELECT sum(size) FROM raw_messages").scalar_one()))
    finally:
        db.close()


# ------------------------------------------------------------------------------------------------------- search


def _search(tools: Tools, program: Program, mbox: Path) -> Iterator[Row]:
    queries = tools.folder / "data" / "q20k.json"
    tools.python("gen_queries.py", str(mbox), str(queries))
    typed = [_typed(one) for one in json.loads(queries.read_text())]
    ours = _p95(_answers(program, typed))
    if shutil.which("notmuch") is None:
        yield Row("search, p95", ours, NOTMUCH_SEARCH_ELSEWHERE, "notmuch (elsewhere)", 1, " ms", less_is_better=True)
        return
    theirs = _p95(_asked(["notmuch", "search", "--limit=50", one], _notmuch_env(tools)) for one in _as_notmuch(typed))
    yield Row("search, p95", ours, theirs, "notmuch", 1, " ms", less_is_better=True)


def _typed(query: dict[str, Any]) -> str:
    words = [*query.get("words", ())]
    words += [f'"{query["phrase"]}"'] if "phrase" in query else []
    words += [f'from:"{query["from"]}"'] if "from" in query else []
    words += [f"after:{query['d0']}", f"before:{query['d1']}"] if "d0" in query else []
    return " ".join(words)


def _as_notmuch(typed: list[str]) -> list[str]:
    return [re.sub(r"after:(\S+) before:(\S+)", r"date:\1..\2", one) for one in typed]


def _answers(program: Program, typed: list[str]) -> Iterator[float]:
    """Milliseconds of each query, after each was asked once."""
    from cgbot.archive import records
    from cgbot.store import search
    from cgbot.store.db import Database

    db = Database.open(f"sqlite:///{program.folder / 'var' / 'cgbot.sqlite3'}")
    for is_timed in (False, True):
        for one in typed:
            began = time.perf_counter()
            db.read_now(lambda tx, one=one: records.of_ids(tx, search.find(tx, 1, one, (50, 0))))
            if is_timed:
                yield (time.perf_counter() - began) * 1000
    db.close()


def _asked(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    return (time.perf_counter() - began) * 1000


def _p95(milliseconds: Any) -> float:
    return statistics.quantiles(milliseconds, n=20)[-1]


# -------------------------------------------------------------------------------------------------------- pages


def _pages(tools: Tools, program: Program, mbox: Path) -> Iterator[Row]:
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is not installed: pages are not measured\n")
        return
    prefix = tools.folder / "data" / "urls"
    tools.python("gen_urls.py", str(mbox), str(prefix))
    lists = {"message": Path(f"{prefix}.pi.msg"), "thread": Path(f"{prefix}.pi.thread")}
    with serving(program):
        ours = {}
        for name, paths in lists.items():
            own = paths.with_suffix(f".own-{name}")
            own.write_text(paths.read_text().replace("/devel/", f"/{GROUP}/").replace("/T/", "/"))
            ours[name] = _rate(tools, program.addresses["web"].rstrip("/"), own)
    theirs = _public_inbox_pages(tools, lists)
    for name in lists:
        peer = "public-inbox-httpd" if theirs else "public-inbox-httpd (as measured elsewhere)"
        yield Row(f"{name} pages", ours[name], (theirs or PAGES_ELSEWHERE)[name], peer, 1)


def _public_inbox_pages(tools: Tools, lists: dict[str, Path]) -> dict[str, float]:
    if shutil.which("public-inbox-httpd") is None:
        return {}
    try:
        tools.script("pi_up.sh", "start", "1")
        return {name: _rate(tools, "http://127.0.0.1:8090", paths) for name, paths in lists.items()}
    finally:
        tools.script("pi_up.sh", "stop", check=False)


def _rate(tools: Tools, base: str, paths: Path) -> float:
    """Requests a second, after a first walk over the list."""
    for seconds in (WARM, SECONDS):
        said = subprocess.run(
            ["wrk", "-t1", "-c4", f"-d{seconds}s", "--timeout=20s", "-s", "urls.lua", base],
            cwd=tools.folder, check=True, capture_output=True, text=True, env={**os.environ, "URLS": str(paths)},
        ).stdout  # fmt: skip
    found = re.search(r"([0-9.]+) req/s.*status>=400 (\d+)", said)
    assert found is not None, said
    assert found[2] == "0", said
    return float(found[1])
