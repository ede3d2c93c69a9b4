"""Album names from folders: short where that is clear, distinct where it is not, never by order."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_transfer.policy.albums_from import FolderAlbums


def names(*folders: str, root: str = "/home/me/photos") -> dict[str, str]:
    albums = FolderAlbums.from_folders((root, folder) for folder in folders)
    return {folder: albums.name_of(root, folder) for folder in folders}


@pytest.mark.parametrize(
    "wanted",
    [
        {"2024/Trip": "Trip", "2024/Home": "Home", "": "photos"},
        {"2023/Trip": "Trip (2023)", "2024/Trip": "Trip (2024)"},
        {"2023/Italy/Trip": "Trip (2023)", "2024/Italy/Trip": "Trip (2024)"},
        {
            "Home/Trip": "Trip (Home)",
            "2023/Work/Trip": "Trip (2023 / Work)",
            "2024/Work/Trip": "Trip (2024 / Work)",
        },
        {"Trip": "Trip (photos)", "2024/Trip": "Trip (2024)"},
        {"Trip": "Trip", "trip": "trip"},
        {"2023/Trip": "Trip (photos / 2023)", "2024/Trip": "Trip (2024)", "Trip (2023)": None},
        {"Trip/Trip": "Trip (Trip)", "Trip": "Trip (photos)"},
        {"photos": "photos (photos)", "": "photos (me)"},
        {"caf\udce9": "caf\ufffd"},
    ],
    ids=str,
)
def test_names(wanted: dict[str, str | None]) -> None:
    expected = {folder: name or folder for folder, name in wanted.items()}
    for order in permutations(wanted):
        assert names(*order) == expected


def test_roots_of_one_name_are_told_apart_by_their_parents() -> None:
    places = [("/disk/a/DCIM", ""), ("/disk/b/DCIM", ""), ("/disk/a/DCIM", "100"), ("/", "")]
    albums = FolderAlbums.from_folders(places)
    assert [albums.name_of(*place) for place in places] == ["DCIM (a)", "DCIM (b)", "100", "/"]


def test_one_folder_of_two_roots_is_one_album() -> None:
    albums = FolderAlbums.from_folders([("/p", "a/Trip"), ("/p/a", "Trip")])
    assert albums.name_of("/p", "a/Trip") == albums.name_of("/p/a", "Trip") == "Trip"


def test_a_folder_that_appears_later_has_a_name_of_its_own_and_keeps_it() -> None:
    albums = FolderAlbums.from_folders([("/p", "2023/Trip")])
    assert albums.name_of("/p", "New") == "New"
    assert albums.name_of("/p", "2024/Trip") == "Trip (2024)"
    assert albums.name_of("/p", "2024/Trip") == "Trip (2024)"


def test_later_folders_that_read_alike_are_told_apart_by_number_at_last() -> None:
    albums = FolderAlbums.from_folders([("/p", "2023")])
    later = [f"caf{chr(0xDCE0 + number)}" for number in range(5)]
    named = [albums.name_of("/p", folder) for folder in later]
    assert named == [
        "caf\ufffd",
        "caf\ufffd (p)",
        "caf\ufffd (/ / p)",
        "caf\ufffd (/ / p / 2)",
        "caf\ufffd (/ / p / 3)",
    ]
    assert [albums.name_of("/p", folder) for folder in later] == named
    assert albums.name_of("/p", "2023/Trip") == "Trip"


def test_path_names() -> None:
    assert FolderAlbums.path_name("/home/photos", "2024/Trip") == "2024 / Trip"
    assert FolderAlbums.path_name("/home/photos", "") == "photos"
    assert FolderAlbums.path_name("/home/photos", "caf\udce9/x") == "caf\ufffd / x"
    assert FolderAlbums.path_name("/", "") == "/"


PARTS = st.sampled_from(["a", "b", "Trip", "Trip (a)", "Trip (b)", "a (b)", "p"])
FOLDERS = st.lists(PARTS, max_size=4).map("/".join)


@given(st.sets(FOLDERS, min_size=1, max_size=12))
def test_every_folder_has_one_name_whatever_the_order(folders: set[str]) -> None:
    found = names(*sorted(folders), root="/p")
    assert len(set(found.values())) == len(folders)
    assert names(*sorted(folders, reverse=True), root="/p") == found
