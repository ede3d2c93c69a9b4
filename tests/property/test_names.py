"""Whatever names a server sends, they become distinct files inside their folder."""

from __future__ import annotations

import os
import random
import re
import unicodedata
import uuid
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from immich_transfer.model import AssetId, RemoteAsset
from immich_transfer.policy.layout import Layout
from immich_transfer.policy.naming import (
    distinct,
    is_part,
    live_video_name,
    name_key,
    part_name,
    safe_name,
    with_suffix,
)

# Written again from the rules of the systems, not taken from the code under test.
FORBIDDEN = set('/\\<>:"|?*') | {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}
FORBIDDEN |= set("\u061c\u200b\u200e\u200f\u2028\u2029\u2060\ufeff\xad")
FORBIDDEN |= {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
DEVICES |= {port + number for port in ("COM", "LPT") for number in "0123456789¹²³"}
PART = re.compile(r"\.[^.]+\.[0-9a-f]{12}\.part", re.IGNORECASE)

PIECES = [
    *("/", "\\", ".", "..", " ", "\0", "\n", "\r", ":", "C:", "\\\\host\\share\\", "../../evil"),
    *("CON", "con", "nul", "COM1", "LPT¹", "conin$", ".jpg", ".JPG", ".MOV", "?", "*", '"', "|"),
    *("é", "e\u0301", "É", "ß", "SS", "ﬁ", "İ", "ı", "\u212a", "\u0345", "\u1fb3", "\u0323"),
    *("\U0001f468\u200d\U0001f469", "\u2764\ufe0f", "\u200d", "\u202e", "\u2066", "\u200b", "写"),
    *("\ud800", "\udcff", "\udfff", "\uffff", "\uf03a", "\U000e0061", "\x7f", "\x9f", "IMG_1", "a"),
    *("n" * 250, "é" * 120, "\U0001f600" * 62, " " * 251, "." * 251, "\u0301" * 130),
    *(".3f9a.0123456789ab.part", " (3f9a1c2d)", "unnamed", "_", "-", "~", "$", "%", "{", "}"),
]
HOSTILE = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.lists(
        st.one_of(
            st.sampled_from(PIECES),
            st.text(st.characters(exclude_categories=[]), max_size=20),
        ),
        max_size=6,
    ).map("".join),
    st.text(max_size=300),
)


def assert_sound(name: str) -> None:
    assert name not in ("", ".", "..")
    assert not FORBIDDEN & set(name)
    assert len(name.encode()) <= 255  # also: no lone surrogate
    assert len(name.encode("utf-16-le")) <= 2 * 255
    assert name[0] != " "
    assert name[-1] not in " ."
    assert name.split(".")[0].rstrip(" ").upper() not in DEVICES
    assert not PART.fullmatch(name)
    assert unicodedata.is_normalized("NFC", name)
    assert safe_name(name) == name


@given(HOSTILE)
@example("CON" + " " * 300 + "x")
@example("CON." + "x" * 251)
@example("." + " " * 300 + "x")
@example(".A.0123456789AB.PART")
@example("\u212a" * 100)
def test_any_text_becomes_one_sound_component(name: str) -> None:
    safe = safe_name(name)
    assert_sound(safe)
    assert safe_name(name) == safe
    assert os.path.basename(os.path.normpath(f"/home/{safe}")) == safe


@given(HOSTILE, HOSTILE)
def test_names_made_from_names_are_sound(name: str, other: str) -> None:
    assert_sound(with_suffix(name, "3f9a1c2d"))
    assert "(3f9a1c2d)" in with_suffix(name, "3f9a1c2d")
    assert_sound(with_suffix(name, "local", folder=True))
    assert_sound(live_video_name(name, other))
    assert name_key(live_video_name(name, other)) != name_key(safe_name(name))
    part = part_name(other, None)
    assert is_part(part)
    assert not set("/\\\0") & set(part)


@given(HOSTILE)
def test_a_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_key(unicodedata.normalize("NFD", name)) == name_key(name)
    assert name_key(unicodedata.normalize("NFC", name)) == name_key(name)


@given(st.lists(st.tuples(HOSTILE, HOSTILE), max_size=8), st.randoms(use_true_random=False))
def test_no_two_ids_share_a_name(names: list[tuple[str, str]], chance: random.Random) -> None:
    final = distinct(names)
    assert set(final) == {own for own, _ in names}
    assert len({name_key(name) for name in final.values()}) == len(final)
    for name in final.values():
        assert_sound(name)
    chance.shuffle(names)
    assert distinct(names) == final


LAYOUTS = [
    "{filename}",
    "{album}/{filename}",
    "{make}{model}/{city}/{owner}/{stem}{id}.{ext}",
    "{year}/{state}{country}../{stem}.{ext}",
]


@given(st.sampled_from(LAYOUTS), st.lists(HOSTILE, min_size=10, max_size=10))
def test_no_value_leads_out_of_the_layout(text: str, values: list[str]) -> None:
    album, owner, name, own, local, make, model, city, state, country = values
    asset = RemoteAsset(
        id=AssetId(own),
        name=name,
        sha1=None,
        local=local,
        camera=(make, model),
        place=(city, state, country),
    )
    folder, file = Layout.parse(text).render(asset, album=album, owner=owner)
    components = [*(folder.split("/") if folder else ()), file]
    assert len(components) == text.count("/") + 1
    for component in components:
        assert_sound(component)


def hostile_names(count: int, chance: random.Random) -> list[tuple[AssetId, str]]:
    names = []
    for _ in range(count):
        name = "".join(chance.choices(PIECES, k=chance.randint(0, 3)))
        if chance.random() < 0.3:
            name += "".join(chr(chance.randrange(0x110000)) for _ in range(3))
        # Few first digits, so that suffixes are in each other's way.
        own = uuid.UUID(int=chance.getrandbits(96) | chance.randrange(20) << 96)
        names.append((AssetId(str(own)), name))
    return names


def test_five_thousand_hostile_names_in_one_folder(tmp_path: Path) -> None:
    chance = random.Random(21)
    names = hostile_names(5_000, chance)
    final = distinct(names)
    assert len(final) == 5_000
    assert len({name_key(name) for name in final.values()}) == 5_000
    assert sum("(" in name for name in final.values()) > 1_000  # there were collisions to solve

    for _ in range(3):
        chance.shuffle(names)
        assert distinct(names) == final

    # A later run: some names are held, the rest arrives in another order and finds its place.
    sticky = {own: final[own] for own, _ in names[:2_000]}
    held = {name_key(name) for name in sticky.values()}
    later = distinct(names[2_000:], held.__contains__)
    assert len({name_key(name) for name in (sticky | later).values()}) == 5_000

    home = tmp_path / "outer" / "home"
    home.mkdir(parents=True)
    for name in final.values():
        os.close(os.open(f"{home}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    assert set(os.listdir(home)) == set(final.values())
    assert [entry.name for entry in tmp_path.rglob("*") if entry.parent != home] == [
        "outer",
        "home",
    ]
