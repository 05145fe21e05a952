/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-cleanup: what a shim becomes when its container has ended and nobody is there to clean
 * up. Whatever it cannot do stays to be done by the next command that meets the container.
 */
#include "agentd/container.h"
#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define EXIT_OWN_ERROR 125

/* The fourth word: a descriptor that leads to the agent's ucr-net, if it had one then. */
static void use_net(struct engine *engine, const char *word)
{
	uint32_t fd;

	if (word && str_to_u32(word, &fd) == 0 && fd <= INT_MAX &&
		fd_set_cloexec((int)fd, true) == 0)
		engine_set_net_fd(engine, (int)fd);
}

static int clean_up(char *const *words, struct err *err)
{
	cleanup_engine struct engine *engine = NULL;
	cleanup_container struct container *container = NULL;
	struct engine_options options = { .root_path = words[0],
		.libexec_path = words[1] };
	int r;

	r = engine_open(&options, &engine, err);
	if (r == 0) {
		use_net(engine, words[3]);
		r = container_find(engine, words[2], &container, err);
	}
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : container_cleanup(engine, container, err);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc != 4 && argc != 5) {
		(void)fputs("usage: ucr-cleanup ROOT LIBEXEC ID [NET]\n", stderr);
		return EXIT_OWN_ERROR;
	}
	if (clean_up(argv + 1, &err) < 0) {
		(void)fprintf(stderr, "ucr-cleanup: %s\n", err.text);
		return EXIT_OWN_ERROR;
	}
	return 0;
}
