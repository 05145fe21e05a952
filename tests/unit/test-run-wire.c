/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/agent-call.h"
#include "agentd/api-calls.h"
#include "agentd/container-wire.h"
#include "agentd/measure-wire.h"
#include "agentd/run-fields.h"
#include "common/cleanup.h"
#include "images/image-wire.h"
#include "ucrctl/run-wire.h"

#include <errno.h>

static char *words[] = { (char *)"a=b", (char *)"c=", NULL };

/* ---- options ---- */

static void test_told(void **state)
{
	struct run_verb o = { .run = { .env = words,
				      .command = words,
				      .memory = "64m",
				      .has_terminal = true,
				      .name = "x",
				      .is_detached = true } };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err = { 0 };

	o.run.terminal_size.rows = 3;
	assert_int_equal(run_wire_check(&o, &err), 0);
	jw_object(&w, NULL);
	jw_string(&w, "type", "RUN_CONTAINER");
	jw_object(&w, "run_container");
	jw_string(&w, "image", "busybox");
	assert_int_equal(run_wire_write(&w, &o.run, &err), 0);
	jw_object_end(&w);
	jw_object_end(&w);
	assert_int_equal(buf_finish(&b), 0);
	assert_int_equal(api_call_parse(b.data, b.len, &call, &err), 0);
	assert_string_equal(call.op, "run");
	assert_string_equal(call.image, "busybox");
	assert_string_equal(call.run.memory, "64m");
	assert_true(call.run.has_terminal);
	assert_null(call.container);
	assert_int_equal(strv_len(call.run.env), 2);
	assert_string_equal(call.run.env[0], "a=b");
	assert_int_equal(strv_len(call.run.command), 2);
}

/* One that is written twice is refused by whoever reads it. */
static void test_each_once(void **state)
{
	for (const struct json_field *f = run_fields; f->key; f++) {
		for (const struct json_field *other = f + 1; other->key; other++)
			assert_string_not_equal(f->key, other->key);
	}
}

static void test_variables(void **state)
{
	char *env[] = { (char *)"UCR_TEST_HERE", (char *)"UCR_TEST_NOT", NULL };
	const struct run_options run = { .env = env };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err = { 0 };

	assert_int_equal(setenv("UCR_TEST_HERE", "value", 1), 0);
	jw_object(&w, NULL);
	assert_int_equal(run_wire_write(&w, &run, &err), 0);
	jw_object_end(&w);
	assert_int_equal(buf_finish(&b), 0);
	assert_string_equal(b.data, "{\"run\":{\"env\":[\"UCR_TEST_HERE=value\"]}}");
}

/* An option without a row in run_fields is not left out in silence. */
static void test_refused(void **state)
{
	char *uris[] = { (char *)"/etc/passwd", NULL };
	const struct {
		struct run_verb o;
		const char *word;
	} rows[] = {
		{ { .run.id_range = "65536-131071" }, "--id-range" },
		{ { .run.network_pool = "10.0.0.0/16" }, "--network-pool" },
		{ { .run.rootfs_backend = 1 }, "--rootfs-backend" },
		{ { .run.uris = uris }, "/etc/passwd" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { 0 };

		assert_int_equal(run_wire_check(&rows[i].o, &err), -ENOTSUP);
		assert_non_null(strstr(err.text, rows[i].word));
		assert_true(*err.hint);
	}
}

/* ---- containers and images ---- */

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct container *read_container(struct buf *b, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct container *c = NULL;

	assert_int_equal(buf_finish(b), 0);
	assert_int_equal(json_parse(b->data, b->len, &doc, err), 0);
	return container_read(json_root(doc), &c, err) < 0 ? NULL : c;
}

static void test_container(void **state)
{
	const struct container from = { .id = (char *)ID,
		.name = (char *)"web",
		.image = (char *)"busybox",
		.image_id = (char *)"sha256:1",
		.command = words,
		.labels = words,
		.created = 1000000000,
		.started = 2000000000,
		.stop_signal = (char *)"SIGTERM",
		.stop_timeout_ms = 5,
		.has_terminal = true,
		.status = CONTAINER_EXITED,
		.end = { .exit_status = 137,
			.signal = 9,
			.finished = 3000000000,
			.is_oom_killed = true,
			.memory_limit_bytes = 1,
			.memory_peak_bytes = UINT64_MAX },
		.dirfd = -1 };
	cleanup_container struct container *to = NULL;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err = { 0 };

	container_write(&w, NULL, &from);
	to = read_container(&b, &err);
	assert_non_null(to);
	assert_string_equal(to->id, from.id);
	assert_string_equal(to->name, from.name);
	assert_string_equal(to->command[1], "c=");
	assert_int_equal(strv_len(to->labels), 2);
	assert_int_equal(to->created, from.created);
	assert_int_equal(to->started, from.started);
	assert_int_equal(to->status, from.status);
	assert_int_equal(to->end.exit_status, 137);
	assert_int_equal(to->end.finished, from.end.finished);
	assert_true(to->end.is_oom_killed && to->has_terminal && !to->has_stdin);
	assert_true(to->end.memory_peak_bytes == UINT64_MAX);
	assert_int_equal(to->dirfd, -1);
}

static void test_container_refused(void **state)
{
	static const char *const texts[] = { "{}", "[]",
		"{\"id\":\"x\",\"status\":\"running\"}",
		"{\"id\":\"" ID "\",\"status\":\"odd\"}",
		"{\"id\":\"" ID "\",\"status\":\"exited\"}",
		"{\"id\":\"" ID "\",\"status\":\"running\",\"name\":\"a/b\"}",
		"{\"id\":\"" ID "\",\"status\":\"running\",\"created\":\"now\"}",
		"{\"id\":\"" ID "\",\"status\":\"running\",\"command\":\"x\"}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT;
		struct err err = { 0 };

		buf_puts(&b, texts[i]);
		assert_null(read_container(&b, &err));
		assert_true(*err.text);
	}
}

#define DIGEST "sha256:" ID

static void test_image(void **state)
{
	struct image from = { .id = DIGEST, .names = words, .size = 7, .imported = 5 };
	cleanup_image struct image *to = NULL;
	cleanup_json struct json_doc *doc = NULL;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err = { 0 };

	from.config.created = (char *)"2026-01-01T00:00:00Z";
	image_write_listed(&w, &from);
	assert_int_equal(buf_finish(&b), 0);
	assert_int_equal(json_parse(b.data, b.len, &doc, &err), 0);
	assert_int_equal(image_read_listed(json_root(doc), &to, &err), 0);
	assert_string_equal(to->id, from.id);
	assert_string_equal(to->names[0], words[0]);
	assert_string_equal(to->config.created, from.config.created);
	assert_int_equal(to->size, 7);
	assert_int_equal(to->imported, 5);
	assert_string_equal(to->manifest_digest, "");
}

/* What is shown on a terminal may be nothing but a digest. */
static void test_image_refused(void **state)
{
	static const char *const texts[] = { "{}", "{\"id\":\"\"}",
		"{\"id\":\"sha256:2\"}", "{\"id\":\"\\u001b]0;x\\u0007\"}",
		"{\"id\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\\u001b\"}",
		"{\"id\":\"" DIGEST "\\u0000\"}",
		"{\"id\":\"" DIGEST "\",\"manifest_digest\":\"\\u001b[2J\"}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_json struct json_doc *doc = NULL;
		struct image *image = NULL;
		struct err err = { 0 };

		assert_int_equal(json_parse(texts[i], strlen(texts[i]), &doc, &err), 0);
		assert_int_equal(
			image_read_listed(json_root(doc), &image, &err), -EINVAL);
		assert_null(image);
		assert_true(*err.text);
	}
}

static void test_measure(void **state)
{
	struct container_measure from = {
		.time = 9, .usage.cpu_usec = 5, .network.sent = 7
	};
	struct container_measure to = { 0 };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err = { 0 };

	from.usage.memory_limit_bytes = UINT64_MAX;
	from.usage.memory_bytes = UINT64_MAX - 1;
	measure_write(&w, NULL, &from);
	assert_int_equal(buf_finish(&b), 0);
	assert_null(strstr(b.data, "memory_limit_bytes"));
	assert_int_equal(json_parse(b.data, b.len, &doc, &err), 0);
	assert_int_equal(measure_read(json_root(doc), &to, &err), 0);
	assert_memory_equal(&from, &to, sizeof(from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_container_refused),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_image_refused),
		cmocka_unit_test(test_measure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
