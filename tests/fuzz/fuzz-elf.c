/* SPDX-License-Identifier: Apache-2.0 */
/* The program file of a task, whose functions' names a profile shows. */
#include "common/cleanup.h"
#include "common/elf.h"
#include "common/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_close int fd = fd_memfd_sealed("elf", data, size);
	struct elf_symbols *symbols;
	uint64_t budget = UINT64_MAX;

	if (fd < 0 || elf_symbols_read(fd, &budget, &symbols) < 0)
		return 0;
	for (uint64_t offset = 0; offset < size; offset += 16)
		(void)elf_symbols_find(symbols, offset);
	elf_symbols_free(symbols);
	return 0;
}
