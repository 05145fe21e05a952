/* SPDX-License-Identifier: Apache-2.0 */
#include "images/fetch.h"

#include "common/json.h"

static int decode_access(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	return registry_access_parse(v, out, err);
}

#define AT(member) offsetof(struct fetch_request, member)

static const struct json_field platform_fields[] = {
	{ "os", json_string, AT(platform.os) - AT(platform) },
	{ "architecture", json_string, AT(platform.architecture) - AT(platform) },
	{ "variant", json_string, AT(platform.variant) - AT(platform) },
	{ 0 },
};

static const struct json_field fields[] = {
	{ "op", json_string, AT(op), true },
	{ "url", json_string, AT(url) },
	{ "max_bytes", json_u64, AT(max_bytes) },
	{ "repository", json_string, AT(repository) },
	{ "reference", json_string, AT(reference) },
	{ "artifact_type", json_string, AT(artifact_type) },
	{ "name", json_string, AT(name) },
	{ "ext", json_string, AT(ext) },
	{ "labels", json_string_map, AT(labels) },
	{ "platform", json_object, AT(platform), false, platform_fields },
	{ "access", decode_access, AT(access), true },
	{ 0 },
};

int fetch_request_parse(
	const char *text, size_t len, struct fetch_request *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, ret, err);
	return r < 0 ? err_wrap(err, "fetch request") : 0;
}

void fetch_request_done(struct fetch_request *request)
{
	json_release(fields, request);
	registry_access_done(&request->access);
}
