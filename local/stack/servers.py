"""Starting, recognising and stopping the servers of a site.

A server is ours if its environment carries the site's mark: a pid alone may belong to somebody else by now, and a pid
file may be lost. Servers outlive the command that started them."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stack import ports
from stack.environment import marked
from stack.places import ROOT, Site, shown
from stack.progress import Failed, say

STOP_PATIENCE_S = 8.0


@dataclass(frozen=True)
class Server:
    """What is to run, and how to tell that it does."""

    name: str
    site: Site
    argv: list[str]
    port: int
    health: str
    env: dict[str, str] = field(repr=False)
    build: str = ""
    start_patience_s: float = 60.0

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.site.logs / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """What is remembered of the running one."""
        return self.site.home / f"{self.name}.pid"


def ensure(server: Server) -> bool:
    """Leaves the running one alone if it is well and the same, else starts it. Whether it was started."""
    known = remembered(server.site, server.name)
    same = known and known["port"] == server.port and known["build"] == server.build
    if known and same and healthy(server):
        say(f"{server.name} runs already on 127.0.0.1:{server.port}")
        return False
    if known:
        stop(server.site, server.name)
    _free_port(server)
    _start(server)
    return True


def healthy(server: Server) -> bool:
    """Whether it answers."""
    with contextlib.suppress(OSError):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{server.port}{server.health}", timeout=3) as answer:
            return bool(answer.status == 200)
    return False


def remembered(site: Site, name: str) -> dict[str, object] | None:
    """What runs under that name, or nothing if the process is gone or no longer ours."""
    try:
        known = json.loads((site.home / f"{name}.pid").read_text())
    except (OSError, ValueError):
        return None
    return known if ports.site_of(known["pid"]) == str(site.home) else None


def stop(site: Site, name: str) -> bool:
    """Stops one server with its children. Whether there was one."""
    known = remembered(site, name)
    (site.home / f"{name}.pid").unlink(missing_ok=True)
    if known is None:
        return False
    _end([int(str(known["pid"]))], site)
    return True


def stop_all(site: Site) -> int:
    """Stops every process of the site, remembered or orphaned; how many there were."""
    for pid_file in site.home.glob("*.pid"):
        stop(site, pid_file.stem)
    orphans = [pid for pid in ports.processes() if ports.site_of(pid) == str(site.home) and pid != os.getpid()]
    _end(orphans, site)
    return len(orphans)


def _start(server: Server) -> None:
    server.site.logs.mkdir(parents=True, exist_ok=True)
    with server.log.open("wb") as out:
        child = subprocess.Popen(
            server.argv,
            cwd=ROOT,
            env={**server.env, **marked(server.site)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server.pid_file.write_text(json.dumps({"pid": child.pid, "port": server.port, "build": server.build}))
    deadline = time.monotonic() + server.start_patience_s
    _until(lambda: healthy(server) or child.poll() is not None, deadline)
    if child.poll() is not None:
        raise Failed(f"{server.name} ended with {child.returncode} instead of starting", look=server.log)
    if not healthy(server):
        raise Failed(
            f"{server.name} does not answer on port {server.port} after {server.start_patience_s:.0f} s",
            look=server.log,
            do="make down, then try again",
        )
    say(f"{server.name} answers on 127.0.0.1:{server.port} (log: {shown(server.log)})")


def _free_port(server: Server) -> None:
    if ports.is_free(server.port):
        return
    holder = ports.holder_of(server.port)
    if holder is not None and holder.site == str(server.site.home):
        say(f"stopping a {server.name} that an earlier run left behind (process {holder.pid})")
        _end([holder.pid], server.site)
        return
    ports.refuse_taken(server.site, server.port)


def _end(pids: list[int], site: Site) -> None:
    """Ends the processes and whatever else of the site runs in their groups, gently at first."""
    found = (_group(pid) for pid in pids if ports.site_of(pid) == str(site.home))
    groups = {group for group in found if group is not None and group != os.getpgrp()}
    for order in (signal.SIGTERM, signal.SIGKILL):
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, order)
        if _until(lambda: not _members(groups, site), time.monotonic() + STOP_PATIENCE_S):
            return


def _members(groups: set[int], site: Site) -> list[int]:
    # A zombie has no environment, so one that nobody collects does not count.
    return [pid for pid in ports.processes() if ports.site_of(pid) == str(site.home) and _group(pid) in groups]


def _group(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        return os.getpgid(pid)
    return None


def _until(true: Callable[[], bool], deadline: float) -> bool:
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
