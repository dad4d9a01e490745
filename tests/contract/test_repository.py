"""What a newcomer reads is what the repository does."""

import inspect
import json
import re
from pathlib import Path

import pytest

from refunds import table
from refunds.policies import PolicyTerms, RefundStatement
from refunds.statements import Owner
from tests.contract import template

ROOT = template.ROOT
READMES = ("README.md", "README.zh-CN.md")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MOST_BYTES_OF_A_PICTURE = 150_000
PINNED = sorted([*ROOT.glob("requirements*.txt"), ROOT / "layers/refunds/requirements.txt"])


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_names_exactly_the_targets_of_make(readme: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([a-z-]+)", text)) == targets - {"help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_within_the_repository_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


def test_each_kind_of_item_is_on_the_table_s_page_and_in_its_module() -> None:
    owner = Owner("x", "x", "x")
    given = {"owner": owner, "booked_at": "2024-03-01", "month": "2024-03", "number": 1, "shard": 0}
    functions = [
        each
        for each in vars(table).values()
        if inspect.isfunction(each) and each.__annotations__.get("return") == table.Key
    ]
    made = {
        _form(key["pk"]["S"], key["sk"]["S"])
        for each in functions
        if each.__name__ not in {"key_of", "_key"}
        for key in [each(*(given.get(name, "x") for name in inspect.signature(each).parameters))]
    }
    assert _documented((ROOT / "docs/table.md").read_text(encoding="utf-8")) == made
    assert _documented((table.__doc__ or "").replace("<owner>", "<r>#<i>#<c>")) == made


def _documented(text: str) -> set[tuple[str, int, str]]:
    """The forms of the first table of items: of each row the second and third cell."""
    lines = text[text.index("| item ") :].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    forms, pk = set(), ""
    for line in lines:
        _, keyed, sk, *_ = (cell.strip().replace("`", "") for cell in line.split("|")[1:])
        pk = pk if keyed == "the same" else keyed.split(",")[0]
        forms.add(_form(pk, sk))
    return forms


def _form(pk: str, sk: str) -> tuple[str, int, str]:
    """Kind, number of its parts, and the sort key's kind where it has one."""
    word = re.match("[A-Z]+", sk)
    return pk.split("#", maxsplit=1)[0], pk.count("#"), word[0] if word else ""


def _anchors(page: Path) -> set[str]:
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


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
