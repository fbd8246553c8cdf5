#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom, and the habits that go with it.

    boot/            -> gnu-efi, libfdt, zlib, vmm/boot_info.h, mm/types.h, mm/bits.h, BOOT_SHARED
    nested/          -> vmm/, arch public headers, mm/
    nested/<a>/      -> nested/'s, and arch/<a>/
    vmm/             -> arch public headers, mm/, libfdt; no inline assembly
    arch/<a>/        -> itself, arch public headers, vmm/, mm/
    arch/<a>/include -> mm/, itself, headers of arch/<a>/ (the parts of struct vm and vcpu)
    mm/              -> ISO C headers only; no assembly, no architecture macro
    tests/           -> anything; nothing includes tests/

An arch public header is written "arch/NAME.h" and lies in arch/<a>/include/arch/. ISO C's headers
are for everybody. Usage: check_layers.py [ROOT]; exit status 1 where something is wrong.
"""
import pathlib
import re
import sys

ISO_C = set(
    "assert ctype errno inttypes limits signal stdalign stdarg stdatomic stdbool stddef stdint"
    " stdio stdlib stdnoreturn string".split()
)
# Other people's libraries: which folder may use which.
SYSTEM_HEADERS = {
    "boot": {"efi.h", "efilib.h", "efibind.h", "efiprot.h", "libfdt.h", "zlib.h"},
    "arch/arm64": {"libfdt.h"},
}
# Pure, and linked into the loader, too: both go by the same rules.
BOOT_SHARED = {
    "arch/x86/include/arch/io.h", "arch/x86/vmx_caps.h", "vmm/acpi.h", "vmm/guest_image.h", "vmm/log.h",
}  # fmt: skip
BOOT_HEADERS = {"vmm/boot_info.h", "mm/types.h", "mm/bits.h"} | BOOT_SHARED
SOURCE_DIRS = ("boot", "arch", "mm", "vmm", "nested", "tests")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>|(\S+))')
ASSEMBLY = re.compile(r"\b(asm|__asm__|__asm)\b")
ARCH_MACRO = re.compile(r"\b(__x86_64__|__i386__|__aarch64__|__arm__|__amd64__)\b")
CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b")
COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|/\*.*?\*/|//[^\n]*', re.S)


def layer_of(path):
    """The layer a path (relative, posix) belongs to: mm, vmm, arch/x86, arch/x86/include, ..."""
    parts = path.split("/")
    if parts[0] == "nested" and len(parts) > 2:
        return "/".join(parts[:2])
    if parts[0] != "arch" or len(parts) < 3:
        return parts[0]
    return "/".join(parts[:3] if parts[2] == "include" else parts[:2])


def is_public_arch(name):
    return re.fullmatch(r"arch/[^/]+\.(h|def)", name) is not None


def may_include(layer, name):
    """Whether a file of @layer may include the repository's header @name, as written."""
    top = name.split("/")[0]
    if layer == "tests":
        return True
    if layer == "boot":
        return top == "boot" or name in BOOT_HEADERS
    if layer == "mm":
        return top == "mm"
    if layer == "vmm":
        return top in ("vmm", "mm") or is_public_arch(name)
    if layer == "nested":
        return top in ("nested", "vmm", "mm") or is_public_arch(name)
    if layer.startswith("nested/"):
        own = layer.replace("nested", "arch") + "/"
        private = name.startswith(own) and not name.startswith(own + "include/")
        return private or top in ("nested", "vmm", "mm") or is_public_arch(name)
    if layer.endswith("/include"):
        own = layer.removesuffix("include")
        return top == "mm" or is_public_arch(name) or name.startswith(own)
    if layer.startswith("arch/"):
        private = name.startswith(layer + "/") and not name.startswith(layer + "/include/")
        return private or top in ("vmm", "mm") or is_public_arch(name)
    return False


def is_iso_c(name):
    return name.endswith(".h") and name[:-2] in ISO_C


def blank_comments(text):
    """Comments become blanks, so that line numbers stay and prose does not count; strings stay."""
    blank = lambda m: m.group(1) or re.sub(r"[^\n]", " ", m.group(0))
    return COMMENT.sub(blank, text)


class Checker:
    def __init__(self, root):
        self.root = root
        self.problems = []
        self.arches = sorted(p.name for p in root.glob("arch/*") if p.is_dir())

    def report(self, path, line, text):
        self.problems.append(f"{path}:{line}: {text}")

    def check_exists(self, path, line, name, layer):
        """An arch public header that common code uses must exist for every architecture."""
        if not is_public_arch(name):
            if not (self.root / name).is_file():
                self.report(path, line, f'"{name}" does not exist (includes are rooted here)')
            return
        mine = [layer.split("/")[1]] if "/" in layer else self.arches
        for arch in mine:
            if not (self.root / "arch" / arch / "include" / name).is_file():
                self.report(path, line, f'"{name}" does not exist for {arch}')

    def check_include(self, path, line, quoted, system, other):
        layer = layer_of(path)
        if layer == "tests":
            return
        if other:
            self.report(path, line, f"computed include {other}")
        elif system:
            if not is_iso_c(system) and system not in SYSTEM_HEADERS.get(layer, ()):
                self.report(path, line, f"{layer}/ may not include <{system}>")
        elif not may_include(layer, quoted):
            self.report(path, line, f'{layer}/ may not include "{quoted}"')
        else:
            self.check_exists(path, line, quoted, layer)

    def check_line(self, path, number, text):
        layer = layer_of(path)
        found = INCLUDE.match(text)
        if found:
            self.check_include(path, number, *found.groups())
        code = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
        if layer.split("/")[0] in ("mm", "vmm", "nested") and ASSEMBLY.search(code):
            self.report(path, number, f"inline assembly in {layer}/")
        if layer == "mm" and ARCH_MACRO.search(code):
            self.report(path, number, "architecture macro in mm/")
        if layer != "tests" and path.endswith(".c") and CONDITIONAL.match(code):
            self.report(path, number, "conditional compilation in a .c file")

    def check_own_header(self, path, text):
        """A .c file includes its own header, where it has one, before any other."""
        own = path[:-2] + ".h"
        includes = [m.groups() for m in map(INCLUDE.match, text.splitlines()) if m]
        if (self.root / own).is_file() and (not includes or includes[0][0] != own):
            self.report(path, 1, f'does not include its own "{own}" first')

    def check_file(self, path):
        raw = (self.root / path).read_text(encoding="utf-8")
        text = blank_comments(raw)
        if "SPDX-License-Identifier: Apache-2.0" not in raw.split("\n", 1)[0]:
            self.report(path, 1, "the first line is not the SPDX line")
        if path.endswith(".h") and "#pragma once" not in text:
            self.report(path, 1, "header without #pragma once")
        if path.endswith(".c") and layer_of(path) != "tests":
            self.check_own_header(path, text)
        for number, line in enumerate(text.splitlines(), 1):
            self.check_line(path, number, line)

    def run(self):
        files = [
            f.relative_to(self.root).as_posix()
            for top in SOURCE_DIRS
            for f in sorted((self.root / top).rglob("*"))
            if f.suffix in (".c", ".h", ".S", ".def", ".inc") and f.is_file()
        ]
        for path in files:
            self.check_file(path)
        return len(files)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    checker = Checker(root)
    count = checker.run()
    for problem in checker.problems:
        print(problem)
    print(f"check_layers: {count} files, {len(checker.problems)} problems")
    return 1 if checker.problems or count == 0 else 0


sys.exit(main())
