"""What the console is built from agrees with the API, and what is built is small and its own."""

import gzip
import json
import re
from pathlib import Path

import pytest

from local import console
from refunds import errors
from tests.contract import template

ROOT = template.ROOT
MOST_BYTES = 60_000
CODES = {
    each.code
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.RefundsError) and hasattr(each, "code")
}


@pytest.fixture(scope="module")
def site() -> Path:
    console.build()
    return console.SITE


def test_every_error_has_a_message_in_both_languages() -> None:
    told = json.loads((console.FOLDER / "src/i18n/errors.json").read_text(encoding="utf-8"))
    assert told.keys() == CODES
    for code, each in told.items():
        assert re.search(r"[\u4e00-\u9fff]", each["zh"]), code
        assert re.search(r"[a-z]", each["en"]), code


def test_a_rule_or_remedy_that_is_told_in_english_is_told_in_chinese() -> None:
    told = json.loads((console.FOLDER / "src/i18n/errors.json").read_text(encoding="utf-8"))
    for each in (vars(errors)[name] for name in vars(errors)):
        if getattr(each, "code", None) in told and each.code != "console_not_built":
            said = told[each.code].keys()
            assert bool(each.rule) == ("rule_zh" in said), each.code
            assert not each.remedy or "remedy_zh" in said, each.code


def test_the_first_load_is_small_with_every_screen_in_it(site: Path) -> None:
    texts = [path for path in site.rglob("*") if path.suffix in {".html", ".js", ".css", ".svg"}]
    assert {path.suffix for path in texts} == {".html", ".js", ".css", ".svg"}
    sizes = [len(gzip.compress(path.read_bytes(), 9)) for path in texts]
    assert sum(sizes) <= MOST_BYTES


def test_each_text_is_ready_in_gzip_and_brotli(site: Path) -> None:
    for path in site.rglob("*.js"):
        zipped = path.with_name(f"{path.name}.gz")
        assert gzip.decompress(zipped.read_bytes()) == path.read_bytes()
        assert path.with_name(f"{path.name}.br").stat().st_size < zipped.stat().st_size


def test_the_page_has_nothing_inline_and_names_no_other_host(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert '<base href="./"' in page
    assert re.search(r"<script[^>]*>[^<]", page) is None
    assert re.search(r"<style|\sstyle=|\son\w+=|//", page) is None


def test_a_second_build_of_the_same_sources_does_nothing(site: Path) -> None:
    [script] = site.glob("assets/*.js")
    before = script.stat().st_mtime_ns
    console.build()
    assert script.stat().st_mtime_ns == before


def test_the_lock_names_no_registry_and_every_version_is_exact() -> None:
    lock = (console.FOLDER / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert "://" not in re.sub(r'"url": "https://[^"]*"', "", lock)  # where a package is funded
    package = json.loads((console.FOLDER / "package.json").read_text(encoding="utf-8"))
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
