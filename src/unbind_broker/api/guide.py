"""Pages of ``docs/`` written as HTML, with nothing that is loaded from elsewhere.

``<a id="…"></a>`` before a heading names it, so that both languages have the same
anchors; other headings are named by their words, as code hosts do it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

import unbind_broker
from unbind_broker.api.html_pages import environment, style

PAGES = ("platforms", "carriers", "delivery", "protection")
"""Those that the service itself shows."""
LANGUAGES = ("en", "zh")
_SUFFIXES = {"en": ".md", "zh": ".zh-CN.md"}
_ANCHOR = re.compile(r'<a id="([a-z][a-z0-9-]*)"></a>')
_SIBLING = re.compile(r"([a-z-]+)(\.zh-CN)?\.md(#.*)?")
_ABSOLUTE = re.compile(r"https?:|/|#")


@dataclass(frozen=True)
class Heading:
    """A chapter, for the table of contents."""

    anchor: str
    title: str


@cache
def render(page: str, language: str) -> str:
    """Write one of ``PAGES`` in one of ``LANGUAGES``."""
    path = _folder() / f"{page}{_SUFFIXES[language]}"
    markdown = _markdown()
    tokens = _named(markdown.parse(path.read_text(encoding="utf-8")))
    for token in tokens:
        _mend_links(token.children or [])
    headings = _headings(tokens)
    return _environment.get_template("guide.html").render(
        css=_STYLE.css,
        policy=_STYLE.policy,
        language=language,
        page=page,
        title=headings[0].title,
        chapters=headings[1:],
        body=markdown.renderer.render(tokens, markdown.options, {}),
    )


def _folder() -> Path:
    package = Path(unbind_broker.__file__).parent
    packaged = package / "_docs"
    return packaged if packaged.is_dir() else package.parents[1] / "docs"


def _markdown() -> MarkdownIt:
    """Read CommonMark with tables; HTML in a page is text."""
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.add_render_rule("table_open", _open_table)
    made.add_render_rule("table_close", _close_table)
    return made


def _open_table(*_: object) -> str:
    return '<div class="wide" tabindex="0"><table>\n'


def _close_table(*_: object) -> str:
    return "</table></div>\n"


def _named(tokens: Sequence[Token]) -> list[Token]:
    """Give every heading its anchor, and take out the paragraphs that name them."""
    kept: list[Token] = []
    anchor = None
    for place, token in enumerate(tokens):
        found = _ANCHOR.fullmatch(token.content) if token.type == "inline" else None
        if found:
            anchor = found[1]
            kept.pop()  # the beginning of its paragraph
        elif token.type == "paragraph_close" and anchor:
            continue
        else:
            if token.type == "heading_open":
                token.attrSet("id", anchor or _slug(tokens[place + 1].content))
                anchor = None
            kept.append(token)
    return kept


def _slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def _headings(tokens: Sequence[Token]) -> list[Heading]:
    """Find the title of the page, and of its chapters."""
    return [
        Heading(str(token.attrGet("id")), tokens[place + 1].content)
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag in {"h1", "h2"}
    ]


def _mend_links(tokens: Sequence[Token]) -> None:
    """Let links lead to what is served; those that lead elsewhere become text."""
    closes: list[Token | None] = []
    for token in tokens:
        if token.type == "link_open":
            href = _served(str(token.attrGet("href")))
            closes.append(None if href else token)
            token.attrs = {"href": href} if href else {}
            token.tag = "a" if href else "span"
        elif token.type == "link_close" and closes.pop():
            token.tag = "span"


def _served(href: str) -> str | None:
    if _ABSOLUTE.match(href):
        return href
    sibling = _SIBLING.fullmatch(href)
    if sibling is None or sibling[1] not in PAGES:
        return None
    language = "zh" if sibling[2] else "en"
    return f"/docs/{sibling[1]}?lang={language}{sibling[3] or ''}"


_environment = environment()
_STYLE = style(_environment, "guide.css")
CONTENT_SECURITY_POLICY = _STYLE.header
