/* SPDX-License-Identifier: Apache-2.0 */
#include "common/elf.h"

#include "common/cleanup.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX 64
#define TABLE_MAX (64U << 20) /* bytes of the symbols, and of their names */

struct symbol {
	uint64_t address, size;
	uint32_t name; /* offset in `names` */
};

struct elf_symbols {
	Elf64_Phdr segments[SEGMENTS_MAX];
	size_t segment_count;
	struct symbol *symbols; /* by address */
	size_t symbol_count;
	char *names; /* ends with a NUL */
	size_t names_len;
};

struct source {
	int fd;
	uint64_t *budget;
	Elf64_Shdr *sections;
	size_t count;
};

void elf_symbols_free(struct elf_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->symbols);
	free(symbols->names);
	free(symbols);
}

static void free_ptr(struct elf_symbols **symbols)
{
	elf_symbols_free(*symbols);
}

/* All of it, or nothing. */
static int read_at(int fd, void *to, size_t len, uint64_t offset)
{
	if (offset > INT64_MAX - len)
		return -ENOEXEC;
	for (size_t done = 0; done < len;) {
		ssize_t n =
			pread(fd, (char *)to + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOEXEC;
		done += (size_t)n;
	}
	return 0;
}

static int spend_at(const struct source *source, void *to, size_t len, uint64_t offset)
{
	if (len > *source->budget)
		return -EFBIG;
	*source->budget -= len;
	return read_at(source->fd, to, len, offset);
}

/* In pieces, so that a size that is a lie costs no memory. */
static int read_table(const struct source *source, const Elf64_Shdr *section, char **ret)
{
	cleanup_free char *table = NULL;
	size_t len = section->sh_size, done = 0, piece = 1U << 20;
	int r = 0;

	if (section->sh_size > TABLE_MAX)
		return -ENOEXEC;
	while (r == 0 && done < len) {
		size_t n = len - done < piece ? len - done : piece;
		char *grown = realloc(table, done + n + 1);

		if (!grown)
			return -ENOMEM;
		table = grown;
		r = spend_at(source, table + done, n, section->sh_offset + done);
		done += n;
	}
	if (r < 0)
		return r;
	if (!table && !(table = malloc(1)))
		return -ENOMEM;
	table[len] = '\0';
	*ret = take_ptr(table);
	return 0;
}

static int read_header(int fd, Elf64_Ehdr *ret)
{
	static const unsigned char magic[] = {
		ELFMAG0,
		ELFMAG1,
		ELFMAG2,
		ELFMAG3,
		ELFCLASS64,
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		ELFDATA2LSB
#else
		ELFDATA2MSB
#endif
	};
	int r = read_at(fd, ret, sizeof(*ret), 0);

	if (r == 0 && memcmp(ret->e_ident, magic, sizeof(magic)) != 0)
		r = -ENOEXEC;
	return r;
}

static int read_segments(int fd, const Elf64_Ehdr *header, struct elf_symbols *to)
{
	if (header->e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	to->segment_count =
		header->e_phnum < SEGMENTS_MAX ? header->e_phnum : SEGMENTS_MAX;
	return read_at(fd, to->segments, to->segment_count * sizeof(Elf64_Phdr),
		header->e_phoff);
}

static bool is_function(const Elf64_Sym *symbol, size_t names_len)
{
	unsigned char type = ELF64_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) &&
	       symbol->st_shndx != SHN_UNDEF && symbol->st_name > 0 &&
	       symbol->st_name < names_len;
}

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

static int take_symbols(const char *table, size_t len, struct elf_symbols *to)
{
	size_t count = len / sizeof(Elf64_Sym);

	to->symbols = calloc(count + 1, sizeof(*to->symbols));
	if (!to->symbols)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		Elf64_Sym symbol;

		memcpy(&symbol, table + i * sizeof(symbol), sizeof(symbol));
		if (is_function(&symbol, to->names_len))
			to->symbols[to->symbol_count++] =
				(struct symbol){ symbol.st_value, symbol.st_size,
					symbol.st_name };
	}
	qsort(to->symbols, to->symbol_count, sizeof(*to->symbols), compare);
	return to->symbol_count ? 0 : -ENODATA;
}

static int read_symbols(
	const struct source *source, const Elf64_Shdr *section, struct elf_symbols *to)
{
	const Elf64_Shdr *names;
	cleanup_free char *table = NULL;
	int r;

	if (section->sh_link >= source->count)
		return -ENOEXEC;
	names = &source->sections[section->sh_link];
	free(to->names);
	to->names = NULL;
	r = read_table(source, names, &to->names);
	if (r == 0) {
		to->names_len = names->sh_size;
		r = read_table(source, section, &table);
	}
	if (r < 0)
		return r;
	free(to->symbols);
	to->symbols = NULL;
	to->symbol_count = 0;
	return take_symbols(table, section->sh_size, to);
}

/* There is at most one of each; more are a way to be read for ever. */
static int read_first(const struct source *source, uint32_t type, struct elf_symbols *to)
{
	for (size_t i = 0; i < source->count; i++) {
		if (source->sections[i].sh_type == type)
			return read_symbols(source, &source->sections[i], to);
	}
	return -ENODATA;
}

/* A stripped program has only the names that others link to. */
static int read_best(const struct source *source, struct elf_symbols *to)
{
	int r = read_first(source, SHT_SYMTAB, to);

	return r == -ENODATA ? read_first(source, SHT_DYNSYM, to) : r;
}

static int read_sections(
	int fd, const Elf64_Ehdr *header, uint64_t *budget, struct elf_symbols *to)
{
	cleanup_free Elf64_Shdr *sections = NULL;
	struct source source = { .fd = fd, .budget = budget, .count = header->e_shnum };
	int r;

	if (header->e_shentsize != sizeof(Elf64_Shdr) || !source.count)
		return -ENODATA;
	sections = calloc(source.count, sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	source.sections = sections;
	r = spend_at(
		&source, sections, source.count * sizeof(*sections), header->e_shoff);
	return r < 0 ? r : read_best(&source, to);
}

int elf_symbols_read(int fd, uint64_t *budget, struct elf_symbols **ret)
{
	cleanup_with(free_ptr) struct elf_symbols *symbols = calloc(1, sizeof(*symbols));
	Elf64_Ehdr header;
	int r;

	if (!symbols)
		return -ENOMEM;
	r = read_header(fd, &header);
	if (r == 0)
		r = read_segments(fd, &header, symbols);
	if (r == 0)
		r = read_sections(fd, &header, budget, symbols);
	if (r == 0)
		*ret = take_ptr(symbols);
	return r;
}

static bool find_address(
	const struct elf_symbols *symbols, uint64_t offset, uint64_t *ret)
{
	for (size_t i = 0; i < symbols->segment_count; i++) {
		const Elf64_Phdr *p = &symbols->segments[i];

		if (p->p_type == PT_LOAD && offset >= p->p_offset &&
			offset - p->p_offset < p->p_filesz) {
			*ret = offset - p->p_offset + p->p_vaddr;
			return true;
		}
	}
	return false;
}

const char *elf_symbols_find(const struct elf_symbols *symbols, uint64_t file_offset)
{
	size_t low = 0, high = symbols->symbol_count;
	const struct symbol *found;
	uint64_t address;

	if (!find_address(symbols, file_offset, &address))
		return NULL;
	while (low < high) { /* the first that begins after it */
		size_t middle = low + (high - low) / 2;

		if (symbols->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	found = &symbols->symbols[low - 1];
	/* What was written in assembler often has no size. */
	if (found->size && address - found->address >= found->size)
		return NULL;
	return symbols->names + found->name;
}
