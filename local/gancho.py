"""The local stack and the checks: `python3 local/gancho.py up|down|test|test-sam-local|bench|invoke|build|lint|sbom`. The Makefile calls it."""

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
        case "bench":
            from commands.bench import Load, bench

            return bench(Load(arguments.rate, arguments.seconds, arguments.seed), arguments.only)
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
    bench = commands.add_parser("bench", help="what is measured of it, on this machine")
    bench.add_argument("--only", help="one part of it: outbound, timing, cost")
    bench.add_argument("--rate", type=float, default=17.0, help="webhooks a second that are asked for")
    bench.add_argument("--seconds", type=float, default=60.0, help="for so long, in each run")
    bench.add_argument("--seed", type=int, default=1, help="of the chance by which answers fail")
    invoke = commands.add_parser("invoke", help="one function with one recorded event")
    invoke.add_argument("function")
    invoke.add_argument("event")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
