/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-call.h"

#define AT(member) offsetof(struct agent_call, member)
#define URI_AT(member) offsetof(struct agent_uri, member)

static const struct json_field uri_fields[] = {
	{ "value", json_string, URI_AT(value), true },
	{ "output_file", json_string, URI_AT(output_file) },
	{ "is_executable", json_bool, URI_AT(is_executable) },
	{ "is_cached", json_bool, URI_AT(is_cached) },
	{ "is_kept", json_bool, URI_AT(is_kept) },
	{ 0 },
};
static const struct json_array_of uri_array = { sizeof(struct agent_uri), uri_fields,
	NULL };

static const struct json_field fields[] = {
	{ "id", json_u64, AT(id), true },
	{ "op", json_string, AT(op), true },
	{ "container", json_string, AT(container) },
	{ "image", json_string, AT(image) },
	{ "is_shell", json_bool, AT(is_shell) },
	{ "value", json_string, AT(value) },
	{ "arguments", json_strv, AT(arguments) },
	{ "environment", json_strv, AT(environment) },
	{ "user", json_string, AT(user) },
	{ "hostname", json_string, AT(hostname) },
	{ "uris", json_array, AT(uris), false, &uri_array },
	{ "cpu_milli", json_u64, AT(cpu_milli) },
	{ "memory_bytes", json_u64, AT(memory_bytes) },
	{ "signal", json_u32, AT(signal) },
	{ 0 },
};

int agent_call_parse(
	const char *text, size_t len, struct agent_call *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct agent_call call = { 0 };
	int r = json_parse(text, len, &doc, err);

	if (r == 0)
		r = json_decode(json_root(doc), fields, &call, err);
	if (r < 0)
		agent_call_done(&call);
	else
		*ret = call;
	return r;
}

void agent_call_write(struct json_writer *w, const struct agent_call *call)
{
	jw_object(w, NULL);
	json_encode(w, fields, call);
	jw_object_end(w);
}

void agent_call_done(struct agent_call *call)
{
	json_release(fields, call);
}
