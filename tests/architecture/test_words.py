"""What a person reads is translatable: no bare text in templates, Python or scripts.

`tests/b2b_orders/portal/test_catalogues.py` holds the catalogues to the source; this holds the
source to the catalogues.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType

from b2b_orders.portal import catalogues

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"}
)
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
SPEAKING = ("portal", "api", "notifications", "documents", "orders", "companies", "audit", "common")

# Names that are the same in our three languages.
NAMES = {
    *("CNPJ", "CPF", "ERP", "NF", "DANFE", "PIX", "CSV", "XLSX", "PDF", "XML", "ZIP", "OIDC"),
    *("SAML", "VTEX", "LGPD", "DARE", "GNRE", "GARE", "CTRL", "Ctrl", "Cmd", "Esc", "Enter"),
}
# Texts that stand as they are, each with its reason.
AS_THEY_ARE = {
    # Shown when nothing works any more, not even the choice of a language: in all three.
    "500.html",
    # For those who build pages, in development alone.
    "gallery.html",
    # A command to type.
    "mail/audit_anchor.txt",
}
SPOKEN = {
    *("title", "aria-label", "aria-description", "aria-roledescription", "aria-valuetext"),
    *("placeholder", "alt", "label"),
}
UNTRANSLATED_TAGS = {"script", "style", "code", "kbd"}
WORD = re.compile(r"[^\W\d_]{2,}")


class Reader(HTMLParser):
    """Collects what a browser would show or a screen reader say."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag, attrs):
        self.silent += tag in UNTRANSLATED_TAGS
        known = dict(attrs)
        is_button = tag == "input" and known.get("type") in {"submit", "button", "reset"}
        for name, value in attrs:
            is_data = name.startswith("data-") and re.search(
                r"[^\W\d_]{2,} [^\W\d_]{2,}", value or ""
            )
            if value and (name in SPOKEN or is_data or (is_button and name == "value")):
                self.found.append(value)

    def handle_endtag(self, tag):
        self.silent -= tag in UNTRANSLATED_TAGS

    def handle_data(self, data):
        if not self.silent:
            self.found.append(data)


def bare_texts(source: str, *, is_html: bool) -> list[str]:
    """List what a template shows without asking for words."""
    parts, depth = [], 0
    for token in Lexer(source).tokenize():
        name = token.contents.partition(" ")[0] if token.token_type is TokenType.BLOCK else ""
        if name in {"blocktranslate", "blocktrans", "comment"}:
            depth += 1
        elif name in {"endblocktranslate", "endblocktrans", "endcomment"}:
            depth -= 1
        elif token.token_type is TokenType.TEXT and not depth:
            parts.append(token.contents)
    text = "".join(parts)
    if not is_html:
        found = text.splitlines()
    else:
        reader = Reader()
        reader.feed(text)
        reader.close()
        found = reader.found
    return [" ".join(one.split()) for one in found if set(WORD.findall(one)) - NAMES]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_template_has_no_text_outside_its_translations(path):
    if named(path) in AS_THEY_ARE:
        return
    assert bare_texts(path.read_text(), is_html=path.suffix == ".html") == []


def test_bare_text_of_a_template_is_found_wherever_it_hides():
    template = (
        '<p title="{% translate "Fine" %}">{% translate "Fine" %} <b>Bare</b> NF {{ x }}</p>'
        "{% blocktranslate %}Fine {{ x }}{% endblocktranslate %}{# Fine #}<code>fine</code>"
        '<a{% if x %} href="/fine"{% endif %} aria-label="Named {{ x }}"><img alt="Drawn"></a>'
        '<input type="submit" value="Send"><input name="fine" value="fine" placeholder="Type">'
        '<div data-words="Two words" data-name="fine"></div>'
    )

    assert bare_texts(template, is_html=True) == [
        *("Bare", "Named", "Drawn", "Send", "Type", "Two words")
    ]
    assert bare_texts("{% translate 'Fine' %}\nHello {{ x }}\n", is_html=False) == ["Hello"]


# --- Python -------------------------------------------------------------------------------

# Calls whose texts are for operators and machines.
MACHINES = {"compile", "RawSQL", "execute", "Log", "getLogger", "add_argument", "get_template"}
# A sentence or the beginning of one; SQL and keys are not.
SENTENCE = re.compile(r"^[A-Z][a-zà-ü]+(?:'s)?(?: [\w%().,…'-]+)+$|^[A-Z][a-z]+[.…!?]$")
# Not read by people, or the same in every language.
NOT_SAID = {
    # Samples in templates of CSV files: names of nobody.
    *("Maria Souza", "João Silva", "Alfa Distribuidora", "Zeta Uruguay"),
    # Printed across drawn pages, which are Brazilian papers.
    "Gerado a partir do XML pelo portal de pedidos; não é o arquivo emitido pelo ERP.",
    # What an alarm in a PDF is called by its inspector.
    "Launch action",
    # Told to allauth, which shows it nowhere; PostgreSQL's name for what it expects.
    *("Single sign-on", "Plan Rows"),
}


def python_files() -> Iterator[Path]:
    for package in SPEAKING:
        for path in sorted((ROOT / "b2b_orders" / package).rglob("*.py")):
            is_for_developers = path.name in {"gallery.py", "brand_checks.py"}
            if not is_for_developers and not {"migrations", "management", "reading"} & set(
                path.parts
            ):
                yield path


def untranslated(source: str) -> list[str]:
    """List sentences of a module that no catalogue can word."""
    tree = ast.parse(source)
    known: set[int] = set()
    for node in ast.walk(tree):
        if _is_not_said(node):
            known |= {id(each) for each in ast.walk(node)}
    said = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in known
    ]
    return [
        node.value
        for node in sorted(said, key=lambda node: (node.lineno, node.col_offset))
        if node.value not in NOT_SAID and SENTENCE.match(node.value)
    ]


def _is_not_said(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.Call):
        # What is raised goes to the log; a page words the kind of error.
        return isinstance(node, ast.Raise)
    function = node.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    owner = getattr(function, "value", None)
    is_log = isinstance(owner, ast.Name) and owner.id in {"logger", "logging"}
    return name in catalogues.KEYWORDS.keys() | MACHINES or is_log


@pytest.mark.parametrize("path", list(python_files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_python_has_no_sentence_outside_its_translations(path):
    assert untranslated(path.read_text()) == []


def test_gettext_goes_by_the_names_that_the_catalogues_look_for():
    imported = {
        name.asname or name.name
        for path in (ROOT / "b2b_orders").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for name in node.names
        if "gettext" in name.name
    }

    assert imported <= catalogues.KEYWORDS.keys()


def test_a_sentence_that_nobody_translates_is_found():
    source = '''
"""Fine here."""
from x import gettext as _
def f():
    """Say it."""
    logger.warning("Fine it is")
    if x: raise ValueError("Fine as well")
    y = {"a": _("Fine too"), "b": "Not found.", "key": "not-a-sentence", "sql": "SELECT x"}
    return "Your order is late"
'''

    assert untranslated(source) == ["Not found.", "Your order is late"]


# --- scripts ------------------------------------------------------------------------------

LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\'|`([^`]*)`')
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
SPOKEN_IN_SCRIPT = re.compile(
    r"(?:textContent|innerText|\.title|ariaLabel|placeholder)\s*=\s*[\"'`](?=[^\"'`]*[^\W\d_]{2})"
    r"|(?:alert|confirm|prompt)\(\s*[\"'`]"
    r"|setAttribute\(\s*[\"'](?:aria-label|title|placeholder|alt)[\"'],\s*[\"'`](?=[^\"'`]*[^\W\d_]{2})"
)


def script_texts(source: str) -> list[str]:
    """List what a script says in words of its own."""
    code = COMMENT.sub("", source)
    literals = [next(filter(None, found), "") for found in LITERAL.findall(code)]
    prose = [text for text in literals if SENTENCE.match(text)]
    return prose + [found.group() for found in SPOKEN_IN_SCRIPT.finditer(code)]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_takes_its_words_from_the_page(path):
    assert script_texts(path.read_text()) == []


def test_words_of_a_script_are_found():
    source = (
        'a.textContent = words.dataset.sent; // Fine here\nb.textContent = "sent";\n'
        'say("Something went wrong"); c.setAttribute("aria-label", "close"); d.title = "";'
        'e.querySelector("[data-x] button"); f.setAttribute("aria-label", words.close);'
    )

    assert script_texts(source) == [
        "Something went wrong",
        'textContent = "',
        'setAttribute("aria-label", "',
    ]
