"""`cgbot archive verify`, prove, checkpoint, key, seal and erase, as an operator and as an outsider type them."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cgbot import app
from cgbot.groups import records
from cgbot.store.tables import raw_messages
from tests.archive.posting import mail, put_all
from tests.cli.commands import Installation, installed

FIRST = mail("first", "Dear all,\n")


@pytest.fixture
def here(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    made = installed(tmp_path / "here", sqlite_url, monkeypatch, capsys)
    fill([FIRST, mail("second", answers="first"), mail("third")])
    return made


def fill(contents: list[bytes]) -> None:
    with app.open_house() as house:
        group = house.db.read_now(records.get_group, "cg-aisec")
        house.db.write_now(put_all, group.id, contents)


def the_key(here: Installation) -> str:
    return here.ok("archive", "key").split()[-1]


def test_a_message_is_proven_to_somebody_who_has_only_files(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert here.run("archive", "prove", "cg-aisec", "first@example.org").status == 75  # no head covers it yet
    assert here.ok("archive", "seal") == "1 heads were signed\n"
    proof, message = tmp_path / "first.tlog-proof", tmp_path / "first.eml"
    here.ok("archive", "prove", "cg-aisec", "first@example.org", "--out", str(proof))
    message.write_bytes(FIRST)
    check = ("archive", "verify", "--proof", str(proof), "--message", str(message), "--key", the_key(here))
    monkeypatch.setenv("CGBOT_CONFIG", str(tmp_path / "nowhere.toml"))
    assert here.run("status").status == 2
    said = here.ok(*check)
    assert said.startswith("ok: post 1, received 2027-05-03T08:00:00+00:00, is entry 0 of 3 in ")
    message.write_bytes(FIRST + b".")
    answer = here.run(*check)
    assert (answer.status, "not the one that was archived" in answer.err) == (1, True)
    assert "name one with --key" in here.run(*check[:-2]).err
    assert "--message" in here.run(*check[:4], *check[-2:]).err


def test_a_checkpoint_that_was_kept_is_the_beginning_of_what_is(here: Installation, tmp_path: Path) -> None:
    here.ok("archive", "seal")
    kept, later = tmp_path / "kept.txt", tmp_path / "later.txt"
    here.ok("archive", "checkpoint", "cg-aisec", "--out", str(kept))
    fill([mail("fourth"), mail("fifth")])
    here.ok("archive", "seal")
    assert here.ok("archive", "verify", "--since", str(kept)) == (
        "ok: the log of cg-aisec begins with these 3 entries; 2 were added since\n"
    )
    here.ok("archive", "prove", "cg-aisec", "--since", str(kept), "--out", str(later))
    offline = ("archive", "verify", "--proof", str(later), "--since", str(kept), "--key", the_key(here))
    assert "the log of 3 entries is the beginning of the one of 5" in here.ok(*offline)
    letter = EmailMessage()
    letter["Subject"] = "The week"
    letter.set_content(f"Dear Jia,\n\n{kept.read_text()}\nBye.\n", cte="base64")
    in_mail = tmp_path / "digest.eml"
    in_mail.write_bytes(letter.as_bytes())
    assert here.ok("archive", "verify", "cg-aisec", "--since", str(in_mail)).startswith("ok: ")
    kept.write_text(re.sub(r"(?m)^3$", "2", kept.read_text()))
    assert here.run("archive", "verify", "--since", str(kept)).status == 1
    assert here.run("archive", "verify", "--since", str(tmp_path / "none")).status == 1


def test_what_was_altered_is_named_and_the_status_says_it(here: Installation) -> None:
    here.ok("archive", "seal")
    said = here.ok("archive", "verify")
    assert "cg-aisec: everything fits: 3 messages" in said
    assert "3 entries signed" in said
    assert re.search(r"in [0-9.]+ s \((at once|[0-9,]+ messages and [0-9.,]+ MB a second)\)", said)
    assert here.json("archive", "verify", "cg-aisec", "--indexes")[0]["faults"] == []
    with app.open_house() as house:
        house.db.write_now(lambda tx: tx.execute(sa.update(raw_messages).values(body=raw_messages.c.body + b".")))
    answer = here.run("archive", "verify", "cg-aisec")
    assert answer.status == 1
    assert "cg-aisec: post 2: its raw bytes are damaged\n" in answer.out
    assert "3 things do not fit" in answer.out


def test_an_erased_post_verifies_and_cannot_be_proven(here: Installation) -> None:
    here.ok("archive", "seal")
    said = here.ok("archive", "erase", "cg-aisec", "second@example.org", "--reason", "asked by its author", "--yes")
    assert said.startswith("post 2 is erased\n")
    assert here.run("archive", "show", "cg-aisec", "second@example.org").status == 1
    assert here.run("archive", "prove", "cg-aisec", "second@example.org").status == 1
    here.ok("archive", "seal")
    assert "everything fits: 2 messages" in here.ok("archive", "verify")
    here.ok("archive", "prove", "cg-aisec", "first@example.org")
    here.ok("archive", "rebuild")
    assert "everything fits" in here.ok("archive", "verify", "--indexes")


def test_keys_change_and_older_heads_still_verify(here: Installation) -> None:
    here.ok("archive", "seal")
    first = the_key(here)
    assert len(here.ok("archive", "key", "--rotate").splitlines()) == 2
    fill([mail("fourth")])
    here.ok("archive", "seal")
    assert here.ok("archive", "checkpoint", "cg-aisec").count("\n— ") == 2
    assert f"{first} (retired)" in here.ok("archive", "key", "--retire")
    fill([mail("fifth")])
    here.ok("archive", "seal")
    assert here.ok("archive", "checkpoint", "cg-aisec").count("\n— ") == 1
    assert "everything fits" in here.ok("archive", "verify")
    assert here.run("archive", "verify", "--key", first).status == 1


def test_the_program_of_the_page_checks_a_proof(here: Installation) -> None:
    """docs/proof.md says how somebody without this program recomputes it all."""
    page = (Path(__file__).parents[2] / "docs/proof.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    known: dict[str, Any] = {"__name__": "docs"}
    exec(compile(program, "docs/proof.md", "exec"), known)
    fill([mail(f"more{n}") for n in range(10)])
    here.ok("archive", "seal")
    key = the_key(here)
    for name in ("first", "third", "more0", "more9"):
        text = here.ok("archive", "prove", "cg-aisec", f"{name}@example.org")
        raw = mail(name, "Dear all,\n") if name == "first" else mail(name)
        assert re.fullmatch(r"entry \d+ of 13 in \S+/cg-aisec", known["check"](text, raw, key))
        with pytest.raises(AssertionError, match="another message"):
            known["check"](text, raw + b"x", key)
