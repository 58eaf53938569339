"""`make test`: every test of the workspace, against a local stack of its own on free ports."""

import re
import subprocess
import time
from collections import Counter
from pathlib import Path

from commands import up
from stack import build, ports, receivers, servers, tools
from stack.environment import compiling, environment
from stack.places import ROOT, TEST, shown
from stack.progress import step

RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
COUNTS = ("passed", "failed", "ignored")
# The tester that holds the API against its own description.
SCHEMATHESIS = "schemathesis"


def test(name: str | None, *, keep: bool = False) -> int:
    """Runs all tests, or those whose name contains `name`. With `keep`, the stack of an earlier run is used if it is up
    still, and this one's stays up."""
    started = time.monotonic()
    if not keep:
        servers.stop_all(TEST)
    try:
        libraries = receivers.ensure()
        tools.ensure((SCHEMATHESIS,))
        stack = up.start(TEST, *_ports(), testing=True)
        with step(f"Running the tests (logs of the functions' cloud: {shown(TEST.logs)})"):
            code, counts, binaries = _cargo_test(stack["endpoint_url"], libraries, name)
    finally:
        if not keep:
            servers.stop_all(TEST)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    told = ", ".join(f"{counts[what]} {what}" for what in COUNTS)
    print(f"make test: {told} in {binaries} test binaries, {minutes} min {seconds} s")
    return code


def _ports() -> tuple[int, int]:
    """Those of the servers that run already, else free ones."""
    known = (servers.remembered(TEST, name) for name in ("local-cloud", "sandbox"))
    cloud, sandbox = (int(str(server["port"])) if server else ports.free_port() for server in known)
    return cloud, sandbox


def _cargo_test(endpoint: str, libraries: Path, name: str | None) -> tuple[int, Counter[str], int]:
    argv = ["cargo", "test", "--workspace", "--no-fail-fast", "--target", build.triple(), *([name] if name else [])]
    # Flows wait more than they work, so there are many at a time, whatever this machine has.
    settings = {"RUST_TEST_THREADS": "12", "INSTA_UPDATE": "no"}
    told = {"GANCHO_STACK": str(TEST.stack_file), "GANCHO_RECEIVERS": str(libraries)}
    told["GANCHO_SCHEMATHESIS"] = str(tools.python_of(SCHEMATHESIS))
    env = environment(endpoint, **compiling(), **settings, **told)
    counts: Counter[str] = Counter()
    binaries = 0
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, errors="replace") as child:
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end="", flush=True)
            if found := RESULT.match(line):
                binaries += 1
                counts.update(dict(zip(COUNTS, map(int, found.groups()), strict=True)))
    return child.returncode, counts, binaries
