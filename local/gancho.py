"""The local stack and the checks: `python3 local/gancho.py up|down|test|test-sam-local|faults|bench|soak|rehearse|keep-rows|invoke|build|lint|sbom`. The Makefile calls it."""

import argparse
import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from stack import ports, tools  # noqa: E402
from stack.places import RUN  # noqa: E402
from stack.progress import Failed, give_up  # noqa: E402


def main() -> int:
    """Does one command; its exit code."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if arguments.command != "down":
            if arguments.command == "up":
                for port in ports.chosen():
                    ports.refuse_taken(RUN, port)
            tools.ensure()
            tools.enter_cloud_tools()
        return _do(arguments)
    except Failed as failure:
        return give_up(failure)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def _do(arguments: argparse.Namespace) -> int:
    # Imported late: most of them need what `tools` installs.
    match arguments.command:
        case "up":
            from commands.up import up

            return up()
        case "down":
            from commands.down import down

            return down()
        case "test":
            from commands.test import test

            return test(arguments.name, keep=arguments.keep)
        case "faults":
            from commands.faults import faults

            return faults(arguments.name)
        case "bench":
            from commands.bench import Load, bench

            return bench(Load(arguments.rate, arguments.seconds, arguments.seed, arguments.profile), arguments.only)
        case "soak":
            from commands.soak import soak

            return soak(arguments.minutes, arguments.rate, arguments.seed)
        case "rehearse":
            from commands.rehearse import rehearse

            return rehearse(arguments.ref)
        case "keep-rows":
            from commands.keep_rows import keep_rows

            return keep_rows(arguments.name, Path(arguments.stack))
        case "test-sam-local":
            from commands.sam_local import test as test_sam_local

            return test_sam_local()
        case "invoke":
            from commands.invoke import invoke

            return invoke(arguments.function, Path(arguments.event))
        case "build":
            from stack.build import functions

            functions()
            return 0
        case "lint":
            from commands.lint import lint

            return lint()
        case "sbom":
            from commands.sbom import sbom

            return sbom()
    raise AssertionError(arguments.command)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="build, start, deploy, play the demonstration")
    commands.add_parser("test-sam-local", help="every function in a container, by sam local invoke")
    commands.add_parser("down", help="stop what runs")
    commands.add_parser("build", help="build the functions for this machine")
    commands.add_parser("lint", help="formatting, lints, documentation, template, dependencies")
    commands.add_parser("sbom", help="the bill of materials of what is deployed")
    test = commands.add_parser("test", help="all tests against a local stack of their own")
    test.add_argument("name", nargs="?", help="only tests whose name contains this")
    test.add_argument("--keep", action="store_true", help="leave the stack up, and use one that was left up")
    faults = commands.add_parser("faults", help="what may strike a stack at work, on a local stack of its own")
    faults.add_argument("name", nargs="?", help="only trials whose name contains this")
    bench = commands.add_parser("bench", help="what is measured of it, on this machine")
    bench.add_argument("--only", help="one part of it: outbound, scale, receive, deliver, timing, cost")
    bench.add_argument("--profile", choices=("release", "quick"), default="quick", help="how functions measured by themselves are compiled")
    bench.add_argument("--rate", type=float, default=17.0, help="webhooks a second that are asked for")
    bench.add_argument("--seconds", type=float, default=60.0, help="for so long, in each run")
    bench.add_argument("--seed", type=int, default=1, help="of the chance by which answers fail")
    soak = commands.add_parser("soak", help="traffic with faults everywhere, counted, against a local stack of its own")
    soak.add_argument("--minutes", type=float, default=30.0)
    soak.add_argument("--rate", type=float, default=4.0, help="things that happen in a second")
    soak.add_argument("--seed", type=int, default=1, help="of what happens and what goes wrong")
    rehearse = commands.add_parser("rehearse", help="a deployment and its rollback, under traffic, on a local stack of its own")
    rehearse.add_argument("ref", nargs="?", help="the version before; the commit before the last merge or commit, if not given")
    keep = commands.add_parser("keep-rows", help="keep rows of a stack for the versions to come")
    keep.add_argument("name", help="the day, such as 2026-12-01")
    keep.add_argument("--stack", default=str(RUN.stack_file), help="the stack file")
    invoke = commands.add_parser("invoke", help="one function with one recorded event")
    invoke.add_argument("function")
    invoke.add_argument("event")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
