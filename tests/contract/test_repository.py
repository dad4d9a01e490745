"""What a newcomer reads is what the repository does."""

import json
import re
from pathlib import Path

import pytest

from refunds.policies import PolicyTerms, RefundStatement
from tests.contract import template

ROOT = template.ROOT
READMES = ("README.md", "README.zh-CN.md")
MOST_BYTES_OF_A_PICTURE = 150_000
PINNED = sorted([*ROOT.glob("requirements*.txt"), ROOT / "layers/refunds/requirements.txt"])


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_names_exactly_the_targets_of_make(readme: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([a-z-]+)", text)) == targets - {"help"}


@pytest.mark.parametrize("readme", READMES)
def test_every_relative_link_of_the_readme_leads_somewhere(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http|#)([^)#]+)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_picture_is_small_and_shown_in_the_readme_of_its_language() -> None:
    pictures = sorted((ROOT / "docs/images").iterdir())
    for language, readme in (("en", "README.md"), ("zh", "README.zh-CN.md")):
        text = (ROOT / readme).read_text(encoding="utf-8")
        shown = re.findall(r"!\[\S.*?\]\(docs/images/(\S+)\)", text)
        assert sorted(shown) == [each.name for each in pictures if f".{language}." in each.name]
    assert all(each.stat().st_size < MOST_BYTES_OF_A_PICTURE for each in pictures)


def test_every_relative_link_of_the_docs_leads_somewhere() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        links = re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == [], page


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_requirement_is_pinned_with_hashes_and_names_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.match(r"[a-zA-Z0-9]", line)]
    assert lines
    assert all(re.match(r"[\w.\[\],-]+==[^ ]+", line) for line in lines)
    assert text.count("--hash=sha256:") >= len(lines)
    assert "://" not in text


def test_the_published_vector_of_the_policy_s_digest_holds() -> None:
    pages = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))
    )
    canonical = re.search(r'^(\{"instant_refund":.*\})$', pages, re.MULTILINE)
    assert canonical, "the docs publish the canonical JSON of the vector on a line of its own"
    parsed = json.loads(canonical[1])
    terms = PolicyTerms(
        instant_refund=parsed["instant_refund"], statement=RefundStatement(**parsed["statement"])
    )
    assert terms.digest() in pages
