// SPDX-License-Identifier: Apache-2.0
/* Pages for page tables, as struct tdp_ops wants them: from the page allocator. */
#pragma once

#include "mm/page.h"
#include "mm/tdp.h"

static inline hpa_t table_pages_alloc(struct tdp *tdp, unsigned order)
{
	(void)tdp;
	return page_alloc(order, PAGE_OWNER_TABLE);
}

static inline void table_pages_free(struct tdp *tdp, hpa_t table, unsigned order)
{
	(void)tdp;
	page_free(table, order);
}
