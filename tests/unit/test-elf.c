/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/elf.h"
#include "common/fd.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>

/* The one whose name is looked for. */
int elf_test_landmark(int x);
__attribute__((noinline)) int elf_test_landmark(int x)
{
	return x * 3 + 1;
}

struct place {
	uintptr_t address;
	uint64_t offset;
};

/* Where an address of this program is in its file. */
static int on_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct place *place = arg;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && place->address >= start &&
			place->address - start < p->p_filesz)
			place->offset = place->address - start + p->p_offset;
	}
	return 1; /* the program itself comes first */
}

static uint64_t offset_of(uintptr_t address)
{
	struct place place = { address, 0 };

	(void)dl_iterate_phdr(on_object, &place);
	assert_true(place.offset > 0);
	return place.offset;
}

static void test_own_file(void **state)
{
	cleanup_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t offset = offset_of((uintptr_t)elf_test_landmark), budget = UINT64_MAX;
	struct elf_symbols *symbols;

	assert_int_equal(elf_test_landmark(2), 7);
	assert_int_equal(elf_symbols_read(fd, &budget, &symbols), 0);
	assert_string_equal(elf_symbols_find(symbols, offset), "elf_test_landmark");
	assert_string_equal(elf_symbols_find(symbols, offset + 1), "elf_test_landmark");
	assert_null(elf_symbols_find(symbols, UINT64_MAX));
	elf_symbols_free(symbols);
}

static int read_bytes(const void *data, size_t len)
{
	cleanup_close int fd = fd_memfd_sealed("elf", data, len);
	struct elf_symbols *symbols;
	uint64_t budget = UINT64_MAX;
	int r = elf_symbols_read(fd, &budget, &symbols);

	if (r == 0)
		elf_symbols_free(symbols);
	return r;
}

/* Each field of the header at its extremes, and every place at which the file could end. */
static void test_lies(void **state)
{
	static const unsigned char extremes[] = { 0x00, 0xff, 0x7f, 0x80 };
	cleanup_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cleanup_free char *data = NULL;
	size_t len;

	assert_int_equal(fd_read_all(fd, 64U << 20, &data, &len), 0);
	assert_int_equal(read_bytes(data, len), 0);
	for (size_t i = 0; i < sizeof(Elf64_Ehdr); i++) {
		for (size_t k = 0; k < sizeof(extremes); k++) {
			char before = data[i];

			data[i] = (char)extremes[k];
			(void)!read_bytes(data, len);
			data[i] = before;
		}
	}
	for (size_t cut = 0; cut < 4096 && cut < len; cut += 13)
		assert_true(read_bytes(data, cut) < 0);
	assert_int_equal(read_bytes("#!/bin/sh\n", 10), -ENOEXEC);
	assert_int_equal(read_bytes(data, sizeof(Elf64_Ehdr)), -ENOEXEC);
}

#define NAMES 1048576
#define SECTIONS 1000

/* A thousand tables that have no function, all with the same megabyte of names. */
static void test_many_tables(void **state)
{
	const size_t len = sizeof(Elf64_Ehdr) + SECTIONS * sizeof(Elf64_Shdr) + NAMES;
	cleanup_free char *data = calloc(1, len);
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)data;
	Elf64_Shdr *sections = (Elf64_Shdr *)(void *)(data + sizeof(*header));
	cleanup_close int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = -1;
	uint64_t budget = UINT64_MAX;
	struct elf_symbols *symbols;

	assert_int_equal(read(own, header, sizeof(*header)), sizeof(*header));
	header->e_phnum = 0;
	header->e_shoff = sizeof(*header);
	header->e_shnum = SECTIONS;
	for (size_t i = 0; i < SECTIONS; i++) {
		sections[i].sh_type = i % 2 ? SHT_SYMTAB : SHT_DYNSYM;
		sections[i].sh_offset = len - NAMES;
		sections[i].sh_size = i ? 0 : NAMES;
	}
	fd = fd_memfd_sealed("elf", data, len);
	assert_int_equal(elf_symbols_read(fd, &budget, &symbols), -ENODATA);
	assert_true(UINT64_MAX - budget < 4 * NAMES);
	budget = 2 * NAMES;
	assert_int_equal(elf_symbols_read(fd, &budget, &symbols), -EFBIG);
	assert_true(budget < NAMES);
	assert_int_equal(elf_symbols_read(fd, &budget, &symbols), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_file),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_many_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
