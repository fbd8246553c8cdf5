/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_jump(x0 = boot_info, x1 = struct machine_start *): from the firmware's translation to
 * the loader's, then into the core. Lies at the same address under both, and in between, with the
 * MMU off; uses registers only from then on, since data written by then may be in the caches
 * alone. The caller has cleaned these instructions to the Point of Coherency, from where they are
 * fetched meanwhile. All section titles are the Arm ARM's (DDI 0487).
 */
#define SCTLR_M_BIT 0x1
#define SCTLR_C_BIT 0x4
#define SCTLR_I_BIT 0x1000

	.text
	.globl	machine_jump, machine_jump_end
	.type	machine_jump, %function
	.balign	256
machine_jump:
	msr	spsel, #1
	ldp	x2, x3, [x1]		/* the core's entry; SCTLR_EL2 */
	ldp	x4, x5, [x1, #16]	/* HCR_EL2, MAIR_EL2 */
	ldp	x6, x7, [x1, #32]	/* TCR_EL2, TTBR0_EL2 */
	mrs	x8, sctlr_el2
	mov	x9, #(SCTLR_M_BIT | SCTLR_C_BIT)
	orr	x9, x9, #SCTLR_I_BIT
	bic	x8, x8, x9
	/*
	 * All memory accesses of the loader, cache maintenance included, are complete before the
	 * attributes of memory change ("Data Synchronization Barrier").
	 */
	dsb	sy
	msr	sctlr_el2, x8
	/*
	 * From here on: no stage 1, fetches from the Point of Coherency ("The effects of disabling an
	 * address translation stage"). Speculative fetches stay within this 4 KiB and the next.
	 */
	isb
	/*
	 * E2H decides what the registers below mean and which of them translate, so it comes first,
	 * alone, and while nothing is translated ("Synchronization requirements for AArch64 System
	 * registers").
	 */
	msr	hcr_el2, x4
	isb
	msr	mair_el2, x5
	msr	tcr_el2, x6
	msr	ttbr0_el2, x7
	isb
	/*
	 * What the firmware's tables left in the TLB, and stale instructions where the core lies. The
	 * DSB completes both, and the ISB drops what was fetched before ("TLB maintenance
	 * requirements and the TLB maintenance instructions", "Ordering and completion of data and
	 * instruction cache instructions"). This CPU's is enough: no other one runs.
	 */
	tlbi	alle2
	ic	iallu
	dsb	sy
	isb
	/*
	 * The tables were written through the cache, and their walks look there (TCR_EL2), so that
	 * the DSB above is all they need to be seen. The ISB makes the branch fetch under them.
	 */
	msr	sctlr_el2, x3
	isb
	mov	x29, xzr
	mov	x30, xzr
	br	x2
machine_jump_end:
	.size	machine_jump, . - machine_jump
	/* Within one piece of its alignment, hence within one page. */
	.if	machine_jump_end - machine_jump > 256
	.error	"machine_jump may straddle a page"
	.endif

	.section .note.GNU-stack, "", %progbits
