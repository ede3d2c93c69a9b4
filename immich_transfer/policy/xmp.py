"""Facts as the bytes of a sidecar: an XMP packet or JSON. Pure; same facts, same bytes.

The XMP holds standard properties that Lightroom, digiKam, darktable and Immich read. Where there
was a choice:

- The description stands in dc:description and tiff:ImageDescription, as Immich writes it: it
  reads the latter first, so one inside the photo would otherwise win on the way back.
- Tags, people and albums are keywords: 'A/B', 'People/Name' and 'Albums/Title' in
  digiKam:TagsList, with '|' in lr:hierarchicalSubject. Albums have no standard of their own.
  Immich takes the first of these two that is there, so an upload of the sidecar brings tags back
  as they were, and people and albums as the tags People/... and Albums/...; names once there are
  not repeated by the next download. dc:subject has the last levels of tags, and the people.
- A favourite is digiKam:PickLabel 3 (accepted), and xmpDM:pick 1 for Lightroom Classic (>= 13.2).
  xmp:Label is a colour and xmp:Rating the stars, so neither is bent to it. darktable and Immich
  (up to 3.0.3) have nothing to read it from.
- Archived, asset id and checksum mean nothing to other programs: they are in the JSON alone.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable

import msgspec

from .facts import Facts

_NAMESPACES = {
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
for _prefix, _uri in _NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_MICROMINUTES = 60_000_000
"""Per degree: positions are written to a millionth of a minute, 2 mm on the ground."""
_LEVELS = str.maketrans("/|", "|/")
"""Paths with '/' to paths with '|' and back; the other sign inside a level changes too, as Immich
does when it reads them."""


def render_xmp(facts: Facts) -> bytes:
    """The XMP packet of a sidecar, UTF-8.

    Control characters, lone surrogates and other text that XML 1.0 cannot hold become U+FFFD;
    line ends become '\\n', as every XML reader would make them.
    """
    meta = ET.Element(_name("x:xmpmeta"), {_name("x:xmptk"): "immich-transfer"})
    rdf = ET.SubElement(meta, _name("rdf:RDF"))
    into = ET.SubElement(rdf, _name("rdf:Description"), {_name("rdf:about"): ""})
    _about_the_photo(into, facts)
    _about_the_moment(into, facts)
    _keywords(into, facts)
    ET.indent(meta, " ")
    text = ET.tostring(meta, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def render_json(facts: Facts) -> bytes:
    """The facts as indented JSON, UTF-8, with "v": 1 first; lone surrogates become U+FFFD.

    Every key is always there; what is unknown is null, '' or [] as in `Facts`.
    """
    data = {"v": 1, **msgspec.structs.asdict(facts)}
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return (_SURROGATE.sub("\ufffd", text) + "\n").encode()


def gps_text(degrees: float, positive: str, negative: str) -> str:
    """A coordinate in XMP's form, 'DDD,MM.mmmmmmK' with the letter of its half of the world."""
    whole, rest = divmod(round(abs(degrees) * _MICROMINUTES), _MICROMINUTES)
    half = negative if degrees < 0 and (whole or rest) else positive
    return f"{whole},{rest // 1_000_000}.{rest % 1_000_000:06}{half}"


def _about_the_photo(into: ET.Element, facts: Facts) -> None:
    if facts.description:
        for name in ("dc:description", "tiff:ImageDescription"):
            _list(into, name, "rdf:Alt", [facts.description])
    if facts.rating is not None:
        _simple(into, "xmp:Rating", str(facts.rating))
    if facts.favorite:
        _simple(into, "digiKam:PickLabel", "3")
        _simple(into, "xmpDM:pick", "1")
    if facts.original_name:
        _simple(into, "xmpMM:PreservedFileName", facts.original_name)


def _about_the_moment(into: ET.Element, facts: Facts) -> None:
    if facts.taken:
        _simple(into, "exif:DateTimeOriginal", facts.taken)
        _simple(into, "photoshop:DateCreated", facts.taken)
    latitude, longitude = facts.latitude, facts.longitude
    # Comparisons with NaN are false: such a place is left out like one off the map.
    if latitude is None or longitude is None:
        return
    if -90 <= latitude <= 90 and -180 <= longitude <= 180:
        _simple(into, "exif:GPSLatitude", gps_text(latitude, "N", "S"))
        _simple(into, "exif:GPSLongitude", gps_text(longitude, "E", "W"))


def _keywords(into: ET.Element, facts: Facts) -> None:
    tags = [path for path in map(_path, facts.tags) if path]
    people = [f"People/{_level(name)}" for name in facts.people if name]
    albums = [f"Albums/{_level(title)}" for title in facts.albums if title]
    paths = _once([*tags, *people, *albums])
    leaves = (path.rpartition("/")[2] for path in tags)
    _list(into, "dc:subject", "rdf:Bag", _once([*leaves, *facts.people]))
    _list(into, "lr:hierarchicalSubject", "rdf:Bag", [p.translate(_LEVELS) for p in paths])
    _list(into, "digiKam:TagsList", "rdf:Seq", paths)
    _list(into, "Iptc4xmpExt:PersonInImage", "rdf:Bag", _once(facts.people))


def _simple(into: ET.Element, name: str, value: str) -> None:
    ET.SubElement(into, _name(name)).text = _fit(value)


def _list(into: ET.Element, name: str, kind: str, values: list[str]) -> None:
    """A list property, left out when it would be empty."""
    if not values:
        return
    holder = ET.SubElement(ET.SubElement(into, _name(name)), _name(kind))
    language = {_LANG: "x-default"} if kind == "rdf:Alt" else {}
    for value in values:
        ET.SubElement(holder, _name("rdf:li"), language).text = _fit(value)


def _once(texts: Iterable[str]) -> list[str]:
    """In the order given, without empty and repeated ones."""
    return list(dict.fromkeys(text for text in texts if text))


def _path(tag: str) -> str:
    """A tag's path without empty levels."""
    return "/".join(level for level in tag.split("/") if level)


def _level(name: str) -> str:
    """A name as one level of a path."""
    return name.replace("/", "|")


def _name(qualified: str) -> str:
    prefix, _, local = qualified.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
