/* SPDX-License-Identifier: Apache-2.0 */
/* A plain root file system: one layer, nothing said about how to run it. */
#include "images/format.h"

#include <errno.h>

static bool tar_probe(const struct bundle *b)
{
	return b == NULL;
}

static int tar_find(const struct bundle *b, const struct find_request *request,
	struct found_image *ret, struct err *err)
{
	if (request->tag)
		return err_say(err, EINVAL,
			"a root file system archive has no tags, and %s was asked for",
			request->tag);
	return found_image_add_archive(ret, err);
}

static int tar_make_config(const struct found_image *image,
	const struct platform *platform, struct buf *ret, struct err *err)
{
	struct json_writer w = JSON_WRITER(ret);

	jw_object(&w, NULL);
	jw_string(&w, "architecture", platform->architecture);
	jw_string(&w, "os", platform->os);
	jw_object(&w, "config");
	jw_object_end(&w);
	format_write_rootfs(&w, image);
	jw_object_end(&w);
	return buf_finish(ret) < 0 ? err_oom(err) : 0;
}

const struct image_format format_tar = {
	.name = "tar",
	.archive_name = "tar",
	.probe = tar_probe,
	.find = tar_find,
	.make_config = tar_make_config,
};
