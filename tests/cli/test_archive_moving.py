"""`cgbot archive import` and `export`: every form that archives come in, and all of it back byte for byte."""

from __future__ import annotations

import base64
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cgbot import app
from cgbot.cli import mail_sources
from cgbot.mail import mbox
from cgbot.store import raw
from cgbot.store.db import Tx
from cgbot.store.tables import audit, deliveries, log_leaves, posts, raw_messages, thread_ids, threads
from tests.archive.posting import mail, put_all, threads_of
from tests.cli.commands import Installation, installed

AT = datetime(2019, 5, 3, 8, 0, 7, tzinfo=UTC)
DATE = "Fri, 03 May 2019 10:00:07 +0200"
FIRST = mail("first", "Dear all,\n\nFrom here on it is quoted.\n", Date=DATE)
SECOND = mail("second", answers="first", Date=DATE)
BARE = mail("bare", Date=DATE).removesuffix(b"\r\n")  # does not end in a line feed
ALL = [FIRST, SECOND, BARE]
GROUP = "cg-aisec"
DERIVED = (log_leaves, posts, thread_ids, threads, raw_messages)


@pytest.fixture
def here(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    return installed(tmp_path / "here", sqlite_url, monkeypatch, capsys)


def read(question: sa.Select[Any]) -> list[tuple[object, ...]]:
    with app.open_house() as house:
        return [tuple(row) for row in house.db.read_now(lambda tx: tx.execute(question).all())]


def contents() -> set[bytes]:
    with app.open_house() as house:
        names = house.db.read_now(lambda tx: tx.execute(sa.select(posts.c.sha256)).scalars().all())
        return {house.db.read_now(raw.get, bytes(one)) for one in names}


def packed(messages: list[bytes]) -> bytes:
    return b"".join(mbox.mboxrd(one, AT) for one in messages)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ------------------------------------------------------------------------------------------------------ every form


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("lists/2019-May.mbox", content)
    return stream.getvalue()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, zipped], ids=["plain", "gz", "xz", "zip"])
def test_an_mbox_in_any_wrapping(here: Installation, tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    file = write(tmp_path / "archive", pack(packed(ALL)))
    assert here.json("archive", "import", GROUP, str(file)) == {
        "group": GROUP, "taken": 3, "there": 0, "odd": [], "refused": []
    }  # fmt: skip
    assert contents() == set(ALL)
    again = here.json("archive", "import", GROUP, str(file))
    assert (again["taken"], again["there"]) == (0, 3)
    assert [row[0] for row in read(sa.select(posts.c.received_at).distinct())] == [AT]


def test_a_maildir_and_single_messages(here: Installation, tmp_path: Path) -> None:
    write(tmp_path / "box" / "cur" / "1.x:2,S", FIRST)
    write(tmp_path / "box" / "new" / "2.x", SECOND)
    write(tmp_path / "box" / "tmp" / "3.x", mail("never-delivered"))
    write(tmp_path / "bare.eml", BARE)
    said = here.ok("archive", "import", GROUP, str(tmp_path / "box"), str(tmp_path / "bare.eml"))
    assert said == "3 taken, 0 there already, 0 refused, 0 oddities\n"
    assert contents() == set(ALL)
    assert read(sa.select(posts.c.received_at).distinct()) == [(AT,)]


def test_a_month_of_pipermail(here: Installation, tmp_path: Path) -> None:
    """Its addresses are restored, so that a search for the author finds the post; the rest stays as it was."""
    month = (
        b"From jane at example.org  Fri May  3 10:00:07 2019\nFrom: jane at example.org (Jane Doe)\n"
        b"Date: Fri, 3 May 2019 10:00:07 +0200\nSubject: [CG] Scope\nMessage-ID: <scope@example.org>\n\nDear all,\n\n"
        b"From joe at example.org  Sat May  4 10:00:07 2019\nFrom: joe at example.org\n"
        b"Date: Sat, 4 May 2019 10:00:07 +0200\nSubject: [CG] Scope\nIn-Reply-To: <scope@example.org>\n"
        b"Message-ID: <re@example.org>\n\nAgreed.\n\n"
    )
    file = write(tmp_path / "2019-May.txt.gz", gzip.compress(month))
    found = here.json("archive", "import", GROUP, str(file))
    assert [one["what"] for one in found["odd"]] == [
        'its author\'s address was written as "name at example.org" and is restored'
    ] * 2
    rows = read(sa.select(posts.c.author_name, posts.c.author_address, posts.c.thread_id).order_by(posts.c.id))
    assert [row[:2] for row in rows] == [("Jane Doe", "jane@example.org"), ("", "joe@example.org")]
    assert len({row[2] for row in rows}) == 1
    assert here.json("archive", "import", GROUP, str(file))["there"] == 2


def test_a_listserv_log(here: Installation, tmp_path: Path) -> None:
    rule = b"=" * 73 + b"\n"
    one = b"Date:         Fri, 3 May 2019 10:00:07 +0200\nFrom:         Jane <jane@example.org>\nSubject: A\n\nText\n"
    two = one.replace(b"Subject: A", b"Subject: B")
    file = write(tmp_path / "cg.log1905", rule + one + rule + two)
    found = here.json("archive", "import", GROUP, str(file))
    assert found["taken"] == 2
    assert {row["what"] for row in found["odd"]} == {"it has no Message-ID; one was made from its content"}
    assert read(sa.select(posts.c.received_at).distinct()) == [(AT,)]


def test_a_public_inbox(here: Installation, tmp_path: Path) -> None:
    """Version 2: each commit holds one message as m; a message as d was removed again."""
    repository = tmp_path / "inbox" / "git" / "0.git"
    work = tmp_path / "work"
    surroundings = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> None:
        command = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments)
        subprocess.run(command, cwd=work, env=surroundings, check=True, capture_output=True)

    work.mkdir()
    git("init", "-q")
    for name, content in (("m", FIRST), ("m", SECOND), ("m", BARE), ("d", BARE)):
        for old in work.glob("[md]"):
            old.unlink()
        (work / name).write_bytes(content)
        git("add", "-A")
        git("commit", "-q", "-m", name)
    repository.parent.mkdir(parents=True)
    git("clone", "-q", "--bare", str(work), str(repository))
    answer = here.run("archive", "import", GROUP, str(tmp_path / "inbox"))
    assert answer.status == 1
    assert "2 taken, 0 there already, 1 refused" in answer.out
    assert "it was removed from that archive" in answer.out
    assert contents() == {FIRST, SECOND}


# --------------------------------------------------------------------------------------------------- odd and refused


def test_what_cannot_be_taken_is_named_and_the_rest_is_taken(here: Installation, tmp_path: Path) -> None:
    files = [
        write(tmp_path / "broken.gz", gzip.compress(packed(ALL))[:-20]),
        write(tmp_path / "picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
        write(tmp_path / "large.mbox", packed([FIRST + b"x" * (27 << 20)])),
        write(tmp_path / "lines.jsonl", b'{"raw": "%%"}\n'),
        write(tmp_path / "empty.mbox", b""),
    ]
    answer = here.run("archive", "import", GROUP, *map(str, files), "--json")
    assert answer.status == 1
    reasons = {Path(one["where"].split(",")[0]).name: one["why"] for one in json.loads(answer.out)["refused"]}
    assert reasons.keys() == {"broken.gz", "picture.png", "large.mbox", "lines.jsonl"}
    assert reasons["broken.gz"].startswith("it cannot be read to its end")
    assert reasons["picture.png"].startswith("it is no mbox, message,")
    assert reasons["large.mbox"].startswith("it is larger than 26214400 octets")


def test_a_file_that_is_made_to_fill_the_disk_is_left(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_sources, "_HARMLESS", 1 << 20)
    file = write(
        tmp_path / "bomb.xz", lzma.compress(b"From a@b.example Fri May  3 08:00:07 2019\nA: b\n\n" + bytes(20 << 20))
    )
    answer = here.run("archive", "import", GROUP, str(file))
    assert answer.status == 1
    assert "more than a thousand times as large" in answer.out


def test_other_content_under_a_known_message_id_is_kept_and_told(here: Installation, tmp_path: Path) -> None:
    other = FIRST.replace(b"Dear all", b"Dear ALL")
    resent = b"Received: from elsewhere; Fri, 03 May 2019 12:00:00 +0000\r\n" + FIRST  # the same by another way
    found = here.json("archive", "import", GROUP, str(write(tmp_path / "x.mbox", packed([FIRST, other, resent]))))
    assert (found["taken"], found["there"], len(found["odd"])) == (2, 1, 1)
    assert "the same Message-ID and another content" in found["odd"][0]["what"]
    assert contents() == {FIRST, other}


@pytest.mark.parametrize("date", ["Fri, 03 May 2999 10:00:07 +0200", "Thu, 1 Jan 1970 00:00:00 +0000", "yesterday", ""])
def test_a_date_that_cannot_be_right_is_told(here: Installation, tmp_path: Path, date: str) -> None:
    found = here.json("archive", "import", GROUP, str(write(tmp_path / "x.eml", mail("x", Date=date))))
    assert [one["what"].partition("; ")[2] for one in found["odd"]] == ["it stands at the beginning of the archive"]
    trace = b"Received: from a by b;\r\n Fri, 3 May 2019 08:00:07 +0000 (UTC)\r\n"
    found = here.json("archive", "import", GROUP, str(write(tmp_path / "y.eml", trace + mail("y", Date=date))))
    assert (found["taken"], found["odd"]) == (1, [])
    assert read(sa.select(posts.c.received_at).order_by(posts.c.id.desc()).limit(1)) == [(AT,)]


def test_what_was_erased_stays_away(here: Installation, tmp_path: Path) -> None:
    file = str(write(tmp_path / "x.mbox", packed(ALL)))
    here.ok("archive", "import", GROUP, file)
    here.ok("archive", "erase", GROUP, "second@example.org", "--reason", "asked by its author", "--yes")
    answer = here.run("archive", "import", GROUP, file)
    assert "0 taken, 2 there already, 1 refused" in answer.out
    assert "it was erased from this archive and stays away" in answer.out
    assert contents() == {FIRST, BARE}


def test_a_wrong_name_is_told(here: Installation, tmp_path: Path) -> None:
    file = str(write(tmp_path / "x.mbox", packed(ALL)))
    assert here.run("archive", "import", "nobody", file).status == 1
    assert "mboxrd, mboxo, mboxcl2" in here.run("archive", "import", GROUP, file, "--mbox", "mboxx").err
    assert "mbox, maildir, eml, jsonl" in here.run("archive", "export", GROUP, str(tmp_path / "x.docx")).err
    assert "is there already" in here.run("archive", "export", GROUP, file).err
    assert "write 2027-05-03" in here.run("archive", "export", GROUP, str(tmp_path / "y.mbox"), "--since", "May").err


# ------------------------------------------------------------------------------------- what an import does and does not


def count(table: sa.Table) -> int:
    return int(str(read(sa.select(sa.func.count()).select_from(table))[0][0]))


def test_nothing_is_delivered_and_all_of_it_is_in_the_log(here: Installation, tmp_path: Path) -> None:
    here.ok("members", "add", GROUP, "bob@example.org", "--delivery", "each")
    here.ok("members", "add", GROUP, "eve@example.org", "--delivery", "daily")
    here.ok("archive", "import", GROUP, str(write(tmp_path / "x.mbox", packed(ALL))))
    assert (count(deliveries), count(log_leaves)) == (0, 3)
    assert {row[0] for row in read(sa.select(posts.c.imported))} == {True}
    assert read(sa.select(audit.c.subject).where(audit.c.action == "import an archive")) == [
        ("3 taken, 0 there already, 0 refused",)
    ]
    here.ok("archive", "seal")
    assert here.json("archive", "verify", GROUP, "--indexes")[0]["faults"] == []


def test_an_import_joins_the_threads_that_are_there(here: Installation, tmp_path: Path) -> None:
    """A chain whose middle comes last, with two ends in the archive that knew nothing of each other."""
    ends = [mail("a"), mail("d", answers="c"), mail("e", answers="d")]
    with app.open_house() as house:
        house.db.write_now(put_all, 1, ends)
    middle = [mail("c", answers="b"), mail("b", answers="a"), mail("other")]
    here.ok("archive", "import", GROUP, str(write(tmp_path / "x.mbox", packed(middle))))

    def seen(tx: Tx) -> tuple[set[frozenset[str]], set[int], int]:
        sizes = set(tx.execute(sa.select(threads.c.posts)).scalars())
        return threads_of(tx), sizes, len(tx.execute(sa.select(threads.c.id)).all())

    with app.open_house() as house:
        assert house.db.read_now(seen) == ({frozenset("abcde"), frozenset({"other"})}, {5, 1}, 2)
        first = house.db.read_now(lambda tx: tx.execute(sa.select(sa.func.min(threads.c.started_at))).scalar_one())
    assert first == AT  # the older message moved the beginning of its thread


# ------------------------------------------------------------------------------------------------------ and out again


@pytest.mark.parametrize("name", ["x.mbox", "x.mbox.gz", "x.jsonl", "x.jsonl.gz", "x", "tree"])
def test_what_goes_out_comes_in_again_byte_for_byte(here: Installation, tmp_path: Path, name: str) -> None:
    here.ok("archive", "import", GROUP, str(write(tmp_path / "given.mbox", packed(ALL))))
    out = tmp_path / "out" / name
    out.parent.mkdir()
    form = ("--form", "eml") if name == "tree" else ()
    assert here.ok("archive", "export", GROUP, str(out), *form) == f"3 messages written to {out}\n"
    with app.open_house() as house:
        house.db.write_now(lambda tx: [tx.execute(sa.delete(one)) for one in DERIVED])
    assert here.json("archive", "import", GROUP, str(out))["taken"] == 3
    assert contents() == set(ALL)
    if "." in name:  # these carry when the archive received each message
        assert read(sa.select(posts.c.received_at).distinct()) == [(AT,)]


def test_a_part_goes_out(here: Installation, tmp_path: Path) -> None:
    later = AT.replace(year=2020)
    given = packed([FIRST, SECOND]) + mbox.mboxrd(mail("third", From="bob@example.org"), later)
    here.ok("archive", "import", GROUP, str(write(tmp_path / "given.mbox", given)))
    for number, (options, names) in enumerate(
        [
            (("--since", "2020-01-01"), ["third"]),
            (("--until", "2020-01-01"), ["first", "second"]),
            (("--thread", "second@example.org"), ["first", "second"]),
            (("--author", "Bob@example.org"), ["third"]),
            (("--query", "subject:second"), ["second"]),
        ]
    ):
        out = tmp_path / f"{number}.jsonl"
        here.ok("archive", "export", GROUP, str(out), *options)
        lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        assert [one["message_id"] for one in lines] == [f"{name}@example.org" for name in names]
        assert base64.b64decode(lines[0]["raw"]).startswith(b"From: ")


# --------------------------------------------------------------------------------------------- outside test material


def test_a_real_list_has_its_threads(here: Installation, corpora: Path) -> None:
    """5,387 mails, 5,381 ids, 1,583 components by references, as counted by others (FACTS.json)."""
    path = str(corpora / "01-archives" / "public-inbox" / "usrp-users.share.mbox.xz")
    found = here.json("archive", "import", GROUP, path)
    assert (found["taken"], found["there"], len(found["odd"]), found["refused"]) == (5386, 1, 5, [])  # one came twice
    same = sa.func.count(sa.distinct(posts.c.message_id))
    sizes = [int(str(row[0])) for row in read(sa.select(same).group_by(posts.c.thread_id))]
    assert (sum(sizes), len(sizes), max(sizes), sizes.count(1)) == (5381, 1583, 47, 424)
    assert read(sa.select(sa.func.sum(threads.c.posts), sa.func.count())) == [(5386, 1583)]
    assert len(here.ok("archive", "search", GROUP, '"gnu radio companion"', "--limit", "3").splitlines()) == 4


def test_an_import_that_is_killed_is_begun_again(here: Installation, corpora: Path, tmp_path: Path) -> None:
    """2,500 mails, one without a Message-ID, and all of them out again."""
    path = str(corpora / "01-archives" / "spamassassin-public-corpus" / "easy-ham-1.mbox.xz")
    here.ok("archive", "search", GROUP, "nothing")  # makes the database
    command = (sys.executable, "-m", "cgbot", "archive", "import", GROUP, path)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as killed:
        while killed.poll() is None and count(posts) < 100:
            pass
        os.killpg(killed.pid, signal.SIGKILL)
    before = count(posts)
    found = here.json("archive", "import", GROUP, path)
    assert found["taken"] + found["there"] == 2500
    assert found["there"] >= before >= 100
    sizes = read(sa.select(sa.func.count()).select_from(posts).group_by(posts.c.thread_id))
    assert (len(sizes), max(sizes), sizes.count((1,))) == (1514, (39,), 1203)
    out = tmp_path / "out.mbox.gz"
    here.ok("archive", "export", GROUP, str(out))
    with lzma.open(path) as given, gzip.open(out) as written:
        assert {one.raw for one in mbox.read(written, 30 << 20)} == {one.raw for one in mbox.read(given, 30 << 20)}
