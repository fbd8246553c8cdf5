// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as an ELF, Multiboot, PVH or raw kernel: refused with a reason, or segments within the
 * file and the address space. Two bytes in front choose; half of the inputs get an ELF's magic.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/bits.h"
#include "vmm/guest_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static void check_image(const struct guest_file *file, const struct guest_image *image)
{
	bool entered = false;

	require(image->segment_count >= 1 && image->segment_count <= GUEST_SEGMENTS_MAX);
	for (u32 i = 0; i < image->segment_count; i++) {
		const struct guest_segment *s = &image->segment[i];

		require(s->file_offset <= file->size);
		require(s->file_size <= file->size - s->file_offset);
		require(s->file_size <= s->memory_size && s->memory_size > 0);
		require(s->addr >= image->low && s->addr < image->end);
		require(s->memory_size <= image->end - s->addr);
		require(file->machine != GUEST_MACHINE_X86 || s->addr >= BIT(20) ||
			s->addr + s->memory_size <= GUEST_X86_LOW_END);
		entered |= image->entry >= s->addr && image->entry - s->addr < s->file_size;
	}
	require(image->end <= BIT(40));
	require(file->machine != GUEST_MACHINE_X86 ||
		(image->low >= GUEST_X86_LOW && image->end <= BIT(32)));
	require(image->low >= guest_image_ram_base(file->machine));
	require(entered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_image_fault fault = {0};
	struct guest_image image;
	struct guest_file file;
	enum boot_image_kind kind;
	u8 *exact;

	if (size < 2) {
		return 0;
	}
	kind = (enum boot_image_kind)(data[0] % BOOT_IMAGE_KINDS);
	file.machine = data[1] & 1 ? GUEST_MACHINE_ARM64 : GUEST_MACHINE_X86;
	file.size = size - 2;
	exact = malloc(file.size ? file.size : 1);
	memcpy(exact, data + 2, file.size);
	if ((data[1] & 2) && file.size >= 8) {
		memcpy(exact,
		       "\x7f"
		       "ELF",
		       4);
	}
	file.bytes = exact;
	if (guest_image_parse(&file, kind, &image, &fault)) {
		require(fault.field && fault.field[0] && fault.expected && fault.expected[0]);
	} else {
		check_image(&file, &image);
	}
	free(exact);
	return 0;
}
