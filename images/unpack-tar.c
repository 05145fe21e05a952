/* SPDX-License-Identifier: Apache-2.0 */
/* The operation "tar": a layer's archive written again, from its recipe. */
#include "images/unpack.h"

#include "common/json-writer.h"
#include "images/tar-recipe.h"

#include <errno.h>
#include <sys/stat.h>

static int send_done(
	struct unpack_job *job, const char *digest, uint64_t size, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_string(&w, "digest", digest);
	jw_u64(&w, "size", size);
	jw_object_end(&w);
	return unpack_send(job, UNPACK_DONE, &b, NULL, 0, err);
}

int unpack_tar(struct unpack_job *job, struct err *err)
{
	const int *fds = job->msg->fds;
	struct byte_range recipe = { .fd = fds[1] };
	char digest[DIGEST_MAX];
	uint64_t size = 0;
	struct stat st;
	int r;

	if (fstat(recipe.fd, &st) < 0)
		return err_set(err, errno, "look at the recipe");
	recipe.size = (uint64_t)st.st_size;
	r = tar_recipe_cook(
		&recipe, fds[0], fds[2], job->request.limits.bytes, digest, &size, err);
	return r < 0 ? r : send_done(job, digest, size, err);
}
