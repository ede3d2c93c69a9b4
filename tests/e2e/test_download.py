"""What comes down: albums, the library, searches; under which names, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from .support import Bench, Result, Server, sha1

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)


def arrived(result: Result) -> set[str]:
    """Paths of what came, below the output folder."""
    return {line["path"] for line in result.items("downloaded")}


def below(server: Server, folder: str, ids: dict[str, str]) -> dict[str, str]:
    """What is to be on disk: checksums by path, from ids by name."""
    sums = server.sums(ids.values())
    return {f"{folder}/{name}": content for name, content in zip(ids, sums, strict=True)}


def seeded(server: Server, *names: str, **more: Any) -> dict[str, str]:
    return dict(zip(names, server.seed(*names, **more), strict=True))


@BOTH
def test_an_album(bench: Bench, server: Server) -> None:
    ids = seeded(server, "a.jpg", "b.mp4", "archived.jpg", "trashed.jpg")
    seeded(server, "elsewhere.jpg")
    server.edit(ids["archived.jpg"], visibility="archive")
    server.album("Summer 2024", *ids.values())
    server.box.trash(ids.pop("trashed.jpg"))
    result = bench.download("--album", "Summer 2024")
    assert result.outcomes == {"downloaded": 3}
    assert result.summary["verified"] == 3
    assert result.summary["bytes_received"] == 600
    assert bench.fetched() == below(server, "Summer 2024", ids)
    assert arrived(result) == set(bench.fetched())
    assert {line["asset_id"] for line in result.items()} == set(ids.values())


@pytest.mark.parametrize("server", ["2.7"], indirect=True)
def test_several_albums(bench: Bench, server: Server) -> None:
    ids = seeded(server, "one.jpg", "two.jpg", "three.jpg", "four.jpg")
    one, two, three, four = ids.values()
    server.album("Trip to Rome", one)
    server.album("Trip [2024]", two)
    server.album("Trip 2", three)
    last = server.album("Garden", four)
    repeated = bench.download("--album", "Trip [2024]", "--album-id", last, "--album-id", last)
    assert arrived(repeated) == {"Trip [2024]/two.jpg", "Garden/four.jpg"}
    matched = bench.download("--album", "Trip*", "--album", "Garden")
    assert arrived(matched) == {"Trip to Rome/one.jpg", "Trip 2/three.jpg"}
    assert matched.outcomes == {"downloaded": 2, "unchanged": 2}


@BOTH
def test_an_album_that_another_user_shares(bench: Bench, server: Server) -> None:
    other = Server(server.box)
    theirs = seeded(other, "theirs.jpg", "archived.jpg", "live.heic", live=1)
    other.edit(theirs["archived.jpg"], visibility="archive")
    mine = seeded(server, "mine.jpg")
    album = other.album("Wedding", *theirs.values(), roles={server.owner: "viewer"})
    other.album("Wedding", *mine.values())
    result = bench.download("--album", "Wedding")
    wanted = below(server, "Wedding", theirs | mine)
    assert {path: wanted.get(path) for path in bench.fetched()} == {
        **wanted,
        "Wedding/theirs.mov": None,
    }
    assert result.outcomes == {"downloaded": 5}
    assert bench.download("--album-id", album).outcomes == {"unchanged": 5}
    library = bench.download("--all", "-n")
    assert {line["asset_id"] for line in library.items()} == set(mine.values())


def test_an_empty_album(bench: Bench, server: Server) -> None:
    server.album("Nothing yet")
    result = bench.download("--album", "Nothing yet")
    assert result.summary["discovered"] == 0
    assert bench.fetched() == {}


@BOTH
def test_albums_of_one_name_have_folders_of_their_own(bench: Bench, server: Server) -> None:
    one, two = server.seed("same.jpg", "same.jpg")
    server.new_album("Trip", one)
    server.new_album("trip", two)
    server.new_album("Trip", two)
    result = bench.download("--album", "Trip", "--album", "trip")
    folders = {path.rpartition("/")[0] for path in arrived(result)}
    assert len({folder.lower() for folder in folders}) == 3
    assert sorted(bench.fetched().values()) == sorted(server.sums([one, two, two]))
    bench.run("download", "-o", "again", "--album", "trip", env={"IMMICH_TRANSFER_STATE_DIR": "s2"})
    bench.run("download", "-o", "again", "--album", "Trip", env={"IMMICH_TRANSFER_STATE_DIR": "s2"})
    assert bench.fetched(bench.home / "again") == bench.fetched()


@pytest.mark.parametrize(
    ("server", "flags", "said"),
    [
        ("2.7", "--album=Sumer 2024", "Summer 2024"),
        ("3.0", "--album=Sumer 2024", "Summer 2024"),
        ("3.0", "--album=summer*", "summer*"),
        ("2.7", "--album-id=0f8fad5b-d9cb-469f-a165-70867728950e", "no album"),
        ("3.0", "--album-id=0f8fad5b-d9cb-469f-a165-70867728950e", "no album"),
        ("2.7", "--album-id=../../users/me", "users/me"),
        ("3.0", "--album-id=Summer 2024", "Summer 2024"),
        ("3.0", "--person=Mun", "Mum"),
        ("3.0", "--tag=trip", "trips"),
    ],
    indirect=["server"],
)
def test_what_does_not_exist_is_named_with_what_is_near(
    bench: Bench, server: Server, flags: str, said: str
) -> None:
    (photo,) = server.seed("a.jpg")
    server.album("Summer 2024", photo)
    server.edit(photo, people=["Mum"], tags=["trips/rome"])
    result = bench.download(flags, code=2)
    assert said in result.error["message"]
    assert not bench.out.exists()
    assert server.originals() == 0


LIBRARY: dict[str, dict[str, Any]] = {
    "plain.jpg": {},
    "old.jpg": {"created": "2010-05-01T10:00:00Z"},
    "clip.mp4": {"created": "2015-06-01T00:00:00Z"},
    "best.jpg": {"favorite": True},
    "away.jpg": {"visibility": "archive", "favorite": True},
    "mum.jpg": {"people": ["Mum"]},
    "both.jpg": {"people": ["Mum", "Dad"], "tags": ["trips/rome"]},
    "hidden.mov": {"visibility": "hidden", "favorite": True},
    "locked.jpg": {"visibility": "locked", "favorite": True},
    "trashed.jpg": {"favorite": True, "people": ["Mum"], "tags": ["trips"]},
}
"""Photos by name with what is special about each; seeded ones are of January 2000."""
ALL = set(LIBRARY) - {"hidden.mov", "locked.jpg", "trashed.jpg"}


@pytest.mark.parametrize(
    ("server", "flags", "wanted"),
    [
        ("2.7", "--all", ALL),
        ("3.0", "--all", ALL),
        ("2.7", "--favorites", {"best.jpg", "away.jpg"}),
        ("3.0", "--favorites", {"best.jpg", "away.jpg"}),
        ("3.0", "--type video", {"clip.mp4"}),
        ("2.7", "--type image", ALL - {"clip.mp4"}),
        ("3.0", "--taken-after 2010-05-01T10:00:00Z", {"old.jpg", "clip.mp4"}),
        ("2.7", "--taken-before 2009-01-01", ALL - {"old.jpg", "clip.mp4"}),
        ("3.0", "--taken-after 2009-01-01 --taken-before 2011-01-01", {"old.jpg"}),
        ("2.7", "--person Mum", {"mum.jpg", "both.jpg"}),
        ("3.0", "--person Mum --person Dad", {"both.jpg"}),
        ("2.7", "--tag trips/rome", {"both.jpg"}),
        ("3.0", "--tag trips", {"both.jpg"}),
        ("2.7", "--archived", {"away.jpg"}),
        ("3.0", "--archived", {"away.jpg"}),
        ("2.7", "--search both --limit 1", {"both.jpg"}),
        ("3.0", "--search both --limit 1", {"both.jpg"}),
        ("3.0", "--search both --limit 1 --archived", {"away.jpg"}),
    ],
    indirect=["server"],
)
def test_which_photos_of_the_library(
    bench: Bench, server: Server, flags: str, wanted: set[str]
) -> None:
    ids = seeded(server, *LIBRARY)
    for name, changes in LIBRARY.items():
        if changes:
            server.edit(ids[name], **changes)
    server.box.trash(ids["trashed.jpg"])
    seeded(Server(server.box), "stranger.jpg", edit={"favorite": True, "visibility": "archive"})
    result = bench.download(*flags.split(), "--layout", "{filename}")
    assert bench.fetched() == dict(zip(wanted, server.sums(ids[n] for n in wanted), strict=True))
    assert arrived(result) == wanted


def test_the_best_matches_are_as_many_as_asked_for(bench: Bench, server: Server) -> None:
    server.seed(*(f"dog {n}.jpg" for n in range(4)), *(f"cat {n}.jpg" for n in range(4)))
    result = bench.download("--search", "dog", "--limit", "3")
    assert result.outcomes == {"downloaded": 3}
    assert all("dog" in path for path in arrived(result))


@pytest.mark.parametrize(
    "flags",
    [
        "",
        "--all --favorites",
        "--album A --taken-after 2020-01-01",
        "--taken-after 2021-01-01 --taken-before 2020-01-01",
        "--all --layout ../{filename}",
        "--all --on-conflict perhaps",
        "--all --limit 0",
        "photos --all",
    ],
)
def test_wrong_combinations_are_refused(bench: Bench, server: Server, flags: str) -> None:
    result = bench.download(*flags.split(), code=2)
    assert result.error["message"]
    assert server.requests() == 0
    assert not bench.out.exists()
    assert not bench.state.exists()


def test_an_output_folder_must_be_said(bench: Bench, server: Server) -> None:
    assert "-o" in bench.run("download", "--all", code=2).error["message"]
    assert "-o" in bench.run("download", "--all", "-o", "", code=2).error["message"]


def test_an_unknown_field_is_told_the_known_ones(bench: Bench, server: Server) -> None:
    result = bench.download("--all", "--layout", "{albun}/{filename}", code=2)
    told = result.error["message"] + (result.error.get("hint") or "")
    assert all(field in told for field in ("albun", "{album}", "country", "second"))


EVERY_FIELD = (
    "{album}/{filename}/{stem}/{ext}/{year}/{month}/{day}/{hour}/{minute}/{second}"
    "/{id}/{type}/{owner}/{make} {model}/{city}-{state}-{country}/x{{{stem}}}.{ext}"
)


def test_a_layout_with_every_field(bench: Bench, server: Server) -> None:
    full, bare = server.seed("a.b.jpg", "c.mp4")
    server.edit(
        full,
        created="2021-12-31T23:30:05+02:00",
        make="Leica",
        model="M/11",
        city="Rome",
        state="Lazio",
        country="Italy",
    )
    album = server.album("R: e", full, bare)
    result = bench.download("--album-id", album, "--layout", EVERY_FIELD)
    owner = {line["asset_id"]: line["path"].split("/")[12] for line in result.items()}
    assert owner[full] == owner[bare]
    assert arrived(result) == {
        f"R_ e/a.b.jpg/a.b/jpg/2021/12/31/23/30/05/{full}/image/{owner[full]}"
        "/Leica M_11/Rome-Lazio-Italy/x{a.b}.jpg",
        f"R_ e/c.mp4/c/mp4/2000/01/01/12/00/00/{bare}/video/{owner[bare]}"
        "/Unknown Unknown/Unknown-Unknown-Unknown/x{c}.mp4",
    }
    assert set(bench.fetched()) == arrived(result)


@BOTH
def test_live_photos_bring_their_video_beside_the_still(bench: Bench, server: Server) -> None:
    stills = server.seed("IMG_1.HEIC", "IMG_1.HEIC", "plain.jpg", live=2, album="Live")
    known = server.known()
    result = bench.download("--album", "Live")
    assert result.outcomes == {"downloaded": 5}
    path_of = {line["asset_id"]: line["path"] for line in result.items()}
    for still in stills[:2]:
        video = path_of[known[still]["live_video"]]
        stem, _, ending = path_of[still].rpartition(".")
        assert (ending, video.lower()) == ("HEIC", f"{stem}.mov".lower())
        assert bench.fetched()[video] == known[known[still]["live_video"]]["checksum"]
    assert len(bench.fetched()) == 5
    library = bench.download("--all", "--layout", "{album}/{filename}", "-n")
    assert library.summary["discovered"] == 5


@pytest.mark.parametrize("server", ["2.7"], indirect=True)
def test_files_of_external_libraries_come_without_proof(bench: Bench, server: Server) -> None:
    own, external = server.seed("own.jpg", "external.jpg", album="Mixed")
    (content,) = server.sums([external])
    server.edit(external, library="NAS")
    result = bench.download("--album", "Mixed")
    assert result.outcomes == {"downloaded": 2}
    assert result.summary["verified"] == 1
    item = result.item("external.jpg")
    assert item["sha1"] == content == bench.fetched()["Mixed/external.jpg"]
    assert "external library" in item["note"]
    assert "note" not in result.item("own.jpg")
    again = bench.download("--album", "Mixed")
    assert again.outcomes == {"unchanged": 2}
    assert again.summary["bytes_received"] == 0
    assert sha1((bench.out / "Mixed/own.jpg").read_bytes()) == server.sums([own])[0]


@pytest.mark.parametrize(
    ("server", "lacking", "flags"),
    [
        ("2.7", "asset.download", "--all"),
        ("3.0", "asset.download", "--all"),
        ("3.0", "asset.read", "--favorites"),
        ("2.7", "album.read", "--album A"),
        ("3.0", "album.read", "--album-id x"),
        ("3.0", "person.read", "--person Mum"),
        ("3.0", "tag.read", "--tag t"),
    ],
    indirect=["server"],
)
def test_a_missing_permission_is_named_before_anything(
    bench: Bench, server: Server, lacking: str, flags: str
) -> None:
    server.seed("a.jpg", album="A", edit={"people": ["Mum"], "tags": ["t"]})
    every = {"asset.read", "asset.download", "album.read", "person.read", "tag.read", "user.read"}
    bench.key = server.new_key([*(every - {lacking})])
    before = server.requests("search", "timeline", "albums", "album-list", "people", "tags")
    result = bench.download(*flags.split(), code=12)
    assert lacking in result.error["message"]
    asked = server.requests("search", "timeline", "albums", "album-list", "people", "tags")
    assert asked == before
    assert not bench.out.exists()


def test_few_permissions_are_enough(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", album="A")
    bench.key = server.new_key(["asset.read", "asset.download"])
    assert bench.download("--all").outcomes == {"downloaded": 1}
    bench.key = server.new_key(["asset.read", "asset.download", "album.read"])
    assert bench.download("--album", "A").outcomes == {"downloaded": 1}
