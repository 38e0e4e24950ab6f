"""An invoice as a PDF document of one or more A4 pages."""

from __future__ import annotations

from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from sandbox.invoice_pages import Sheet

_INK, _MUTED, _RULE = HexColor("#1a1f36"), HexColor("#697386"), HexColor("#e3e8ee")
_WIDTH = A4[0] - 40 * mm
_TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=9.5, leading=13, textColor=_INK)
_LABEL = ParagraphStyle("label", parent=_TEXT, textColor=_MUTED)
_TITLE = ParagraphStyle("title", parent=_TEXT, fontName="Helvetica-Bold", fontSize=20, leading=26)
_STRONG = ParagraphStyle("strong", parent=_TEXT, fontName="Helvetica-Bold")
_AMOUNT = ParagraphStyle("amount", parent=_TEXT, alignment=2)
_AMOUNT_LABEL = ParagraphStyle("amount_label", parent=_LABEL, alignment=2)
_AMOUNT_STRONG = ParagraphStyle("amount_strong", parent=_STRONG, alignment=2)
_SUM = ParagraphStyle("sum", parent=_STRONG, fontSize=14, leading=20)


def draw(sheet: Sheet) -> bytes:
    """Return the document; the same invoice makes the same bytes."""
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=20 * mm,
        bottomMargin=18 * mm,
        title=f"Invoice {sheet.invoice['number'] or ''}".strip(),
        author=sheet.invoice["account_name"],
        invariant=1,
        pageCompression=0,  # so that the text can be searched for
    )
    document.build([*_head(sheet), *_body(sheet)])
    return file.getvalue()


def _text(words: str, style: ParagraphStyle = _TEXT) -> Paragraph:
    return Paragraph(_safe(words), style)


def _safe(words: str) -> str:
    # The fonts that every reader has know Western Europe's letters; the rest would be drawn as black boxes.
    return escape(words.encode("cp1252", "replace").decode("cp1252"))


def _table(rows: list[list[Flowable]], widths: list[float], *rules: tuple[object, ...]) -> Table:
    flush = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    style = TableStyle([*flush, ("VALIGN", (0, 0), (-1, -1), "TOP"), *rules])
    return Table(rows, colWidths=widths, repeatRows=1, hAlign="LEFT", style=style)


def _head(sheet: Sheet) -> list[Flowable]:
    facts = [[_text(label, _LABEL), _text(value)] for label, value in sheet.facts]
    bill_to = Paragraph("<br/>".join(_safe(line) for line in sheet.bill_to) or "–", _TEXT)
    parties = [
        [_text(sheet.invoice["account_name"], _STRONG), _text("Bill to", _STRONG)],
        [_text(""), bill_to],
    ]
    words = f"{sheet.due} due" if sheet.invoice["status"] == "open" else sheet.status
    return [
        _text("Invoice", _TITLE),
        _table(facts, [32 * mm, 60 * mm], ("TOPPADDING", (0, 0), (-1, -1), 0)),
        Spacer(0, 6 * mm),
        _table(parties, [_WIDTH / 2] * 2),
        Spacer(0, 8 * mm),
        _text(words, _SUM),
    ]


def _body(sheet: Sheet) -> list[Flowable]:
    head = [_text("Description", _LABEL), _text("Qty", _LABEL), _text("Amount", _AMOUNT_LABEL)]
    rows = [[_text(words), _text(quantity), _text(amount, _AMOUNT)] for words, quantity, amount in sheet.lines]
    lines = _table([head, *rows], [_WIDTH - 50 * mm, 15 * mm, 35 * mm], ("LINEBELOW", (0, 0), (-1, -1), 0.5, _RULE))
    *sums, (last, due) = sheet.totals
    totals = [[_text(""), _text(label), _text(amount, _AMOUNT)] for label, amount in sums]
    totals.append([_text(""), _text(last, _STRONG), _text(due, _AMOUNT_STRONG)])
    note = "This is a document of the Stripe sandbox: no real money has moved, and none is owed."
    return [
        Spacer(0, 4 * mm),
        lines,
        Spacer(0, 3 * mm),
        _table(totals, [_WIDTH - 80 * mm, 45 * mm, 35 * mm]),
        Spacer(0, 10 * mm),
        _text(note, _LABEL),
    ]
