/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-private.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"
#include "common/json.h"
#include "common/timestamp.h"

#include <stddef.h>

/* What stays of a cgroup after it was removed. Unknown values are left out. */
static const struct {
	const char *key;
	size_t offset;
} usage_words[] = {
	{ "cpu_usec", offsetof(struct cgroup_usage, cpu_usec) },
	{ "cpu_user_usec", offsetof(struct cgroup_usage, cpu_user_usec) },
	{ "cpu_system_usec", offsetof(struct cgroup_usage, cpu_system_usec) },
	{ "cpu_throttled_usec", offsetof(struct cgroup_usage, cpu_throttled_usec) },
	{ "memory_peak_bytes", offsetof(struct cgroup_usage, memory_peak_bytes) },
	{ "memory_limit_bytes", offsetof(struct cgroup_usage, memory_limit_bytes) },
	{ "oom_kills", offsetof(struct cgroup_usage, oom_kills) },
	{ "pids_peak", offsetof(struct cgroup_usage, pids_peak) },
	{ "io_read_bytes", offsetof(struct cgroup_usage, io_read_bytes) },
	{ "io_write_bytes", offsetof(struct cgroup_usage, io_write_bytes) },
};

int container_write_final(const struct container *container,
	const struct cgroup_usage *usage, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	char stamp[TIMESTAMP_MAX];
	uint64_t value;
	int r;

	jw_object(&w, NULL);
	jw_string(&w, "started", timestamp_format(container->started, stamp));
	jw_string(&w, "finished", timestamp_format(container->end.finished, stamp));
	jw_bool(&w, "oom_killed", container->end.is_oom_killed);
	for (size_t i = 0; i < sizeof(usage_words) / sizeof(usage_words[0]); i++) {
		value = *(const uint64_t *)((const char *)usage + usage_words[i].offset);
		if (value != UINT64_MAX)
			jw_u64(&w, usage_words[i].key, value);
	}
	jw_object_end(&w);
	buf_putc(&b, '\n');
	r = buf_finish(&b);
	if (r < 0)
		return err_oom(err);
	r = fd_replace_file(container->dirfd, "usage", b.data, b.len, 0600, FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write the final usage") : 0;
}

struct final {
	char *started, *finished;
	bool is_oom_killed;
	uint64_t oom_kills, memory_limit_bytes, memory_peak_bytes;
};

static const struct json_field final_fields[] = {
	{ "started", json_string, offsetof(struct final, started), true, NULL },
	{ "finished", json_string, offsetof(struct final, finished), true, NULL },
	{ "oom_killed", json_bool, offsetof(struct final, is_oom_killed), false, NULL },
	{ "oom_kills", json_u64, offsetof(struct final, oom_kills), false, NULL },
	{ "memory_limit_bytes", json_u64, offsetof(struct final, memory_limit_bytes),
		false, NULL },
	{ "memory_peak_bytes", json_u64, offsetof(struct final, memory_peak_bytes), false,
		NULL },
	{ NULL },
};

bool container_read_final(int dirfd, int64_t *ret_started, struct container_end *end)
{
	cleanup_free char *text = NULL;
	cleanup_json struct json_doc *doc = NULL;
	struct final final = {
		.oom_kills = UINT64_MAX,
		.memory_limit_bytes = UINT64_MAX,
		.memory_peak_bytes = UINT64_MAX,
	};
	struct err ignored;
	bool is_there;
	size_t len;

	is_there = fd_read_file(dirfd, "usage", CONTAINER_FILE_MAX, &text, &len) == 0 &&
		   json_parse(text, len, &doc, &ignored) == 0 &&
		   json_decode(json_root(doc), final_fields, &final, &ignored) == 0 &&
		   timestamp_parse(final.started, ret_started) == 0 &&
		   timestamp_parse(final.finished, &end->finished) == 0;
	if (is_there) {
		end->is_oom_killed = final.is_oom_killed;
		end->oom_kills = final.oom_kills;
		end->memory_limit_bytes = final.memory_limit_bytes;
		end->memory_peak_bytes = final.memory_peak_bytes;
	}
	free(final.started);
	free(final.finished);
	return is_there;
}
