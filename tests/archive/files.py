"""Files as tests attach them: a PDF, office files, text; made here, since none is kept in the repository."""

from __future__ import annotations

import io
import zipfile

_PDF = (
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
    "4 0 obj<</Length {length}>>stream\n{stream}\nendstream endobj\n"
    "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(words: str) -> bytes:
    stream = f"BT /F1 18 Tf 10 100 Td ({words}) Tj ET"
    return _PDF.format(length=len(stream), stream=stream).encode()


def archive(**parts: str) -> bytes:
    """A zip file; `__` in a name stands for "/"."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name.replace("__", "/") + ".xml", content)
    return found.getvalue()


def docx(*paragraphs: str) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{one}</w:t></w:r></w:p>" for one in paragraphs)
    return archive(word__document=f"<w:document {_W}><w:body>{body}</w:body></w:document>")


def attached(name: str, *files: tuple[str, str, bytes], text: str = "please see attached\n") -> bytes:
    """The message <NAME@example.org> with files: their names, types, octets."""
    head = (
        "From: Alice <alice@example.org>\r\nTo: cg-aisec@lists.example.org\r\nDate: Mon, 03 May 2027 10:00:00 +0200\r\n"
        f"Subject: About {name}\r\nMessage-ID: <{name}@example.org>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="=b"\r\n\r\n--=b\r\nContent-Type: text/plain\r\n\r\n'
    )
    parts = b"".join(
        f'\r\n--=b\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename="{file}"\r\n\r\n'.encode()
        + content
        for file, kind, content in files
    )
    return head.encode() + text.encode() + parts + b"\r\n--=b--\r\n"
