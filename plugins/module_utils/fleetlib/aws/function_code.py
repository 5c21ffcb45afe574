"""The code that functions run."""

from __future__ import annotations

from typing import Any


def sha256(functions: Any, function: str) -> str:
    """lambda:GetFunctionConfiguration: the hash of the code that runs (base64)."""
    found: str = functions.get_function_configuration(FunctionName=function)["CodeSha256"]
    return found


def bring(functions: Any, function: str, bucket: str, key: str) -> str:
    """lambda:UpdateFunctionCode from an object; the hash of the code that runs then."""
    functions.update_function_code(FunctionName=function, S3Bucket=bucket, S3Key=key)
    return settled(functions, function)


def replace(functions: Any, function: str, zipped: bytes) -> str:
    """lambda:UpdateFunctionCode from bytes; the hash of the code that runs then."""
    functions.update_function_code(FunctionName=function, ZipFile=zipped)
    return settled(functions, function)


def settled(functions: Any, function: str) -> str:
    """Wait until an update is done; the hash of the code that runs then."""
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    return sha256(functions, function)
