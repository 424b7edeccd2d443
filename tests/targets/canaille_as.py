"""canaille as an authorization server: its own application on SQLite, with one user and five clients.

It runs in an environment of its own, `canaille/.venv`, which mypy does not see.
"""
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import argparse
import datetime
import logging
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from tests.targets.loopback import announce, listen, origin

# Its access tokens have no jti, so that two for one client and user within a second are the same text: its database
# refuses the second one, and the answer is 500. To judge the rest, a claim of the scope `profile` stands in for a jti.
ANOTHER_EACH_TIME = "{{ range(1000000000) | random }}"
LOOPBACK = "http://127.0.0.1:8976/callback"
CODE = {"redirect_uris": [LOOPBACK], "response_types": ["code"], "grant_types": ["authorization_code", "refresh_token"]}
SCOPE = ["openid", "profile", "email"]
MACHINE = {"redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"]}


def settings(issuer: str, folder: Path) -> dict[str, Any]:
    """Return its configuration, as its documentation names the parts."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(32),
        "SERVER_NAME": issuer.removeprefix("http://"),
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "sql", "FORCE_HTTPS": False, "SMTP": None, "LOGGING": {"version": 1}},
        "CANAILLE_SQL": {
            "DATABASE_URI": f"sqlite:///{folder / 'canaille.sqlite'}",
            "PASSWORD_HASH_PARAMS": {"pbkdf2_sha512__rounds": 1000},
        },
        "CANAILLE_OIDC": {
            "DYNAMIC_CLIENT_REGISTRATION_OPEN": True,
            "REQUIRE_NONCE": False,
            "TRUSTED_DOMAINS": [],
            "USERINFO_MAPPING": {"UPDATED_AT": ANOTHER_EACH_TIME},
        },
    }


def clients() -> list[dict[str, Any]]:
    """Return the clients; their secret comes from the environment."""
    basic = {
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": os.environ["CANAILLE_CLIENT_SECRET"],
    }
    return [
        {"client_id": "console", "client_name": "Workshop Console", "token_endpoint_auth_method": "none", **CODE},
        {"client_id": "notebook", "client_name": "Notebook", **basic, **CODE},
        {"client_id": "ledger-agent", "client_name": "Ledger Agent", **basic, **CODE},
        {"client_id": "infra-bot", "client_name": "InfraBot", **basic, **MACHINE},
        {"client_id": "resource-server", "client_name": "MCP server that introspects", **basic, **MACHINE},
    ]


def populate() -> None:
    """Create the user and the clients, whose tokens are for the one that introspects too, as its pages can say."""
    from canaille.app import models
    from canaille.backends import Backend

    backend, now = Backend.instance, datetime.datetime.now(datetime.UTC)
    with backend.session():
        user = models.User(user_name="alice", formatted_name="Alice", family_name="Alice", emails=["a@acme.example"])
        backend.save(user)
        backend.set_user_password(user, os.environ["CANAILLE_ALICE_PASSWORD"])
        made = [models.Client(client_id_issued_at=now, scope=SCOPE, **described) for described in clients()]
        for client in made:
            backend.save(client)
        for client in made[:-1]:
            client.audience = [client, made[-1]]
            backend.save(client)


def main() -> None:
    """Serve it until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port; a free one by default")
    listener = listen(parser.parse_args().port)
    issuer = origin(listener)
    with tempfile.TemporaryDirectory() as folder:
        from canaille import create_app
        from werkzeug.serving import make_server

        app = create_app(config=settings(issuer, Path(folder)))
        with app.app_context():
            populate()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server("127.0.0.1", listener.getsockname()[1], app, threaded=True, fd=listener.fileno())
        announce({"issuer": issuer}, server.shutdown)
        server.serve_forever()


if __name__ == "__main__":
    main()
