"""A group gets another name beside a running serve: what was known under the old one still works."""

from __future__ import annotations

import re
import smtplib
import urllib.request

from tests.harness import DOMAIN, Program, mail, wait_for

NEW = "cg-aisec-strat"


def posted(program: Program, subject: str, to: str) -> None:
    program.send(mail(subject, To=to), to)
    program.idle()


def known(program: Program, name: str) -> None:
    """Wait until the running serve takes mail under this name."""

    def taken() -> bool:
        try:
            program.send(mail("help", From="someone@example.org"), f"{name}-request@{DOMAIN}")
        except smtplib.SMTPRecipientsRefused:
            return False
        return True

    wait_for(taken)


def subjects(program: Program, recipient: str) -> list[str]:
    return [str(one["Subject"]) for one in program.maildir(recipient)]


def leave(program: Program, link: str) -> int:
    """One click in a mail program (RFC 8058)."""
    url = program.addresses["web"].rstrip("/") + re.sub(r"^https://[^/]+", "", link)
    request = urllib.request.Request(url, data=b"List-Unsubscribe=One-Click", method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


def test_old_addresses_and_links_keep_working(program: Program) -> None:
    posted(program, "Before", f"cg-aisec@{DOMAIN}")
    (copy,) = program.maildir("observer@example.net")
    link = re.search(r"<(https[^>]+/leave/[^>]+)>", str(copy["List-Unsubscribe"]))
    assert link
    permalink = re.sub(r"^https://[^/]+", "", str(copy["Archived-At"]).strip("<>"))
    assert permalink.startswith("/cg-aisec/")

    said = program.cgbot("groups", "rename", "cg-aisec", NEW, "--tell")
    assert said.splitlines()[0].startswith(f"cg-aisec is {NEW} now")
    known(program, NEW)

    for subject, to in (("To the old name", f"cg-aisec@{DOMAIN}"), ("To the new name", f"{NEW}@{DOMAIN}")):
        posted(program, subject, to)
    read = subjects(program, "convener@example.org")
    told = [one for one in program.maildir("convener@example.org") if "Our new name" in str(one["Subject"])]
    assert {"To the old name", "To the new name"} <= set(read)
    assert f"Its address is now {NEW}@{DOMAIN}" in str(told[0].get_payload())
    (newest,) = [one for one in program.maildir("convener@example.org") if one["Subject"] == "To the old name"]
    assert f"<{NEW}.{DOMAIN}>" in str(newest["List-Id"])
    assert f"/{NEW}/" in str(newest["Archived-At"])

    status, _, body = program.get(permalink)  # redirected
    assert (status, b"Before" in body) == (200, True)
    program.send(mail("help", From="convener@example.org"), f"cg-aisec-request@{DOMAIN}", sender="convener@example.org")
    program.idle()
    assert any(str(one["From"]).endswith(f"{NEW}-owner@{DOMAIN}>") for one in program.maildir("convener@example.org"))
    program.send(mail("Undelivered", From="mailer@example.net"), str(copy["Return-Path"]).strip("<>"), sender="")
    assert leave(program, link[1]) == 200
    listed = {one["address"]: one["state"] for one in program.json("members", "list", NEW, "--all")}
    assert listed["observer@example.net"] == "left"
    assert [one["name"] for one in program.json("groups", "list")] == [NEW]


def test_it_stays_so_after_a_restart_and_the_name_is_taken(program: Program) -> None:
    program.cgbot("groups", "rename", "cg-aisec", NEW)
    program.stop()
    program.start()
    posted(program, "After the restart", f"cg-aisec@{DOMAIN}")
    assert subjects(program, "delegate@example.org") == ["After the restart"]
    again = program.run("groups", "rename", NEW, NEW)
    assert (again.returncode, "is called cg-aisec-strat already" in again.stderr) == (1, True)
    assert program.cgbot("groups", "rename", "cg-aisec", "cg-ai", "--acronym", "CG-AI").startswith(f"{NEW} is cg-ai")
    known(program, "cg-ai")
    posted(program, "By the first name", f"cg-aisec@{DOMAIN}")
    assert "By the first name" in subjects(program, "delegate@example.org")


def test_another_group_carries_it_on(program: Program) -> None:
    """CG-AISEC became CG-AISEC-STRAT in April 2025: new terms of reference, the same people."""
    posted(program, "Before", f"cg-aisec@{DOMAIN}")
    (copy,) = program.maildir("observer@example.net")
    link = re.search(r"<(https[^>]+/leave/[^>]+)>", str(copy["List-Unsubscribe"]))
    assert link
    folder = program.folder / "config" / "groups"
    text = (folder / "cg-aisec.toml").read_text("utf-8").replace('"cg-aisec"', f'"{NEW}"', 1)
    (folder / f"{NEW}.toml").write_text(text.replace('"CG-AISEC"', '"CG-AISEC-STRAT"', 1), "utf-8")

    said = program.cgbot("groups", "succeed", "cg-aisec", NEW)
    assert said.splitlines()[-1] == "3 members were carried over, each with a mail that says how to leave"
    known(program, NEW)
    posted(program, "After", f"cg-aisec@{DOMAIN}")
    newest = {str(one["Subject"]): one for one in program.maildir("delegate@example.org")}
    assert f"<{NEW}.{DOMAIN}>" in str(newest["After"]["List-Id"])
    assert "[CG-AISEC-STRAT] CG-AISEC goes on as CG-AISEC-STRAT" in newest

    for path, words in (("/cg-aisec/", "it is continued by"), (f"/{NEW}/", "This group continues")):
        status, _, body = program.get(path)
        assert (status, words in body.decode()) == (200, True)
    assert b"Before" in program.get("/cg-aisec/")[2]
    assert b"After" in program.get(f"/{NEW}/")[2]
    assert leave(program, link[1]) == 200
    members = {one["address"] for one in program.json("members", "list", NEW)}
    assert members == {"convener@example.org", "delegate@example.org"}
    assert program.cgbot("groups", "succeed", "cg-aisec", NEW).splitlines()[-1].startswith("0 members")
    program.stop()
    program.start()
    posted(program, "After the restart", f"cg-aisec@{DOMAIN}")
    assert "After the restart" in subjects(program, "delegate@example.org")
