"""`make soak`: mixed traffic with faults everywhere, counted at both ends, against a local stack of its own (tests/soak)."""

import json
import subprocess

from commands import up
from stack import build, ports, servers
from stack.environment import environment
from stack.places import ROOT, SOAK, shown
from stack.progress import step


def soak(minutes: float, rate: float, seed: int) -> int:
    """Runs for so long; 1 if anything was lost, or came twice under two names."""
    servers.stop_all(SOAK)
    try:
        run = build.binary("soak", SOAK)
        stack = up.start(SOAK, *(ports.free_port() for _ in range(3)))
        settings = json.dumps({"minutes": minutes, "rate": rate, "seed": seed})
        env = environment(stack["endpoint_url"], GANCHO_STACK=str(SOAK.stack_file), GANCHO_SOAK=settings)
        with step(f"Soaking for {minutes:g} minutes (logs of the functions' cloud: {shown(SOAK.logs)})"):
            return subprocess.run([run], cwd=ROOT, env=env, check=False).returncode
    finally:
        servers.stop_all(SOAK)
