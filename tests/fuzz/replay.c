/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds every file of a corpus to a fuzz target and reports each as a TAP test; a crash
 * or a sanitizer's abort ends the program and so fails it. Without arguments the corpus
 * is the target's own, $UCR_SRCDIR/tests/fuzz/corpus/X for fuzz-X; arguments name single
 * files.
 */
#include "common/cleanup.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define INPUT_MAX (16U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* A copy of exactly `len` bytes, so that AddressSanitizer sees a read past the end. */
static int replay(int dirfd, const char *name)
{
	cleanup_free char *text = NULL;
	cleanup_free uint8_t *exact = NULL;
	size_t len;
	int r;

	r = fd_read_file(dirfd, name, INPUT_MAX, &text, &len);
	if (r < 0)
		return r;
	exact = malloc(len ? len : 1);
	if (!exact)
		return -ENOMEM;
	memcpy(exact, text, len);
	return LLVMFuzzerTestOneInput(exact, len);
}

static void report(int number, int r, const char *name)
{
	char clean[256];

	str_printable(name, clean, sizeof(clean));
	if (r < 0)
		printf("not ok %d - %s: %s\n", number, clean, strerror(-r));
	else
		printf("ok %d - %s\n", number, clean);
	(void)fflush(stdout); /* before a crash in the next one */
}

static int replay_corpus(const char *target)
{
	const char *srcdir = getenv("UCR_SRCDIR");
	const char *slash = strrchr(target, '/');
	const char *name = str_skip_prefix(slash ? slash + 1 : target, "fuzz-");
	cleanup_free char *path = NULL;
	cleanup_close int dirfd = -1;
	struct dirent **entries;
	int count;

	path = str_printf(
		"%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name ? name : "");
	if (!path)
		return EXIT_FAILURE;
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	count = dirfd < 0 ? -1 : scandir(path, &entries, is_visible, by_name);
	if (count <= 0) {
		printf("1..1\nnot ok 1 - no corpus in %s\n", path);
		return EXIT_FAILURE;
	}

	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		report(i + 1, replay(dirfd, entries[i]->d_name), entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return replay_corpus(argv[0]);

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		report(i, replay(AT_FDCWD, argv[i]), argv[i]);
	return EXIT_SUCCESS;
}
