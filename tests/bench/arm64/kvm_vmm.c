// SPDX-License-Identifier: Apache-2.0
/*
 * The smallest user of /dev/kvm that runs the bench guest: for the comparison's other column.
 *
 *	kvm_vmm GUEST [small]
 *
 * One vCPU, 256 MiB, PSCI, timers and GICv3 in the kernel, entered as Linux' "Booting AArch64
 *Linux" says. Memory is aligned for huge pages, as QEMU's is; `small` forbids them. The PL011 is
 *here, in user space: its output is copied to stdout. The guest's power-off ends it.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_BASE 0x40000000ULL
#define MEMORY_SIZE (256ULL << 20)
#define HUGE_PAGE   (2ULL << 20)

/* Guest-physical layout: QEMU's virt machine, as Socle's. */
#define GICD_BASE  0x8000000ULL
#define GICR_BASE  0x80a0000ULL
#define UART_DR    0x9000000ULL
#define IMAGE_AT   HUGE_PAGE
#define FDT_AT     (200ULL << 20)
#define GIC_INTIDS 96

#define FDT_MAGIC      0xd00dfeed
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE   2
#define FDT_PROP       3
#define FDT_END        9
#define FDT_STRUCT     56 /* behind the header and an empty memory reservation block */
#define FDT_SIZE       512

struct machine {
	int kvm, vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
};

static void check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static void *memory_map(bool small)
{
	char *memory = mmap(NULL, MEMORY_SIZE + HUGE_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory == MAP_FAILED ? -1 : 0, "mmap");
	memory = (char *)(((uintptr_t)memory + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	check(madvise(memory, MEMORY_SIZE, small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE), "madvise");
	return memory;
}

static uint8_t *put32(uint8_t *p, uint32_t val)
{
	val = __builtin_bswap32(val);
	memcpy(p, &val, sizeof(val));
	return p + sizeof(val);
}

/* All that the guest asks of it: where its memory is (Devicetree Specification, "Flattened
 * Devicetree (DTB) Format"). */
static void write_fdt(uint8_t *fdt)
{
	uint8_t *p = fdt + FDT_STRUCT, *header = fdt;
	uint32_t struct_size;

	p = put32(put32(p, FDT_BEGIN_NODE), 0);
	p = put32(p, FDT_BEGIN_NODE);
	memcpy(p, "memory\0", 8);
	p = put32(put32(put32(p + 8, FDT_PROP), 16), 0);
	p = put32(put32(p, 0), (uint32_t)MEMORY_BASE);
	p = put32(put32(p, 0), (uint32_t)MEMORY_SIZE);
	p = put32(put32(put32(p, FDT_END_NODE), FDT_END_NODE), FDT_END);
	struct_size = (uint32_t)(p - fdt) - FDT_STRUCT;
	memcpy(p, "reg", 4);
	header = put32(put32(header, FDT_MAGIC), FDT_SIZE);
	header = put32(put32(header, FDT_STRUCT), FDT_STRUCT + struct_size);
	header = put32(put32(put32(header, 40), 17), 16); /* reservations, versions */
	put32(put32(put32(header, 0), 4), struct_size);
}

static void load_guest(struct machine *m, const char *path)
{
	ssize_t size;
	int fd = open(path, O_RDONLY);

	check(fd, path);
	size = read(fd, m->memory + IMAGE_AT, 8 << 20);
	check(size < 64 ? -1 : 0, "read");
	close(fd);
	write_fdt(m->memory + FDT_AT);
}

static void device_set(int device, uint32_t group, uint64_t attr, const void *value)
{
	const struct kvm_device_attr set = {.group = group, .attr = attr, .addr = (uintptr_t)value};

	check(ioctl(device, KVM_SET_DEVICE_ATTR, &set), "KVM_SET_DEVICE_ATTR");
}

/* Once there is a vCPU. */
static void create_gic(struct machine *m)
{
	const uint64_t distributor = GICD_BASE, redistributor = GICR_BASE;
	const uint32_t intids = GIC_INTIDS;
	struct kvm_create_device create = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};

	check(ioctl(m->vm, KVM_CREATE_DEVICE, &create), "KVM_CREATE_DEVICE");
	device_set((int)create.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
		   &distributor);
	device_set((int)create.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST,
		   &redistributor);
	device_set((int)create.fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &intids);
	device_set((int)create.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static void create_vm(struct machine *m, bool small)
{
	struct kvm_userspace_memory_region region = {.guest_phys_addr = MEMORY_BASE,
						     .memory_size = MEMORY_SIZE};
	struct kvm_vcpu_init init;
	int run_size;

	m->kvm = open("/dev/kvm", O_RDWR);
	check(m->kvm, "/dev/kvm");
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	check(m->vm, "KVM_CREATE_VM");
	m->memory = memory_map(small);
	region.userspace_addr = (uintptr_t)m->memory;
	check(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	check(m->vcpu, "KVM_CREATE_VCPU");
	create_gic(m);
	check(ioctl(m->vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	check(ioctl(m->vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	run_size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	check(run_size, "KVM_GET_VCPU_MMAP_SIZE");
	m->run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	check(m->run == MAP_FAILED ? -1 : 0, "mmap of the vCPU");
}

static void set_register(struct machine *m, size_t offset, uint64_t val)
{
	const struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / 4,
		.addr = (uintptr_t)&val,
	};

	check(ioctl(m->vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}

/* Returns false at the guest's end. Reads are 0: the UART's transmitter is always ready. */
static bool handle_exit(struct kvm_run *run)
{
	if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT) {
		return false;
	}
	if (run->exit_reason != KVM_EXIT_MMIO) {
		fprintf(stderr, "kvm_vmm: exit reason %u\n", run->exit_reason);
		exit(1);
	}
	if (!run->mmio.is_write) {
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
	} else if (run->mmio.phys_addr == UART_DR) {
		putchar(run->mmio.data[0]);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct machine m = {0};

	if (argc < 2) {
		fprintf(stderr, "usage: kvm_vmm GUEST [small]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	create_vm(&m, argc > 2 && !strcmp(argv[2], "small"));
	load_guest(&m, argv[1]);
	set_register(&m, offsetof(struct kvm_regs, regs.pc), MEMORY_BASE + IMAGE_AT);
	set_register(&m, offsetof(struct kvm_regs, regs.regs[0]), MEMORY_BASE + FDT_AT);
	do {
		check(ioctl(m.vcpu, KVM_RUN, 0), "KVM_RUN");
	} while (handle_exit(m.run));
	return 0;
}
