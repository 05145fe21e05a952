/* SPDX-License-Identifier: Apache-2.0 */
#include "images/unpack.h"

#include "common/json.h"

#include <errno.h>

static int decode_limits(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	return unpack_limits_decode(v, out, err);
}

#define AT(member) offsetof(struct unpack_request, member)

static const struct json_field platform_fields[] = {
	{ "os", json_string, AT(platform.os) - AT(platform) },
	{ "architecture", json_string, AT(platform.architecture) - AT(platform) },
	{ "variant", json_string, AT(platform.variant) - AT(platform) },
	{ 0 },
};

static const struct json_field fields[] = {
	{ "op", json_string, AT(op), true },
	{ "format", json_string, AT(format) },
	{ "tag", json_string, AT(tag) },
	{ "platform", json_object, AT(platform), false, platform_fields },
	{ "name", json_string, AT(name) },
	{ "labels", json_string_map, AT(labels) },
	{ "is_rootless", json_bool, AT(is_rootless) },
	{ "is_executable", json_bool, AT(is_executable) },
	{ "is_cached", json_bool, AT(is_cached) },
	{ "uid", json_u32, AT(uid) },
	{ "gid", json_u32, AT(gid) },
	{ "limits", decode_limits, AT(limits) },
	{ 0 },
};

int unpack_request_parse(
	const char *text, size_t len, struct unpack_request *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	unpack_limits_init(&ret->limits);
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, ret, err);
	return r < 0 ? err_wrap(err, "unpack request") : 0;
}

void unpack_request_done(struct unpack_request *request)
{
	free(request->op);
	free(request->format);
	free(request->tag);
	free(request->platform.os);
	free(request->platform.architecture);
	free(request->platform.variant);
	free(request->name);
	strv_free(request->labels);
	*request = (struct unpack_request){ 0 };
}
