"""The template as written, and as SAM makes CloudFormation of it."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml
from samtranslator.translator.transform import transform

ROOT = Path(__file__).parents[2]
REGION_VARIABLES = {"AWS_DEFAULT_REGION": "us-east-1"}

type Resource = dict[str, Any]


@cache
def written() -> dict[str, Any]:
    """`template.yaml`, its short forms (`!Ref`) spelled out."""
    document: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(ROOT / "template.yaml"))))
    return document


@cache
def processed() -> dict[str, Any]:
    """What CloudFormation gets: every role, permission and mapping that SAM generates."""
    return process(layer="s3://artifacts/layer")


def process(*, layer: str) -> dict[str, Any]:
    """The same, with the layer's code at a given address."""
    source = copy.deepcopy(written())
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://artifacts/code"
        if "ContentUri" in properties:
            properties["ContentUri"] = layer
    parameters = {name: str(each["Default"]) for name, each in source["Parameters"].items()}
    translated: dict[str, Any] = transform(source, parameters, _NoManagedPolicies())
    return translated


def of_type(kind: str, resources: dict[str, Resource]) -> dict[str, Resource]:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def functions() -> dict[str, Resource]:
    """The functions as written, by logical id."""
    return of_type("AWS::Serverless::Function", written()["Resources"])


def folder_of(function: Resource) -> str:
    uri: str = function["Properties"]["CodeUri"]
    return uri.removeprefix("functions/")


class _NoManagedPolicies:
    """SAM asks for AWS's managed policies by name; the template names none."""

    @staticmethod
    def load() -> dict[str, str]:
        return {}
