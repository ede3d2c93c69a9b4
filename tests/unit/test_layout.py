"""Layouts: refused at the start in one line, or rendered into safe components."""

from __future__ import annotations

from typing import Any

import pytest

from immich_transfer.errors import UsageError
from immich_transfer.model import AssetId, RemoteAsset
from immich_transfer.policy.layout import ALBUM_LAYOUT, FIELDS, LIBRARY_LAYOUT, Layout


def asset(name: str = "IMG_1.jpg", **facts: Any) -> RemoteAsset:
    facts.setdefault("local", "2024-05-06T07:08:09.123Z")
    return RemoteAsset(id=AssetId("3f9a"), name=name, sha1=None, **facts)


def render(
    text: str, one: RemoteAsset | None = None, *, album: str = "Trip", **given: str
) -> tuple[str, str]:
    return Layout.parse(text).render(one or asset(), album=album, **given)


def test_the_defaults() -> None:
    assert render(ALBUM_LAYOUT) == ("Trip", "IMG_1.jpg")
    assert render(LIBRARY_LAYOUT) == ("2024/2024-05", "IMG_1.jpg")


def test_every_field_has_its_value() -> None:
    one = asset(
        video=True,
        owner="9c1d",
        camera=("Canon", "EOS R5"),
        place=("Rome", "Lazio", "Italy"),
        taken=1_000_000_000_000,
    )
    values = {
        "album": "Trip",
        "filename": "IMG_1.jpg",
        "stem": "IMG_1",
        "ext": "jpg",
        "year": "2024",
        "month": "05",
        "day": "06",
        "hour": "07",
        "minute": "08",
        "second": "09",
        "id": "3f9a",
        "type": "video",
        "owner": "Ann",
        "make": "Canon",
        "model": "EOS R5",
        "city": "Rome",
        "state": "Lazio",
        "country": "Italy",
    }
    assert list(values) == list(FIELDS)
    for name, value in values.items():
        assert render(f"{{{name}}}/{{filename}}", one, owner="Ann") == (value, "IMG_1.jpg")
    assert render("{owner}/{filename}", one) == ("9c1d", "IMG_1.jpg")
    assert render("{type}/{filename}") == ("image", "IMG_1.jpg")


def test_missing_values_are_unknown() -> None:
    text = "{album}{owner}/{make}-{model}/{city}/{state}/{country}/{filename}"
    folder, _ = render(text, asset(camera=("\0", "  ")), album="")
    assert folder == "UnknownUnknown/Unknown-Unknown/Unknown/Unknown/Unknown"


@pytest.mark.parametrize(
    ("local", "taken", "date"),
    [
        ("2024-02-29T23:59:59.999Z", 0, "2024-02-29 235959"),
        ("0999-01-01T00:00:00", 0, "0999-01-01 000000"),
        # The clock on the wall counts, not the instant.
        ("2024-01-01T00:30:00.000Z", 1_704_065_400_000 - 7_200_000, "2024-01-01 003000"),
        ("", 1_704_065_400_000, "2023-12-31 233000"),
        ("", -1, "1969-12-31 235959"),
        ("2023-02-29T00:00:00.000Z", 1_704_065_400_000, "2023-12-31 233000"),
        ("2024-W10-1T00:00:00", 1_704_065_400_000, "2023-12-31 233000"),
        ("../../../../../../x", 1_704_065_400_000, "2023-12-31 233000"),
        ("0000-00-00T00:00:00.000Z", 0, "Unknown-Unknown-Unknown UnknownUnknownUnknown"),
        ("２０２４-05-06T07:08:09", 0, "Unknown-Unknown-Unknown UnknownUnknownUnknown"),
        ("", 10**18, "Unknown-Unknown-Unknown UnknownUnknownUnknown"),
        ("", -(10**30), "Unknown-Unknown-Unknown UnknownUnknownUnknown"),
    ],
)
def test_dates(local: str, taken: int, date: str) -> None:
    text = "{year}-{month}-{day} {hour}{minute}{second}/{filename}"
    assert render(text, asset(local=local, taken=taken)) == (date, "IMG_1.jpg")


@pytest.mark.parametrize(
    ("text", "name", "rendered"),
    [
        ("{filename}", "a.jpg", ("", "a.jpg")),
        ("{stem}.{ext}", "a.b.JPG", ("", "a.b.JPG")),
        ("{stem}.{ext}", "no extension", ("", "no extension")),
        ("{stem} {year}.{ext}", "a.jpg\n", ("", "a 2024.jpg")),
        ("{stem} {year}.{ext}", "a", ("", "a 2024")),
        ("{ext}/{stem}_{id}.{ext}", ".jpg", ("unnamed", ".jpg_3f9a")),
        ("{{{year}}}/100% {{}}/{filename}", "a", ("{2024}/100% {}", "a")),
        ("%s %(x)s {year}/{filename}", "a", ("%s %(x)s 2024", "a")),
        ("{filename}/{filename}", "a.jpg", ("a.jpg", "a.jpg")),
        ("{year}../{filename}", "a", ("2024", "a")),
        ("{id} {filename}", "n" * 300 + ".jpg", ("", "3f9a " + "n" * 246 + ".jpg")),
        ("Größe/{filename}", "a", ("Größe", "a")),
    ],
)
def test_rendering(text: str, name: str, rendered: tuple[str, str]) -> None:
    assert render(text, asset(name)) == rendered


def test_a_given_file_name_replaces_the_uploaded_one() -> None:
    assert render("{stem}/{filename}", filename="b (1).png") == ("b (1)", "b (1).png")


def test_no_value_makes_a_component() -> None:
    one = asset("../../x/../y.jpg", place=("..", "/", "C:\\"), camera=("a/b", "."))
    text = "{album}/{city}/{state}/{country}/{make}/{model}{model}/{filename}"
    assert render(text, one, album="/etc/../passwd") == (
        "_etc_.._passwd/unnamed/_/C__/a_b/unnamed",
        ".._.._x_.._y.jpg",
    )
    # Values that are harmless alone are looked at together, too.
    assert render("{make}{model}/{filename}", asset(camera=("CO", "N"))) == ("CON_", "IMG_1.jpg")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("{yaer}/{filename}", "unknown field 'yaer', did you mean '{year}'? The fields are: album"),
        ("{Filename}", "did you mean '{filename}'?"),
        ("{zzzz}/{filename}", "unknown field 'zzzz'; The fields are: album, filename, stem"),
        ("{}/{filename}", "unknown field ''"),
        ("{0}/{filename}", "unknown field '0'"),
        ("{a/b}/{filename}", "unknown field 'a/b'"),
        ("{year:02}/{filename}", "no format can be given in 'year:02'; write '{year}'"),
        ("{year!r}/{filename}", "no format"),
        ("{album.__class__}/{filename}", "no format"),
        ("{album[0]}/{filename}", "no format"),
        ("{year/{filename}", "braces"),
        ("year}/{filename}", "braces"),
        ("{a{year}}/{filename}", "braces"),
        ("{filename}}", "braces"),
        ("/{album}/{filename}", "relative"),
        ("C:{filename}", "relative"),
        ("c:/{filename}", "relative"),
        ("\\\\host\\{filename}", "separated by '/'"),
        ("{album}\\{filename}", "separated by '/'"),
        ("../{filename}", "'..'"),
        ("a/./{filename}", "'.'"),
        ("a//{filename}", "empty component"),
        ("{album}/", "empty component"),
        ("a?b/{filename}", "'a?b'"),
        ("Con/{filename}", "'Con'"),
        ("a\nb/{filename}", "'a\\nb'"),
        ("a\udc80/{filename}", "no folder"),
        ("{album}", "must end in"),
        ("{album}/{year}", "must end in"),
        ("{filename}.jpg", "must end in"),
        ("{filename} {year}", "must end in"),
        ("{year}/{stem}{ext}", "must end in"),
        ("{year}/{stem}-{ext}", "must end in"),
        ("{year}/{ext}", "must end in"),
        ("{year}/.{ext}", "must end in"),
        ("{stem}.{{ext}}", "must end in"),
        ("a/" * 20 + "{filename}", "more than 20"),
    ],
)
def test_a_wrong_layout_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        Layout.parse(text)
    assert why in refused.value.message
    assert refused.value.message.isprintable()


def test_twenty_components_are_enough() -> None:
    assert render("a/" * 19 + "{filename}") == ("/".join("a" * 19), "IMG_1.jpg")


def test_layouts_are_values() -> None:
    assert Layout.parse(ALBUM_LAYOUT) == Layout.parse(ALBUM_LAYOUT)
    assert Layout.parse(ALBUM_LAYOUT) != Layout.parse(LIBRARY_LAYOUT)
    with pytest.raises(AttributeError):
        Layout.parse(ALBUM_LAYOUT).text = "x"  # type: ignore[misc]
