"""`make run`: the whole stack on this machine, left running, and one recorded lead played through it."""

import os
import shutil
import subprocess
import sys
from typing import Any

from stack import build, deploy, ports, servers, servers_of
from stack.environment import environment
from stack.places import ROOT, RUN, Site
from stack.progress import Failed, step


def up() -> int:
    """Sets up, builds, starts, deploys, plays."""
    cloud_port, sandbox_port = _port("GANCHO_PORT", 4566), _port("GANCHO_SANDBOX_PORT", 4600)
    start(RUN, cloud_port, sandbox_port, testing=False)
    played = subprocess.run([sys.executable, str(ROOT / "local" / "play.py")], cwd=ROOT, env=environment(), check=False)
    return played.returncode


def start(site: Site, cloud_port: int, sandbox_port: int, *, testing: bool) -> dict[str, Any]:
    """Brings a site up; what its stack file says."""
    for port in (cloud_port, sandbox_port):
        _refuse_taken(site, port)
    with build.artefacts_locked():
        binary = build.sandbox()
        build.functions()
        cloud = servers_of.local_cloud(site, cloud_port)
        with step("Starting the local cloud and the sandbox"):
            if not servers.remembered(site, cloud.name):
                shutil.rmtree(site.scratch, ignore_errors=True)
            site.scratch.mkdir(parents=True, exist_ok=True)
            fresh = servers.ensure(cloud)
            servers.ensure(servers_of.sandbox(site, sandbox_port, binary))
        return deploy.deploy(site, cloud_port, sandbox_port, fresh=fresh, testing=testing)


def _refuse_taken(site: Site, port: int) -> None:
    """Says so before minutes are spent on building."""
    holder = ports.holder_of(port)
    if holder is None and ports.is_free(port):
        return
    if holder is None:
        raise Failed(f"port {port} is taken by a process this user cannot see", do="stop it, then try again")
    if holder.site == str(site.home):
        return
    if holder.site is not None:
        raise Failed(f"port {port} belongs to the local stack under {holder.site}", do="run `make down` there")
    raise Failed(f"port {port} is taken by process {holder.pid} ({holder.command})", do=f"stop it (kill {holder.pid}), then try again")


def _port(name: str, default: int) -> int:
    given = os.environ.get(name, str(default))
    if not given.isdigit() or not 0 < int(given) < 65536:
        raise Failed(f"{name} is not a port: {given}")
    return int(given)
