"""Reports hear events and nothing else: JSON lines, a live display, plain lines, the summary."""

from __future__ import annotations

from .choice import Report, choose
from .jsonl import JsonLines
from .plain import PlainReport
from .said_check import SIGILS
from .summary import render_summary
from .tally import Tally

__all__ = ["SIGILS", "JsonLines", "PlainReport", "Report", "Tally", "choose", "render_summary"]
