// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/vmcs.h"

const struct vmcs_field_info vmcs_field_info[VMCS_SLOT_COUNT] = {
#define FIELD(encoding, width, name, text) {(encoding), VMCS_##width, (text)},
#include "arch/x86/vmcs_fields.def"
#undef FIELD
};

int vmcs_field_slot(u64 encoding)
{
	bool high = encoding & VMCS_ENC_HIGH;
	int low = 0, end = VMCS_SLOT_COUNT;

	if (high && FIELD_GET(VMCS_ENC_WIDTH, encoding) != VMCS_W64) {
		return -1;
	}
	encoding &= ~VMCS_ENC_HIGH;
	while (low < end) {
		int mid = (low + end) / 2;

		if (vmcs_field_info[mid].encoding == encoding) {
			return mid;
		}
		if (vmcs_field_info[mid].encoding < encoding) {
			low = mid + 1;
		} else {
			end = mid;
		}
	}
	return -1;
}
