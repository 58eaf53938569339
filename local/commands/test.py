"""`make test`: every test of the workspace, against a local stack of its own on free ports."""

import re
import subprocess
import time
from collections import Counter

from commands import up
from stack import build, ports, servers
from stack.environment import compiling, environment
from stack.places import ROOT, TEST, shown
from stack.progress import step

RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
COUNTS = ("passed", "failed", "ignored")


def test(name: str | None) -> int:
    """Runs all tests, or those whose name contains `name`."""
    started = time.monotonic()
    servers.stop_all(TEST)
    try:
        stack = up.start(TEST, ports.free_port(), ports.free_port(), testing=True)
        with step(f"Running the tests (logs of the functions' cloud: {shown(TEST.logs)})"):
            code, counts, binaries = _cargo_test(stack["endpoint_url"], name)
    finally:
        servers.stop_all(TEST)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    told = ", ".join(f"{counts[what]} {what}" for what in COUNTS)
    print(f"make test: {told} in {binaries} test binaries, {minutes} min {seconds} s")
    return code


def _cargo_test(endpoint: str, name: str | None) -> tuple[int, Counter[str], int]:
    argv = ["cargo", "test", "--workspace", "--no-fail-fast", "--target", build.triple(), *([name] if name else [])]
    env = environment(endpoint, **compiling(), GANCHO_STACK=str(TEST.stack_file), INSTA_UPDATE="no")
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
