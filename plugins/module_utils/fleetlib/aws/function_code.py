"""The code of functions: that of the newest upload, and that of the version which callers run (an alias)."""

from __future__ import annotations

from typing import Any

LATEST = "$LATEST"


def sha256(functions: Any, function: str, qualifier: str = LATEST) -> str:
    """lambda:GetFunctionConfiguration: the hash of the code (base64)."""
    found: str = functions.get_function_configuration(FunctionName=function, Qualifier=qualifier)[
        "CodeSha256"
    ]
    return found


def upload(functions: Any, function: str, **code: Any) -> str:
    """lambda:UpdateFunctionCode, to its end: the hash of the code. ``code`` as that call takes it."""
    functions.update_function_code(FunctionName=function, **code)
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    return sha256(functions, function)


def put_live(functions: Any, function: str, alias: str) -> str:
    """lambda:UpdateAlias to the version that has the newest upload's code; its number.

    One that there is already (lambda:ListVersionsByFunction), or a new one (lambda:PublishVersion).
    """
    wanted = sha256(functions, function)
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    there = [one for page in pages for one in page["Versions"] if one["Version"] != LATEST]
    alike = [one["Version"] for one in there if one["CodeSha256"] == wanted]
    version: str = alike[-1] if alike else functions.publish_version(FunctionName=function)["Version"]
    functions.update_alias(FunctionName=function, Name=alias, FunctionVersion=version)
    return version
