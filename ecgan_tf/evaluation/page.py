"""A page that needs no other file: pictures and drawings are inside it."""

import base64
import html
import io

from PIL import Image

STYLE = """
  :root { color-scheme: light }
  body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 1360px; color: #222 }
  h1 { font-size: 1.4rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
  .wide { overflow-x: auto }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  td, th { padding: .15rem .8rem .15rem 0; text-align: right; white-space: nowrap }
  td:first-child, th:first-child, td:last-child, th:last-child { text-align: left }
  @media (max-width: 600px) { table { font-size: .8rem } td, th { padding-right: .5rem } }
  tr.best td { font-weight: 600 }
  figure { margin: 0 0 1rem } figcaption, .note { color: #555; font-size: .85rem; max-width: 70ch }
  img, svg { max-width: 100%; height: auto }
  img { image-rendering: pixelated }
  .columns { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem; align-items: flex-start }
  .columns > * { flex: 0 1 auto; min-width: 0; max-width: 100% }
"""


def page(title, *parts):
    """The text of an HTML page: a title and parts of HTML."""
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n<h1>{html.escape(title)}</h1>\n"
        + "\n".join(part for part in parts if part)
        + "\n</html>\n"
    )


def section(heading, *parts):
    """A heading with parts side by side, as far as the window is wide; nothing without parts."""
    parts = [part for part in parts if part]
    columns = "\n".join(f"<div>{part}</div>" for part in parts)
    return f'<h2>{html.escape(heading)}</h2>\n<div class="columns">{columns}</div>' if parts else ""


def table(header, rows, bold=()):
    """Rows of texts, escaped, in a box that scrolls where the window is narrow; `bold`: (row, column) of some cells."""

    def cell(place, text):
        text = html.escape(text)
        return f"<td><b>{text}</b></td>" if place in bold else f"<td>{text}</td>"

    head = "".join(f"<th>{html.escape(text)}</th>" for text in header)
    body = "\n".join(
        "<tr>" + "".join(cell((row, column), text) for column, text in enumerate(texts)) + "</tr>"
        for row, texts in enumerate(rows)
    )
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'


def picture(pixels, caption):
    """An image inside the page: uint8 (height, width, 3), with a caption that also tells it to who cannot see it."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    data = base64.b64encode(content.getvalue()).decode()
    text = html.escape(caption)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def drawing(svg, caption):
    """An <svg> element with a caption."""
    return f"<figure>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>"


def note(text):
    return f'<p class="note">{html.escape(text)}</p>'
