"""The relay as a program, as it runs in a pod, and without one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fixtures.relay.relay import TOKEN_VARIABLE
from harness.sandbox.child import environment


@contextmanager
def running_relay(token: str = "open-sesame", host: str = "127.0.0.1") -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Run it, and provide its port and its process."""
    command = [sys.executable, "-P", "-m", "fixtures.relay", "--host", host, "--port", "0"]
    pipe, variables = subprocess.PIPE, environment(**{TOKEN_VARIABLE: token})
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=variables) as process:
        try:
            assert process.stdout
            yield int(process.stdout.readline()), process
        finally:
            process.kill()
