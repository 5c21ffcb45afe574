"""A host that is reached over SSH: OpenSSH's sshd on this machine, on a free port, with keys of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fleetlib import local_cloud

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MISSING = "sshd is not installed (Debian: openssh-server): no station can be reached over SSH"
START_SECONDS = 20.0
_CONFIG = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowUsers {user}
Subsystem sftp internal-sftp
"""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[dict[str, Any]]:
    """Variables of a host that Ansible reaches through this sshd; only who runs the tests gets in."""
    assert SSHD is not None
    folder.mkdir(mode=0o700)
    (port,) = local_cloud.free_ports(1)
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],
            check=True,
        )
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder, user=getpass.getuser()))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # a root's sshd demands it; a service has it made
    with (folder / "log").open("wb") as log:
        # Connections get processes of their own, which outlive the listener: they end as one group.
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=log, start_new_session=True
        )
    try:
        _await(port, process, folder / "log")
        yield {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(folder / "user"),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={folder}/known -o IdentitiesOnly=yes",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def logins(folder: Path) -> int:
    """How often somebody was let in."""
    return (folder / "log").read_text().count("Accepted publickey")


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"sshd does not serve: {log.read_text()}")
