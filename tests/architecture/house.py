"""House rules that no linter knows, each a pure function from text to complaints."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

MAX_LINES = 300
EDGES = frozenset(
    {
        "api",
        "app",
        "cli",
        "console",
        "deadlines",
        "demo",
        "runtime",
        "schema",
        "sending",
        "worker",
    }
)
PACKAGE = "unbind_broker"

# A mainland mobile number, plain or grouped, with or without its country code.
MOBILE = re.compile(
    r"(?<![\w.+])(?:(?:\+|00)?86[ -]?)?"
    r"(1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4}))(?!\w|\.\d)",
    re.ASCII,  # a Chinese character beside it ends a number
)
MADE_UP = re.compile(r"1380000\d{4}")

# Put together from parts, so that the rule does not break itself.
REGISTRY_HOST = re.compile(
    r"\b(?:"
    + "|".join(
        f"{name}[.]{end}"
        for name, end in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "(?:org|com)"),
            ("yarnpkg", "com"),
            ("debian", "org"),
            ("proxy.golang", "org"),
        )
    )
    + r")\b",
    re.IGNORECASE,
)

EXEMPTION = re.compile(
    r"#\s*(?:"
    r"(?:ruff:\s*)?noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?"
    r"|type:\s*ignore(?:\[[^\]]*\])?"
    r"|pragma:\s*no (?:cover|branch)"
    r")"
)
REASON = re.compile(r"[^\W\d_]{3}|[\u4e00-\u9fff]{2}")


def too_long(text: str) -> list[str]:
    """Complain about a file of more than MAX_LINES lines."""
    lines = len(text.splitlines())
    return [f"{lines} lines, {MAX_LINES} are the limit"] if lines > MAX_LINES else []


def transactions_inside(package: str, text: str) -> list[str]:
    """Complain about transactions opened or ended anywhere but at an edge."""
    if package in EDGES:
        return []
    return [
        f"line {node.lineno}: .{node.func.attr}() belongs to an edge"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"begin", "commit", "rollback"}
        and not node.args  # a state machine's `begin(url)` is none
    ]


def foreign_stores(module: str, text: str) -> list[str]:
    """Complain about imports of another folder's `store`."""
    if "store" not in text:
        return []
    return [
        f"line {line}: {name} is imported outside its folder"
        for line, name in _imported_names(text)
        if (folder := _folder_of_store(name))
        and not module.startswith(f"{PACKAGE}.{folder}.")
    ]


def mocks(text: str) -> list[str]:
    """Complain about `unittest.mock`, and about functions patched by hand."""
    if "mock" not in text and "monkeypatch" not in text:
        return []  # most files are spared being parsed
    imported = [
        f"line {line}: {name}"
        for line, name in _imported_names(text)
        if name.split(".")[:2] == ["unittest", "mock"]
    ]
    patched = [
        f"line {node.lineno}: monkeypatch.setattr"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and node.attr == "setattr"
        and isinstance(node.value, ast.Name)
        and node.value.id == "monkeypatch"
    ]
    return imported + patched


def real_numbers(text: str) -> list[str]:
    """Complain about mobile numbers outside the made-up range, without quoting them."""
    return [
        f"line {_line_of(found)}: a number outside 1380000xxxx"
        for found in MOBILE.finditer(_with_ascii_digits(text))
        if not MADE_UP.fullmatch(re.sub("[ -]", "", found[1]))
    ]


def registry_hosts(text: str) -> list[str]:
    """Complain about names of package registries."""
    return [
        f"line {_line_of(found)}: {found[0]}" for found in REGISTRY_HOST.finditer(text)
    ]


def unexplained_exemptions(text: str) -> list[str]:
    """Complain about comments that silence a tool and do not say why."""
    if not EXEMPTION.search(text):
        return []
    comments = (
        token
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    )
    return [
        f"line {token.start[0]}: {token.string.strip()}"
        for token in comments
        if EXEMPTION.search(token.string)
        and not REASON.search(EXEMPTION.sub("", token.string))
    ]


def unexplained_ignores(pyproject: str) -> list[str]:
    """Complain about lines of ruff's ignore tables that do not say why."""
    return [
        f"line {number}: {line.strip()}"
        for number, line in _ignore_lines(pyproject)
        if not REASON.search(line.partition("#")[2])
    ]


def _imported_names(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                (node.lineno, f"{node.module}.{alias.name}") for alias in node.names
            )


def _folder_of_store(name: str) -> str | None:
    package, *parts = name.split(".")
    if package != PACKAGE or "store" not in parts:
        return None
    return ".".join(parts[: parts.index("store")])


def _with_ascii_digits(text: str) -> str:
    return re.sub(
        r"[^\x00-\x7f]",
        lambda char: str(int(char[0])) if char[0].isdecimal() else char[0],
        text,
    )


def _line_of(found: re.Match[str]) -> int:
    return found.string.count("\n", 0, found.start()) + 1


def _ignore_lines(pyproject: str) -> Iterator[tuple[int, str]]:
    """Give the entries of `ignore` and `per-file-ignores` with their line numbers."""
    inside, table = False, ""
    for number, line in enumerate(pyproject.splitlines(), 1):
        if line.startswith("["):
            table = line.strip("[] ")
            inside = table == "tool.ruff.lint.per-file-ignores"
        elif table == "tool.ruff.lint":
            inside = line.startswith("ignore = [") or (inside and line[:1] != "]")
        if inside and re.match(r'\s*"', line):
            yield number, line
