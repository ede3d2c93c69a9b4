"""`python -m immich_transfer` is the same as the `immich-transfer` command."""

from immich_transfer.cli.main import main

main()
