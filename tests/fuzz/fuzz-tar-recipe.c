/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe that somebody wrote: nothing but errors and bytes within the limit come of it. */
#include "images/tar-recipe.h"

#include "common/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LIMIT 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int dirfd = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int out_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct byte_range recipe = { .fd = fd_memfd_sealed("recipe", data, size),
		.size = size };
	char digest[DIGEST_MAX];
	uint64_t made = 0;

	if (dirfd >= 0 && out_fd >= 0 && recipe.fd >= 0 &&
		tar_recipe_cook(&recipe, dirfd, out_fd, LIMIT, digest, &made, NULL) ==
			0 &&
		made > LIMIT)
		abort();
	(void)close(dirfd);
	(void)close(out_fd);
	(void)close(recipe.fd);
	return 0;
}
