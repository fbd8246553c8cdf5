# SPDX-License-Identifier: Apache-2.0
"""Reads the text off a picture of the screen: each cell has to be a glyph of the core's font."""

import os
import re
from pathlib import Path

FONT = Path(os.environ.get("SOCLE_FONT", "build/fbcon_font.c"))
WIDTH, HEIGHT, PIXEL = 8, 16, 3  # a cell; bytes of a pixel
NO_GLYPH = "\N{REPLACEMENT CHARACTER}"


def read_font():
    """{16 bytes of a glyph: its character}, ASCII where several share a glyph."""
    text = FONT.read_text("ascii")
    rows = re.findall(r"^\t\{((?:0x[0-9a-f]{2}(?:, )?){16})\},$", text, re.M)
    glyphs = [bytes(int(line, 16) for line in row.split(", ")) for row in rows]
    codes = re.findall(r"^\t\{0x([0-9a-f]{4}), (\d+)\},$", text, re.M)
    characters = {}
    for code, glyph in sorted((int(code, 16), int(glyph)) for code, glyph in codes):
        characters.setdefault(glyphs[glyph], chr(code))
    assert len(characters) >= 95, f"no font in {FONT}"
    return characters


def read_ppm(path):
    """Width, height and the bytes of a binary PPM with 255 levels."""
    data = Path(path).read_bytes()
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    assert header, f"{path} is no PPM"
    return int(header.group(1)), int(header.group(2)), data[header.end() :]


def cell_character(lines, characters):
    """The character of a cell of two colours; the cursor's cell has them swapped."""
    colours = sorted({line[i : i + PIXEL] for line in lines for i in range(0, len(line), PIXEL)})
    if len(colours) > 2:
        return NO_GLYPH
    ink = colours[-1] if colours[-1] != bytes(PIXEL) else None  # the brighter one
    glyph = bytes(
        sum(0x80 >> i for i in range(WIDTH) if line[i * PIXEL : (i + 1) * PIXEL] == ink)
        for line in lines
    )
    swapped = bytes(line ^ 0xFF for line in glyph)
    return characters.get(glyph) or characters.get(swapped) or NO_GLYPH


def read_cells(path):
    """The screen's rows of cells: what each looks like, line by line."""
    width, height, pixels = read_ppm(path)
    for top in range(0, height - HEIGHT + 1, HEIGHT):
        yield [
            tuple(
                pixels[start : start + WIDTH * PIXEL]
                for start in (((top + y) * width + left) * PIXEL for y in range(HEIGHT))
            )
            for left in range(0, width - WIDTH + 1, WIDTH)
        ]


def read_text(path):
    """The screen's rows of text, without the blanks behind."""
    characters = read_font()
    known = {}
    rows = []
    for cells in read_cells(path):
        for lines in set(cells) - known.keys():
            known[lines] = cell_character(lines, characters)
        rows.append("".join(known[lines] for lines in cells).rstrip())
    return rows


def shape(row):
    """The same for two rows exactly where they are alike but for what each character looks like."""
    seen = {}
    return [seen.setdefault(item, len(seen)) for item in row]


def has_line(path, text):
    """Whether a row begins with this text in whatever font: a text with its characters exchanged one
    for one, which is as good as none where it is long."""
    return any(shape(cells[: len(text)]) == shape(text) for cells in read_cells(path))
