"""Links of the site: the pages link to files of the whole repository, as GitHub shows them; mkdocs knows only docs/.

A file outside docs/ that a page links to becomes part of the site, below `repository/`: a Markdown file as a page,
any other as a copy. mkdocs then checks these links as all others, so `mkdocs build --strict` fails if the file or
the anchor is missing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

DOCS = Path(__file__).parent
ROOT = DOCS.parent
LINK = re.compile(r"\]\(([^)#\s]+)")


def place(path: Path) -> str:
    """Where the site has a file of the repository."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    return f"repository/{path.relative_to(ROOT).as_posix()}"


def target(link: str, page: Path) -> Path | None:
    """The file of the repository that a page links to; None for an address, an anchor or a place elsewhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
        return None
    path = Path(os.path.normpath(page.parent / unquote(parts.path)))
    return path if path.is_relative_to(ROOT) else None


class Links(Treeprocessor):
    """Turns the links of one page into links of the site; mkdocs then checks them as it does all others."""

    page: Page

    def run(self, root: Element) -> None:
        """Called with the elements of the page."""
        assert self.page.file.abs_src_path is not None
        here = Path(self.page.file.abs_src_path)
        for element in root.iter():
            for name in ("href", "src"):
                link = element.get(name)
                path = target(link, here) if link else None
                if link and path:
                    moved = os.path.relpath(place(path), Path(self.page.file.src_uri).parent)
                    element.set(name, urlsplit(link)._replace(path=Path(moved).as_posix()).geturl())


class LinksExtension(Extension):
    """Runs `Links` after Markdown's own processors and before mkdocs checks the links."""

    def __init__(self, links: Links) -> None:
        super().__init__()
        self.links = links

    def extendMarkdown(self, md: Markdown) -> None:
        """Called by Markdown, once for each page."""
        md.treeprocessors.register(self.links, "site_links", 1)


LINKS = Links()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the extension, and anchors as GitHub makes them: letters of all languages stay."""
    extensions: list[Any] = config.markdown_extensions
    extensions.append(LinksExtension(LINKS))
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files that pages link to, and those that these link to."""
    waiting = [Path(file.abs_src_path) for file in files.documentation_pages() if file.abs_src_path]
    while waiting:
        page = waiting.pop()
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            path = target(link, page)
            if path and path.is_file() and files.get_file_from_path(place(path)) is None:
                files.append(File.generated(config, place(path), abs_src_path=str(path)))
                if path.suffix == ".md":
                    waiting.append(path)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Tells the extension which page comes next."""
    LINKS.page = page
