"""Sidecars, read back with an XML parser: every property, hostile text, places on the globe."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from immich_transfer.policy.facts import Facts
from immich_transfer.policy.xmp import gps_text, render_json, render_xmp

NS = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}
FULL = Facts(
    asset_id="11111111-1111-4111-8111-111111111111",
    sha1="da39a3ee5e6b4b0d3255bfef95601890afd80709",
    original_name="IMG:1.jpg",
    description="Dom & Spree",
    rating=4,
    favorite=True,
    archived=True,
    taken="2024-05-01T12:00:00+02:00",
    latitude=52.520575,
    longitude=13.409615,
    tags=("Trips/2024/Berlin", "Work"),
    people=("Ada", "Grace Hopper"),
    albums=("Summer",),
)
BARE = Facts(asset_id="x")
TEXTS = st.text(st.characters(), max_size=40)  # lone surrogates and control characters, too


def properties(content: bytes) -> dict[str, Any]:
    """Property -> text, or (kind of list, items); names with the usual prefixes."""
    root = ET.fromstring(content)
    assert root.tag == f"{{{NS['x']}}}xmpmeta"
    (description,) = root.findall("rdf:RDF/rdf:Description", NS)
    assert description.attrib == {f"{{{NS['rdf']}}}about": ""}
    found: dict[str, Any] = {}
    for child in description:
        name = prefixed(child.tag)
        assert name not in found
        if len(child):
            (holder,) = child
            items = [item.text or "" for item in holder]
            assert {prefixed(item.tag) for item in holder} == {"rdf:li"}
            found[name] = (prefixed(holder.tag).removeprefix("rdf:"), items)
        else:
            found[name] = child.text
    return found


def prefixed(tag: str) -> str:
    uri, local = tag[1:].split("}")
    return next(prefix for prefix, known in NS.items() if known == uri) + f":{local}"


def changed(**fields: Any) -> dict[str, Any]:
    return properties(render_xmp(msgspec.structs.replace(BARE, **fields)))


def test_every_property() -> None:
    paths = ["Trips/2024/Berlin", "Work", "People/Ada", "People/Grace Hopper", "Albums/Summer"]
    assert properties(render_xmp(FULL)) == {
        "dc:description": ("Alt", ["Dom & Spree"]),
        "tiff:ImageDescription": ("Alt", ["Dom & Spree"]),
        "xmp:Rating": "4",
        "digiKam:PickLabel": "3",
        "xmpDM:pick": "1",
        "xmpMM:PreservedFileName": "IMG:1.jpg",
        "exif:DateTimeOriginal": "2024-05-01T12:00:00+02:00",
        "photoshop:DateCreated": "2024-05-01T12:00:00+02:00",
        "exif:GPSLatitude": "52,31.234500N",
        "exif:GPSLongitude": "13,24.576900E",
        "dc:subject": ("Bag", ["Berlin", "Work", "Ada", "Grace Hopper"]),
        "lr:hierarchicalSubject": ("Bag", [path.replace("/", "|") for path in paths]),
        "digiKam:TagsList": ("Seq", paths),
        "Iptc4xmpExt:PersonInImage": ("Bag", ["Ada", "Grace Hopper"]),
    }


def test_what_is_not_known_is_not_written() -> None:
    assert changed() == {}
    assert changed(rating=0) == {"xmp:Rating": "0"}
    assert changed(rating=-1) == {"xmp:Rating": "-1"}
    assert changed(latitude=1.0) == {}
    assert changed(latitude=91.0, longitude=0.0) == {}
    assert changed(latitude=float("nan"), longitude=0.0) == {}


def test_the_packet_begins_as_readers_expect_and_has_prefixes_they_know() -> None:
    content = render_xmp(FULL)
    assert content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<x:xmpmeta ')
    assert b"ns0:" not in content
    assert b'<rdf:li xml:lang="x-default">Dom &amp; Spree</rdf:li>' in content


def test_same_facts_give_the_same_bytes() -> None:
    again = msgspec.json.decode(msgspec.json.encode(FULL), type=Facts)
    assert render_xmp(again) == render_xmp(FULL)
    assert render_json(again) == render_json(FULL)


def test_signs_of_one_path_are_no_levels_of_the_other() -> None:
    found = changed(tags=("a|b/c",), people=("Ada/Eve",), albums=("Rome | 2024", "AC/DC"))
    assert found["digiKam:TagsList"][1] == [
        "a|b/c",
        "People/Ada|Eve",
        "Albums/Rome | 2024",
        "Albums/AC|DC",
    ]
    assert found["lr:hierarchicalSubject"][1] == [
        "a/b|c",
        "People|Ada/Eve",
        "Albums|Rome / 2024",
        "Albums|AC/DC",
    ]
    assert found["Iptc4xmpExt:PersonInImage"][1] == ["Ada/Eve"]
    assert found["dc:subject"][1] == ["c", "Ada/Eve"]


def test_keywords_stand_once_and_none_is_empty() -> None:
    found = changed(tags=("A//B/", "C/B", "/", "People/Ada"), people=("Ada", "", "Ada"))
    assert found["digiKam:TagsList"][1] == ["A/B", "C/B", "People/Ada"]
    assert found["dc:subject"][1] == ["B", "Ada"]
    assert changed(tags=("/",), albums=("",)) == {}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("\"quotes\" & <tags> 'and' ]]> <!--", None),
        ("👩‍👩‍👧 Ωµéга\u2028\x85", None),
        ("two\nlines\tand a tab", None),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\0bell\x07\x1b[0m\ufffe\uffff", "\ufffdbell\ufffd\ufffd[0m\ufffd\ufffd"),
        ("caf\udce9 \ud83d", "caf\ufffd \ufffd"),
        ("&#0; &amp;", None),
        ("  spaces  ", None),
        (" ", None),
    ],
    ids=ascii,
)
def test_hostile_text(text: str, read: str | None) -> None:
    read = text if read is None else read
    found = changed(description=text, people=(text,), original_name=text)
    assert found["dc:description"] == ("Alt", [read])
    assert found["Iptc4xmpExt:PersonInImage"] == ("Bag", [read])
    assert found["xmpMM:PreservedFileName"] == read
    shown = json.loads(render_json(msgspec.structs.replace(BARE, description=text)))
    assert shown["description"] == re.sub("[\ud800-\udfff]", "\ufffd", text)


@given(TEXTS, st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4), TEXTS)
@example("\ufeff", ["]]>"], ["/|/"], "\x00")
def test_whatever_the_text_it_parses_back(
    description: str, people: list[str], tags: list[str], name: str
) -> None:
    told = msgspec.structs.replace(
        FULL,
        description=description,
        people=tuple(people),
        tags=tuple(tags),
        albums=tuple(tags),
        original_name=name,
    )
    found = properties(render_xmp(told))
    if description:
        assert len(found["dc:description"][1][0]) <= len(description)
    assert len(found.get("Iptc4xmpExt:PersonInImage", ("", []))[1]) == len({*people} - {""})
    assert json.loads(render_json(told))["v"] == 1


@given(st.text(max_size=40))
def test_whatever_is_text_in_xml_comes_back_as_it_was(text: str) -> None:
    fit = re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
    found = changed(description=fit)
    assert found.get("dc:description", ("Alt", [""])) == ("Alt", [fit])


@pytest.mark.parametrize(
    ("degrees", "latitude", "longitude"),
    [
        (0.0, "0,0.000000N", "0,0.000000E"),
        (-0.0, "0,0.000000N", "0,0.000000E"),
        (-1e-12, "0,0.000000N", "0,0.000000E"),
        (52.520575, "52,31.234500N", "52,31.234500E"),
        (-33.8568, "33,51.408000S", "33,51.408000W"),
        (-0.5, "0,30.000000S", "0,30.000000W"),
        (9.9999999999, "10,0.000000N", "10,0.000000E"),
        (-9.9999999999, "10,0.000000S", "10,0.000000W"),
        (59 / 60 + 59.9999994 / 3600, "1,0.000000N", "1,0.000000E"),
        (90, "90,0.000000N", "90,0.000000E"),
    ],
)
def test_degrees_and_minutes(degrees: float, latitude: str, longitude: str) -> None:
    assert gps_text(degrees, "N", "S") == latitude
    assert gps_text(degrees, "E", "W") == longitude


@given(st.floats(-180, 180))
def test_a_place_read_back_is_the_same_within_a_centimetre(degrees: float) -> None:
    whole, minutes, half = re.fullmatch(  # type: ignore[union-attr]
        r"(\d{1,3}),(\d{1,2}\.\d{6})([EW])", gps_text(degrees, "E", "W")
    ).groups()
    assert float(minutes) < 60
    read = (int(whole) + float(minutes) / 60) * (-1 if half == "W" else 1)
    assert read == pytest.approx(degrees, abs=1e-8)


def test_json_tells_the_same_facts() -> None:
    content = render_json(FULL)
    assert msgspec.json.decode(content, type=Facts) == FULL
    data = json.loads(content)
    assert list(data) == ["v", *Facts.__struct_fields__]
    assert data["v"] == 1
    assert content.endswith(b"\n}\n")
    assert msgspec.json.decode(render_json(BARE), type=Facts) == BARE
