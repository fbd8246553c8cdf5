#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the sizes that keep the code readable.

Fails where a file has more than 800 lines, a function more than 80 (from its name to its closing
brace), more than 5 parameters or blocks nested deeper than 3; and where fewer than nine functions
in ten are within 40 lines. --report lists functions over 40 lines and files over 400.
Functions are found by this tree's layout: a '{' and a '}' alone in the first column.
Usage: check_size.py [--report] [ROOT]
"""
import pathlib
import re
import sys

FILE_MAX, FUNCTION_MAX, FUNCTION_GOAL, PARAMS_MAX, NESTING_MAX = 800, 80, 40, 5, 3
FILE_NOTABLE, GOAL_SHARE = 400, 0.9
SOURCE_DIRS = ("boot", "arch", "mm", "vmm", "nested", "tests")
NOISE = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S)
NAME = re.compile(r"(\w+)\s*\(")
NOT_NAMES = ("__attribute__", "__printf", "_Alignas")


def strip_noise(text):
    """Comments, strings and characters become blanks; lines stay."""
    return NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def parameters(signature, start):
    """The parameters in the parentheses that open before @start."""
    depth, count, text = 1, 1, ""
    for c in signature[start:]:
        depth += {"(": 1, ")": -1}.get(c, 0)
        if depth == 0:
            break
        count += c == "," and depth == 1
        text += c
    return 0 if text.strip() in ("", "void") else count


def nesting(body):
    """The deepest block within the function's own: initialisers in braces do not count."""
    stack, deepest = [], 0
    for m in re.finditer(r"[{}]", body):
        if m.group() == "}":
            if stack:
                stack.pop()
            continue
        before = body[: m.start()].rstrip()
        stack.append(0 if before.endswith(("=", ",", "{", "(")) or is_literal(before) else 1)
        deepest = max(deepest, sum(stack))
    return deepest


def is_literal(before):
    """Whether the ')' that @before ends with closes a compound literal's type."""
    return re.search(r"[=(,&]\s*\([^()]*\)$|return \([^()]*\)$", before) is not None


def functions(lines):
    """Yields (name, line, length, parameters, nesting) of each function definition."""
    begin = None
    for i, line in enumerate(lines):
        if line.rstrip() == "{":
            begin = i
        elif line.startswith("}") and begin is not None:
            first = begin
            while first and lines[first - 1].strip() and not re.match(r"[#}]", lines[first - 1]):
                first -= 1
            signature = " ".join(lines[first:begin])
            names = [m for m in NAME.finditer(signature) if m.group(1) not in NOT_NAMES]
            if names:
                count = parameters(signature, names[0].end())
                depth = nesting("\n".join(lines[begin + 1 : i]))
                yield names[0].group(1), first + 1, i - first + 1, count, depth
            begin = None


def check_file(path, problems, notes):
    """Returns the lengths of the file's functions."""
    lines = strip_noise(path.read_text(encoding="utf-8")).split("\n")
    size, lengths = len(lines) - 1, []
    if size > FILE_MAX:
        problems.append(f"{path}: {size} lines, more than {FILE_MAX}")
    elif size > FILE_NOTABLE:
        notes.append(f"{path}: {size} lines")
    for name, line, length, params, depth in functions(lines):
        where = f"{path}:{line}: {name}"
        lengths.append(length)
        if length > FUNCTION_MAX:
            problems.append(f"{where}: {length} lines, more than {FUNCTION_MAX}")
        elif length > FUNCTION_GOAL:
            notes.append(f"{where}: {length} lines")
        if params > PARAMS_MAX:
            problems.append(f"{where}: {params} parameters, more than {PARAMS_MAX}")
        if depth > NESTING_MAX:
            problems.append(f"{where}: blocks nested {depth} deep, more than {NESTING_MAX}")
    return lengths


def main():
    args = [a for a in sys.argv[1:] if a != "--report"]
    root = pathlib.Path(args[0] if args else pathlib.Path(__file__).parent.parent)
    files = [f for d in SOURCE_DIRS for f in sorted((root / d).rglob("*.[ch]"))]
    problems, notes, lengths = [], [], []
    for path in files:
        lengths += check_file(path, problems, notes)
    within = sum(n <= FUNCTION_GOAL for n in lengths)
    if not lengths:
        problems.append("no function found")
    elif within < GOAL_SHARE * len(lengths):
        problems.append(f"only {within} of {len(lengths)} functions within {FUNCTION_GOAL} lines")
    if "--report" in sys.argv:
        print("\n".join(notes))
    print("\n".join(problems), end="\n" if problems else "")
    print(
        f"check_size: {len(files)} files, {within} of {len(lengths)} functions within"
        f" {FUNCTION_GOAL} lines, longest {max(lengths, default=0)}, {len(problems)} problems"
    )
    return 1 if problems else 0


sys.exit(main())
