"""Renders lighthouses.md, an original text, to lighthouses.pdf: `python assets/samples/make.py` (needs fpdf2).

The PDF's own fonts are used and the date is fixed, so that the same text gives the same file.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout

HERE = Path(__file__).parent
SERIF, SANS = "Times", "Helvetica"
INK, GREY, ACCENT = (25, 25, 30), (110, 110, 118), (28, 74, 110)


class Report(FPDF):
    """An A4 report with a running head from the second page on and page numbers."""

    def header(self) -> None:
        """The title, on every page but the first."""
        if self.page_no() > 1:
            self.set_font(SANS, size=8.5)
            self.set_text_color(*GREY)
            self.cell(0, 6, self.title or "", border="B", new_x="LMARGIN", new_y="NEXT")
            self.ln(5)

    def footer(self) -> None:
        """The page number."""
        self.set_y(-16)
        self.set_font(SANS, size=8.5)
        self.set_text_color(*GREY)
        self.cell(0, 6, str(self.page_no()), align="C")


def render(text: str) -> bytes:
    """The PDF of a report in the Markdown that lighthouses.md uses: headings, paragraphs and tables."""
    blocks = [block.strip() for block in text.split("\n\n") if block.strip()]
    pdf = Report(format="A4")
    pdf.set_title(blocks[0].removeprefix("# "))
    pdf.set_lang("en-GB")
    pdf.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))
    pdf.set_margins(30, 22, 30)
    pdf.set_auto_page_break(True, margin=24)
    pdf.add_page()
    _title(pdf, blocks[0].removeprefix("# "), blocks[1])
    for block in blocks[2:]:
        if block.startswith("## "):
            _heading(pdf, block.removeprefix("## "))
        elif block.startswith("|"):
            _table(pdf, [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()])
        else:
            _paragraph(pdf, block)
    return bytes(pdf.output())


def _title(pdf: Report, title: str, subtitle: str) -> None:
    pdf.ln(16)
    pdf.set_text_color(*ACCENT)
    pdf.set_font(SERIF, "B", 28)
    pdf.multi_cell(0, 12, title, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(*GREY)
    pdf.set_font(SERIF, "I", 13)
    pdf.multi_cell(0, 7, subtitle, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(8)


def _heading(pdf: Report, text: str) -> None:
    if pdf.will_page_break(40):  # a heading alone at the foot of a page
        pdf.add_page()
    pdf.ln(4)
    pdf.start_section(text)
    pdf.set_text_color(*ACCENT)
    pdf.set_font(SANS, "B", 13)
    pdf.multi_cell(0, 7, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)


def _paragraph(pdf: Report, text: str) -> None:
    caption = text.startswith("Table ")
    if caption and pdf.will_page_break(70):  # keeps a table with its caption
        pdf.add_page()
    pdf.set_text_color(*(GREY if caption else INK))
    pdf.set_font(SANS if caption else SERIF, size=9 if caption else 11.5)
    pdf.multi_cell(0, 5.6, text, align="L" if caption else "J", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(0.5 if caption else 2.8)


def _table(pdf: Report, rows: list[list[str]]) -> None:
    pdf.set_text_color(*INK)
    pdf.set_draw_color(*GREY)
    pdf.set_font(SANS, size=9)
    widths = tuple(max(6 + len(row[i]) for row in rows) for i in range(len(rows[0])))
    with pdf.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES, col_widths=widths, line_height=5.6, text_align="LEFT"
    ) as table:
        for row in rows[:1] + rows[2:]:  # the second line is Markdown's rule
            table.row(row)
    pdf.ln(5)


if __name__ == "__main__":
    (HERE / "lighthouses.pdf").write_bytes(render((HERE / "lighthouses.md").read_text(encoding="utf-8")))
