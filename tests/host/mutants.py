#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Seeded bugs in mm/ and nested/: each must make a test fail. Prints a table; fails if one survives.

A mutant is one exact piece of text and what stands in its place, in a copy of the tree, whose files
are links to one tree with all tests built. Tests run in the given order until one fails (to build is
not to fail: a mutant must compile).
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
WALK = ("test_guest_walk",)
SHADOW = ("test_shadow",)
AUDIT = ("test_audit",)
CHECKS = ("test_svm_checks",)
MERGE = ("test_svm_merge",)
# cmocka stops at the first test that fails.
FIRST_FAILURE = {**os.environ, "CMOCKA_TEST_ABORT": "1"}

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
    ("a leaf goes untold", "D5", "mm/tdp.c",
     "\t\ttdp->ops->removed(tdp, ia_extend(tdp, ia), level);\n", "\t\t;\n", ("test_tdp_hooks",)),
    ("leaves below a removed table go untold", "D5", "mm/tdp.c",
     "(fmt->volatile_mask || tdp->ops->removed)", "fmt->volatile_mask", ("test_tdp_hooks",)),
    ("every other leaf below a removed table goes untold", "D5", "mm/tdp.c",
     "phys_ptr(table), i + 1, count)", "phys_ptr(table), i + 2, count)", ("test_tdp_hooks",)),
    ("holes are passed to the table's end, not the range's", "-", "mm/tdp_iter.c",
     "end = min_u64(end, index | mask) - (index & ~mask);", "end = mask;", TDP),
    ("holes are passed into the next table", "-", "mm/tdp_iter.c",
     "end = min_u64(end, index | mask) - (index & ~mask);", "end -= index & ~mask;", TDP),
    ("ageing loses the dirty bit", "T4", "mm/tdp.c",
     "it.entry & ~bit,\n\t\t\t\t\t  tdp->fmt->volatile_mask & ~bit);",
     "it.entry & ~tdp->fmt->volatile_mask, 0);", ("test_tdp_hooks",)),
    ("ageing does not flush", "D4", "mm/tdp.c",
     "\t\t\ttlb_batch_add(batch, it.ia, tdp_iter_entry_last(&it));\n\t\t\t*young = true;",
     "\t\t\t*young = true;", ("test_tdp_hooks",)),
    # nested/: the walker
    ("no nested/ mutant", "-", "nested/shadow.c", "", "", WALK + SHADOW + AUDIT),
    ("NPT: a supervisor's page is allowed", "R1", "vmm/guest_walk.c",
     "st.access |= PT_U | (w->flags & WALK_ON_WALK ? PT_W : 0);",
     "st.access |= (w->flags & WALK_ON_WALK ? PT_W : 0);", WALK),
    ("NPT: a guest's table is only read", "R1", "vmm/guest_walk.c",
     "st.access |= PT_U | (w->flags & WALK_ON_WALK ? PT_W : 0);", "st.access |= PT_U;", WALK),
    ("reserved bits by MAXPHYADDR not checked", "R1", "vmm/guest_walk.c",
     "return oa_bits > top ? 0 : GENMASK(top, oa_bits);",
     "return oa_bits > top ? 0 : GENMASK(top, oa_bits) & 0;", WALK),
    ("NX reserved though EFER.NXE is set", "R1", "vmm/guest_walk.c",
     "(role.nx ? 0 : X86_NX)", "X86_NX", WALK),
    ("SMAP holds with AC", "R2", "vmm/guest_walk.c",
     "role.smap && !(st->w->flags & WALK_AC)", "role.smap", WALK),
    ("SMEP forgotten", "R2", "vmm/guest_walk.c",
     "prot &= role.smep ? ~(unsigned)PT_X : ~0u;", ";", WALK),
    ("WP = 0 forgotten", "R3", "vmm/guest_walk.c", "prot |= role.wp ? 0 : PT_W;", ";", WALK),
    ("level's permissions not put together", "R1", "vmm/guest_walk.c",
     "w->prot &= (u8)prot;", "w->prot = (u8)prot;", WALK),
    ("dirty set without a write", "D2", "vmm/guest_walk.c",
     "return st->fmt->accessed | (leaf && write ? st->fmt->dirty : 0);",
     "return st->fmt->accessed | (leaf ? st->fmt->dirty : 0);", WALK),
    ("accessed and dirty set before the check", "R1", "vmm/guest_walk.c",
     "\tresult = leaf_check(st);\n",
     "\t(void)entry_update(st, w->level);\n"
     "\tresult = leaf_check(st);\n", WALK),
    ("a lost exchange goes unseen", "T4", "vmm/guest_walk.c",
     "\t\t\treturn WALK_RETRY;\n", "\t\t\t;\n", WALK),
    ("stage 2: access flag not asked for", "A4", "vmm/guest_walk.c",
     "if (is_arm(role) && !role.ad && !e->accessed) {", "if (false) {", WALK),
    ("stage 2: level of a fault off by one", "A4", "vmm/guest_walk.c",
     "fsc[kind] | (4u - st->w->level)", "fsc[kind] | (3u & (5u - st->w->level))", WALK),
    ("stage 2: concatenated root cut to one table", "A4", "vmm/guest_walk.c",
     "if (level != st->root_level || !is_s2(st->r->role)) {", "if (true) {", WALK),
    # ... contexts
    ("key without the tag", "C4", "nested/shadow.c", "a->tag == b->tag && a->role.word",
     "a->role.word", SHADOW),
    ("key without the role", "C5", "nested/shadow.c",
     "a->tag == b->tag && a->role.word == b->role.word", "a->tag == b->tag", SHADOW),
    ("key without the root", "C4", "nested/shadow.c",
     "return a->root == b->root && a->tag", "return a->tag", SHADOW),
    ("a context in use is recycled", "C6", "nested/shadow.c", "} while (ctx->users);",
     "} while (false);", SHADOW),
    ("a recycled context keeps its generation", "C8", "nested/shadow.c",
     "ctx->generation = ++sh->last_generation;",
     "ctx->generation = ctx->generation ? ctx->generation : ++sh->last_generation;", SHADOW),
    ("a failed entry keeps L2's role", "R5", "nested/mmu.c",
     "\t\t\tmmu_leave_l2(v);\n\t\t\treturn -ENOMEM;", "\t\t\treturn -ENOMEM;", SHADOW),
    ("the role of the guest context is stale", "R5", "nested/mmu.c",
     "guest->regime.role = e->guest_role;",
     "if (!guest->regime.role.word) guest->regime.root = 0;", SHADOW),
    ("NX is no part of the role", "R1", "nested/mmu.c", "\t\tm.nx = role.nx;\n", "", SHADOW),
    ("A/D off is no part of the role", "R1", "nested/mmu.c",
     "\t\tm.ad_off = !role.ad;\n\t\tm.xonly", "\t\tm.xonly", SHADOW),
    ("a fault in vain is looped on", "T8", "nested/mmu.c", "++v->row >= MMU_ROW_MAX",
     "++v->row >= MMU_ROW_MAX * 1000000u", SHADOW),
    # ... filling
    ("size decided before the slot", "T13", "nested/shadow.c",
     "base - slot->base.v + size <= slot->size &&", "true &&", SHADOW),
    ("alignment of host memory ignored", "T13", "nested/shadow.c",
     "is_aligned(memslot_hpa(slot, gpa(base)).v, size)) {", "true) {", SHADOW),
    ("leaf larger than L1's", "T13", "nested/shadow.c", "if (size <= walk->size && base",
     "if (base", SHADOW),
    ("never a huge leaf", "T13", "nested/shadow.c",
     "for (level = ctx->tdp.max_leaf_level; level > 1; level--) {",
     "for (level = 1; level > 1; level--) {", SHADOW),
    ("writable without L1's dirty bit", "D2", "nested/shadow.c", "if (!walk->dirty) {",
     "if (false) {", SHADOW),
    ("read-only memory mapped writable", "T11", "nested/shadow.c",
     "\tif (slot->flags & MEMSLOT_RO) {\n", "\tif (false) {\n", SHADOW),
    ("L1's permissions ignored", "R1", "nested/shadow.c", ".prot = walk->prot & PT_RWX,",
     ".prot = PT_RWX,", SHADOW),
    ("a stale leaf stays under a new one", "T6", "nested/shadow.c",
     "\t\tctx_zap(ctx, ia, ia + (size - 1)); /* T6", "\t\t; /* T6", SHADOW),
    ("a hole is taken for the whole range", "T6", "nested/shadow.c",
     "e.kind == PT_HOLE && align_down(start, size) == align_down(last, size)",
     "e.kind == PT_HOLE", SHADOW),
    ("what is no memory any more stays mapped", "T12", "nested/shadow.c",
     "\t\tctx_zap(ctx, f->ia, f->ia);\n", "\t\t;\n", SHADOW),
    ("walked before an invalidation, mapped after", "T9", "nested/shadow.c",
     "atomic_load_explicit(&sh->sequence, memory_order_relaxed) != sequence", "false", SHADOW),
    ("no eviction when tables run out", "C6", "nested/shadow.c",
     "for (unsigned i = 0; r == -ENOMEM && i < sh->config.ctx_count && make_room(sh, ctx); i++) {",
     "for (unsigned i = 0; i < 0; i++) {", SHADOW),
    ("own tables are never given up", "C6", "nested/shadow.c",
     "if (keep->valid && (keep->leaves || keep->tdp.table_count)) {", "if (false) {", SHADOW),
    ("no limit to tables", "C6", "nested/shadow.c",
     "if (sh->pages + BIT(order) > sh->config.page_limit) {", "if (false) {", SHADOW),
    ("a map's flush is lost", "T3", "nested/shadow.c",
     "\ttlb_batch_flush(&batch);\n\tif (!r && same) {\n", "\tif (!r && same) {\n", SHADOW),
    ("protecting does not flush", "T3", "nested/shadow.c",
     "gpa(leaf->ia), size, prot, &batch);\n\ttlb_batch_flush(&batch);\n",
     "gpa(leaf->ia), size, prot, &batch);\n", SHADOW),
    # ... invalidation
    ("only the running contexts are invalidated", "A3", "nested/shadow.c",
     "if (ctx->valid && (scope->any_root ||", "if (ctx->valid && ctx->users && (scope->any_root ||",
     SHADOW),
    ("only the first context of a tag", "A3", "nested/shadow.c",
     "\t\t\tctx_zap(ctx, scope->start, min_u64(last, ctx_last(ctx)));\n",
     "\t\t\tctx_zap(ctx, scope->start, min_u64(last, ctx_last(ctx)));\n\t\t\tbreak;\n", SHADOW),
    ("any tag by a tag's invalidation", "A3", "nested/shadow.c",
     "(scope->any_tag || ctx->key.tag == scope->tag)", "true", SHADOW),
    ("one address, one page", "A3", "nested/shadow.c",
     "\t\tfor (level = fmt->max_level; !pt_level_has_leaf(fmt, level); level--) {\n",
     "\t\tfor (level = 1; !pt_level_has_leaf(fmt, level); level--) {\n", SHADOW),
    ("inverted mask of a range", "A3", "nested/shadow.c",
     "scope->start = align_down(ia, scope->size);", "scope->start = ia & (scope->size - 1);", SHADOW),
    ("a removed leaf is not flushed", "T3", "nested/shadow.c",
     "\tctx->shadow->config.ops->flush(ctx, start, size);\n",
     "\tif (size) {\n\t\tctx->shadow->config.ops->flush(ctx, start, 1);\n\t}\n", SHADOW),
    # ... L0's pages
    ("only the first mapping of a page", "D5", "nested/shadow.c",
     "for (; i != RMAP_NONE; i = next) {", "for (; i != RMAP_NONE; i = RMAP_NONE) {", SHADOW),
    ("only mappings of 4 KiB", "D5", "nested/shadow.c",
     "for (unsigned level = 1; level <= sh->config.fmt->max_level; level++) {",
     "for (unsigned level = 1; level <= 1; level++) {", SHADOW),
    ("only the page's own address of a larger leaf", "D5", "nested/shadow.c",
     "at = align_down(page, step);", "at = align_up(page, step);", SHADOW),
    ("protecting takes all permissions", "D5", "nested/shadow.c",
     "unsigned prot = leaf->attr & PT_RWX & ~(unsigned)PT_W;",
     "unsigned prot = leaf->attr & PT_R;", SHADOW),
    ("what walks is mapped though L0 took the page", "D5", "nested/shadow.c",
     "\tlock_take(&sh->lock);\n\tsequence_advance(sh);\n\tfor (unsigned level = 1;",
     "\tlock_take(&sh->lock);\n\tfor (unsigned level = 1;", SHADOW),
    ("age without the dirt", "D4", "nested/shadow.c", "return SHADOW_YOUNG | dirty;",
     "return dirty & 0 ? 0 : SHADOW_YOUNG;", SHADOW),
    ("a protected leaf is recorded as writable", "D5", "nested/shadow.c",
     "\tleaf->attr &= (u8)~PT_W;\n", "", SHADOW),
    ("a chain loses its second entry", "D5", "nested/rmap.c",
     "m->entry[e->oa_prev].oa_next = e->oa_next;", "m->entry[e->oa_prev].oa_next = RMAP_NONE;",
     SHADOW),
    ("the reverse map is never full", "C6", "nested/rmap.h", "return m->used == m->max;",
     "return m->used == m->max + 1;", SHADOW),
    # ... the auditor
    ("the audit skips tables", "-", "nested/audit.c",
     "\tif (it->kind == PT_TABLE) {\n\t\treturn check_table(c, it);\n\t}\n",
     "\tif (it->kind == PT_TABLE) {\n\t\tc->tables++;\n\t\treturn true;\n\t}\n", AUDIT),
    ("the audit skips holes", "-", "nested/audit.c",
     "return !it->entry || wrong_entry(c, it, \"neither table nor leaf\", 0);", "return true;",
     AUDIT),
    ("the audit does not ask L1's tables", "-", "nested/audit.c",
     "return check_walk(c, it, &e);", "return true;", AUDIT),
    ("the audit does not ask the memslots", "-", "nested/audit.c",
     "if (!slot_of(c->sh->config.slots, e.oa.v, tdp_iter_size(it))) {", "if (false) {", AUDIT),
    ("the audit changes L1's tables", "-", "nested/audit.c", ".flags = WALK_PEEK", ".flags = 0",
     AUDIT + SHADOW),
    ("the audit counts no references", "-", "nested/audit.c",
     "return users == ctx->users ||", "return true ||", AUDIT),
    ("the audit does not tell tables apart", "-", "nested/audit.c",
     "if (c.table_sum != ctx->table_sum) {", "if (false) {", AUDIT),
    ("the audit trusts the reverse map", "-", "nested/audit.c",
     "if (!rmap_check(&sh->rmap)) {", "if (false) {", AUDIT),
    # nested SVM: what VMRUN refuses
    ("CR0.NW alone is accepted", "-", "nested/x86/svm_checks.c",
     "return (v->cr0 & (CR0_CD | CR0_NW)) != CR0_NW;", "return true;", CHECKS),
    ("LMA in the VMCB decides on long mode", "-", "nested/x86/svm_checks.c",
     "return (v->efer & EFER_LME) && (v->cr0 & CR0_PG);", "return v->efer & EFER_LMA;", CHECKS),
    ("a map is as long as its address", "-", "nested/x86/svm_checks.c",
     "last = first + size - 1;", "last = first + (size & 0) ;", CHECKS),
    ("a map may wrap", "-", "nested/x86/svm_checks.c",
     "return last >= first && in_phys_width(env, last);", "return in_phys_width(env, last);",
     CHECKS),
    ("the low bits of a map's address count", "-", "nested/x86/svm_checks.c",
     "u64 first = addr & PAGE_MASK,", "u64 first = addr,", CHECKS),
    ("an NMI can be injected as an exception", "-", "nested/x86/svm_checks.c",
     "(GENMASK(1, 0) | GENMASK(8, 3)", "(GENMASK(8, 0)", CHECKS),
    ("an event that is not valid is checked", "-", "nested/x86/svm_checks.c",
     "return v->event_inj & EVENT_VALID;", "return v->event_inj | 1;", CHECKS),
    ("nCR3 is checked without nested paging", "-", "nested/x86/svm_checks.c",
     "return !nests_paging(v) || !env->l1_long || in_phys_width(env, v->nested_cr3);",
     "return !env->l1_long || in_phys_width(env, v->nested_cr3);", CHECKS),
    ("a 32-bit L1's nCR3 has MBZ bits", "-", "nested/x86/svm_checks.c",
     "!env->l1_long || in_phys_width", "in_phys_width", CHECKS),
    ("only the first rule is checked", "-", "nested/x86/svm_checks.c",
     "if (true RULES) {", "if (svm_rules[0].holds(vmcb12, env)) {", CHECKS),
    # ... what L1 is offered
    ("what is not offered stays in an intercept word", "-", "nested/x86/svm_contract.c",
     "v->intercept_misc1 &= (u32)offered[SVM_WORD_MISC1];\n", "", CHECKS),
    ("V_GIF and AVIC reach the CPU", "-", "nested/x86/svm_contract.c",
     "v->vintr &= offered[SVM_WORD_VINTR];\n", "", CHECKS),
    ("an undefined TLB_CONTROL flushes nothing", "-", "nested/x86/svm_contract.c",
     "v->tlb_control = TLB_CONTROL_ALL;", "v->tlb_control = TLB_CONTROL_NONE;", CHECKS),
    ("a feature that the CPU lacks is offered", "-", "nested/x86/svm_contract.c",
     "row->mask & host_edx;", "row->mask;", CHECKS),
    ("SVM lock is offered", "-", "nested/x86/svm_contract.def",
     'ROW(CPUID, BIT(2), NEVER, "SVML", "")', 'ROW(CPUID, BIT(2), ALWAYS, "SVML", "")', CHECKS),
    # ... merging
    ("L0's intercepts are lost", "-", "nested/x86/svm_merge.c",
     "l0->intercept_misc1 | l1->intercept_misc1", "l1->intercept_misc1", MERGE),
    ("L1's intercepts are lost", "-", "nested/x86/svm_merge.c",
     "l0->intercept_exceptions | l1->intercept_exceptions", "l0->intercept_exceptions", MERGE),
    ("an intercept needs both", "-", "nested/x86/svm_merge.c",
     "l0->intercept_dr_write | l1->intercept_dr_write",
     "l0->intercept_dr_write & l1->intercept_dr_write", MERGE),
    ("CR8 exits although it is V_TPR", "-", "nested/x86/svm_merge.c",
     "l1->vintr & VINTR_MASKING ? (u16)BIT(8) : 0;", "0;", MERGE),
    ("CR8 is V_TPR although it is the APIC's", "-", "nested/x86/svm_merge.c",
     "l1->vintr & VINTR_MASKING ? (u16)BIT(8) : 0;", "(u16)BIT(8);", MERGE),
    ("L2 may mask the host's interrupts", "-", "nested/x86/svm_merge.c",
     "return VINTR_MASKING | interrupt | (l1 &", "return interrupt | (l1 &", MERGE),
    ("V_TPR does not hold a virtual interrupt back", "-", "nested/x86/svm_merge.c",
     "(virq_passes(l1) ? VINTR_IRQ", "(l1 & VINTR_IRQ ? VINTR_IRQ", MERGE),
    ("an interrupt that was taken is taken again", "-", "nested/x86/svm_merge.c",
     "? l1 & ~VINTR_IRQ : l1;", "? l1 : l1;", MERGE),
    ("L1's map opens what L0 has closed", "-", "nested/x86/svm_merge.c",
     "= l0[open->at[i]] | word;", "= word;", MERGE),
    ("a map that cannot be read is open", "-", "nested/x86/svm_merge.c",
     "word = ~(u64)0;", "word = 0;", MERGE),
    ("a bit that cannot be read is clear", "-", "nested/x86/svm_merge.c",
     "if (!mem->read(mem->ctx, (pa & PAGE_MASK) + bit / 8, &byte, sizeof(byte)) ||",
     "if (mem->read(mem->ctx, (pa & PAGE_MASK) + bit / 8, &byte, sizeof(byte)) &&", MERGE),
    ("the open words are one short", "-", "nested/x86/svm_merge.c",
     "if (open->count == SVM_OPEN_MAX) {", "if (open->count == SVM_OPEN_MAX - 1) {", MERGE),
    ("only the first port of an access counts", "-", "nested/x86/svm_merge.c",
     "(unsigned)FIELD_GET(IOIO_SIZE, exit->info1));",
     "FIELD_GET(IOIO_SIZE, exit->info1) ? 1u : 0u);", MERGE),
    ("reads and writes of an MSR are one", "-", "nested/x86/svm_merge.c",
     "nr * 2 + (u32)(exit->info1 & 1);", "nr * 2;", MERGE),
    ("an MSR in no range is not L1's", "-", "nested/x86/svm_merge.c",
     "return any_bit(mem, l1->msrpm_base_pa, bit, 1);\n\t\t}\n\t}\n\treturn true;",
     "return any_bit(mem, l1->msrpm_base_pa, bit, 1);\n\t\t}\n\t}\n\treturn false;", MERGE),
    ("L1 gets the host's interrupts", "-", "nested/x86/svm_merge.c",
     "\tcase SVM_EXIT_INTR:\n", "", MERGE),
    ("L1 gets the host's machine checks", "-", "nested/x86/svm_merge.c",
     "\tcase SVM_EXIT_EXCP + VEC_MC:\n", "", MERGE),
    ("maps count without their intercept", "-", "nested/x86/svm_merge.c",
     "return intercepts(l1, SVM_EXIT_IOIO) && io_wanted", "return io_wanted", MERGE),
    ("codes beyond the intercept words are looked up", "-", "nested/x86/svm_merge.c",
     "return exit->code < INTERCEPT_WORDS * 32 && intercepts(l1, exit->code);",
     "return exit->code < 0x400 && intercepts(l1, exit->code);", MERGE),
    ("a selective CR0 write of TS exits", "-", "nested/x86/svm_merge.c",
     "& ~(CR0_TS | CR0_MP)", "& ~CR0_MP", MERGE),
    ("LMSW counts as MOV", "-", "nested/x86/svm_merge.c",
     "(lmsw || ((old", "(((old", MERGE),
]


def run(args, cwd, **kw):
    return subprocess.run(args, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **kw)


def copy_tree(to):
    for name in ("mm", "nested", "vmm", "arch", "tests"):
        shutil.copytree(ROOT / name, to / name)
    for name in ("Makefile",):
        shutil.copy(ROOT / name, to / name)


def build(tree, tests, jobs=1):
    targets = [f"build/mutant/{test}" for test in tests]
    return run(["make", f"-j{jobs}", "-f", "tests/host/mutants.mk", *targets], tree)


def try_mutant(mutant, base, work):
    name, rule, path, old, new, tests = mutant
    tree = pathlib.Path(tempfile.mkdtemp(dir=work))
    shutil.copytree(base, tree, copy_function=os.link, dirs_exist_ok=True)
    text = (tree / path).read_text()
    if old and text.count(old) != 1:
        return f"STALE: text found {text.count(old)} times in {path}"
    (tree / path).unlink()
    (tree / path).write_text(text.replace(old, new) if old else text)
    for test in tests:
        built = build(tree, [test])
        if built.returncode:
            return "STALE: does not compile\n" + built.stdout
        try:
            result = run([f"build/mutant/{test}"], tree, timeout=120, env=FIRST_FAILURE)
        except subprocess.TimeoutExpired:
            return f"caught by {test} (hangs)"
        if result.returncode:
            lines = [l for l in result.stdout.splitlines() if "Failure" in l or ": [" in l
                     or "ERROR: " in l or "Assertion" in l]
            return f"caught by {test}: " + (lines[0].split("/")[-1][:70] if lines else "")
    shutil.rmtree(tree)
    return "SURVIVED"


def main():
    """An argument: only what is in files whose path has it."""
    mutants = [m for m in MUTANTS if len(sys.argv) < 2 or sys.argv[1] in m[2]]
    bad = 0
    with tempfile.TemporaryDirectory() as work:
        base, jobs = pathlib.Path(work) / "base", os.cpu_count() or 1
        copy_tree(base)
        built = build(base, sorted({test for m in mutants for test in m[5]}), jobs)
        if built.returncode:
            print(built.stdout)
            return 1
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            results = pool.map(lambda m: try_mutant(m, base, work), mutants)
            for mutant, result in zip(mutants, results):
                caught = result.startswith("caught") if mutant[3] else result == "SURVIVED"
                bad += not caught
                print(f"{'ok ' if caught else 'BAD'} {mutant[1]:4} {mutant[0]:50} {result}", flush=True)
    count = sum(1 for m in mutants if m[3])
    print(f"{count} mutants and the tree itself tried: {bad} results not as they must be")
    return 1 if bad or not count else 0


if __name__ == "__main__":
    sys.exit(main())
