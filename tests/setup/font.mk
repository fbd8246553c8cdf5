# SPDX-License-Identifier: Apache-2.0
# The framebuffer console's font as a C source: link build/fbcon_font.c wherever vmm/fbcon.c goes.
FONT_PSF ?= /usr/share/consolefonts/Uni2-Fixed16.psf.gz

build/fbcon_font.c: tests/setup/mkfont.py
	$(Q)mkdir -p $(@D)
	$(Q)python3 $< $(FONT_PSF) $@.tmp && mv $@.tmp $@
