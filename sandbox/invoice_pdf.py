"""Invoices, receipts and credit notes as PDF documents of one or more A4 pages."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from sandbox.sheets import Line, Sheet
from sandbox.typeface import marked_up

_INK, _MUTED, _RULE = HexColor("#1a1f36"), HexColor("#5a6479"), HexColor("#e3e8ee")
_MARGIN = 20 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=9.5, leading=13, textColor=_INK)
_LABEL = ParagraphStyle("label", parent=_TEXT, textColor=_MUTED)
_TITLE = ParagraphStyle("title", parent=_TEXT, fontName="Helvetica-Bold", fontSize=20, leading=26)
_STRONG = ParagraphStyle("strong", parent=_TEXT, fontName="Helvetica-Bold")
_AMOUNT = ParagraphStyle("amount", parent=_TEXT, alignment=2)
_AMOUNT_LABEL = ParagraphStyle("amount_label", parent=_LABEL, alignment=2)
_AMOUNT_STRONG = ParagraphStyle("amount_strong", parent=_STRONG, alignment=2)
_SUM = ParagraphStyle("sum", parent=_STRONG, fontSize=14, leading=20)
_NOTE = "This is a document of the Stripe sandbox: no real money has moved, and none is owed."


def draw(sheet: Sheet) -> bytes:
    """Return the document; the same sheet makes the same bytes."""
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=sheet.title,
        author=sheet.business,
        invariant=1,
        pageCompression=0,  # so that the text can be searched for
    )

    def foot(canvas: Any, _: SimpleDocTemplate) -> None:
        words = _text(f"{sheet.title} – page {canvas.getPageNumber()}", _AMOUNT_LABEL)
        words.wrapOn(canvas, _WIDTH, _MARGIN)
        words.drawOn(canvas, _MARGIN, _MARGIN / 2)

    document.build([*_head(sheet), *_body(sheet)], onFirstPage=foot, onLaterPages=foot)
    return file.getvalue()


def _text(words: str, style: ParagraphStyle = _TEXT) -> Paragraph:
    return Paragraph(marked_up(words, style.fontName), style)


def _stack(first: str, others: list[str], style: ParagraphStyle = _TEXT) -> list[Flowable]:
    return [_text(first, style), *(_text(other, _LABEL) for other in others)]


def _table(rows: list[list[Any]], widths: list[float], *rules: tuple[object, ...], heads: int = 0) -> Table:
    flush = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    style = TableStyle([*flush, ("VALIGN", (0, 0), (-1, -1), "TOP"), *rules])
    return Table(rows, colWidths=widths, repeatRows=heads, hAlign="LEFT", style=style)


def _head(sheet: Sheet) -> list[Flowable]:
    facts = [[_text(label, _LABEL), _text(value)] for label, value in sheet.facts]
    bill_to = [_text(line) for line in sheet.bill_to] or [_text("–")]
    parties = [[_text(sheet.business, _STRONG), [_text("Bill to", _STRONG), *bill_to]]]
    words = sheet.headline if sheet.status in {"open", "paid"} else f"{sheet.headline} – {sheet.status_text}"
    return [
        _text(sheet.kind, _TITLE),
        _table(facts, [38 * mm, _WIDTH - 38 * mm], ("TOPPADDING", (0, 0), (-1, -1), 0)),
        Spacer(0, 6 * mm),
        _table(parties, [_WIDTH / 2] * 2),
        Spacer(0, 8 * mm),
        _text(words, _SUM),
    ]


def _body(sheet: Sheet) -> list[Flowable]:
    head = [_text("Description", _LABEL), *(_text(name, _AMOUNT_LABEL) for name in ("Qty", "Unit price", "Amount"))]
    rule = ("LINEBELOW", (0, 0), (-1, -1), 0.5, _RULE)
    rows = [head, *(_row(line) for line in sheet.lines)]
    *sums, (last, due) = sheet.totals
    totals = [["", _text(label), _text(amount, _AMOUNT)] for label, amount in sums]
    totals.append(["", _text(last, _STRONG), _text(due, _AMOUNT_STRONG)])
    return [
        Spacer(0, 4 * mm),
        _table(rows, [_WIDTH - 80 * mm, 15 * mm, 32 * mm, 33 * mm], rule, heads=1),
        Spacer(0, 3 * mm),
        KeepTogether(_table(totals, [_WIDTH - 90 * mm, 55 * mm, 35 * mm])),
        Spacer(0, 8 * mm),
        *(_text(text) for text in sheet.texts),
        Spacer(0, 4 * mm),
        _text(_NOTE, _LABEL),
    ]


def _row(line: Line) -> list[Any]:
    numbers = (line.quantity, line.unit, line.amount)
    return [_stack(line.description, line.notes), *(_text(number, _AMOUNT) for number in numbers)]
