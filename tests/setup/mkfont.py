#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts an 8 x 16 console font (PSF1, gzipped) to the C source of fbcon's font.

The font is X11's misc-fixed in the public domain, as Debian's package console-setup-linux
installs it. The output depends on the font file alone.
usage: mkfont.py FONT.psf.gz OUT.c
"""
import gzip
import struct
import sys

HEIGHT = 16
PSF1_MAGIC, PSF1_MODE512, PSF1_MODE_HAS_UNICODE = b"\x36\x04", 1, 2
SEPARATOR, START_SEQUENCE = 0xFFFF, 0xFFFE


def read_psf1(data):
    """Returns the list of glyphs (bytes) and the dict of code point to glyph index."""
    if data[:2] != PSF1_MAGIC or not data[2] & PSF1_MODE_HAS_UNICODE or data[3] != HEIGHT:
        sys.exit("mkfont: not a PSF1 font of height 16 with a Unicode table")
    count = 512 if data[2] & PSF1_MODE512 else 256
    glyphs = [data[4 + i * HEIGHT : 4 + (i + 1) * HEIGHT] for i in range(count)]
    words = struct.iter_unpack("<H", data[4 + count * HEIGHT :])
    chars, glyph, in_sequence = {}, 0, False
    for (word,) in words:
        if word == SEPARATOR:
            glyph, in_sequence = glyph + 1, False
        elif word == START_SEQUENCE:  # combining sequences, which fbcon does not know
            in_sequence = True
        elif not in_sequence:
            chars.setdefault(word, glyph)
    if glyph != count or len(glyphs[-1]) != HEIGHT:
        sys.exit("mkfont: the font is cut short")
    missing = [c for c in range(0x20, 0x7F) if c not in chars]
    if missing:
        sys.exit(f"mkfont: the font lacks {bytes(missing)!r}")
    return glyphs, chars


def write_c(out, glyphs, chars):
    out.write("// SPDX-License-Identifier: Apache-2.0\n")
    out.write("/* X11 misc-fixed (public domain), made by tests/setup/mkfont.py. */\n")
    out.write('#include "vmm/fbcon.h"\n\n')
    out.write("static const u8 glyphs[][FBCON_GLYPH_HEIGHT] = {\n")
    for glyph in glyphs:
        out.write("\t{" + ", ".join(f"0x{row:02x}" for row in glyph) + "},\n")
    out.write("};\n\nstatic const struct fbcon_font_char chars[] = {\n")
    for code in sorted(chars):
        out.write(f"\t{{0x{code:04x}, {chars[code]}}},\n")
    out.write("};\n\nconst struct fbcon_font fbcon_font = {\n")
    out.write("\t.glyph_count = ARRAY_SIZE(glyphs),\n\t.char_count = ARRAY_SIZE(chars),\n")
    out.write("\t.glyphs = glyphs,\n\t.chars = chars,\n};\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        with gzip.open(sys.argv[1]) as font:
            data = font.read()
    except OSError as error:
        sys.exit(f"mkfont: {error} (Debian package console-setup-linux)")
    glyphs, chars = read_psf1(data)
    with open(sys.argv[2], "w", encoding="ascii") as out:
        write_c(out, glyphs, chars)


main()
