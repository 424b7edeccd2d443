"""django-oauth-toolkit as an authorization server: a Django project on SQLite with one user and four clients.

It runs in an environment of its own, `django-oauth-toolkit/.venv`, which mypy does not see.
"""
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from tests.targets.loopback import listen, origin, serve

LOOPBACK = "http://127.0.0.1:8976/callback"
CODE, MACHINE = "authorization-code", "client-credentials"


def set_up(folder: Path) -> None:
    """Make the database in the folder, with the user and the clients; their secrets come from the environment."""
    os.environ["DJANGO_DATABASE"] = str(folder / "database.sqlite")
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.targets.django_settings"

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    populate()


def populate() -> None:
    """Create the user and the clients."""
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application

    User.objects.create_user("alice", password=os.environ["DJANGO_ALICE_PASSWORD"])
    for client_id, name in (("console", "Workshop Console"), ("notebook", "Notebook")):
        client(Application, client_id, name, client_type="public", authorization_grant_type=CODE)
    secret = os.environ["DJANGO_LEDGER_AGENT_SECRET"]
    client(Application, "ledger-agent", "Ledger Agent", authorization_grant_type=CODE, client_secret=secret)
    secret = os.environ["DJANGO_INFRA_BOT_SECRET"]
    client(Application, "infra-bot", "InfraBot", authorization_grant_type=MACHINE, client_secret=secret)


def client(model, client_id: str, name: str, **settings: str) -> None:  # type: ignore[no-untyped-def]
    """Create one client, confidential unless the settings say otherwise; those for codes redirect to loopback."""
    redirect_uris = LOOPBACK if settings["authorization_grant_type"] == CODE else ""
    defaults = {"client_type": "confidential", "redirect_uris": redirect_uris}
    model.objects.create(client_id=client_id, name=name, **defaults | settings)


def main() -> None:
    """Serve it until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port; a free one by default")
    listener = listen(parser.parse_args().port)
    with tempfile.TemporaryDirectory() as folder:
        set_up(Path(folder))

        from django.core.asgi import get_asgi_application

        serve(get_asgi_application(), listener, {"issuer": origin(listener)})


if __name__ == "__main__":
    main()
