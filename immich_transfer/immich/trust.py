"""Whom to trust: the context of https connections, and what is wrong with a certificate."""

from __future__ import annotations

import ssl

from yarl import URL

from immich_transfer.config.options import ServerOptions
from immich_transfer.errors import UsageError

EXPIRED, NOT_YET, OTHER_NAME, OTHER_ADDRESS = 10, 9, 62, 64
"""OpenSSL's codes of what is wrong with a certificate (X509_V_ERR_…)."""


def tls_context(server: ServerOptions) -> ssl.SSLContext | None:
    """How to talk to an https server; None for others, since reading the system's authorities
    takes 0.05 s. Raises UsageError for a CA file that cannot be used."""
    if not server.url.lower().startswith("https:") and server.ca_file is None:
        return None
    tls = ssl.create_default_context()
    if server.insecure:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    elif server.ca_file is not None:
        try:
            tls.load_verify_locations(server.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"cannot use the CA file {server.ca_file}: {error}") from None
    tls.set_alpn_protocols(["http/1.1"])
    return tls


def certificate_refused(base: URL, why: Exception) -> UsageError:
    """The certificate is not one we trust: waiting will not change that."""
    code = getattr(why, "verify_code", None)
    risk = "or accept the risk with --insecure"
    if code in (EXPIRED, NOT_YET):
        state = "has expired" if code == EXPIRED else "is not valid yet"
        return UsageError(
            f"the certificate of {base.host} {state}",
            hint=f"renew it on the server (is the clock here right?), {risk}",
        )
    if code in (OTHER_NAME, OTHER_ADDRESS):
        return UsageError(
            f"the certificate is not made for {base.host}",
            hint=f"use the name it was made for in the server's URL, {risk}",
        )
    told = getattr(why, "verify_message", "")
    return UsageError(
        f"the certificate of {base.host} is not trusted" + (f" ({told})" if told else ""),
        hint=f"name its authority with --ca-file FILE, {risk}",
    )
