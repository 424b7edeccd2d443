"""Run the mock OpenID provider: `python -m mock_idp`."""

from __future__ import annotations

import argparse
import sys

from fixtures.service.serve import Service, add_service_options, own_url, serve
from fixtures.service.surroundings import Surroundings
from mock_idp.settings import ALGORITHMS, Settings

PORT = 7400
CONTROL_PORT = 7410
RELYING_PARTY = "http://127.0.0.1:7401"


def main(arguments: list[str] | None = None) -> int:
    """Run until told to end; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = _settings(options)
    except ValueError as error:
        parser.error(str(error))

    def build(surroundings: Surroundings, token: str) -> Service:
        from mock_idp.app import create_app, create_control

        app = create_app(settings, surroundings)
        return Service(app, create_control(app, surroundings, token))

    return serve("mock-idp", options, build)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mock_idp", description="The mock OpenID provider.")
    parser.add_argument("--base-url", help="what the issuers begin with (http://HOST:PORT of the options below)")
    parser.add_argument(
        "--relying-party",
        action="append",
        metavar="URL",
        help=f"an authorization server, called back at URL/TENANT/callback; repeatable ({RELYING_PARTY})",
    )
    parser.add_argument("--redirect-uri", action="append", default=[], help="a further redirect URI; repeatable")
    parser.add_argument(
        "--id-token-signed-response-alg",
        choices=ALGORITHMS,
        default=ALGORITHMS[0],
        help="the algorithm that the relying party registered (%(default)s)",
    )
    add_service_options(parser, port=PORT, control_port=CONTROL_PORT)
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        base_url=options.base_url or own_url(options),
        relying_parties=tuple(options.relying_party or [RELYING_PARTY]),
        redirect_uris=tuple(options.redirect_uri),
        id_token_signed_response_alg=options.id_token_signed_response_alg,
    )


if __name__ == "__main__":
    sys.exit(main())
