"""The commented configuration file that `config init` writes; the one in the repository is equal.

After a change in `fields.py`: immich-transfer config init --config config.example.toml
"""

from __future__ import annotations

from .fields import FIELDS

_HEAD = """\
# Settings of immich-transfer.
#
# Flags win over the environment, the environment over this file, this file over the defaults;
# `immich-transfer config show --origin` says which value comes from where. What is commented out
# stands at its default, or is a sample where there is none. Paths may begin with ~; relative ones
# start at the folder of this file.
"""

_TAIL = """
# Profiles: chosen with --profile NAME or IMMICH_TRANSFER_PROFILE. What a profile does not say comes
# from above; but a profile that names a url needs its own key, so that no key goes to a server it
# was not made for. All settings from above may stand here.
# [profile.parents]
# url = "https://photos.example.org"
# api_key_file = "~/.config/immich-transfer/parents.key"
# bwlimit = "2M"
"""


def example() -> str:
    """The file as text."""
    lines = [_HEAD]
    for field in FIELDS:
        if field.about:
            lines.append("")
            lines += [f"# {line}" for line in field.about.splitlines()]
        if field.environment:
            lines.append(f"# Environment: {', '.join(field.environment)}")
        lines.append(f"# {field.name} = {field.shown}")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n" + _TAIL
