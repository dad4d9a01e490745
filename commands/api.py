"""The API as an operator's command meets it: a deployment's own, or that of `make run`."""

import os
import time
from http import HTTPStatus
from typing import Any, Self

import httpx

from local import cast, deploy, running
from local.failures import LocalFailure, UnexpectedAnswer

TRIES = 5
"""Of a call that is answered 429 or 503: each may be sent again."""
PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
PAUSE_SECONDS = 1.0
REQUEST_SECONDS = 40.0
"""Longer than API Gateway waits for a function."""


class NoDeployment(LocalFailure):
    def __init__(self) -> None:
        super().__init__(
            "没有可用的部署: 未设置 API_URL 和 ACCESS_TOKEN, 本机也没有运行。"
            " No deployment: API_URL and ACCESS_TOKEN are not set, and nothing runs here.",
            next_step="set both for a real deployment, or run `make run` in another terminal.",
        )


class OneWithoutTheOther(LocalFailure):
    def __init__(self) -> None:
        super().__init__(
            "API_URL 和 ACCESS_TOKEN 须同时设置。 API_URL and ACCESS_TOKEN go together.",
            next_step="set both, or neither for the stack of `make run`.",
        )


class TokenRefused(LocalFailure):
    def __init__(self, status: int) -> None:
        super().__init__(
            f"令牌被拒绝 ({status})。 The token was refused: expired, or not an operator's.",
            next_step="sign in as an operator again and set ACCESS_TOKEN to the new access token.",
        )


class Api:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    @classmethod
    def of_environment(cls) -> Self:
        """Raises NoDeployment, OneWithoutTheOther."""
        url, token = os.environ.get("API_URL", ""), os.environ.get("ACCESS_TOKEN", "")
        if bool(url) != bool(token):
            raise OneWithoutTheOther
        if not url:
            url, token = _of_this_machine()
        headers = {"Authorization": f"Bearer {token}"}
        return cls(httpx.Client(base_url=url, headers=headers, timeout=REQUEST_SECONDS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the call answers.

        Raises:
            TokenRefused: 401 or 403.
            UnexpectedAnswer: no success, after a few tries of what may pass by itself.
        """
        for attempt in range(TRIES):
            answer = self._client.request(method, path, json=body)
            if answer.status_code not in PASSING:
                break
            time.sleep(PAUSE_SECONDS * attempt)
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise TokenRefused(answer.status_code)
        if not answer.is_success:
            raise UnexpectedAnswer(
                f"{method} {path} → {answer.status_code} {_said(answer)}",
                next_step="look up its `code` in docs/errors.md; running this again is harmless.",
            )
        content: dict[str, Any] = answer.json()
        return content


def _said(answer: httpx.Response) -> str:
    """A problem's code and title; whatever else was said, as it is."""
    if answer.headers.get("content-type") != "application/problem+json":
        return answer.text[:400]
    problem = answer.json()
    return f"{problem['code']}: {problem['title_zh']} {problem['title']}"


def _of_this_machine() -> tuple[str, str]:
    try:
        endpoint = running.endpoint()
    except running.NothingRuns:
        raise NoDeployment from None
    outputs = deploy.outputs(endpoint)
    return outputs.api_url, cast.operator_token(endpoint, outputs)
