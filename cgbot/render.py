"""
The words of every mail, from the templates: the operator's folder first, then the bundled one (Jinja2).

A mail `welcome` is the files mail/welcome.subject.txt, mail/welcome.txt and, if wanted, mail/welcome.html; a language
has its own files, mail/welcome.fr.txt, and English stands in for what is missing. The first line of the bundled
mail/welcome.txt lists what the program tells the template, `{# facts: group, title #}`. `check_all` compiles each
template and finds, with file and line, every name that is not in that list; filling one raises Deferred when a fact is
missing, so that an errand waits for the mended template. A subject is one line whatever the facts hold.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2 import meta, nodes

from cgbot.context import Rendered
from cgbot.errors import ConfigError, Deferred

_FACTS: Final = re.compile(r"\{#-?\s*facts:\s*([a-z0-9_,\s]*?)\s*-?#\}")
_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f\x85\u2028\u2029]+")
_MAIL: Final = "mail/"
_ENGLISH: Final = "en"
Filters = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a template, and where."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """Say it as compilers do: file, line, problem."""
        return f"{self.file}:{self.line}: {self.text}"


def environment(folders: Sequence[Path], filters: Filters | None = None) -> jinja2.Environment:
    """Make the engine for mails and pages: undefined names are errors, HTML is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html", "xml"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.filters.update(filters or {})
    return made


class MailTemplates:
    """All mail templates; calling it fills one (context.Renderer)."""

    def __init__(self, engine: jinja2.Environment, bundled: Path) -> None:
        self._engine = engine
        self._facts = _declared(bundled / "mail")

    def __call__(self, name: str, facts: Mapping[str, object], language: str = _ENGLISH) -> Rendered:
        """Fill the mail `name`; every fact that its template lists must be given."""
        missing = sorted(self._facts.get(name, frozenset()) - facts.keys())
        if missing:
            raise Deferred(f"mail/{name}.txt: not told: {', '.join(missing)}")
        subject = self._fill(name, "subject.txt", facts, language)
        html = self._find(name, "html", language)
        return Rendered(
            subject=_SPACE.sub(" ", subject).strip(),
            text=self._fill(name, "txt", facts, language).strip("\n") + "\n",
            html=self._filled(html, facts) if html else None,
        )

    def check_all(self) -> tuple[Problem, ...]:
        """Find what is wrong with any mail template, without filling one."""
        return tuple(
            problem
            for path in self._engine.list_templates(filter_func=lambda path: path.startswith(_MAIL))
            for problem in self._problems(path)
        )

    def _fill(self, name: str, part: str, facts: Mapping[str, object], language: str) -> str:
        found = self._find(name, part, language)
        if found is None:
            raise Deferred(f"mail/{name}.{part}: there is no such template")
        return self._filled(found, facts)

    def _filled(self, template: jinja2.Template, facts: Mapping[str, object]) -> str:
        try:
            return template.render(facts)
        except jinja2.TemplateError as error:
            raise Deferred(f"{_place(error, template)}: {error.message}") from error

    def _find(self, name: str, part: str, language: str) -> jinja2.Template | None:
        """Take the language's file, else the language without its region, else English."""
        tags = dict.fromkeys((language, language.partition("-")[0]))
        paths = [f"{_MAIL}{name}.{tag}.{part}" for tag in tags if tag and tag != _ENGLISH] + [f"{_MAIL}{name}.{part}"]
        try:
            return self._engine.select_template(paths)
        except jinja2.TemplatesNotFound:
            return None
        except jinja2.TemplateSyntaxError as error:
            raise Deferred(f"{error.filename}:{error.lineno}: {error.message}") from error

    def _problems(self, path: str) -> Iterator[Problem]:
        source, file, _ = self._source(path)
        try:
            tree = self._engine.parse(source, path, file)
            self._engine.compile(source, path, file)
        except jinja2.TemplateSyntaxError as error:
            yield Problem(file, error.lineno, error.message or "cannot be read")
            return
        for reference in meta.find_referenced_templates(tree):
            if reference is not None and reference not in self._engine.list_templates():
                yield Problem(file, _line_of(source, reference), f"there is no template {reference}")
        yield from self._unknown_names(path, file, tree)

    def _unknown_names(self, path: str, file: str, tree: nodes.Template) -> Iterator[Problem]:
        name = path.removeprefix(_MAIL).partition(".")[0]
        known = self._facts.get(name)
        if known is None:
            yield Problem(file, 1, f"mail/{name}.txt must begin with a list of its facts: {{# facts: name, … #}}")
            return
        allowed = ", ".join(sorted(known)) or "none"
        free = meta.find_undeclared_variables(tree) - known
        for node in tree.find_all(nodes.Name):
            if node.name in free and node.ctx == "load":
                yield Problem(file, node.lineno, f"unknown name {node.name}; known: {allowed}")

    def _source(self, path: str) -> tuple[str, str, object]:
        assert self._engine.loader is not None  # noqa: S101 - tells mypy what `environment` made
        source, file, fresh = self._engine.loader.get_source(self._engine, path)
        return source, file or path, fresh


def build(folders: Sequence[Path], filters: Filters | None = None) -> MailTemplates:
    """Make the renderer; the last folder is the bundled one, whose mails list their facts."""
    return MailTemplates(environment(folders, filters), folders[-1])


def refuse_broken(templates: MailTemplates) -> None:
    """Raise ConfigError for the first wrong template, naming how many there are."""
    problems = templates.check_all()
    if problems:
        more = f" (and {len(problems) - 1} more; cgbot check lists them)" if len(problems) > 1 else ""
        raise ConfigError(f"{problems[0].file}:{problems[0].line}", "", problems[0].text + more)


def _declared(folder: Path) -> dict[str, frozenset[str]]:
    """Read the list of facts of each bundled mail, by its name."""
    found = {}
    for path in sorted(folder.glob("*.txt")):
        match = _FACTS.match(path.read_text("utf-8"))
        if match and path.name.count(".") == 1:
            found[path.stem] = frozenset(re.findall(r"\w+", match[1]))
    return found


def _place(error: jinja2.TemplateError, template: jinja2.Template) -> str:
    """Name the template's file and line where filling it went wrong."""
    file = str(template.filename)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1]}" if lines else file


def _line_of(source: str, text: str) -> int:
    return source[: source.find(text)].count("\n") + 1
