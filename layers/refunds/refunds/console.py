"""The console's build as HTTP answers: cached by hash, compressed, allowed to load only itself."""

import json
import mimetypes
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from aws_lambda_powertools.event_handler import Response

from refunds.currencies import HUNDREDTH, MINOR_DIGITS
from refunds.errors import ConsoleNotBuilt, RouteNotFound
from refunds.settings import ConsoleSettings

ROOT = "/console"
CONFIG = f"{ROOT}/config.json"
INDEX = f"{ROOT}/index.html"
BASE = b'<base href="./"'
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""The content codings that the build holds ready, the smaller first, with the suffix of each."""
UNCHANGING = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


@dataclass(frozen=True, slots=True)
class File:
    """One file of the build, in each coding that there is of it; the empty coding is the plain."""

    content_type: str
    cache_control: str
    bodies: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Site:
    """All files by path: an address that names none of them reaches nothing on the disk."""

    files: Mapping[str, File]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, *, settings: ConsoleSettings) -> Self:
        suffixes = tuple(ENCODINGS.values())
        files = {
            f"{ROOT}/{path.relative_to(folder).as_posix()}": _file(path, folder)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix not in suffixes
        }
        config = json.dumps(_config(settings)).encode()
        files[CONFIG] = File("application/json", ASK_AGAIN, {"": config})
        return cls(files, _headers(settings))

    def answer(self, path: str, headers: Mapping[str, str]) -> Response[str]:
        """The file; or the page, for an address within the application.

        Raises:
            ConsoleNotBuilt: there is no page.
            RouteNotFound: the address is neither.
        """
        if INDEX not in self.files and path != CONFIG:
            raise ConsoleNotBuilt
        file = self.files.get(path)
        if file is None or path == INDEX:
            file = _page_at(path, self.files[INDEX])
        coding = _best_coding(headers.get("accept-encoding", ""), file.bodies)
        body = file.bodies[coding]
        etag = f'"{urlsafe_b64encode(sha256(body).digest()[:18]).decode()}"'
        sent = {
            **self.headers,
            "ETag": etag,
            "Cache-Control": file.cache_control,
            "Vary": "Accept-Encoding",
        }
        if _knows(headers.get("if-none-match", ""), etag):
            return Response(HTTPStatus.NOT_MODIFIED, headers=sent, body="")
        if coding:
            sent["Content-Encoding"] = coding
        return _binary(file.content_type, sent, body)


def _binary(content_type: str, headers: dict[str, str], body: bytes) -> Response[str]:
    """Bytes travel to API Gateway in base64, as the text that the answer's type then is."""
    text = b64encode(body).decode("ascii")
    answer = Response(HTTPStatus.OK, content_type=content_type, headers=headers, body=text)
    answer.base64_encoded = True
    return answer


def _file(path: Path, folder: Path) -> File:
    coded = {coding: path.with_name(path.name + suffix) for coding, suffix in ENCODINGS.items()}
    bodies = {coding: each.read_bytes() for coding, each in coded.items() if each.exists()}
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(
        content_type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        cache_control=UNCHANGING if path.parent != folder else ASK_AGAIN,
        bodies={"": path.read_bytes(), **bodies},
    )


def _page_at(path: str, page: File) -> File:
    """The page, told how far above its address the console begins: nobody else knows the prefix.

    Raises:
        RouteNotFound: the last step looks like a file's name, or the path leaves the console.
    """
    steps = path.removeprefix(ROOT).split("/")[1:]
    if path != INDEX and any(not re.fullmatch(r"[\w%-]*", step) for step in steps):
        raise RouteNotFound
    above = "../" * (len(steps) - 1) if steps else f"{ROOT[1:]}/"
    body = page.bodies[""].replace(BASE, f'<base href="{above or "./"}"'.encode())
    return File(page.content_type, page.cache_control, {"": body})


def _best_coding(accepted: str, bodies: Mapping[str, bytes]) -> str:
    """The first of ours that the caller accepts; plain if none."""
    offers = [[part.strip() for part in offer.split(";")] for offer in accepted.lower().split(",")]
    refused = re.compile(r"q=0(\.0*)?")
    wanted = {name for name, *q in offers if not any(map(refused.fullmatch, q))}
    return next((coding for coding in ENCODINGS if coding in wanted and coding in bodies), "")


def _knows(if_none_match: str, etag: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in known or known == ["*"]


def _config(settings: ConsoleSettings) -> dict[str, Any]:
    """Without endpoints, the console asks the issuer's discovery document for them.

    Browsers know the digits of a minor unit by custom: a forint has none, and 2 in ISO 4217.
    """
    page = settings.sign_in_url
    return {
        "issuer": settings.issuer,
        "client_id": settings.client_id,
        "scope": settings.scopes,
        "authorization_endpoint": f"{page}/oauth2/authorize" if page else None,
        "token_endpoint": f"{page}/oauth2/token" if page else None,
        "end_session_endpoint": f"{page}/logout" if page else None,
        "minor_digits": {code: n for code, n in MINOR_DIGITS.items() if n != HUNDREDTH},
    }


def _headers(settings: ConsoleSettings) -> dict[str, str]:
    others = (_origin(settings.issuer), _origin(settings.sign_in_url), *settings.origins)
    allowed = " ".join(dict.fromkeys(["'self'", *filter(None, others)]))
    return {
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self'",
                f"connect-src {allowed}",
                "base-uri 'self'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""
