// SPDX-License-Identifier: Apache-2.0
/*
 * The smallest user of /dev/kvm that runs the bench guest: for the comparison's other column.
 *
 *	kvm_vmm GUEST [small | huge]
 *	kvm_vmm LINUX INITRD [OPTIONS]
 *
 * One vCPU, 256 MiB (Linux: 1 GiB), interrupt controllers and timer in the kernel, entered by the
 * 64-bit boot protocol as Socle does. Memory is aligned for huge pages, as QEMU's is; `small`
 * forbids them; Linux' may be merged (KSM). COM1's output is copied to stdout, or, in a guest of
 * this program's, to COM1; the guest's power-off ends it. What Linux finds is not enough for its
 * own serial driver. How many exits there were is told where debugfs is mounted.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GUEST_SIZE    (256ull << 20)
#define LINUX_SIZE    (1024ull << 20)
#define HUGE_PAGE     (2ull << 20)
#define LINUX_OPTIONS "earlyprintk=ttyS0,keep quiet noapic reboot=t KVM_VMM_PORT=1"

/* Guest-physical layout: as arch/x86/linux_boot.c. */
#define GDT_ADDR       0x1000
#define ZERO_PAGE_ADDR 0x10000
#define CMDLINE_ADDR   0x20000
#define TABLES_ADDR    0x30000
#define STACK_ADDR     0x9fc00

#define HDR_SETUP_SECTS  0x1f1
#define HDR_RAMDISK      0x218 /* address, size */
#define HDR_LOADER       0x210
#define HDR_PREF_ADDRESS 0x258
#define BP_CMDLINE       0x228
#define BP_E820_COUNT    0x1e8
#define BP_E820          0x2d0
#define BOOT_CS          0x10
#define BOOT_DS          0x18

#define COM1_DATA    0x3f8
#define COM1_LSR     0x3fd
#define LSR_EMPTY    0x60
#define PM1A_CONTROL 0x604

struct machine {
	int kvm, vm, vcpu;
	uint8_t *memory;
	uint64_t size;
	struct kvm_run *run;
	uint64_t entry;
	bool to_port;
};

static void check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static void *memory_map(uint64_t size, bool small)
{
	char *memory = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory == MAP_FAILED ? -1 : 0, "mmap");
	memory = (char *)(((uintptr_t)memory + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	check(madvise(memory, size, small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE), "madvise");
	return memory;
}

static void put64(struct machine *m, uint64_t addr, uint64_t val)
{
	memcpy(m->memory + addr, &val, sizeof(val));
}

/* Identity map of 4 GiB in 2 MiB pages. */
static void write_tables(struct machine *m)
{
	const uint64_t pdpt = TABLES_ADDR + 0x1000, pd = pdpt + 0x1000;

	put64(m, TABLES_ADDR, pdpt | 3);
	for (uint64_t i = 0; i < 4; i++) {
		put64(m, pdpt + i * 8, (pd + i * 0x1000) | 3);
	}
	for (uint64_t i = 0; i < 2048; i++) {
		put64(m, pd + i * 8, i << 21 | 0x83);
	}
}

static const uint8_t *file_map(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *file;

	check(fd, path);
	check(fstat(fd, &st), path);
	*size = (size_t)st.st_size;
	check(*size < 1024 ? -1 : 0, "size of the file");
	file = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	check(file == MAP_FAILED ? -1 : 0, "mmap of the file");
	close(fd);
	return file;
}

/* What Linux wants beside: a memory map, its options and its initrd. */
static void load_initrd(struct machine *m, const char *path, const char *options)
{
	const struct {
		uint64_t base, size;
		uint32_t type;
	} __attribute__((packed)) map[2] = {{0, 0x9fc00, 1}, {1 << 20, m->size - (1 << 20), 1}};
	size_t size;
	const uint8_t *initrd = file_map(path, &size);
	uint32_t where[2] = {(uint32_t)((m->size - size) & ~4095ull), (uint32_t)size};

	memcpy(m->memory + where[0], initrd, size);
	memcpy(m->memory + ZERO_PAGE_ADDR + HDR_RAMDISK, where, sizeof(where));
	memcpy(m->memory + ZERO_PAGE_ADDR + BP_E820, map, sizeof(map));
	m->memory[ZERO_PAGE_ADDR + BP_E820_COUNT] = 2;
	m->memory[ZERO_PAGE_ADDR + HDR_LOADER] = 0xff;
	snprintf((char *)m->memory + CMDLINE_ADDR, 2048, "%s %s", LINUX_OPTIONS, options);
}

static void load_guest(struct machine *m, const char *path)
{
	uint64_t load_addr;
	size_t header, size;
	const uint8_t *image = file_map(path, &size);

	header = (image[HDR_SETUP_SECTS] + 1u) * 512;
	memcpy(&load_addr, image + HDR_PREF_ADDRESS, sizeof(load_addr));
	memcpy(m->memory + load_addr, image + header, size - header);
	memcpy(m->memory + ZERO_PAGE_ADDR + HDR_SETUP_SECTS, image + HDR_SETUP_SECTS, 0x73);
	put64(m, ZERO_PAGE_ADDR + BP_CMDLINE, CMDLINE_ADDR);
	put64(m, GDT_ADDR + BOOT_CS, 0x00af9b000000ffffULL);
	put64(m, GDT_ADDR + BOOT_DS, 0x00cf93000000ffffULL);
	write_tables(m);
	m->entry = load_addr + 0x200;
}

static void create_vm(struct machine *m, bool small)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	struct kvm_userspace_memory_region region = {.memory_size = m->size};
	int run_size;

	m->kvm = open("/dev/kvm", O_RDWR);
	check(m->kvm, "/dev/kvm");
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	check(m->vm, "KVM_CREATE_VM");
	check(ioctl(m->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	check(ioctl(m->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	m->memory = memory_map(m->size, small);
	if (m->size == LINUX_SIZE) {
		check(madvise(m->memory, m->size, MADV_MERGEABLE), "madvise");
	}
	region.userspace_addr = (uintptr_t)m->memory;
	check(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	check(m->vcpu, "KVM_CREATE_VCPU");
	run_size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	check(run_size, "KVM_GET_VCPU_MMAP_SIZE");
	m->run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	check(m->run == MAP_FAILED ? -1 : 0, "mmap of the vCPU");
}

/* All that KVM supports, and what its own interrupt controller adds. */
static void set_cpuid(struct machine *m)
{
	const size_t count = 256;
	struct kvm_cpuid2 *table = calloc(1, sizeof(*table) + count * sizeof(table->entries[0]));

	check(table ? 0 : -1, "calloc");
	table->nent = count;
	check(ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, table), "KVM_GET_SUPPORTED_CPUID");
	for (uint32_t i = 0; i < table->nent; i++) {
		if (table->entries[i].function == 1) {
			/* x2APIC, TSC deadline, hypervisor. */
			table->entries[i].ecx |= 1u << 21 | 1u << 24 | 1u << 31;
		}
	}
	check(ioctl(m->vcpu, KVM_SET_CPUID2, table), "KVM_SET_CPUID2");
	free(table);
}

static void set_registers(struct machine *m)
{
	const struct kvm_segment code = {.limit = 0xffffffff,
					 .selector = BOOT_CS,
					 .type = 0xb,
					 .present = 1,
					 .s = 1,
					 .l = 1,
					 .g = 1};
	const struct kvm_segment data = {.limit = 0xffffffff,
					 .selector = BOOT_DS,
					 .type = 3,
					 .present = 1,
					 .s = 1,
					 .db = 1,
					 .g = 1};
	struct kvm_regs regs = {
		.rip = m->entry, .rsi = ZERO_PAGE_ADDR, .rsp = STACK_ADDR, .rflags = 2};
	struct kvm_sregs sregs;

	check(ioctl(m->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.ss = data;
	sregs.gdt.base = GDT_ADDR;
	sregs.gdt.limit = 31;
	sregs.cr0 = 0x80000031; /* PG, NE, ET, PE */
	sregs.cr3 = TABLES_ADDR;
	sregs.cr4 = 0x20;   /* PAE */
	sregs.efer = 0x500; /* LMA, LME */
	check(ioctl(m->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(m->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void put(const struct machine *m, char c)
{
	if (m->to_port) {
		outb((unsigned char)c, COM1_DATA);
	} else {
		putchar(c);
	}
}

/* KVM counts them while the VM lives. */
static void tell_exits(const struct machine *m)
{
	char text[64] = "kvm_vmm: exits ";
	FILE *file = fopen("/sys/kernel/debug/kvm/exits", "r");

	if (file && fgets(text + strlen(text), 32, file)) {
		for (const char *c = text; *c; c++) {
			put(m, *c);
		}
	}
	if (file) {
		fclose(file);
	}
}

/* Returns false at the guest's power-off. */
static bool handle_io(const struct machine *m)
{
	struct kvm_run *run = m->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data, run->io.port == COM1_LSR ? LSR_EMPTY : 0xff,
		       (size_t)run->io.size * run->io.count);
	} else if (run->io.port == COM1_DATA) {
		put(m, (char)*data);
	} else if (run->io.port == PM1A_CONTROL) {
		return false;
	}
	return true;
}

static int run_guest(struct machine *m)
{
	for (;;) {
		check(ioctl(m->vcpu, KVM_RUN, 0), "KVM_RUN");
		if (m->run->exit_reason == KVM_EXIT_SHUTDOWN && m->size == LINUX_SIZE) {
			return 0; /* how it powers off */
		}
		if (m->run->exit_reason != KVM_EXIT_IO) {
			fprintf(stderr, "kvm_vmm: exit reason %u\n", m->run->exit_reason);
			return 1;
		}
		if (!handle_io(m)) {
			return 0;
		}
	}
}

int main(int argc, char **argv)
{
	bool small = argc > 2 && !strcmp(argv[2], "small");
	bool huge = argc > 2 && !strcmp(argv[2], "huge");
	const char *initrd = argc > 2 && !small && !huge ? argv[2] : NULL;
	struct machine m = {.size = initrd ? LINUX_SIZE : GUEST_SIZE};
	int status;

	if (argc < 2) {
		fprintf(stderr,
			"usage: kvm_vmm GUEST [small | huge] | kvm_vmm LINUX INITRD [OPTIONS]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOFBF, initrd ? 0 : 1 << 16);
	/* A guest of this program's has no terminal. */
	m.to_port = getenv("KVM_VMM_PORT") && !ioperm(COM1_DATA, 8, 1);
	create_vm(&m, small);
	load_guest(&m, argv[1]);
	if (initrd) {
		load_initrd(&m, initrd, argc > 3 ? argv[3] : "");
	}
	set_cpuid(&m);
	set_registers(&m);
	status = run_guest(&m);
	tell_exits(&m);
	return status;
}
