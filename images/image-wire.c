/* SPDX-License-Identifier: Apache-2.0 */
#include "images/image-wire.h"

#include "common/cleanup.h"
#include "common/hash.h"

#include <errno.h>
#include <stddef.h>

static int decode_digest(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	bool may_be_empty = arg;

	if (v->type != JSON_STRING || strlen(v->string) != v->len ||
		!(digest_is_valid(v->string) || (may_be_empty && !v->len)))
		return err_say(err, EINVAL, " is no digest");
	memcpy(out, v->string, v->len + 1);
	return 0;
}

static void encode_digest(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const char *)in)
		jw_string(w, key, in);
}

#define AT(member) offsetof(struct image, member)

static const struct json_field fields[] = {
	{ "id", decode_digest, AT(id), true, NULL, encode_digest },
	{ "names", json_strv, AT(names) },
	/* What was loaded from an archive may have none. */
	{ "manifest_digest", decode_digest, AT(manifest_digest), false, "",
		encode_digest },
	{ "format", json_string, AT(format) },
	{ "artifact_type", json_string, AT(artifact_type) },
	{ "created", json_string, AT(config.created) },
	{ "imported", json_i64, AT(imported) },
	{ "size", json_u64, AT(size) },
	{ 0 },
};

void image_write_listed(struct json_writer *w, const struct image *image)
{
	jw_object(w, NULL);
	json_encode(w, fields, image);
	jw_object_end(w);
}

int image_read_listed(const struct json *v, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = calloc(1, sizeof(*image));
	int r;

	if (!image)
		return err_oom(err);
	image->lease_fd = -1;
	r = json_decode(v, fields, image, err);
	if (r < 0)
		return err_wrap(err, "what is told of an image");
	*ret = take_ptr(image);
	return 0;
}
