"""Which files the server takes, by the extension alone."""

from __future__ import annotations

from .versions import words

IMAGES = words(
    """.avif .bmp .gif .jpeg .jpg .png .webp .3fr .ari .arw .cap .cin .cr2 .cr3 .crw .dcr .dng .erf
    .fff .iiq .k25 .kdc .mrw .nef .nrw .orf .ori .pef .psd .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f
    .heic .heif .hif .insp .jp2 .jpe .jxl .svg .tif .tiff"""
)
VIDEOS = words(
    """.3gp .3gpp .avi .flv .insv .m2t .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ts .vob
    .webm .wmv"""
)
SIDECARS = (".xmp",)
_MOVING = frozenset(VIDEOS)
_KNOWN = frozenset(IMAGES + VIDEOS)

_TYPES = {
    ".jpg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".tif": "image/tiff",
    ".svg": "image/svg+xml",
    ".insp": "image/jpeg",
    ".mov": "video/quicktime",
    ".avi": "video/x-msvideo",
    ".mkv": "video/x-matroska",
    ".wmv": "video/x-ms-wmv",
    ".flv": "video/x-flv",
    ".mpg": "video/mpeg",
    ".mpe": "video/mpeg",
    ".3gp": "video/3gpp",
    ".m4v": "video/x-m4v",
    ".mts": "video/mp2t",
    ".m2ts": "video/mp2t",
}


def extension_of(name: str) -> str:
    """Lower case, with the dot; none for a name that is nothing but an extension."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def is_video(name: str) -> bool:
    return extension_of(name) in _MOVING


def media_type(name: str) -> str:
    """The Content-Type the server gives by extension."""
    extension = extension_of(name)
    if extension not in _KNOWN:
        return "application/octet-stream"
    kind = "video" if extension in _MOVING else "image"
    return _TYPES.get(extension) or f"{kind}/{extension[1:]}"
