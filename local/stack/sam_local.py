"""The functions in containers, by `sam local invoke`, with the tables and queues of a local stack."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stack import containers
from stack.build import architecture
from stack.deploy import FUNCTIONS, client
from stack.environment import environment
from stack.places import ROOT, Site


@dataclass(frozen=True)
class SamLocal:
    """Functions ready to be invoked. `home` holds the template SAM is given, and the event; `endpoint` is the local cloud
    as a container finds it: what this process calls it would win over the template."""

    home: Path
    endpoint: str

    def invoke(self, function: str, payload: Any) -> "subprocess.CompletedProcess[str]":
        """The function's answer is what is printed; its log goes to the other channel."""
        event = self.home / "event.json"
        event.write_text(json.dumps(payload))
        argv = ["sam", "local", "invoke", _logical(function), "--template", str(self.home / "template.yaml"), "--event", str(event)]
        image = ["--invoke-image", containers.IMAGE, "--skip-pull-image"]
        return subprocess.run(
            [*argv, *image], cwd=ROOT, env=environment(self.endpoint), capture_output=True, text=True, errors="replace", check=False
        )


@contextlib.contextmanager
def prepared(site: Site, stack: dict[str, Any]) -> Iterator[SamLocal]:
    """What was built for this site, in an image that it starts in, with the local cloud in reach. The sandbox is not:
    functions take plain HTTP from the loopback only, and there the loopback is the container's own."""
    home = site.home / "sam-local"
    home.mkdir(parents=True, exist_ok=True)
    containers.make_image(site.built / _logical(function) / "bootstrap" for function in FUNCTIONS)
    address = containers.gateway()
    endpoint = stack["endpoint_url"].replace("127.0.0.1", address)
    template = yaml.safe_load((site.built / "template.yaml").read_text())
    functions = client("lambda", stack["endpoint_url"])
    for function in FUNCTIONS:
        deployed = functions.get_function_configuration(FunctionName=stack["functions"][function])
        # `sam local invoke` hands on only variables that the template names.
        told = {**deployed["Environment"]["Variables"], "AWS_ENDPOINT_URL": endpoint}
        properties = template["Resources"][_logical(function)]["Properties"]
        properties["CodeUri"] = str(site.built / _logical(function))
        properties["Architectures"] = [architecture()]
        properties["Environment"] = {"Variables": told}
    (home / "template.yaml").write_text(yaml.safe_dump(template))
    with containers.reachable(address, stack["ports"]["cloud"]):
        yield SamLocal(home, endpoint)


def failed(answer: str) -> bool:
    """Whether what a function answered is an error of its own or of its runtime's."""
    try:
        told = json.loads(answer)
    except ValueError:
        return True
    return isinstance(told, dict) and "errorType" in told


def _logical(function: str) -> str:
    return f"{function.title()}Function"
