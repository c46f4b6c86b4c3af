"""Debian's Postfix, started from the configuration files of the compose file, in folders of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.front import DEPLOY, DOMAIN, Postfix, free_port, listens
from tests.harness import wait_for


@pytest.fixture
def lmtp_port() -> int:
    """Where cgbot, or what stands in for it, will listen."""
    return free_port()


@pytest.fixture
def postfix(lmtp_port: int) -> Iterator[Postfix]:
    """Run the start script of the compose file; its daemons need root to become the user postfix."""
    if os.geteuid() != 0:
        pytest.skip("Postfix starts as root only")
    assert shutil.which("postfix"), "Debian's package postfix is missing: make packages"
    # The user postfix must get through to the queue, and not through pytest's own folders.
    folder = Path(tempfile.mkdtemp(prefix="cgbot-"))
    folder.chmod(0o755)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "CGBOT_DOMAIN": DOMAIN,
        "CGBOT_LMTP": f"inet:127.0.0.1:{lmtp_port}",
        "CGBOT_ADDRESS": "127.0.0.2/32",
        "LISTEN": "127.0.0.1",
        "PORT": str(port),
        "CONFIG": str(folder / "etc"),
        "SPOOL": str(folder / "queue"),
        "DATA": str(folder / "data"),
    }
    log = folder / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [DEPLOY / "postfix/start"], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_for(lambda: listens(port) or running.poll() is not None)
        assert running.poll() is None, log.read_text()
        yield Postfix(port, folder / "etc", log)
    finally:
        subprocess.run(["postfix", "-c", folder / "etc", "stop"], check=False, capture_output=True)
        stop(running)
        shutil.rmtree(folder)


def stop(running: subprocess.Popen[bytes]) -> None:
    try:
        running.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(10)
