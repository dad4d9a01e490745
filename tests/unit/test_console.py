"""The console as a browser gets it: by hash, compressed, and from nowhere but its own origin."""

import gzip
import json
import re
from base64 import b64decode
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from functions.serve_console import app as serve_console
from refunds import console
from refunds.console import Site
from refunds.errors import ConsoleNotBuilt, RouteNotFound
from refunds.settings import ConsoleSettings
from tests.unit import api

SETTINGS = ConsoleSettings.from_env()
PAGE = '<!doctype html><base href="./" /><script src="./assets/index-1.js"></script>'
SCRIPT = "export {};\n" * 100
ASSET = "/console/assets/index-1.js"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content_type: str
    body: bytes


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A small build: a page, and a script in each coding."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    script = tmp_path / "assets/index-1.js"
    script.write_text(SCRIPT, encoding="utf-8")
    script.with_name("index-1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    script.with_name("index-1.js.br").write_bytes(b"as brotli")
    return Site.of(tmp_path, settings=SETTINGS)


def get(site: Site, path: str, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = site.answer(path, sent)
    assert answer.body is not None
    told = {name: str(value) for name, value in answer.headers.items()}
    return Answer(
        answer.status_code, told, told.get("Content-Type", ""), b64decode(answer.body.encode())
    )


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/console", "console/"),
        ("/console/", "./"),
        ("/console/merchant", "./"),
        ("/console/merchant/shop", "../"),
        ("/console/buyer/refunds/rf_1-a", "../../"),
    ],
)
def test_every_address_within_is_the_page_and_knows_where_the_console_begins(
    site: Site, path: str, base: str
) -> None:
    answer = get(site, path)
    assert answer.body.decode() == PAGE.replace("./", base, 1)
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/gone.js",
        "/console/../secrets",
        "/console/assets/../../app.py",
        "/console/..%2Fapp.py",
        "/console/assets/index-1.js.gz",
        "/console/a\\b",
    ],
)
def test_what_is_no_file_of_the_build_and_no_address_is_not_found(site: Site, path: str) -> None:
    with pytest.raises(RouteNotFound):
        site.answer(path, {})


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5, br;q=0", "gzip"),
        ("br;q=0.000", None),
        ("identity", None),
        ("", None),
    ],
)
def test_the_smallest_coding_that_the_browser_accepts_is_sent(
    site: Site, accepted: str, coding: str | None
) -> None:
    answer = get(site, ASSET, accept_encoding=accepted)
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    bodies = {"br": b"as brotli", None: SCRIPT.encode()}
    sent = gzip.decompress(answer.body) if coding == "gzip" else answer.body
    assert sent == bodies.get(coding, SCRIPT.encode())


def test_a_hashed_file_is_kept_for_ever(site: Site) -> None:
    answer = get(site, ASSET)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_what_the_browser_has_is_not_sent_again(site: Site, form: str) -> None:
    etag = get(site, ASSET).headers["ETag"]
    again = get(site, ASSET, if_none_match=form.format(etag))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == etag
    assert again.headers["Content-Security-Policy"]


def test_each_coding_and_each_depth_has_an_etag_of_its_own(site: Site) -> None:
    plain, coded = get(site, ASSET), get(site, ASSET, accept_encoding="br")
    near, far = get(site, "/console/a"), get(site, "/console/a/b")
    assert len({each.headers["ETag"] for each in (plain, coded, near, far)}) == 4
    assert get(site, ASSET, if_none_match='"another"').status == 200


def test_the_page_may_load_only_itself_and_call_only_the_api_and_the_identity_provider(
    site: Site,
) -> None:
    policy = get(site, "/console/").headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == "'self' https://issuer.example https://sign-in.example"
    assert "unsafe" not in policy


def test_a_provider_s_other_origins_may_be_called_too() -> None:
    own = replace(SETTINGS, sign_in_url="", origins=("https://tokens.example",))
    answer = Site.of(Path("/nowhere"), settings=own).answer(console.CONFIG, {})
    assert "connect-src 'self' https://issuer.example https://tokens.example;" in str(
        answer.headers["Content-Security-Policy"]
    )


def test_the_configuration_says_where_to_sign_in(site: Site) -> None:
    config = json.loads(get(site, console.CONFIG).body)
    del config["minor_digits"]
    assert config == {
        "issuer": "https://issuer.example/pool",
        "client_id": "people-client",
        "scope": "openid",
        "authorization_endpoint": "https://sign-in.example/oauth2/authorize",
        "token_endpoint": "https://sign-in.example/oauth2/token",
        "end_session_endpoint": "https://sign-in.example/logout",
    }


def test_the_configuration_says_which_minor_units_are_no_hundredths(site: Site) -> None:
    digits = json.loads(get(site, console.CONFIG).body)["minor_digits"]
    known = {"JPY": 0, "KWD": 3, "IQD": 3, "CLF": 4}
    assert {code: digits.get(code) for code in known} == known
    assert not {"CNY", "HUF", "XAU"} & digits.keys()


def test_without_a_page_of_cognito_s_the_issuer_is_asked_for_its_endpoints() -> None:
    own = Site.of(Path("/nowhere"), settings=replace(SETTINGS, sign_in_url=""))
    config = json.loads(get(own, console.CONFIG).body)
    assert config["authorization_endpoint"] is None
    assert config["issuer"] == "https://issuer.example/pool"


def test_a_console_that_was_not_built_says_so() -> None:
    with pytest.raises(ConsoleNotBuilt):
        Site.of(Path("/nowhere"), settings=SETTINGS).answer("/console/", {})


def test_the_handler_answers_the_site_and_problems(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_console, "site", site)

    def ask(path: str, headers: dict[str, str] | None = None) -> dict[str, object]:
        event = api.request("GET", path, headers=headers or {})
        answer: dict[str, object] = serve_console.lambda_handler(event, api.Context())
        return answer

    page = ask("/console/merchant/shop")
    assert (page["statusCode"], page["isBase64Encoded"]) == (200, True)
    assert re.search(b'<base href="../"', b64decode(str(page["body"])))
    headers = page["headers"]
    assert isinstance(headers, dict)
    known = ask("/console/merchant/shop", {"if-none-match": headers["ETag"]})
    assert (known["statusCode"], known["body"]) == (304, "")
    assert ask("/console/config.json")["statusCode"] == 200
    assert ask("/console")["statusCode"] == 200
    assert ask("/console/gone.js")["statusCode"] == 404
