"""The oldest versions that pyproject.toml allows, as pip wants them: `python -m tests.lowest`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def lowest(requirement: str) -> str:
    """'aiohttp>=3.11' as 'aiohttp==3.11'. Raises ValueError when it has no lower bound."""
    found = re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9.]+)(?:,.*)?", requirement.replace(" ", ""))
    if found is None:
        raise ValueError(f"{requirement} has no lower bound")
    return f"{found[1]}=={found[2]}"


def main() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for requirement in [*project["dependencies"], *extras["keyring"], *extras["watch"]]:
        print(lowest(requirement))


if __name__ == "__main__":
    main()
