"""Certificates for servers on loopback, from an authority that is made for the test."""

import ssl

import trustme


def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a server on loopback shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context
