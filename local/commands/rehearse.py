"""`make rehearse`: the working tree is deployed over the version before it, and taken back, under traffic, on a local stack
of its own (docs/operations.md, "Rehearsal")."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from commands import up
from stack import build, deploy, ports, servers
from stack.environment import environment
from stack.places import REHEARSAL, ROOT, shown
from stack.progress import Failed, say, step

# What is deployed is made of these.
DEPLOYED = ("functions", "shared", "schemas", "template.yaml", "Cargo.lock", "Cargo.toml")
BEFORE = replace(REHEARSAL, before=True)


class Traffic:
    """The run that has traffic go on, and does what it is told between deployments."""

    def __init__(self, binary: Path, stack: dict[str, Any]) -> None:
        env = environment(stack["endpoint_url"], GANCHO_STACK=str(REHEARSAL.stack_file))
        self.run = subprocess.Popen([binary], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def told(self, order: str) -> None:
        """Has it do something, and waits until it has."""
        assert self.run.stdin is not None and self.run.stdout is not None
        self.run.stdin.write(f"{order}\n")
        self.run.stdin.flush()
        if (answer := self.run.stdout.readline().strip()) != "done":
            raise Failed(f"the traffic broke off at `{order}`: {answer}")

    def end(self) -> int:
        """Ends it; 1 if anything was lost, or came twice under two names."""
        told, _ = self.run.communicate("end\n")
        print(told, end="", flush=True)
        return self.run.returncode


def rehearse(ref: str | None) -> int:
    """The version before, the new one over it, and back, both ways there are."""
    servers.stop_all(REHEARSAL)
    commit = _commit(ref)
    tree = _tree(commit)
    try:
        binary = build.binary("rehearsal", REHEARSAL)
        used = [ports.free_port() for _ in range(3)]
        say(f"the version before is {commit}")
        stack = up.start(BEFORE, *used, testing=True, built=lambda site: build.functions_of(site, tree))
        with build.artefacts_locked():
            build.functions(REHEARSAL)
        traffic = Traffic(binary, stack)
        try:
            _play(traffic, stack, used)
            with step("Waiting until all is at rest, and counting"):
                return traffic.end()
        finally:
            traffic.run.kill()
    finally:
        servers.stop_all(REHEARSAL)


def _play(traffic: Traffic, stack: dict[str, Any], used: list[int]) -> None:
    aws = deploy.client("lambda", stack["endpoint_url"])
    names = list(stack["functions"].values())

    def versions() -> dict[str, str]:
        return {name: aws.get_alias(FunctionName=name, Name="live")["FunctionVersion"] for name in names}

    def point(to: dict[str, str]) -> None:
        for name, version in to.items():
            aws.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def put(site: Any) -> None:
        deploy.deploy(site, *used, fresh=False, testing=True)

    traffic.told("takes 30")
    old = versions()
    with step("The new version over the one before, with rows and bells waiting that the one before has written"):
        traffic.told("hold")
        traffic.told("takes 20")
        put(REHEARSAL)
        traffic.told("let-go")
        traffic.told("takes 30")
    new = versions()
    if changed := [name for name in names if old[name] == new[name]]:
        say(f"unchanged between the two: {', '.join(changed)}")
    with step("Back by the aliases, with rows and bells waiting that the new version has written"):
        traffic.told("hold")
        traffic.told("takes 20")
        point(old)
        traffic.told("let-go")
        traffic.told("takes 30")
    with step("Forward again by the aliases"):
        point(new)
        traffic.told("takes 30")
    with step("Back by an update of the stack, with rows and bells waiting that the new version has written"):
        traffic.told("hold")
        traffic.told("takes 20")
        put(BEFORE)
        traffic.told("let-go")
        traffic.told("takes 30")
    with step("The new version over it once more"):
        put(REHEARSAL)
        traffic.told("takes 30")


def _commit(ref: str | None) -> str:
    """The version before: the one named; else the last commit, where what is deployed has changed since; else the one
    before the last that changed it."""
    if ref is None:
        touched = _git("status", "--porcelain", "--", *DEPLOYED)
        last = _git("log", "-1", "--first-parent", "--format=%H", "--", *DEPLOYED)
        ref = "HEAD" if touched else f"{last}^1"
    return _git("rev-parse", "--verify", f"{ref}^{{commit}}")


def _tree(commit: str) -> Path:
    """Its files, in a folder of their own."""
    tree = REHEARSAL.home / "before"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    archive = tree.with_suffix(".tar")
    with step(f"Taking {commit[:10]} out into {shown(tree)}"):
        _git("archive", "--format=tar", f"--output={archive}", commit)
        shutil.unpack_archive(archive, tree, filter="data")
        archive.unlink()
    return tree


def _git(*argv: str) -> str:
    done = subprocess.run(["git", *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"`git {' '.join(argv[:2])}` does not work: {done.stderr.strip()}")
    return done.stdout.strip()
