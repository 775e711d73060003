"""The pages of the report: A4, running head, page numbers, bookmarks, and the few kinds of blocks that sections are made of."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    LongTable,
    PageTemplate,
    Paragraph,
    TableStyle,
)

from worker.outputs.reporting import fonts
from worker.outputs.reporting.fonts import drawable, marked_up

INK, GREY, RULE, SHADE = HexColor("#1a1a1a"), HexColor("#666666"), HexColor("#999999"), HexColor("#f1f4f7")
SIDE_MM, TOP_MM, BOTTOM_MM = 20, 22, 18
WIDTH_MM = float(A4[0] / mm) - 2 * SIDE_MM
NAME_MM = 48
SIZE_PT = 8.0
# Tables of more rows may begin on one page and end on another; so much of them stands below their heading.
MOST_KEPT_ROWS, FIRST_ROWS_MM = 16, 40


class Heading(Paragraph):
    """A numbered heading that is a bookmark as well."""

    def __init__(self, number: int | None, title: str) -> None:
        self.bookmark = title if number is None else f"{number}  {title}"
        super().__init__(marked_up(self.bookmark), styles()["heading"])


class ReportDocument(BaseDocTemplate):
    """A document whose pages bear the title and their number."""

    def __init__(self, target: Path, title: str, head: str) -> None:
        super().__init__(
            str(target),
            pagesize=A4,
            leftMargin=SIDE_MM * mm,
            rightMargin=SIDE_MM * mm,
            topMargin=TOP_MM * mm,
            bottomMargin=BOTTOM_MM * mm,
            title=title,
            author="",
            subject="Particle size distribution by electron microscopy",
            creator="SAEMI",
            pageCompression=1,
        )
        self._head = drawable(head)
        self._n_headings = 0
        frame = Frame(self.leftMargin, self.bottomMargin, self.width, self.height, 0, 0, 0, 0)
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self._draw_head))

    def write(self, blocks: Sequence[Flowable]) -> None:
        """Write the document; its streams are binary, because as text they take a quarter more space and most of the time."""
        as_text, rl_config.useA85 = rl_config.useA85, 0
        try:
            self.build(list(blocks), canvasmaker=NumberedCanvas)
        finally:
            rl_config.useA85 = as_text

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - ReportLab calls it so
        """Bookmark a heading."""
        if isinstance(flowable, Heading):
            self._n_headings += 1
            key = f"section-{self._n_headings}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.bookmark, key, level=0)

    def _draw_head(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont(fonts.REGULAR, 7)
        canvas.setFillColor(GREY)
        top = A4[1] - 13 * mm
        canvas.drawString(self.leftMargin, top, _fitting(self._head, self.width - 40 * mm))
        canvas.drawRightString(A4[0] - self.rightMargin, top, "SAEMI size analysis")
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.line(self.leftMargin, top - 2 * mm, A4[0] - self.rightMargin, top - 2 * mm)
        canvas.restoreState()


class NumberedCanvas(Canvas):
    """A canvas that knows the number of all pages when it writes the first one."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - ReportLab's name
        """Keep the page until all of them are there."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all pages with their numbers."""
        for position, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self.setFont(fonts.REGULAR, 7)
            self.setFillColor(GREY)
            self.drawRightString(A4[0] - SIDE_MM * mm, 10 * mm, f"Page {position} of {len(self._pages)}")
            super().showPage()
        super().save()


@cache
def styles() -> dict[str, ParagraphStyle]:
    """Return the styles of text."""
    fonts.register()
    body = ParagraphStyle("body", fontName=fonts.REGULAR, fontSize=SIZE_PT, leading=11.5, textColor=INK, spaceAfter=4)
    return {
        "body": body,
        "title": ParagraphStyle("title", body, fontName=fonts.BOLD, fontSize=15, leading=19, spaceAfter=2),
        "heading": ParagraphStyle(
            "heading", body, fontName=fonts.BOLD, fontSize=10.5, leading=13, spaceBefore=11, spaceAfter=4
        ),
        "part": ParagraphStyle("part", body, fontName=fonts.BOLD, spaceBefore=6, spaceAfter=2),
        "name": ParagraphStyle("name", body, fontSize=7, leading=9, spaceAfter=0, textColor=GREY),
        "result": ParagraphStyle("result", body, fontName=fonts.BOLD, fontSize=9, leading=11.5, spaceAfter=0),
        "item": ParagraphStyle("item", body, leftIndent=9, bulletIndent=0),
        "cell": ParagraphStyle("cell", body, fontSize=7, leading=9, spaceAfter=0),
        "number": ParagraphStyle("number", body, fontSize=7, leading=9, spaceAfter=0, alignment=TA_RIGHT),
        "caption": ParagraphStyle("caption", body, fontSize=7, leading=9.2, textColor=GREY, spaceBefore=2, spaceAfter=8),
        "code": ParagraphStyle(
            "code",
            body,
            fontName=fonts.MONO,
            fontSize=7,
            leading=9.5,
            backColor=SHADE,
            borderPadding=4,
            leftIndent=4,
            rightIndent=4,
            spaceBefore=6,
            spaceAfter=8,
        ),
    }


def text(words: str, style: str = "body") -> Paragraph:
    """Return a paragraph of plain text."""
    return Paragraph(marked_up(words), styles()[style])


def code(words: str) -> Paragraph:
    """Return a command as it is typed."""
    return text(words, "code")


def items(sentences: Sequence[str]) -> list[Flowable]:
    """Return sentences as a list with bullets."""
    return [Paragraph(marked_up(sentence), styles()["item"], bulletText="•") for sentence in sentences]


def facts(rows: Sequence[tuple[str, str]]) -> LongTable:
    """Return names and values in two columns."""
    body = [[text(name, "name"), text(value, "cell")] for name, value in rows]
    return _table(body, (NAME_MM, WIDTH_MM - NAME_MM), (), n_header_rows=0)


def results(rows: Sequence[tuple[str, str]]) -> LongTable:
    """Return names and values that are seen first."""
    body = [[text(name), text(value, "result")] for name, value in rows]
    shade = (("BACKGROUND", (0, 0), (-1, -1), SHADE), ("LEFTPADDING", (0, 0), (0, -1), 5))
    return _table(body, (NAME_MM, WIDTH_MM - NAME_MM), shade, n_header_rows=0)


def section(heading: Paragraph, blocks: Sequence[Flowable]) -> list[Flowable]:
    """Keep a heading on the page of what follows it; of a long table with its first rows."""
    first = blocks[0]
    if isinstance(first, LongTable) and len(first._cellvalues) > MOST_KEPT_ROWS:
        return [CondPageBreak(FIRST_ROWS_MM * mm), heading, *blocks]
    return [KeepTogether([heading, first]), *blocks[1:]]


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], widths_mm: Sequence[float], n_text_columns: int = 1
) -> LongTable:
    """Return a table whose header stands on every page; columns after those of text are numbers, set to the right.

    Cells of text wrap; those of numbers are drawn as they are.
    """
    head = [
        Paragraph(f"<b>{marked_up(cell)}</b>", styles()["cell" if i < n_text_columns else "number"])
        for i, cell in enumerate(header)
    ]
    body = [[text(cell, "cell") if i < n_text_columns else cell for i, cell in enumerate(row)] for row in rows]
    right = tuple(("ALIGN", (i, 0), (i, -1), "RIGHT") for i in range(n_text_columns, len(header)))
    return _table([head, *body], widths_mm, right, n_header_rows=1)


def _table(body: list[list[Any]], widths_mm: Sequence[float], more: Sequence[Any], n_header_rows: int) -> LongTable:
    style = [
        ("FONT", (0, 0), (-1, -1), fonts.REGULAR, 7, 9),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.8),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("LINEBELOW", (0, 0), (-1, -1), 0.2, RULE),
        *more,
    ]
    if n_header_rows:
        style += [
            ("LINEABOVE", (0, 0), (-1, 0), 0.8, INK),
            ("LINEBELOW", (0, 0), (-1, 0), 0.5, INK),
            ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ]
    widths = [width * mm for width in widths_mm]
    # A cell may hold more than a page.
    return LongTable(
        body, colWidths=widths, repeatRows=n_header_rows, splitInRow=1, style=TableStyle(style), spaceAfter=6, hAlign="LEFT"
    )


def _fitting(words: str, width: float) -> str:
    """Shorten a line to a width."""
    if stringWidth(words, fonts.REGULAR, 7) <= width:
        return words
    while words and stringWidth(words + "…", fonts.REGULAR, 7) > width:
        words = words[:-1]
    return words + "…"
