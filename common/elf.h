/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of functions in an ELF file (64 bits, this machine's byte order), by the place in the
 * file that is executed. The file may be anything: what it says of itself is checked against its
 * size and against bounds, and read, never mapped, so that one that changes meanwhile does no harm.
 * Names are bytes of the file, and printable only by chance.
 */
#ifndef UCR_COMMON_ELF_H
#define UCR_COMMON_ELF_H

#include <stdint.h>

struct elf_symbols;

/* Of the first symbol table, or else of the first dynamic one. What is read of tables is taken off
 * `budget`, bytes, which several files may share. -ENOEXEC: it is no such file; -ENODATA: it has no
 * names; -EFBIG: they are more than the budget. */
int elf_symbols_read(int fd, uint64_t *budget, struct elf_symbols **ret)
	__attribute__((warn_unused_result));
void elf_symbols_free(struct elf_symbols *symbols);

/* The function at this offset in the file; NULL: none is known. */
const char *elf_symbols_find(const struct elf_symbols *symbols, uint64_t file_offset);

#endif
