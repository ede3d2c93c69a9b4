"""Benchmarks: whole commands, measured from outside, side by side on one machine."""
