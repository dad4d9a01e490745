"""Demonstration accounts, signed in the way the product's own clients sign in."""

import base64
import contextlib
import hashlib
import secrets
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from local import aws
from local.deploy import CALLBACK_URL, Outputs
from local.failures import UnexpectedAnswer

SCOPE_OF_PEOPLE = "openid"


@dataclass(frozen=True)
class Person:
    subject: str
    username: str
    password: str


@dataclass(frozen=True)
class Tokens:
    access_token: str
    id_token: str


@dataclass(frozen=True)
class Pkce:
    """RFC 7636: the challenge travels by the browser, the verifier never does."""

    verifier: str
    challenge: str

    @classmethod
    def new(cls) -> "Pkce":
        return cls.of(secrets.token_urlsafe(48))

    @classmethod
    def of(cls, verifier: str) -> "Pkce":
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))


def create_person(endpoint: str, outputs: Outputs, username: str) -> Person:
    """Make an account with a fresh password; one that exists gets the new password."""
    cognito = aws.cognito(endpoint)
    password = f"Aa1-{secrets.token_urlsafe(16)}"
    with contextlib.suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(
            UserPoolId=outputs.user_pool_id, Username=username, MessageAction="SUPPRESS"
        )
    cognito.admin_set_user_password(
        UserPoolId=outputs.user_pool_id, Username=username, Password=password, Permanent=True
    )
    account = cognito.admin_get_user(UserPoolId=outputs.user_pool_id, Username=username)
    attributes = {each["Name"]: each["Value"] for each in account["UserAttributes"]}
    return Person(subject=attributes["sub"], username=username, password=password)


def sign_in(endpoint: str, outputs: Outputs, person: Person) -> Tokens:
    """Sign in on the hosted page: authorization code with PKCE."""
    pkce, state = Pkce.new(), secrets.token_urlsafe(16)
    with aws.http(endpoint) as browser:
        page = browser.get(
            "/oauth2/authorize",
            params={
                "response_type": "code",
                "client_id": outputs.people_client_id,
                "redirect_uri": CALLBACK_URL,
                "scope": SCOPE_OF_PEOPLE,
                "state": state,
                "code_challenge": pkce.challenge,
                "code_challenge_method": "S256",
            },
        )
        form = SignInForm.on(page)
        answer = browser.post(
            urljoin(str(page.url), form.action),
            data=form.fields | {"username": person.username, "password": person.password},
        )
        tokens = _request_tokens(
            browser,
            {
                "grant_type": "authorization_code",
                "client_id": outputs.people_client_id,
                "redirect_uri": CALLBACK_URL,
                "code": _code_of(answer, state),
                "code_verifier": pkce.verifier,
            },
        )
    return Tokens(access_token=tokens["access_token"], id_token=tokens["id_token"])


def person_token(endpoint: str, outputs: Outputs, person: Person) -> str:
    return sign_in(endpoint, outputs, person).access_token


def service_token(endpoint: str, outputs: Outputs, scopes: list[str] | None = None) -> str:
    """A platform system's token by client credentials; without scopes, with all it may have."""
    client = aws.cognito(endpoint).describe_user_pool_client(
        UserPoolId=outputs.user_pool_id, ClientId=outputs.service_client_id
    )["UserPoolClient"]
    form = {"grant_type": "client_credentials"}
    if scopes is not None:
        form["scope"] = " ".join(scopes)
    with aws.http(endpoint) as system:
        system.auth = httpx.BasicAuth(client["ClientId"], client["ClientSecret"])
        return _request_tokens(system, form)["access_token"]


class SignInForm(HTMLParser):
    """The first form of a page, as a browser would send it."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    @classmethod
    def on(cls, page: httpx.Response) -> "SignInForm":
        form = cls()
        form.feed(page.text)
        if not form.action:
            raise _refused("The sign-in page has no form", page)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.action = attributes.get("action") or ""
        elif tag == "input" and (name := attributes.get("name")):
            self.fields[name] = attributes.get("value") or ""


def _code_of(answer: httpx.Response, state: str) -> str:
    location: str = answer.headers.get("location", "")
    query = parse_qs(urlsplit(location).query)
    if "code" not in query or query.get("state") != [state]:
        raise _refused("The sign-in page did not accept the account", answer)
    return query["code"][0]


def _request_tokens(client: httpx.Client, form: dict[str, str]) -> dict[str, str]:
    answer = client.post("/oauth2/token", data=form)
    if not answer.is_success:
        raise _refused("The token endpoint refused", answer)
    tokens: dict[str, str] = answer.json()
    return tokens


def _refused(fact: str, answer: httpx.Response) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"{fact} ({answer.status_code}): {answer.text[:400]}",
        next_step="compare the user pool and its clients in template.yaml with this message.",
    )
