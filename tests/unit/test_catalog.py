"""The listing of one run: members, what they are, their names, and the files there are to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from immich_transfer.manifest.catalog import Catalog, Member, Wanted
from immich_transfer.manifest.names import Naming
from immich_transfer.manifest.scratch import BATCH
from immich_transfer.model import AssetId, RemoteAsset, Sha1
from immich_transfer.policy.naming import name_key


def asset(number: int, **more: object) -> RemoteAsset:
    """Ids in the order of numbers."""
    known: dict[str, object] = {
        "id": AssetId(f"{number:08x}-0000-4000-8000-000000000000"),
        "name": f"{number}.jpg",
        "sha1": Sha1(number.to_bytes(20, "big")),
        "size": number,
    }
    return RemoteAsset(**(known | more))  # type: ignore[arg-type]


def members(*numbers: int) -> list[Member]:
    return [Member(asset(number).id) for number in numbers]


def naming(
    collection: int, number: int, base: str, path: str | None = None, was: str | None = None
) -> Naming:
    key = None if path is None else name_key(path)
    return Naming(collection, asset(number).id, base, name_key(base), path, key, was)


def listed(catalog: Catalog, collection: int, *, videos: bool) -> list[RemoteAsset]:
    return [a for batch in catalog.members(collection, videos=videos) for a, _ in batch]


def wanted(catalog: Catalog, after: int = 0) -> list[Wanted]:
    return [row for batch in catalog.wanted(after) for row in batch]


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    opened = Catalog()
    yield opened
    opened.close()


# listing


def test_members_are_known_once_described(catalog: Catalog) -> None:
    catalog.add_members(1, members(3, 1, 2, 1))
    catalog.add_members(2, members(2))
    assert catalog.count(1) == 3
    assert sorted(catalog.unknown()) == [asset(n).id for n in (1, 2, 3)]
    assert catalog.unknown_count() == 3
    assert len(catalog.unknown(2)) == 2
    catalog.add_assets([asset(3), asset(1), asset(9)])
    assert catalog.unknown() == [asset(2).id]
    assert listed(catalog, 1, videos=False) == [asset(1), asset(3)]
    catalog.add_assets([asset(1, name="renamed.jpg")])
    assert listed(catalog, 1, videos=False)[0].name == "renamed.jpg"


def test_everything_of_an_asset_comes_back(catalog: Catalog) -> None:
    full = asset(
        1,
        name="\0é\n",
        sha1=None,
        size=None,
        owner="me",
        video=True,
        visibility="archive",
        trashed=True,
        live_video=asset(2).id,
        taken=-5,
        modified=1 << 50,
        local="2024-01-01T00:00:00",
        updated="u",
        camera=("Make", "Model"),
        place=("City", "", "Country"),
    )
    odd = asset(2, id=AssetId("no uuid/at all"))
    catalog.add_members(1, [Member(full.id), Member(odd.id)])
    catalog.add_assets([full, odd])
    assert set(listed(catalog, 1, videos=False)) == {full, odd}


def test_wanted_only_drops_what_is_nobodys(catalog: Catalog) -> None:
    catalog.add_members(1, members(1))
    catalog.add_assets([asset(1), asset(2)], wanted_only=True)
    catalog.add_members(1, members(2))
    assert catalog.unknown() == [asset(2).id]


def test_a_video_belongs_to_its_still_whoever_is_told_first(catalog: Catalog) -> None:
    still, video = asset(1), asset(2)
    along = Member(video.id, still.id, direct=False)
    catalog.add_members(1, [Member(still.id), along])
    catalog.add_members(2, [along, Member(video.id), Member(still.id)])
    catalog.add_members(3, [Member(video.id), along])
    catalog.add_assets([still, video])
    assert [catalog.count(number) for number in (1, 2, 3)] == [1, 2, 1]
    for number in (1, 2, 3):
        [batch] = catalog.members(number, videos=True)
        assert batch == [(video, still.id)]
    assert listed(catalog, 1, videos=False) == [still]


def test_who_holds_what(catalog: Catalog) -> None:
    catalog.add_members(1, members(*range(2_000)))
    catalog.add_members(2, members(5))
    ids = [asset(n).id for n in range(1_990, 2_010)]
    assert catalog.holds(1, ids) == set(ids[:10])
    assert catalog.holds(2, ids) == set()
    assert catalog.holds(1, [asset(n).id for n in range(2_000)]) == {
        asset(n).id for n in range(2_000)
    }
    catalog.remove_members([asset(5).id])
    assert catalog.holds(1, [asset(5).id]) == catalog.holds(2, [asset(5).id]) == set()
    catalog.forget_members(1)
    assert catalog.count(1) == 0


def test_members_come_in_batches_in_the_order_of_ids(catalog: Catalog) -> None:
    count = 2 * BATCH + 3
    numbers = sorted(range(count), key=lambda n: n * 7919 % count)
    catalog.add_members(1, members(*numbers))
    catalog.add_assets(asset(n) for n in numbers)
    batches = list(catalog.members(1, videos=False))
    assert [len(batch) for batch in batches] == [BATCH, BATCH, 3]
    assert listed(catalog, 1, videos=False) == [asset(n) for n in range(count)]


def test_albums_of_an_asset(catalog: Catalog) -> None:
    catalog.add_album("b", [asset(1).id, asset(2).id])
    catalog.add_album("a\udcff", [asset(1).id])
    catalog.add_album("b", [asset(1).id])  # two albums of one name
    assert catalog.albums_of(asset(1).id) == ("a\udcff", "b")
    assert catalog.albums_of(asset(2).id) == ("b",)
    assert catalog.albums_of(asset(3).id) == ()


# naming


def test_names_are_given_to_those_that_wait(catalog: Catalog) -> None:
    catalog.name(
        [
            naming(1, 1, "A/x.jpg", "A/x.jpg"),
            naming(1, 3, "A/y.jpg"),
            naming(2, 2, "A/Y.jpg"),
            naming(1, 2, "a/Y.JPG", was="a/old.jpg"),
            naming(1, 4, "B/z.jpg"),
        ]
    )
    catalog.name([naming(1, 1, "A/other.jpg")])  # the first word counts
    groups = [group for page in catalog.unnamed() for group in page]
    assert [[(row.collection, row.asset_id) for row in group] for group in groups] == [
        [(1, asset(2).id), (2, asset(2).id), (1, asset(3).id)],
        [(1, asset(4).id)],
    ]
    assert catalog.taken(["a/x.jpg", "a/y.jpg"]) == {"a/x.jpg"}
    assert catalog.literal("a/y.jpg")
    assert catalog.literal("a/x.jpg")
    assert not catalog.literal("a/old.jpg")
    assert catalog.leaving(["a/old.jpg", "a/x.jpg"]) == {"a/old.jpg"}
    ids = [asset(n).id for n in (1, 2, 3, 4)]
    assert catalog.paths(1, ids) == {ids[0]: "A/x.jpg"}
    catalog.give([(1, ids[1], "a/Y.JPG", "a/y.jpg"), (1, ids[2], "A/y (3).jpg", "a/y (3).jpg")])
    assert catalog.paths(1, ids) == {ids[0]: "A/x.jpg", ids[1]: "a/Y.JPG", ids[2]: "A/y (3).jpg"}
    assert catalog.taken(["a/y.jpg", "a/y (3).jpg", "b/z.jpg"]) == {"a/y.jpg", "a/y (3).jpg"}


def test_many_wait_and_each_is_told_once(catalog: Catalog) -> None:
    count = 2 * BATCH + 10
    catalog.name([naming(1, n, f"A/{n // 2:05}.jpg") for n in range(count)])
    seen: list[AssetId] = []
    for page in catalog.unnamed():
        for group in page:
            assert len(group) == 2
            seen += (row.asset_id for row in group)
            catalog.give((1, row.asset_id, f"{row.base}{row.asset_id}", row.base) for row in group)
    assert seen == [asset(n).id for n in range(count)]
    assert list(catalog.unnamed()) == []


def test_odd_names_are_told_as_they_were(catalog: Catalog) -> None:
    odd = os.fsdecode(b"A/\xff\n.jpg")
    catalog.name([naming(1, 1, odd), naming(1, 2, "A/b.jpg", odd, was=odd)])
    [[[row]]] = catalog.unnamed()
    assert (row.base, row.base_key) == (odd, name_key(odd))
    assert catalog.taken([name_key(odd)]) == {name_key(odd)}
    assert catalog.leaving([odd]) == {odd}
    assert catalog.paths(1, [asset(2).id]) == {asset(2).id: odd}


# what there is to be


def test_sealed_in_the_order_of_paths(catalog: Catalog) -> None:
    catalog.add_assets([asset(1), asset(2), asset(3, size=None)])
    catalog.name(
        [
            naming(1, 1, "B/x.jpg", "B/x.jpg"),
            naming(2, 2, "A/x.jpg", "A/x (2).jpg"),
            naming(2, 1, "A/y.jpg", "A/y.jpg"),
            naming(1, 3, "C/x.jpg", "C/x.jpg"),
        ]
    )
    assert catalog.seal() == 4
    assert wanted(catalog) == [
        Wanted(1, 2, asset(2), "A/x.jpg", "A/x (2).jpg"),
        Wanted(2, 2, asset(1), "A/y.jpg", "A/y.jpg"),
        Wanted(3, 1, asset(1), "B/x.jpg", "B/x.jpg"),
        Wanted(4, 1, asset(3, size=None), "C/x.jpg", "C/x.jpg"),
    ]
    assert [row.number for row in wanted(catalog, after=2)] == [3, 4]
    assert catalog.bytes_wanted() == 2 + 1 + 1


def test_nothing_is_nothing(catalog: Catalog) -> None:
    assert catalog.unknown() == []
    assert list(catalog.members(1, videos=False)) == []
    assert list(catalog.unnamed()) == []
    assert catalog.seal() == 0
    assert wanted(catalog) == []
    assert catalog.bytes_wanted() == 0


def test_any_thread_may_use_it(catalog: Catalog) -> None:
    def fill(collection: int) -> None:
        for start in range(0, 1_000, 50):
            catalog.add_members(collection, members(*range(start, start + 50)))
            catalog.add_assets(asset(n) for n in range(start, start + 50))

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [catalog.count(number) for number in range(4)] == [1_000] * 4
    assert catalog.unknown_count() == 0


def test_it_leaves_no_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("sqlite")
    script = (
        "from tests.unit.test_catalog import *\n"
        "catalog = Catalog()\n"
        "catalog.add_assets(asset(n, name='x' * 2000) for n in range(20_000))\n"
        "import os; os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "SQLITE_TMPDIR": str(place), "TMPDIR": str(place)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert list(place.iterdir()) == []


LARGE = """
import json, resource
from tests.unit.test_catalog import *

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
catalog = Catalog()
count = 100_000
for start in range(0, count, 1_000):
    catalog.add_members(1, members(*range(start, start + 1_000)))
for start in range(0, count, 1_000):
    catalog.add_assets((asset(n, owner="o" * 36, updated="u" * 24, local="l" * 24)
                        for n in range(start, start + 1_000)), wanted_only=True)
assert catalog.unknown() == []
for batch in catalog.members(1, videos=False):
    catalog.name(Naming(1, a.id, f"A/{a.name}", name_key(f"A/{a.name}"), None, None, None)
                 for a, _ in batch)
for groups in catalog.unnamed():
    keys = [group[0].base_key for group in groups]
    assert not catalog.taken(keys)
    catalog.give((1, g[0].asset_id, g[0].base, g[0].base_key) for g in groups)
assert catalog.seal() == count
assert sum(len(batch) for batch in catalog.wanted()) == count
print(json.dumps({"mib": peak() - before}))
"""


def test_a_library_of_100_000() -> None:
    """Measured: 20 MiB, of these 8 MiB the cache."""
    ended = subprocess.run([sys.executable, "-c", LARGE], stdout=subprocess.PIPE, check=True)
    told = json.loads(ended.stdout)
    assert told["mib"] < 60, told
