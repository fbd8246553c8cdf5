// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/fpu.h"

#include <errno.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/x86/x86.h"
#include "mm/page.h"
#include "vmm/vm.h"

#define FXSAVE_SIZE 512
#define FCW_RESET   0x0040
#define MXCSR_RESET 0x1f80u

static u64 area_size(const struct vcpu *vcpu)
{
	/* CPUID leaf D, subleaf 0, ECX: the area for all components that the CPU has. */
	return vcpu->vm->arch.xcr0_allowed ? cpuid(0xd, 0).ecx : FXSAVE_SIZE;
}

int fpu_init(struct vcpu *vcpu)
{
	hpa_t area = page_alloc_zeroed(page_order(area_size(vcpu)), PAGE_OWNER_CORE);

	if (hpa_is_none(area)) {
		return -ENOMEM;
	}
	vcpu->arch.fp_state = phys_ptr(area);
	return 0;
}

void fpu_fini(struct vcpu *vcpu)
{
	if (vcpu->arch.fp_state) {
		page_free(ptr_phys(vcpu->arch.fp_state), page_order(area_size(vcpu)));
		vcpu->arch.fp_state = NULL;
	}
}

/* FXSAVE image: FCW at 0, MXCSR at 24; then the XSAVE header: other components initial. */
void fpu_reset(struct vcpu *vcpu)
{
	u16 fcw = FCW_RESET;
	u32 mxcsr = MXCSR_RESET;

	memset(vcpu->arch.fp_state, 0, area_size(vcpu));
	memcpy(vcpu->arch.fp_state, &fcw, sizeof(fcw));
	memcpy(vcpu->arch.fp_state + 24, &mxcsr, sizeof(mxcsr));
	vcpu->arch.fp_state[FXSAVE_SIZE] =
		vcpu->vm->arch.xcr0_allowed ? 3 : 0; /* XSTATE_BV: both */
	vcpu->arch.xcr0 = XCR0_X87;
	memset(vcpu->arch.dr, 0, sizeof(vcpu->arch.dr));
	vcpu->arch.tsc_aux = 0;
}

#define DR_ACCESSORS(n)                                           \
	static u64 read_dr##n(void)                               \
	{                                                         \
		u64 v;                                            \
		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(v)); \
		return v;                                         \
	}                                                         \
	static void write_dr##n(u64 v)                            \
	{                                                         \
		__asm__ volatile("mov %0, %%dr" #n : : "r"(v));   \
	}
DR_ACCESSORS(0)
DR_ACCESSORS(1)
DR_ACCESSORS(2)
DR_ACCESSORS(3)

void fpu_load(struct vcpu *vcpu)
{
	u64 all = vcpu->vm->arch.xcr0_allowed;
	void *area = vcpu->arch.fp_state;

	if (all) {
		write_xcr0(all);
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(area), "a"((u32)all), "d"((u32)(all >> 32))
				 : "memory");
		write_xcr0(vcpu->arch.xcr0);
	} else {
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
	}
	write_dr0(vcpu->arch.dr[0]);
	write_dr1(vcpu->arch.dr[1]);
	write_dr2(vcpu->arch.dr[2]);
	write_dr3(vcpu->arch.dr[3]);
	(void)!wrmsr_safe(MSR_TSC_AUX, vcpu->arch.tsc_aux); /* absent without RDTSCP */
}

void fpu_save(struct vcpu *vcpu)
{
	u64 all = vcpu->vm->arch.xcr0_allowed;
	void *area = vcpu->arch.fp_state;

	if (all) {
		vcpu->arch.xcr0 = read_xcr0(); /* QEMU 7.2 does not intercept XSETBV: ask the CPU */
		write_xcr0(all);
		__asm__ volatile("xsave64 (%0)"
				 :
				 : "r"(area), "a"((u32)all), "d"((u32)(all >> 32))
				 : "memory");
	} else {
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
	}
	vcpu->arch.dr[0] = read_dr0();
	vcpu->arch.dr[1] = read_dr1();
	vcpu->arch.dr[2] = read_dr2();
	vcpu->arch.dr[3] = read_dr3();
	(void)!rdmsr_safe(MSR_TSC_AUX, &vcpu->arch.tsc_aux);
}
