"""`make run`: the whole stack on this machine, left running, and one recorded lead played through it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from stack import build, deploy, ports, servers, servers_of
from stack.environment import environment
from stack.places import ROOT, RUN, Site
from stack.progress import step
from stack.servers_of import OWN_RECEIVER_PORT


def up() -> int:
    """Sets up, builds, starts, deploys, plays."""
    start(RUN, *ports.chosen())
    played = subprocess.run([sys.executable, str(ROOT / "local" / "play.py")], cwd=ROOT, env=environment(), check=False)
    return played.returncode


def start(
    site: Site,
    cloud_port: int,
    sandbox_port: int,
    receiver_port: int = OWN_RECEIVER_PORT,
    *,
    testing: bool = False,
    built: Callable[[Site], None] = build.functions,
) -> dict[str, Any]:
    """Brings a site up, with the functions that `built` builds; what its stack file says."""
    with build.artefacts_locked():
        binary = build.binary("sandbox", site)
        built(site)
        cloud = servers_of.local_cloud(site, cloud_port)
        with step("Starting the local cloud and the sandbox"):
            if not servers.remembered(site, cloud.name):
                shutil.rmtree(site.scratch, ignore_errors=True)
            site.scratch.mkdir(parents=True, exist_ok=True)
            fresh = servers.ensure(cloud)
            servers.ensure(servers_of.sandbox(site, sandbox_port, binary))
        return deploy.deploy(site, cloud_port, sandbox_port, receiver_port, fresh=fresh, testing=testing)
