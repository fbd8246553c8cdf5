#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Seeded bugs in mm/: each must make a test fail. Prints a table; fails if one survives.

A mutant is one exact piece of text and what stands in its place, in a copy of the tree. Tests run
in the given order until one fails (to build is not to fail: a mutant must compile).
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
TDP = ("test_tlb_batch", "test_tdp_oom", "test_tdp")

# name, rule, file, text, replacement, tests
MUTANTS = [
    # Not a bug: shows that the tests pass without one. Must survive.
    ("none", "-", "mm/tdp.c", "", "", ("test_range", "test_page", "test_pt_format") + TDP),
    ("table published before it is filled", "T3", "mm/tdp.c",
     "memset(phys_ptr(table), 0, BIT(fmt->page_shift));\n", ";\n", TDP),
    ("table freed at once, not by the batch", "T3", "mm/tdp.c",
     "\ttlb_batch_add_table(op->batch, table);\n",
     "\ttdp->table_count--;\n\ttdp->ops->free(tdp, table, tdp_table_order(fmt));\n", TDP),
    ("tables freed before the flush", "T3", "mm/tlb_batch.c",
     "\t\ttdp_flush_range(b->tdp, b->start, b->end - 1);\n\t\tlock_take(&b->tdp->lock);\n"
     "\t\tbatch_done(b);\n",
     "\t\tu64 s = b->start, e = b->end;\n\n\t\tlock_take(&b->tdp->lock);\n\t\tbatch_done(b);\n"
     "\t\ttdp_flush_range(b->tdp, s, e - 1);\n", TDP),
    ("unmapped leaf not flushed", "T6", "mm/tdp.c",
     "\tif (it->kind == PT_LEAF || it->kind == PT_TABLE) {\n\t\ttlb_batch_add",
     "\tif (it->kind == PT_TABLE) {\n\t\ttlb_batch_add", TDP),
    ("flush range one page short", "T6", "mm/tlb_batch.c",
     "\tb->end = max_u64(b->end, last + 1);", "\tb->end = max_u64(b->end, last + 1 - PAGE_SIZE);",
     TDP),
    ("split without break", "T5", "mm/tdp.c",
     "if (op->tdp->fmt->flags & PT_BBM && cuts[i].it.kind == PT_LEAF &&", "if (false &&", TDP),
    ("no flush between break and make", "T5", "mm/tdp.c",
     "if (plan.makes || plan.break_flush) {", "if (plan.makes && !plan.break_flush) {", TDP),
    ("no flush after a break that leaves no hole", "T5", "mm/tdp.c",
     "if (plan.makes || plan.break_flush) {", "if (plan.makes) {", TDP),
    ("pending flush ignored by the next map", "T6", "mm/tdp.c",
     "\t\ttlb_batch_flush_locked(b);\n\t}\n\tif (tdp->pending_start",
     "\t\t;\n\t}\n\tif (0 && tdp->pending_start", TDP),
    ("another batch's pending flush ignored", "T6", "mm/tdp.c",
     "if (tdp->pending_start <= op->last && tdp->pending_end > op->start)",
     "if (0 && tdp->pending_start <= op->last)", TDP),
    ("protect loses accessed and dirty", "T4", "mm/tdp.c",
     "it->entry, new, fmt->volatile_mask);", "it->entry, new & ~fmt->volatile_mask, 0);", TDP),
    ("protect keeps only what it had seen", "T4", "mm/tdp.c",
     "it->entry, new, fmt->volatile_mask);", "it->entry, new, 0);", TDP),
    ("split loses accessed and dirty", "T4", "mm/tdp.c",
     "return child | (entry & fmt->volatile_mask);", "return child;", TDP),
    ("split misses a bit set meanwhile", "T4", "mm/tdp.c",
     "subtree_mark(fmt, it->level, cut->link, it->entry & fmt->volatile_mask);", ";", TDP),
    ("bits below a removed table are lost", "T4", "mm/tdp.c",
     "\t\t\tleaf_harvest(tdp, level, at, entry);\n", "", TDP),
    ("plain store to a removed table's leaf", "T4", "mm/tdp.c",
     "\t\t\tentry = tdp_entry_replace(tdp, ptep, entry, 0, 0);\n",
     "\t\t\ttdp_entry_replace(tdp, ptep, entry, 0, 0);\n", TDP),
    ("another page mapped over a leaf", "T6", "mm/tdp.c",
     "if (oa != oa_at(op, it->pos)) {", "if (0 && oa != oa_at(op, it->pos)) {", TDP),
    ("conflict checked on the first page only", "T6", "mm/tdp.c",
     "if (oa != oa_at(op, it->pos)) {",
     "if (it->pos == op->start && oa != oa_at(op, it->pos)) {", TDP),
    ("never a block larger than level 2", "T13", "mm/tdp.c",
     "for (level = op->tdp->max_leaf_level; level > 1; level--) {",
     "for (level = op->tdp->max_leaf_level > 2 ? 2 : op->tdp->max_leaf_level; level > 1; level--) {",
     TDP),
    ("alignment of the output address ignored", "T13", "mm/tdp.c",
     "u64 both = pos | oa_at(op, pos);", "u64 both = pos;", TDP),
    ("no collapse of a table", "T13", "mm/tdp.c",
     "best_level(op, it->ia) == it->level;", "best_level(op, it->ia) == 99;", TDP),
    ("a spurious map is not counted", "T8", "mm/tdp.c", "\t\top->tdp->spurious++;\n", "", TDP),
    ("device marker kept as memory's hole", "T1", "mm/tdp.c",
     "return e.kind == PT_DEVICE ? PT_MARKER : 0;", "return 0;", TDP),
    ("unlinked tables leak when memory is out", "T17", "mm/tdp.c",
     "\t\t\tsubtree_free(op->tdp, cuts[i].it.level, cuts[i].link);\n", "\t\t\t;\n", TDP),
    ("cut published though the other one failed", "T17", "mm/tdp.c",
     "\tif (r) {\n\t\tfor (unsigned i = 0; i < count; i++) {\n\t\t\tsubtree_free",
     "\tif (r) {\n\t\tcuts_publish(op, cuts, 1);\n\t\tfor (unsigned i = 1; i < count; i++) {\n"
     "\t\t\tsubtree_free", TDP),
    ("granting more on Arm without a flush", "T5", "mm/pt_formats.c",
     ".flags = PT_BBM, .present_mask = S2_VALID, .accessed",
     ".flags = PT_BBM | PT_REWALKS, .present_mask = S2_VALID, .accessed",
     ("test_pt_format",)),
    ("NPT without the user bit", "T1", "mm/pt_formats.c",
     "[PT_RW] = X86_P | X86_US | X86_RW | X86_NX,", "[PT_RW] = X86_P | X86_RW | X86_NX,",
     ("test_pt_format",)),
    ("PAT bit of large pages at the place of small ones", "T1", "mm/pt_formats.c",
     "#define X86_PAT_BLOCK BIT(12)", "#define X86_PAT_BLOCK BIT(7)", ("test_pt_format",)),
    ("output address rounded, not refused", "T1", "mm/pt_format.c",
     "if (pt_leaf_oa(fmt, level, entry).v != oa.v) {",
     "if (0 && pt_leaf_oa(fmt, level, entry).v != oa.v) {", ("test_pt_format",)),
    ("buddies joined across a zone's end", "-", "mm/page.c",
     "if (buddy < z->pfn || buddy + BIT(order) > z->pfn + z->count) {",
     "if (buddy < z->pfn) {", ("test_page",)),
    ("buddy of another order joined", "-", "mm/page.c",
     "b->state != STATE_FREE || b->order != order", "b->state != STATE_FREE", ("test_page",)),
    ("double free goes unseen", "T18", "mm/page.c",
     "assert(p->state == STATE_USED && p->order == order);", "assert(p->order == order);",
     ("test_page",)),
    ("ranges that touch are not merged", "-", "mm/range.c",
     "base ? base - 1 : 0", "base", ("test_range",)),
]


def run(args, cwd, **kw):
    return subprocess.run(args, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **kw)


def copy_tree(to):
    for name in ("mm", "tests"):
        shutil.copytree(ROOT / name, to / name)
    for name in ("Makefile",):
        shutil.copy(ROOT / name, to / name)


def try_mutant(mutant, work):
    name, rule, path, old, new, tests = mutant
    tree = pathlib.Path(tempfile.mkdtemp(dir=work))
    copy_tree(tree)
    text = (tree / path).read_text()
    if old and text.count(old) != 1:
        return f"STALE: text found {text.count(old)} times in {path}"
    (tree / path).write_text(text.replace(old, new) if old else text)
    for test in tests:
        built = run(["make", "-f", "tests/host/mutants.mk", f"build/mutant/{test}"], tree)
        if built.returncode:
            return "STALE: does not compile\n" + built.stdout
        try:
            result = run([f"build/mutant/{test}"], tree, timeout=120)
        except subprocess.TimeoutExpired:
            return f"caught by {test} (hangs)"
        if result.returncode:
            lines = [l for l in result.stdout.splitlines() if "Failure" in l or ": [" in l
                     or "ERROR: Addr" in l or "Assertion" in l]
            return f"caught by {test}: " + (lines[0].split("/")[-1][:70] if lines else "")
    shutil.rmtree(tree)
    return "SURVIVED"


def main():
    with tempfile.TemporaryDirectory() as work:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            results = list(pool.map(lambda m: try_mutant(m, work), MUTANTS))
    bad = 0
    for mutant, result in zip(MUTANTS, results):
        caught = result.startswith("caught") if mutant[3] else result == "SURVIVED"
        bad += not caught
        print(f"{'ok ' if caught else 'BAD'} {mutant[1]:4} {mutant[0]:50} {result}")
    count = len(MUTANTS) - 1
    print(f"{count} mutants and the tree itself tried: {bad} results not as they must be")
    return 1 if bad or count < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
