"""Edge: `cgbot archive`: search, show, rebuild; `cli.proof` proves what was said, `cli.archive_moving` moves it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cgbot.archive import file_texts, records
from cgbot.archive import rebuild as rebuilding
from cgbot.archive.records import Post
from cgbot.cli import archive_moving, proof
from cgbot.cli.finding_posts import find_post
from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.groups import records as groups
from cgbot.mail import message as messages
from cgbot.store import raw, search
from cgbot.store.db import Tx

app = noun("What was said: search, show, import, export, prove, erase, rebuild.")
app.add_typer(proof.app)
app.add_typer(archive_moving.app)
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]


@app.command("search")
def search_archive(
    group: _Group,
    query: Annotated[str, typer.Argument(help='Words that must all occur; "a phrase"; a beginning with a star*.')],
    *,
    limit: Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=1000)] = 50,
    as_json: Json = False,
) -> None:
    """Find posts that hold all of the words, newest first."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        posts = house.db.read_now(_search, found.id, query, limit)
    show(
        as_json,
        [_row(one) for one in posts],
        ("received_at", "author", "subject", "permalink"),
        "no post holds all of it",
    )


def _search(tx: Tx, group_id: int, query: str, limit: int) -> tuple[Post, ...]:
    return records.of_ids(tx, search.find(tx, group_id, query, (limit, 0)))


@app.command("show")
def show_post(
    group: _Group,
    post: Annotated[str, typer.Argument(help="A permalink's 32 characters, or a Message-ID.")],
    *,
    as_raw: Annotated[bool, typer.Option("--raw", help="The exact bytes, to standard output.")] = False,
    as_json: Json = False,
) -> None:
    """Show one post."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        one = house.db.read_now(find_post, found.id, post)
        content = house.db.read_now(raw.get, one.sha256)
    if as_raw:
        sys.stdout.buffer.write(content)
        return
    text = messages.parse(content).text
    if as_json:
        show_json({**_row(one), "text": text})
        return
    for name, value in _row(one).items():
        say(f"{name.replace('_', ' ')}: {value}")
    say("")
    say(text)


@app.command()
def rebuild(
    group: Annotated[str, typer.Argument(help="A group: its threads and facts; all of them when left out.")] = "",
) -> None:
    """
    Make every index of the archive again from the raw messages; the words of all groups in any case.

    Last come the attached files; stopped there, a running `serve` reads the rest.
    """
    with open_house() as house:
        chosen = house.db.read_now(groups.get_group, group).id if group else None
        total = house.db.read_now(rebuilding.count)
        with typer.progressbar(length=total, label="rebuilding") as bar:
            done = 0
            for now_done in rebuilding.rebuild(house.db, chosen):
                bar.update(now_done - done)
                done = now_done
        left = house.db.read_now(file_texts.count_waiting)
        with typer.progressbar(length=left, label="reading files") as bar:
            while file_texts.work(house.db):
                bar.update(1)
    say(f"{done} posts are indexed again")


def _row(one: Post) -> dict[str, object]:
    return {
        "message_id": one.message_id,
        "permalink": one.permalink,
        "subject": one.subject,
        "author": one.author_name or one.author_address,
        "author_address": one.author_address,
        "received_at": one.received_at,
        "sent_at": one.sent_at,
        "size": one.size,
        "attachments": one.attachments,
    }
