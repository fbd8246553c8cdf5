// SPDX-License-Identifier: Apache-2.0
/*
 * VMSAVE stores, and VMLOAD loads, exactly FS, GS, TR, LDTR, KernelGsBase, STAR, LSTAR, CSTAR,
 * SFMASK and SYSENTER's three. APM volume 2, "VMSAVE and VMLOAD Instructions".
 */
#include "svm.h"

#define FILL 0xa5

#define MSR_SYSENTER_CS    0x174
#define MSR_STAR           0xc0000081
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

struct field {
	u16 offset, size;
};
#define FIELD(name)                                                           \
	{                                                                     \
		offsetof(struct vmcb, name), sizeof(((struct vmcb *)0)->name) \
	}
static const struct field fields[] = {
	FIELD(fs),          FIELD(gs),           FIELD(ldtr),
	FIELD(tr),          FIELD(star),         FIELD(lstar),
	FIELD(cstar),       FIELD(sfmask),       FIELD(kernel_gs_base),
	FIELD(sysenter_cs), FIELD(sysenter_esp), FIELD(sysenter_eip),
};

/* In the order of the VMCB's fields. */
static const u32 msrs[] = {
	MSR_STAR,           MSR_STAR + 1,    MSR_STAR + 2,        MSR_STAR + 3,
	MSR_KERNEL_GS_BASE, MSR_SYSENTER_CS, MSR_SYSENTER_CS + 1, MSR_SYSENTER_CS + 2};
#define MSRS (sizeof(msrs) / sizeof(msrs[0]))

static u64 *msr_field(struct vmcb *v, unsigned i)
{
	u64 *const at[] = {&v->star,           &v->lstar,       &v->cstar,        &v->sfmask,
			   &v->kernel_gs_base, &v->sysenter_cs, &v->sysenter_esp, &v->sysenter_eip};

	return at[i];
}

/* SYSENTER_CS has 16 bits that matter. */
static u64 pattern(u64 high, unsigned i)
{
	return (msrs[i] == MSR_SYSENTER_CS ? 0 : high << 16) + i * 0x100;
}

static bool is_moved(unsigned offset)
{
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (offset >= fields[i].offset && offset < fields[i].offset + fields[i].size) {
			return true;
		}
	}
	return false;
}

static void check_save(struct vmcb *v)
{
	for (unsigned i = 0; i < MSRS; i++) {
		wrmsr(msrs[i], pattern(0x1111, i));
	}
	wrmsr(MSR_FS_BASE, 0x12345678);
	wrmsr(MSR_GS_BASE, 0xffff800000001000);
	memset(v, FILL, sizeof(*v));
	vmsave(v);
	for (unsigned i = 0; i < sizeof(*v); i++) {
		if (!is_moved(i) && ((u8 *)v)[i] != FILL) {
			fail("VMSAVE changed offset %x", i);
		}
	}
	for (unsigned i = 0; i < MSRS; i++) {
		CHECK_EQ(*msr_field(v, i), pattern(0x1111, i));
	}
	CHECK_EQ(v->fs.base, 0x12345678);
	CHECK_EQ(v->gs.base, 0xffff800000001000);
	CHECK_EQ(v->tr.selector, SEL_TSS);
	CHECK_EQ(v->tr.attrib & 0x9d, 0x89);
}

static void check_load(struct vmcb *v)
{
	static struct vmcb before;

	for (unsigned i = 0; i < MSRS; i++) {
		*msr_field(v, i) = pattern(0x2222, i);
	}
	v->fs.base = 0x5000;
	v->gs.base = 0x7ffffffff000;
	v->fs.selector = 0x10;
	v->rax = ~0ull;
	v->cr3 = v->rsp = v->rip = 0;
	memcpy(&before, v, sizeof(before));
	vmload(v);
	for (unsigned i = 0; i < MSRS; i++) {
		CHECK_EQ(rdmsr(msrs[i]), pattern(0x2222, i));
	}
	CHECK_EQ(rdmsr(MSR_FS_BASE), 0x5000);
	CHECK_EQ(rdmsr(MSR_GS_BASE), 0x7ffffffff000);
	CHECK_EQ(memcmp(&before, v, sizeof(before)), 0);
}

void guest_main(void)
{
	struct vmcb *v = page_alloc(), *host = page_alloc();

	svm_init();
	vmsave(host);
	check_save(v);
	check_load(v);
	vmload(host);
	CHECK_EQ(rdmsr(MSR_FS_BASE), host->fs.base);
	CHECK_EQ(rdmsr(MSR_STAR + 1), host->lstar);
}
