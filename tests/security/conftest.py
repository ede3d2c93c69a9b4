"""See tests/e2e/fixtures.py."""

from tests.e2e.fixtures import bench, sandboxes, server

__all__ = ["bench", "sandboxes", "server"]
