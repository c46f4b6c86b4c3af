"""A post that is erased is gone from pages, search, raw bytes and mails; what others said stays as it was."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from cgbot.archive import keep, records, tombstones
from cgbot.context import Context
from cgbot.desk import erasing
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import audit
from cgbot.groups import records as groups
from cgbot.groups.records import Group
from cgbot.keys import Keys
from cgbot.mail import message as messages
from cgbot.store import raw, search, tables
from cgbot.store.db import Database, Tx
from tests.archive.posting import mail, put, put_all
from tests.posts.arriving import Posts, written

WHY = "asked by its author"


def count(db: Database, name: str) -> int:
    table = getattr(tables, name)
    return int(db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()))


def threads(db: Database, group: Group) -> list[tuple[str, int]]:
    return [(one.subject, one.posts) for one in db.read_now(records.list_threads, group.id, 9)]


def test_nothing_of_it_is_left_in_the_archive(db: Database, context: Context, group: Group) -> None:
    gone = mail("a", "a secret word\n")
    db.write_now(put_all, group.id, [gone, mail("b", "an answer\n", answers="a"), mail("c", "another secret\n")])
    done = erasing.erase_post(db, context, 1, "carol@example.org", WHY)
    assert (done.post_id, done.not_sent, done.bytes_stay) == (1, 0, False)
    assert db.read_now(search.find, group.id, "secret") == (3,)
    assert db.read_now(search.find, group.id, '"about a"') == ()
    with pytest.raises(NotFound):
        db.read_now(raw.get, hashlib.sha256(gone).digest())
    assert threads(db, group) == [("About c", 1), ("About b", 1)]
    (left,) = db.read_now(records.of_message_id, group.id, "b@example.org")
    assert db.read_now(records.of_thread, left.thread_id) == (left,)
    erasing.erase_post(db, context, 2, "carol@example.org", WHY)
    assert threads(db, group) == [("About c", 1)]
    assert count(db, "thread_ids") == 1
    assert db.write_now(put, group.id, mail("d")) == 4


def test_the_number_of_the_last_post_is_not_given_again(db: Database, context: Context, group: Group) -> None:
    db.write_now(put, group.id, mail("a"))
    erasing.erase_post(db, context, 1, "operator", WHY)
    assert db.write_now(put, group.id, mail("b")) == 2


def test_it_is_known_again_by_its_bytes_and_its_content(db: Database, context: Context, group: Group) -> None:
    content = mail("a")
    db.write_now(put_all, group.id, [content, mail("b")])
    erasing.erase_post(db, context, 1, "operator", WHY)
    same = (hashlib.sha256(content).digest(), keep.prepare(messages.parse(content)).content_hash)
    moved = b"Received: from elsewhere\r\n" + content
    again = (hashlib.sha256(moved).digest(), keep.prepare(messages.parse(moved)).content_hash)
    other = (hashlib.sha256(mail("c")).digest(), keep.prepare(messages.parse(mail("c"))).content_hash)
    assert db.read_now(tombstones.erased, context.keys, group.id, [same, again, other]) == {same, again}
    assert db.read_now(tombstones.is_erased, context.keys, group.id, same[0])
    assert not db.read_now(tombstones.is_erased, context.keys, group.id + 1, *same)
    assert not db.read_now(tombstones.is_erased, Keys((b"another",)), group.id, *same)
    rotated = Keys((b"a newer one", *context.keys.masters))
    assert db.read_now(tombstones.is_erased, rotated, group.id, *same)


def test_it_says_who_when_and_why_and_nothing_else(db: Database, context: Context, group: Group) -> None:
    db.write_now(put_all, group.id, [mail("a", "a secret word\n")])
    (post,) = db.read_now(records.of_message_id, group.id, "a@example.org")
    erasing.erase_post(db, context, 1, "  carol@example.org ", "asked by\nits author\x1b")
    stone = db.read_now(tombstones.of_permalink, group.id, post.permalink.lower())
    assert stone is not None
    assert (stone.post_id, stone.erased_by, stone.reason) == (1, "carol@example.org", WHY)
    assert stone.erased_at == context.now
    ((at, detail),) = db.read_now(audit.find, group.id, "erase", "post 1")
    assert (at, detail["reason"]) == (context.now, WHY)

    def everything(tx: Tx) -> str:
        rows = [tx.execute(sa.select(table)).all() for table in tables.metadata.sorted_tables]
        return repr(rows)

    left = db.read_now(everything)
    for word in ("secret", "a@example.org", "alice@example.org", "Alice", "About a"):
        assert word not in left.replace("carol@example.org", ""), word
    for wrong in ("", " \n", "x" * 301):
        with pytest.raises(Malformed):
            erasing.erase_post(db, context, 1, "operator", wrong)
    with pytest.raises(NotFound):
        erasing.erase_post(db, context, 1, "operator", WHY)


def test_what_came_by_mail_goes_with_its_copies(db: Database, context: Context, group: Group) -> None:
    posts = Posts(db, context, group)
    posts.member("alice@example.org")
    posts.member("bob@example.org")
    one = written("alice@example.org")
    assert posts.arrive(one, mail_from="alice@example.org").state == "sorted"
    assert posts.arrive(one, mail_from="alice@example.org").state == "sorted"  # a further copy
    assert (count(db, "posts"), count(db, "contents"), count(db, "deliveries")) == (1, 1, 2)
    done = erasing.erase_post(db, context, 1, "operator", WHY)
    assert (done.not_sent, done.bytes_stay) == (2, False)
    for table in ("posts", "post_copies", "threads", "contents", "deliveries", "errands", "arrivals", "raw_messages"):
        assert count(db, table) == 0, table
    again = posts.arrive(one, mail_from="alice@example.org")  # a server brings it once more
    assert (again.state, again.reason) == ("discarded", "it was erased from the archive")
    assert count(db, "posts") == 0


def test_a_copy_that_is_on_its_way_is_waited_for(db: Database, context: Context, group: Group) -> None:
    posts = Posts(db, context, group)
    posts.member("alice@example.org")
    posts.arrive(written("alice@example.org"), mail_from="alice@example.org")
    state = sa.update(tables.deliveries)
    db.write_now(lambda tx: tx.execute(state.values(state="leased", epoch=1, leased_at=context.now)))
    with pytest.raises(Conflict, match="this very moment"):
        erasing.erase_post(db, context, 1, "operator", WHY)
    assert count(db, "posts") == 1
    db.write_now(lambda tx: tx.execute(state.values(state="sent", epoch=None)))
    later = context.at(context.now + timedelta(minutes=1))
    assert erasing.erase_post(db, later, 1, "operator", WHY).not_sent == 0


def test_bytes_that_another_group_has_stay(db: Database, context: Context, group: Group) -> None:
    other = db.write_now(
        lambda tx: (
            tx.execute(sa.insert(tables.groups).values(name="other", created_at=context.now)).inserted_primary_key
        )
    )
    assert other is not None
    content = mail("a")
    db.write_now(put, group.id, content)
    db.write_now(put, other[0], content)
    assert erasing.erase_post(db, context, 1, "operator", WHY).bytes_stay
    assert db.read_now(raw.get, hashlib.sha256(content).digest()) == content
    assert not erasing.erase_post(db, context, 2, "operator", WHY).bytes_stay


def test_no_word_of_it_is_left_in_the_files(sqlite_url: str, context: Context) -> None:
    """Not in free pages, not in the index, not in the log; also where the bytes were stored as they are."""
    db = Database.open(sqlite_url)
    db.write_now(groups.seed, context)
    for number in range(40):
        db.write_now(put, 1, mail(f"m{number}", f"other words {number}\n"))
    post_id = db.write_now(put, 1, mail("gone", "xylophone quetzalcoatl \u00e9lys\u00e9e\n", Subject="Zyzzyva"))

    def anywhere(word: bytes) -> bool:
        folder = Path(str(db.file)).parent
        return any(word in one.read_bytes().lower() for one in folder.iterdir() if one.is_file())

    assert anywhere(b"zyzzyva")
    erasing.erase_post(db, context, post_id, "operator", WHY)
    for word in (b"zyzzyva", b"xylophone", b"quetzalcoatl", b"ylophone", b"gone@example"):
        assert not anywhere(word), word
    assert db.read_now(search.find, 1, "other", (99, 0)) == tuple(range(40, 0, -1))
    db.close()


def test_a_damaged_post_can_be_erased(db: Database, context: Context, group: Group) -> None:
    db.write_now(put, group.id, mail("a"))
    db.write_now(lambda tx: tx.execute(sa.update(tables.raw_messages).values(body=b"?")))
    erasing.erase_post(db, context, 1, "operator", WHY)
    assert (count(db, "posts"), count(db, "raw_messages")) == (0, 0)
