"""A client of the control plane: it moves the sandbox's time, resets it, makes it fail, and lets it sign."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx
from joserfc.errors import JoseError

from fixtures.service.keys import KeyRing
from harness.sandbox.errors import SandboxError, SilentError

_TIMEOUT_SECONDS = 10.0


class ControlPlane:
    """The control plane of one service.

    Every method raises `SandboxError` when the control plane does not answer, or refuses.

    Args:
        url: its base URL.
        token: its bearer token.
        trust: whose certificate it may show, where it speaks https; without it, nobody's.
    """

    def __init__(self, url: str, token: str, trust: ssl.SSLContext | None = None) -> None:
        self._rings: dict[str, KeyRing] = {}
        self._lock = threading.Lock()
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
            verify=trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    def now(self) -> float:
        """Return the sandbox's time in seconds since the epoch."""
        return self.clock()[0]

    def clock(self) -> tuple[float, float]:
        """Return the sandbox's time in seconds since the epoch, and by how many it is ahead of its system's."""
        said = self._send("GET", "/clock")
        return float(said["now"]), float(said["offset"])

    def advance(self, seconds: float) -> float:
        """Move the clock of all services by so many seconds, and return its time."""
        return float(self._send("POST", "/clock", {"advance": seconds})["now"])

    def reset_clock(self) -> None:
        """Return all services to the system's time."""
        self._send("DELETE", "/clock")

    def reset(self) -> None:
        """Bring the service's state back to its seed, and clear its log and its faults."""
        self._send("POST", "/reset")

    def requests(self) -> list[dict[str, Any]]:
        """Return the service's request log: `time`, `method`, `path` and `status` of each, oldest first."""
        return list(self._send("GET", "/requests")["requests"])

    def fault(
        self,
        path: str,
        *,
        status: int | None = None,
        delay: float | None = None,
        drop: bool = False,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Let the next `times` requests whose path begins with `path` fail.

        Exactly one of: `status` answered in the service's place, with `headers`; a `delay` in seconds; or `drop`, the
        connection closed without an answer.
        """
        effect = {"status": status, "delay": delay, "drop": drop or None, "headers": headers}
        asked = {name: value for name, value in effect.items() if value is not None}
        self._send("POST", "/faults", {"path": path, "times": times, **asked})

    def clear_faults(self) -> None:
        """Forget all queued faults."""
        self._send("DELETE", "/faults")

    def sign(
        self, tenant: str, header: Mapping[str, Any], claims: Mapping[str, Any], *, alg: str = "", kid: str = ""
    ) -> str:
        """Return a JWS over the claims as they are; `header` overrides `alg` and `kid`.

        A tenant's current key for `alg` signs, else the one that `kid` names, as `KeyRing.sign` has it.
        """
        ring = self.signing_keys(tenant)
        try:
            return ring.sign(claims, alg=alg or None, header=header, kid=kid or None)
        except (KeyError, TypeError, ValueError, JoseError) as error:
            raise SandboxError("there is no such key, or it does not sign by this algorithm, or this") from error

    def seal(self, tenant: str, message: str) -> str:
        """Return an ASCII text as it is, with a dot and a tenant's signature over it, as `KeyRing.seal` has it."""
        return self.signing_keys(tenant).seal(message)

    def publish_key(self, tenant: str, alg: str) -> str:
        """Let a tenant publish another key beside those that it signs with, and return its `kid`."""
        return str(self._change_keys("POST", f"/{tenant}/keys", {"alg": alg})["kid"])

    def withdraw_key(self, tenant: str, kid: str) -> None:
        """Let a tenant publish such a key no longer."""
        self._change_keys("DELETE", f"/{tenant}/keys/{kid}")

    def rotate_keys(self, tenant: str) -> None:
        """Let a tenant sign with new keys from now on."""
        self._change_keys("POST", f"/{tenant}/rotate-keys")

    def add_resource(self, tenant: str, uri: str, *, like: str = "mcp") -> None:
        """Let a tenant issue tokens for one more resource, as for its resource called `like`."""
        self._send("POST", f"/{tenant}/resources", {"uri": uri, "like": like})

    def limit_rights(self, tenant: str, subject: str, scopes: list[str]) -> None:
        """Leave a tenant's user no rights but these scopes."""
        self._send("PUT", f"/{tenant}/rights/{subject}", {"scopes": scopes})

    def restore_rights(self, tenant: str, subject: str) -> None:
        """Give a tenant's user their own rights back."""
        self._send("DELETE", f"/{tenant}/rights/{subject}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def signing_keys(self, tenant: str) -> KeyRing:
        """Return a tenant's keys, to sign with, as they were when they were asked for or changed here."""
        with self._lock:
            ring = self._rings.get(tenant)
            if ring is None:  # a run has hundreds of tokens signed, and asks once
                ring = self._rings[tenant] = KeyRing.holding(self._send("GET", f"/{tenant}/keys"))
            return ring

    def _change_keys(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        with self._lock:
            self._rings.clear()
            return self._send(method, path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise SilentError(f"the control plane at {self._client.base_url} does not answer: {error}") from error
        try:
            data = answer.json()
        except ValueError as error:
            what = f"{answer.status_code} and no JSON to {method} {path}"
            raise SandboxError(f"the control plane at {self._client.base_url} answers {what}") from error
        if not answer.is_success:
            raise SandboxError(f"the control plane refused {method} {path}: {data.get('error', answer.status_code)}")
        return dict(data)
