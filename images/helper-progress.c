/* SPDX-License-Identifier: Apache-2.0 */
#include "images/helper-progress.h"

#include "common/json.h"

struct said_progress {
	char *what;
	uint64_t layer, layers, done, total;
};

static const struct json_field progress_fields[] = {
	{ "what", json_string, offsetof(struct said_progress, what), true },
	{ "layer", json_u64, offsetof(struct said_progress, layer) },
	{ "layers", json_u64, offsetof(struct said_progress, layers) },
	{ "done", json_u64, offsetof(struct said_progress, done) },
	{ "total", json_u64, offsetof(struct said_progress, total) },
	{ 0 },
};

int helper_progress(const struct ipc_msg *msg, import_progress_fn progress, void *arg,
	struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct said_progress said = { 0 };
	int r;

	if (!progress)
		return 0;
	r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), progress_fields, &said, err);
	if (r == 0)
		progress(said.what, said.layer, said.layers, said.done, said.total, arg);
	json_release(progress_fields, &said);
	return r;
}
