"""Names on disk: what stays, what goes, and that no two files of a folder share a name."""

from __future__ import annotations

import random
import unicodedata
import uuid

import pytest

from immich_transfer.policy import naming
from immich_transfer.policy.naming import (
    LONGEST_NAME,
    distinct,
    is_part,
    live_video_name,
    name_key,
    part_name,
    safe_name,
    split_name,
    with_suffix,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
ID = "3f9a1c2d-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "name",
    [
        "IMG_0001.JPG",
        "Trip (2023) [best] {1} 100% #a & b; c, d = e + f ~ 'g' !.jpg",
        ".hidden",
        "..jpg",
        "...a",
        "a..jpg",
        "a .jpg",
        "-rf",
        "~",
        "no extension",
        "console.jpg",
        "COM10.jpg",
        "my CON.jpg",
        "a.CON",
        "Größe.jpg",
        "写真.jpg",
        "？：＊.jpg",
        f"{FAMILY}.jpg",
        "\u2764\ufe0f.jpg",
        "نامه\u200cای.jpg",
        "\u0661\u06dd.jpg",
        "n" * 251 + ".jpg",
        "é" * 125 + ".jpg",
        "x.part",
        f".{ID}.part",
    ],
)
def test_a_legal_name_stays(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a/b\\c.jpg", "a_b_c.jpg"),
        ("../../evil", ".._.._evil"),
        ("/abs.jpg", "_abs.jpg"),
        ("C:\\x.jpg", "C__x.jpg"),
        ("\\\\host\\share\\x", "__host_share_x"),
        ("a\0b\nc\x7fd\x85e.jpg", "a_b_c_d_e.jpg"),
        ('a<>:"|?*.jpg', "a_______.jpg"),
        ("a.jpg::$DATA", "a.jpg__$DATA"),
        ("gpj.\u202eexe.jpg", "gpj._exe.jpg"),
        ("a\u2028b\u2029c\u2066d\u200ee\u200bf\xadg\ufeffh.jpg", "a_b_c_d_e_f_g_h.jpg"),
        ("a\U000e0041b.jpg", "a_b.jpg"),
        ("a\uf03ab\ufdd0c\U0010ffffd.jpg", "a_b_c_d.jpg"),
        ("caf\udce9.jpg", "caf_.jpg"),
        # The end goes, so that the kind of file stays.
        ("a.jpg. .", "a.jpg"),
        ("a.jpg\n", "a.jpg"),
        ("a.jpg\0\u202c ", "a.jpg"),
        ("a.jpg\udcff", "a.jpg"),
        ("  a.jpg", "a.jpg"),
        ("\n a.jpg", "a.jpg"),
        ("CON", "CON_"),
        ("con.jpg", "con_.jpg"),
        ("nul.tar.gz", "nul_.tar.gz"),
        ("Aux .txt", "Aux_ .txt"),
        ("COM0", "COM0_"),
        ("lpt9.jpg", "lpt9_.jpg"),
        ("COM¹.jpg", "COM¹_.jpg"),
        ("conin$", "conin$_"),
        ("CONOUT$.x", "CONOUT$_.x"),
        ("PRN.", "PRN_"),
        (" NUL\0", "NUL_"),
        ("cafe\u0301.jpg", "café.jpg"),
        (f".{ID}.0123456789ab.part", f"_{ID}.0123456789ab.part"),
        (f".{ID}.0123456789AB.Part", f"_{ID}.0123456789AB.Part"),
        (f"\u200d.{ID}.0123456789ab.part", f"\u200d_{ID}.0123456789ab.part"),
    ],
)
def test_what_cannot_stay_is_changed(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize("name", ["", ".", "..", " ", ". .", "\0", "\u202e\u200b", "\udcff"])
def test_of_nothing_the_fallback_is_left(name: str) -> None:
    assert safe_name(name) == "unnamed"
    assert safe_name(name, fallback="album") == "album"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("n" * 300 + ".jpg", "n" * 251 + ".jpg"),
        ("é" * 200 + ".jpg", "é" * 125 + ".jpg"),
        ("\U0001f600" * 80, "\U0001f600" * 63),
        ("a." + "x" * 300, "a." + "x" * 253),
        ("a" + " " * 300 + "b", "a"),
        ("CON" + " " * 300 + "b", "CON_"),
        ("CON." + "x" * 251, "CON_." + "x" * 250),
        ("." + " " * 300 + "x", "unnamed"),
        # Not inside what a person sees as one character.
        ("n" * 240 + FAMILY + ".jpg", "n" * 240 + ".jpg"),
        ("n" * 249 + "\U0001f44b\U0001f3fd.jpg", "n" * 249 + ".jpg"),
        ("n" * 250 + "q\u0323\u0301.jpg", "n" * 250 + ".jpg"),
    ],
)
def test_a_long_name_loses_the_end_of_its_stem(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert len(safe.encode()) <= LONGEST_NAME


def test_hostile_length_costs_no_time() -> None:
    # Normalising a million marks out of order would take most of an hour.
    assert safe_name("a" + "\u0316\u0301" * 500_000 + ".jpg").endswith(".jpg")


def test_every_code_point_is_kept_or_replaced_for_good() -> None:
    wrong = []
    for code in (*range(0x20000), *range(0xE0000, 0xE1000), *range(0x10FF00, 0x110000)):
        name = f"a{chr(code)}b"
        safe = safe_name(name)
        gone = unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp")
        kept = not gone and safe == unicodedata.normalize("NFC", name)
        if not (kept or safe == "a_b") or safe_name(safe) != safe:
            wrong.append(hex(code))
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.jpg", ("a", ".jpg")),
        ("a.b.Mov", ("a.b", ".Mov")),
        ("a.jpg_original", ("a", ".jpg_original")),
        (".jpg", (".jpg", "")),
        ("a", ("a", "")),
        ("", ("", "")),
        ("Dr. Who", ("Dr. Who", "")),
        ("a." + "x" * 16, ("a." + "x" * 16, "")),
    ],
)
def test_an_extension_is_short_and_one_word(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("IMG.JPG", "img.jpg"),
        ("é", "e\u0301"),
        ("É.jpg", "e\u0301.JPG"),
        ("Straße", "STRASSE"),
        ("ΣΑΣ", "σας"),
        ("\u212a", "k"),
        ("a\u200db\ufe0f", "ab"),
        ("Ö/A.jpg", "o\u0308/a.JPG"),
        # An iota below is a mark until its case is folded, then a letter of its own.
        ("\u03b1\u0345\u0316", "\u1fb3\u0316"),
        ("\u1fb3\u0316", "\u0391\u0316\u0399"),
    ],
)
def test_names_that_may_be_one_file_share_a_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)
    assert name_key(name_key(one)) == name_key(one)


def test_other_names_do_not() -> None:
    names = ["a", "b", "a.jpg", "ä", "a b", "a_b", "a/b", "é", "è"]
    assert len({name_key(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "suffixed"),
    [
        ("a.jpg", "a (3f9a1c2d).jpg"),
        ("a", "a (3f9a1c2d)"),
        (".jpg", ".jpg (3f9a1c2d)"),
        ("a/b.jpg", "a_b (3f9a1c2d).jpg"),
        ("n" * 251 + ".jpg", "n" * 240 + " (3f9a1c2d).jpg"),
        ("é" * 125 + ".jpg", "é" * 120 + " (3f9a1c2d).jpg"),
    ],
)
def test_a_suffix_stands_before_the_extension(name: str, suffixed: str) -> None:
    assert with_suffix(name, "3f9a1c2d") == suffixed


def test_a_folder_has_no_extension() -> None:
    assert with_suffix("Rome 2.5", "local", folder=True) == "Rome 2.5 (local)"
    assert with_suffix("Rome 2.5", "local") == "Rome 2 (local).5"
    both = distinct([(ID, "v.2"), ("0" + ID[1:], "V.2")], folders=True)
    assert both == {ID: "v.2 (3f9a1c2d)", "0" + ID[1:]: "V.2"}


def test_a_suffix_of_any_length_is_safe() -> None:
    assert len(with_suffix("a.jpg", "x" * 400).encode()) == LONGEST_NAME
    assert with_suffix("n" * 250, "x" * 400) == "(" + "x" * 254
    assert with_suffix("a.jpg", "../x") == "a (.._x).jpg"


def identity(first: str, last: int = 1) -> str:
    return f"{first}-0000-4000-8000-{last:012x}"


def test_the_lowest_id_keeps_the_name_whatever_the_order() -> None:
    names = [(identity(f"{n:08x}"), name) for n, name in enumerate(["a.jpg", "A.JPG", "á.jpg"])]
    names += [(identity("0000000f"), "a\u0301.jpg"), (identity("00000000", 2), "b.jpg")]
    expected = {
        identity("00000000"): "a.jpg",
        identity("00000001"): "A (00000001).JPG",
        identity("00000002"): "á.jpg",
        identity("0000000f"): "á (0000000f).jpg",
        identity("00000000", 2): "b.jpg",
    }
    for seed in range(10):
        random.Random(seed).shuffle(names)
        assert distinct(names) == expected


def test_a_suffix_grows_until_it_is_free() -> None:
    first, second, third = (identity("3f9a1c2d", n) for n in (1, 2, 3))
    assert distinct([(third, "a.jpg"), (second, "a.jpg"), (first, "a.jpg")]) == {
        first: "a.jpg",
        second: "a (3f9a1c2d).jpg",
        third: "a (3f9a1c2d00004000).jpg",
    }
    # A name somebody really gave is never lost to a made one.
    other = identity("ffffffff")
    assert distinct([(first, "a.jpg"), (second, "a.jpg"), (other, "A (3F9A1C2D).jpg")]) == {
        first: "a.jpg",
        second: "a (3f9a1c2d00004000).jpg",
        other: "A (3F9A1C2D).jpg",
    }


def test_every_suffix_taken_still_ends() -> None:
    digits = ID.replace("-", "")
    held = {"a.jpg", *(f"a ({digits[:n]}).jpg" for n in range(1, 33)), f"a ({digits} 2).jpg"}
    assert distinct([(ID, "a.jpg")], held.__contains__) == {ID: f"a ({digits} 3).jpg"}


def test_a_name_of_an_earlier_run_is_held() -> None:
    assert distinct([(ID, "A.jpg")], {"a.jpg"}.__contains__) == {ID: "A (3f9a1c2d).jpg"}
    held = {"a.jpg", "a (3f9a1c2d).jpg"}
    assert distinct([(ID, "a.jpg")], held.__contains__) == {ID: "a (3f9a1c2d00004000).jpg"}


def test_ids_may_be_anything() -> None:
    ids = ["../x", "", "3F9A1C2D-0000-4000-8000-000000000001", ID, "\udc80", "3f9a1c2d", "a\0"]
    names = distinct([(own, "a.jpg") for own in ids])
    assert names[""] == "a.jpg"
    assert set(names) == set(ids)
    assert len({name_key(name) for name in names.values()}) == len(ids)
    assert all(safe_name(name) == name for name in names.values())
    # Even of one id told twice there is one name, the same in either order.
    assert distinct([(ID, "b"), (ID, "a")]) == distinct([(ID, "a"), (ID, "b")]) == {ID: "a"}
    assert distinct([]) == {}


def test_ids_that_start_alike_cost_a_few_tries_each(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def counted(name: str, suffix: str, *, folder: bool = False) -> str:
        nonlocal tries
        tries += 1
        return with_suffix(name, suffix, folder=folder)

    monkeypatch.setattr(naming, "with_suffix", counted)
    names = [(str(uuid.UUID(int=number)), "IMG.jpg") for number in range(5_000)]
    assert len(set(distinct(names).values())) == len(names)
    assert tries <= 3 * len(names)


def test_a_part_is_named_for_the_asset_and_its_content() -> None:
    name = part_name(ID, bytes.fromhex("0123456789abcdef") + bytes(12))
    assert name == f".{ID}.0123456789ab.part"
    assert part_name(ID, None) == f".{ID}.000000000000.part"
    assert part_name(ID, b"\x12") == f".{ID}.120000000000.part"


@pytest.mark.parametrize(
    "own", ["", ".", "../../x", "a/b", "a\\b", "a\n", "C:", "x" * 65, "\udc80", "é", "a.b", "\0"]
)
def test_a_hostile_id_stays_in_the_folder(own: str) -> None:
    name = part_name(own, None)
    assert is_part(name)
    assert len(name) == len("." + "0" * 32 + ".000000000000.part")
    assert name != part_name(own + "x", None)


@pytest.mark.parametrize(
    "name",
    [
        "a.part",
        f"{ID}.0123456789ab.part",
        f".{ID}.0123456789a.part",
        f".{ID}.0123456789ag.part",
        f".{ID}.0123456789ab.part\n",
        f".{ID}.0123456789ab.parts",
        f"./{ID}.0123456789ab.part",
        ".a b.0123456789ab.part",
        "",
    ],
)
def test_other_files_are_not_taken_for_parts(name: str) -> None:
    assert not is_part(name)


@pytest.mark.parametrize(
    ("still", "video", "name"),
    [
        ("IMG_1 (3f9a).HEIC", "clip.MOV", "IMG_1 (3f9a).MOV"),
        ("IMG_1.HEIC", "../x.mp4", "IMG_1.mp4"),
        ("IMG_1.HEIC", "clip", "IMG_1"),
        ("IMG_1.mov", "clip.MOV", "IMG_1 (video).MOV"),
        ("IMG_1", "clip", "IMG_1 (video)"),
        ("n" * 252 + ".ab", "clip.MOV", "n" * 251 + ".MOV"),
        (f".{ID}.0123456789ab.jpg", "x.part", f"_{ID}.0123456789ab.part"),
    ],
)
def test_a_live_video_is_named_for_its_still(still: str, video: str, name: str) -> None:
    assert live_video_name(still, video) == name


@pytest.mark.parametrize(
    "mark", ["\U0001f3fb", "\U0001f3ff", "\u20dd", "\u0903", "\u0303", "\u200d"]
)
def test_a_cut_goes_back_before_a_character_of_several_parts(mark: str) -> None:
    """Skin tones, enclosing, spacing and other marks, joiners."""
    stem = "a" * 250
    assert safe_name(f"{stem}q{mark}{'b' * 50}.jpg") == f"{stem}.jpg"
    assert safe_name(f"{stem}q{'b' * 50}.jpg") == f"{stem}q.jpg"
