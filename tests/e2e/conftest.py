"""See fixtures.py: they are shared with tests/faults."""

from tests.e2e.fixtures import bench, full_server, sandboxes, server

__all__ = ["bench", "full_server", "sandboxes", "server"]
