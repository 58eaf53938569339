"""`make faults`: what may strike a stack at work, on a local stack of its own whose cloud keeps its state (tests/faults)."""

import shutil
import subprocess

from commands import up
from stack import build, ports, servers
from stack.environment import compiling, environment
from stack.places import FAULTS, ROOT, shown
from stack.progress import step


def faults(name: str | None) -> int:
    """Runs all trials, one after the other, or those whose name contains `name`."""
    servers.stop_all(FAULTS)
    # What a run before this one has left would be taken for this one's.
    shutil.rmtree(FAULTS.home, ignore_errors=True)
    try:
        stack = up.start(FAULTS, *(ports.free_port() for _ in range(3)), testing=True)
        argv = ["cargo", "test", "--package", "gancho-tests", "--test", "faults", "--target", build.triple()]
        told = ["--include-ignored", "--nocapture", "--test-threads", "1", *([name] if name else [])]
        env = environment(stack["endpoint_url"], **compiling(), GANCHO_STACK=str(FAULTS.stack_file))
        with step(f"Running the trials (logs of the functions' cloud: {shown(FAULTS.logs)})"):
            return subprocess.run([*argv, "--", *told], cwd=ROOT, env=env, check=False).returncode
    finally:
        servers.stop_all(FAULTS)
