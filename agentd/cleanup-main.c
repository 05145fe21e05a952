/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-cleanup: what a shim becomes when its container has ended and nobody is there to clean
 * up. Whatever it cannot do stays to be done by the next command that meets the container.
 */
#include "agentd/container.h"

#include <errno.h>
#include <stdio.h>

#define EXIT_OWN_ERROR 125

static int clean_up(
	const char *root, const char *libexec, const char *id, struct err *err)
{
	cleanup_engine struct engine *engine = NULL;
	cleanup_container struct container *container = NULL;
	struct engine_options options = { .root_path = root, .libexec_path = libexec };
	int r;

	r = engine_open(&options, &engine, err);
	if (r == 0)
		r = container_find(engine, id, &container, err);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : container_cleanup(engine, container, err);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc != 4) {
		(void)fputs("usage: ucr-cleanup ROOT LIBEXEC ID\n", stderr);
		return EXIT_OWN_ERROR;
	}
	if (clean_up(argv[1], argv[2], argv[3], &err) < 0) {
		(void)fprintf(stderr, "ucr-cleanup: %s\n", err.text);
		return EXIT_OWN_ERROR;
	}
	return 0;
}
