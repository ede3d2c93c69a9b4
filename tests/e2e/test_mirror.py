"""Mirror follows names: what is renamed on the server is renamed here, without a byte coming."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from immich_transfer.failpoints import VARIABLE

from .mirrored import (
    BOTH,
    contents,
    delete_album,
    mirror,
    notes,
    on_disk,
    place,
    put_in,
    rename_album,
    take_out,
)
from .support import Bench, Server, sha1, until


@BOTH
def test_a_renamed_album_is_renamed_here(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.mp4")
    album = server.album("Rome", *ids)
    mirror(bench)
    inodes = {(bench.out / "Rome" / name).stat().st_ino for name in ("a.jpg", "b.jpg", "c.mp4")}
    rename_album(server, album, "Roma: 2024")
    result = mirror(bench)
    assert result.outcomes == {"moved": 3}
    assert result.item("a.jpg")["path"] == "Roma_ 2024/a.jpg"
    assert result.item("a.jpg")["note"] == "was Rome/a.jpg"
    assert result.summary["bytes_received"] == 0
    assert result.summary["bytes_hashed"] == 0
    assert result.summary["verified"] == 3
    assert on_disk(bench) == ["Roma_ 2024/a.jpg", "Roma_ 2024/b.jpg", "Roma_ 2024/c.mp4"]
    assert {path.stat().st_ino for path in (bench.out / "Roma_ 2024").iterdir()} == inodes
    assert mirror(bench).outcomes == {"unchanged": 3}


def test_the_old_folder_goes_with_its_parents_but_not_with_strangers_in_it(
    bench: Bench, server: Server
) -> None:
    layout = ("--layout", "kept/{album}/{type}/{filename}")
    album = server.album("Old", *server.seed("a.jpg", "b.mp4"))
    mirror(bench, *layout)
    place(bench, "kept/Old/image/mine.txt")
    (bench.out / "kept/Old/empty").mkdir()
    rename_album(server, album, "New")
    mirror(bench, *layout)
    assert on_disk(bench) == [
        "kept/New/image/a.jpg",
        "kept/New/video/b.mp4",
        "kept/Old/empty/",
        "kept/Old/image/mine.txt",
    ]


def test_a_renamed_photo_is_renamed_here(bench: Bench, server: Server) -> None:
    one, two = server.seed("DSC1.jpg", "DSC2.jpg")
    server.album("A", one, two)
    mirror(bench)
    server.edit(one, name="Mum.jpg")
    result = mirror(bench)
    assert result.outcomes == {"moved": 1, "unchanged": 1}
    assert result.summary["bytes_received"] == 0
    assert bench.fetched() == dict(
        zip(["A/Mum.jpg", "A/DSC2.jpg"], server.sums([one, two]), strict=True)
    )


def test_names_that_go_round_in_a_circle(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    server.album("A", *ids)
    mirror(bench)
    for asset, name in zip(ids, ("b.jpg", "a.jpg", "d.jpg", "e.jpg"), strict=True):
        server.edit(asset, name=name)  # two swap, two follow each other
    result = mirror(bench)
    assert result.outcomes == {"moved": 4}
    assert result.summary["bytes_received"] == 0
    names = ["A/b.jpg", "A/a.jpg", "A/d.jpg", "A/e.jpg"]
    assert bench.fetched() == dict(zip(names, server.sums(ids), strict=True))
    assert mirror(bench).outcomes == {"unchanged": 4}


def test_albums_that_swap_their_names(bench: Bench, server: Server) -> None:
    both, one, two = server.seed("both.jpg", "x.jpg", "x.jpg")
    first = server.album("First", both, one)
    second = server.album("Second", both, two)
    mirror(bench)
    rename_album(server, first, "Second")
    rename_album(server, second, "First")
    result = mirror(bench)
    assert result.summary["bytes_received"] == 0
    shared, own, other = server.sums([both, one, two])
    assert bench.fetched() == {
        "First/both.jpg": shared,
        "First/x.jpg": other,
        "Second/both.jpg": shared,
        "Second/x.jpg": own,
    }
    assert mirror(bench).outcomes == {"unchanged": 4}


def test_a_name_in_other_letters(bench: Bench, server: Server) -> None:
    """Some file systems take the new name for the old one: reached in two steps everywhere."""
    (photo,) = server.seed("photo.jpg")
    album = server.album("Café", photo)
    mirror(bench)
    server.edit(photo, name="Photo.JPG")
    assert mirror(bench).outcomes == {"moved": 1}
    assert on_disk(bench) == ["Café/Photo.JPG"]
    rename_album(server, album, "CAFÉ")
    assert mirror(bench).outcomes == {"moved": 1}
    assert on_disk(bench) == ["CAFÉ/Photo.JPG"]
    assert mirror(bench).outcomes == {"unchanged": 1}


def test_a_local_file_in_the_way_is_set_aside(bench: Bench, server: Server) -> None:
    (photo,) = server.seed("a.jpg")
    album = server.album("Old", photo)
    mirror(bench)
    place(bench, "New/a.jpg", "mine")
    place(bench, "New/a (local).jpg", "mine, too")
    rename_album(server, album, "New")
    result = mirror(bench)
    assert result.outcomes == {"moved": 1}
    assert "New/a.jpg was in the way of ours and is now a (local 2).jpg" in notes(result)
    assert bench.fetched() == {
        "New/a.jpg": server.sums([photo])[0],
        "New/a (local).jpg": sha1(b"mine, too"),
        "New/a (local 2).jpg": sha1(b"mine"),
    }


def test_a_file_that_was_changed_here_is_kept_when_its_album_is_renamed(
    bench: Bench, server: Server
) -> None:
    (photo,) = server.seed("a.jpg")
    album = server.album("Old", photo)
    mirror(bench)
    place(bench, "Old/a.jpg", "edited here")
    rename_album(server, album, "New")
    assert mirror(bench).outcomes == {"conflict": 1}
    assert bench.fetched() == {
        "New/a.jpg": server.sums([photo])[0],
        "New/a (local).jpg": sha1(b"edited here"),
    }


def test_what_the_user_renamed_alike_is_recognised(bench: Bench, server: Server) -> None:
    album = server.album("Old", *server.seed("a.jpg", "b.jpg"))
    mirror(bench)
    (bench.out / "Old").rename(bench.out / "New")
    rename_album(server, album, "New")
    result = mirror(bench)
    assert result.outcomes == {"unchanged": 2}
    assert result.summary["bytes_received"] == 0
    assert on_disk(bench) == ["New/a.jpg", "New/b.jpg"]
    rename_album(server, album, "Newer")
    assert mirror(bench).outcomes == {"moved": 2}, "its memory followed, too"


def test_deleted_here_and_renamed_there(bench: Bench, server: Server) -> None:
    one, two = server.seed("one.jpg", "two.jpg")
    album = server.album("Old", one, two)
    mirror(bench)
    (bench.out / "Old/one.jpg").unlink()
    rename_album(server, album, "New")
    result = mirror(bench, "--deleted", "skip")
    assert result.outcomes == {"skipped": 1, "moved": 1}
    assert on_disk(bench) == ["New/two.jpg"]
    server.edit(two, name="one.jpg")  # the name of the one that is not here
    mirror(bench, "--deleted", "skip")
    result = mirror(bench)
    assert result.outcomes["downloaded"] == 1
    assert sorted(bench.fetched().values()) == contents(server, [one, two])


def test_a_rename_that_cannot_be_made_loses_nothing(bench: Bench, server: Server) -> None:
    """Its new folder's place is taken by a link; the name it holds is wanted by another."""
    stuck, other = server.seed("x.jpg", "y.jpg")
    server.album("A", stuck, other)
    layout = ("--layout", "{type}/{filename}")
    mirror(bench, *layout)
    elsewhere = bench.home / "elsewhere"
    elsewhere.mkdir()
    (bench.out / "video").symlink_to(elsewhere)
    server.edit(stuck, name="x.mp4")
    server.edit(other, name="x.jpg")
    result = mirror(bench, *layout, code=3)
    assert result.outcomes == {"failed": 1, "moved": 1}
    assert "image/x.jpg could not be renamed" in notes(result)
    assert list(elsewhere.iterdir()) == []
    kept = bench.fetched()
    assert kept["image/x.jpg"] == server.sums([other])[0]
    assert sorted(kept.values()) == contents(server, [stuck, other]), "set aside, not lost"
    (bench.out / "video").unlink()
    assert mirror(bench, *layout).outcomes == {"downloaded": 1, "unchanged": 1}
    assert mirror(bench, *layout).outcomes == {"unchanged": 2}


@BOTH
def test_a_photo_that_moved_to_another_album_is_not_fetched_again(
    bench: Bench, server: Server
) -> None:
    ids = server.seed("stays.jpg", "moves.jpg", "there.jpg")
    stays, moves, there = ids
    old, new = server.album("Old", stays, moves), server.album("New", there)
    mirror(bench, "--delete")
    put_in(server, new, moves)
    take_out(server, old, moves)
    bodies = server.originals()
    result = mirror(bench, "--delete")
    assert result.outcomes == {"downloaded": 1, "unchanged": 2, "removed": 1}
    assert result.summary["bytes_received"] == 0
    assert server.originals() == bodies
    names = ["Old/stays.jpg", "New/moves.jpg", "New/there.jpg"]
    assert bench.fetched() == dict(zip(names, server.sums(ids), strict=True))


def test_an_album_asked_for_by_its_old_name_is_followed(bench: Bench, server: Server) -> None:
    album = server.album("Old", *server.seed("a.jpg"))
    mirror(bench, "--album", "Old")
    rename_album(server, album, "New")
    assert mirror(bench, "--album", "Old").outcomes == {"moved": 1}
    assert mirror(bench, "--album", "New").outcomes == {"unchanged": 1}
    assert "Old" in mirror(bench, "--album", "Old", code=2).error["message"]


def test_download_leaves_all_of_this(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    album, other = server.album("Old", *ids), server.album("Other")
    bench.download("--album", "*")
    before = bench.fetched()
    rename_album(server, album, "New")
    server.edit(ids[0], name="renamed.jpg")
    take_out(server, album, ids[1])
    put_in(server, other, ids[1])
    result = bench.download("--album-id", album)
    assert result.outcomes == {"unchanged": 2}
    assert bench.fetched() == before
    assert not notes(result)
    delete_album(server, album)
    bench.download("--album-id", album, code=2)
    assert bench.fetched() == before


def test_mirror_takes_up_what_download_left(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    album = server.album("Old", *ids)
    bench.download("--album", "Old")
    rename_album(server, album, "New")
    bench.download("--album", "New")
    assert on_disk(bench) == ["Old/a.jpg", "Old/b.jpg"]
    result = mirror(bench, "--album", "New")
    assert result.outcomes == {"moved": 2}
    assert on_disk(bench) == ["New/a.jpg", "New/b.jpg"]


def test_another_layout_renames_everything(bench: Bench, server: Server) -> None:
    server.album("A", *server.seed("a.jpg", "b.mp4"))
    mirror(bench)
    result = mirror(bench, "--layout", "{type}/{year}/{filename}")
    assert result.outcomes == {"moved": 2}
    assert result.summary["bytes_received"] == 0
    assert on_disk(bench) == ["image/2000/a.jpg", "video/2000/b.mp4"]


def test_live_photos_move_with_their_videos(bench: Bench, server: Server) -> None:
    (still,) = server.seed("IMG_1.heic", live=1)
    album = server.album("Old", still)
    mirror(bench)
    assert on_disk(bench) == ["Old/IMG_1.heic", "Old/IMG_1.mov"]
    server.edit(still, name="Jump.heic")
    rename_album(server, album, "New")
    result = mirror(bench)
    assert result.outcomes == {"moved": 2}
    assert result.summary["bytes_received"] == 0
    assert on_disk(bench) == ["New/Jump.heic", "New/Jump.mov"]


def test_a_dry_run_says_what_would_move_and_moves_nothing(bench: Bench, server: Server) -> None:
    album = server.album("Old", *server.seed("a.jpg", "b.jpg"))
    mirror(bench)
    rename_album(server, album, "New")
    before, bodies = bench.fetched(), server.originals()
    manifest = {p: p.read_bytes() for p in bench.state.rglob("*.sqlite*")}
    result = mirror(bench, "--dry-run")
    assert result.summary["dry_run"] is True
    assert result.outcomes == {"moved": 2}
    assert result.item("a.jpg")["path"] == "New/a.jpg"
    assert result.item("a.jpg")["note"] == "was Old/a.jpg"
    assert bench.fetched() == before
    assert {p: p.read_bytes() for p in bench.state.rglob("*.sqlite*")} == manifest
    assert server.originals() == bodies
    assert mirror(bench).outcomes == {"moved": 2}


# one file that several albums have in the same place

FLAT = ("--layout", "{filename}")


def test_a_shared_file_is_renamed_once(bench: Bench, server: Server) -> None:
    one, two = server.seed("a.jpg", "b.jpg")
    for title in "ABC":
        server.album(title, one, two)
    mirror(bench, *FLAT)
    server.edit(one, name="b.jpg")
    server.edit(two, name="a.jpg")
    result = mirror(bench, *FLAT)
    assert result.summary["bytes_received"] == 0
    assert bench.fetched() == dict(zip(["b.jpg", "a.jpg"], server.sums([one, two]), strict=True))
    assert mirror(bench, *FLAT).outcomes == {"unchanged": 6}


def test_a_shared_file_stays_where_another_mirror_has_it(bench: Bench, server: Server) -> None:
    (photo,) = server.seed("old.jpg")
    server.album("A", photo)
    server.album("B", photo)
    mirror(bench, *FLAT)
    server.edit(photo, name="new.jpg")
    result = mirror(bench, "--album", "A", *FLAT)
    assert result.summary["bytes_received"] == 0
    assert on_disk(bench) == ["new.jpg", "old.jpg"], "album B was not asked for"
    result = mirror(bench, *FLAT)
    assert result.summary["bytes_received"] == 0
    assert server.originals() == 1
    assert mirror(bench, *FLAT).outcomes == {"unchanged": 2}
    assert set(bench.fetched().values()) == set(server.sums([photo]))
    assert "old.jpg" not in on_disk(bench)


# a plug pulled in a storm of renames


def filled(bench: Bench, server: Server, count: int) -> tuple[str, list[str]]:
    """An album of many small files, on disk; returns its id and its photos."""
    ids = server.seed(assets=count, size=100)
    album = server.album("Old", *ids)
    mirror(bench)
    return album, ids


def shift_names(server: Server, ids: list[str]) -> dict[str, str]:
    """Every photo gets the name of the next; returns what is to be on disk."""
    known = server.known()
    old = [str(known[asset_id]["originalFileName"]) for asset_id in ids]
    new = old[1:] + old[:1]
    for asset_id, name in zip(ids, new, strict=True):
        server.edit(asset_id, name=name)
    return {f"Old/{n}": str(known[i]["checksum"]) for i, n in zip(ids, new, strict=True)}


def names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []


def waiting(bench: Bench) -> int:
    """Files that left their name and have not reached the next."""
    return sum(name.endswith(".part") for name in names(bench.out / "Old"))


def killed_at_rename(bench: Bench, number: int) -> None:
    """The plug is pulled at this very rename of a mirror: whoever polls for a state that passes
    may miss it."""
    armed = {VARIABLE: f"disk.move#{number}"}
    ended = bench.start("mirror", "-o", "out", "--album", "*", env=armed).finish(checked=False)
    assert ended.code == -signal.SIGKILL, ended.told()


def nothing_lost(bench: Bench, server: Server, ids: list[str]) -> None:
    """Whatever they are called now, a file that is in two places being linked to both."""
    there = {p.stat().st_ino: sha1(p.read_bytes()) for p in bench.out.rglob("*") if p.is_file()}
    assert sorted(there.values()) == contents(server, ids)


def test_kill_in_a_storm_of_renames(bench: Bench, server: Server) -> None:
    count = 1200
    album, ids = filled(bench, server, count)
    wanted = {path.replace("Old/", "New/"): content for path, content in bench.fetched().items()}
    rename_album(server, album, "New")
    for most in (1, 600):
        running = bench.start("mirror", "-o", "out", "--album", "*")
        until(lambda m=most: len(names(bench.out / "New")) >= m, running)  # type: ignore[misc]
        running.kill()
        nothing_lost(bench, server, ids)
    assert bench.fetched() != wanted, "it was still at work"
    result = mirror(bench)
    assert result.outcomes.get("moved", 0) > 0
    assert result.outcomes.get("downloaded", 0) == 0
    assert result.summary["bytes_received"] == 0
    assert bench.fetched() == wanted
    assert on_disk(bench) == sorted(wanted)
    assert mirror(bench).outcomes == {"unchanged": count}


def test_kill_while_all_names_go_round(bench: Bench, server: Server) -> None:
    count = 500
    _, ids = filled(bench, server, count)
    wanted = shift_names(server, ids)
    # In the second step, and where the next run takes that up.
    killed_at_rename(bench, count + count // 2)
    left = waiting(bench)
    assert 0 < left < count
    nothing_lost(bench, server, ids)
    killed_at_rename(bench, left // 2)
    assert 0 < waiting(bench) < left
    nothing_lost(bench, server, ids)
    result = mirror(bench)
    assert result.summary["bytes_received"] == 0
    assert result.summary["bytes_hashed"] == 0
    assert result.outcomes.get("downloaded", 0) == 0
    assert bench.fetched() == wanted
    assert mirror(bench).outcomes == {"unchanged": count}


def test_after_a_kill_download_gives_every_file_a_name(bench: Bench, server: Server) -> None:
    """`download` follows no renames, but what waits half-way must not stay hidden."""
    _, ids = filled(bench, server, 400)
    shift_names(server, ids)
    killed_at_rename(bench, 200)
    assert waiting(bench) > 50
    result = bench.download("--album", "*")
    assert result.summary["bytes_received"] == 0
    assert result.outcomes == {"unchanged": 400}
    assert waiting(bench) == 0
    assert sorted(bench.fetched().values()) == contents(server, ids)
