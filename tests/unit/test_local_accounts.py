import httpx
import pytest

from local.accounts import Pkce, SignInForm
from local.failures import UnexpectedAnswer


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    pkce = Pkce.of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert pkce.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_each_sign_in_has_a_verifier_of_its_own_and_of_lawful_length() -> None:
    first, second = Pkce.new(), Pkce.new()
    assert first.verifier != second.verifier
    assert 43 <= len(first.verifier) <= 128


def test_a_sign_in_page_is_read_as_a_browser_reads_it() -> None:
    page = httpx.Response(
        200,
        text="""<form method="POST" action="/login">
        <input type="hidden" name="state" value="a&amp;b">
        <input name="username"><button type="submit">Sign in</button></form>""",
    )
    form = SignInForm.on(page)
    assert form.action == "/login"
    assert form.fields == {"state": "a&b", "username": ""}


def test_a_page_without_a_form_is_told_with_what_it_said() -> None:
    with pytest.raises(UnexpectedAnswer, match="redirect_uri is not allowed"):
        SignInForm.on(httpx.Response(400, text="redirect_uri is not allowed"))
