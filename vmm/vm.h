// SPDX-License-Identifier: Apache-2.0
/* A virtual machine: its memory, its second-level tables, its vCPUs and its end. */
#pragma once

#include "arch/vm.h"
#include "mm/tdp.h"
#include "vmm/boot_info.h"
#include "vmm/memslot.h"

#define VM_MAX_VCPUS 1

enum vm_state {
	VM_RUNNING,
	VM_POWERED_OFF, /* by the guest */
	VM_RESET,       /* the guest asked for it: vm_load() again */
	VM_DEAD,        /* killed: the reason has been logged */
};

struct vm {
	u16 id;
	enum vm_state state;
	const struct boot_vm *config;
	const struct boot_info *boot;
	struct memslots slots;
	struct tdp tdp; /* gpa -> hpa, faulted in */
	struct vcpu *vcpu[VM_MAX_VCPUS];
	u32 vcpu_count;
	u64 memory_pages; /* allocated for the guest */
	struct {
		u64 fixed, spurious, mmio;
	} faults;
	struct vm_arch arch;
};

/* Creates the VM that @config describes and loads its images. NULL: refused, reason logged. */
struct vm *vm_create(const struct boot_info *bi, const struct boot_vm *config, u16 id);

/* Brings memory, devices and vCPUs to their state before the first instruction. Errors: -errno. */
int vm_load(struct vm *vm) __must_check;

/* Ends the VM for what its guest did: says why, with the guest's state. Others go on. */
void vm_kill(struct vm *vm, const char *fmt, ...) __printf(2, 3);

/*
 * Copies from and to guest-physical memory; a range may cross slots.
 * Errors: -EFAULT when a byte of it is no memory (read: the buffer's rest is zeroed).
 */
int vm_read(const struct vm *vm, gpa_t addr, void *buf, size_t size) __must_check;
int vm_write(const struct vm *vm, gpa_t addr, const void *buf, size_t size) __must_check;

/* Sets [@addr, +@size) to zero. Errors: -EFAULT. */
int vm_zero(const struct vm *vm, gpa_t addr, size_t size) __must_check;
