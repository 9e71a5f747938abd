"""Model cards as HTML: headings, paragraphs, lists, tables and code, and nothing else. All text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_LINK = re.compile(r"!?\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)")


def to_html(text: str) -> Markup:
    """A page of Markdown. Links and pictures become their words: a card leads nowhere."""
    return Markup("\n").join(_blocks(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).splitlines()))


def _blocks(lines: Sequence[str]) -> Iterator[Markup]:
    place = 0
    while place < len(lines):
        end = next((n for n in range(place, len(lines)) if not _goes_on(lines, place, n)), len(lines))
        block, place = lines[place : max(end, place + 1)], max(end, place + 1)
        first = block[0].strip()
        if not first:
            continue
        if first.startswith("```"):
            inside = "\n".join(line for line in block[1:] if not line.startswith("```"))
            yield Markup('<pre tabindex="0">{}</pre>').format(inside)
        elif heading := re.match(r"(#{1,4}) +(.*)", first):
            level = min(len(heading[1]) + 1, 4)
            yield Markup(f"<h{level}>{{}}</h{level}>").format(_inline(heading[2]))
        elif first.startswith("|"):
            yield _table(block)
        elif first.startswith(("- ", "* ")):
            yield _list(block)
        else:
            yield Markup("<p>{}</p>").format(_inline(" ".join(line.strip() for line in block)))


def _goes_on(lines: Sequence[str], first: int, here: int) -> bool:
    """Whether a line still belongs to the block that began at `first`."""
    if here == first:
        return True
    begun, line = lines[first].strip(), lines[here].strip()
    if begun.startswith("```"):
        return here == first + 1 or lines[here - 1].strip() != "```"
    if begun.startswith("#") or not line:
        return False
    if begun.startswith("|") != line.startswith("|"):
        return False
    return begun.startswith(("- ", "* ")) or not line.startswith(("- ", "* ", "#", "```"))


def _table(block: Sequence[str]) -> Markup:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block]
    ruled = len(rows) > 1 and all(set(cell) <= set(":- ") for cell in rows[1])
    head = Markup("").join(Markup("<th>{}</th>").format(_inline(cell)) for cell in rows[0]) if ruled else ""
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in row))
        for row in (rows[2:] if ruled else rows)
    )
    table = Markup('<div class="scroll" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>')
    return table.format(head, body)


def _list(block: Sequence[str]) -> Markup:
    items: list[str] = []
    for line in block:
        text = line.strip()
        if text.startswith(("- ", "* ")):
            items.append(text[2:])
        else:
            items[-1] += " " + text
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items))


def _inline(text: str) -> Markup:
    made = str(escape(_LINK.sub(r"\1", text)))
    made = _CODE.sub(r"<code>\1</code>", made)
    return Markup(_STRONG.sub(r"<strong>\1</strong>", made))
