/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/kallsyms: "ffffffff81000000 T _stext\t[module]", with zeros for whoever may not know. */
#include "agentd/profile-private.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <fcntl.h>
#include <string.h>

#define KALLSYMS_MAX (64U << 20)

struct symbol {
	uint64_t address;
	const char *name; /* in the text */
};

struct profile_kernel {
	char *text;
	struct symbol *symbols; /* by address */
	size_t count, room;
};

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

/* Cuts the line's name out. */
static void add_line(struct profile_kernel *kernel, char *line)
{
	char *end, *name;
	uint64_t address = strtoull(line, &end, 16);

	if (!address || strlen(end) < 4 || !strchr("tTwW", end[1]) || end[2] != ' ')
		return;
	name = end + 3;
	name[strcspn(name, " \t")] = '\0';
	if (array_grow(&kernel->symbols, kernel->count, &kernel->room,
		    sizeof(*kernel->symbols)) == 0)
		kernel->symbols[kernel->count++] = (struct symbol){ address, name };
}

struct profile_kernel *profile_kernel_new(void)
{
	struct profile_kernel *kernel = calloc(1, sizeof(*kernel));
	size_t len;

	if (!kernel || fd_read_file(AT_FDCWD, "/proc/kallsyms", KALLSYMS_MAX,
			       &kernel->text, &len) < 0)
		return kernel;
	for (char *line = kernel->text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		add_line(kernel, line);
	}
	if (kernel->count)
		qsort(kernel->symbols, kernel->count, sizeof(*kernel->symbols), compare);
	return kernel;
}

void profile_kernel_free(struct profile_kernel *kernel)
{
	if (!kernel)
		return;
	free(kernel->symbols);
	free(kernel->text);
	free(kernel);
}

const char *profile_kernel_symbol(const struct profile_kernel *kernel, uint64_t address)
{
	size_t low = 0, high = kernel ? kernel->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? kernel->symbols[low - 1].name : PROFILE_UNKNOWN;
}
