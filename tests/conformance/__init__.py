"""Clients that are not ours against the sandbox: what it answers must satisfy them, too."""
