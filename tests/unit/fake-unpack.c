/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ucr-unpack that speaks the protocol and may lie, for test-import. The source file is
 * its script, words between blanks: layer=TEXT   a layer that holds one file, "content",
 * with TEXT; its diff id is TEXT's digest name=NAME    a name of the image format=NAME
 * what it says the archive is late         like a plain tarball: configuration and diff
 * ids only at the end lie=WHAT     what it does wrong, see the calls of lies() sleep=MS
 * how long each layer takes Each layer it unpacks adds a line to the file named by
 * FAKE_UNPACK_LOG.
 */
#include "common/fd.h"
#include "common/hash.h"
#include "common/ipc.h"
#include "common/json-writer.h"
#include "common/json.h"
#include "common/str.h"
#include "images/helper.h"
#include "images/unpack-proto.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define SCRIPT_MAX 65536
#define LAYERS_MAX 200

struct script {
	const char *layers[LAYERS_MAX];
	char diff_ids[LAYERS_MAX][DIGEST_MAX];
	size_t layer_count;
	strv names;
	const char *format, *lie;
	bool is_late;
	uint32_t sleep_ms;
	char *text;
	struct buf config;
};

static bool lies(const struct script *script, const char *what)
{
	return script->lie && str_eq(script->lie, what);
}

static void stop(int status) __attribute__((noreturn));
static void stop(int status)
{
	_exit(status);
}

static void say(enum unpack_msg type, struct buf *b, const int *fds, size_t fd_count)
{
	if (buf_finish(b) < 0 ||
		ipc_send(HELPER_SOCKET_FD, type, b->data, b->len, fds, fd_count) < 0)
		stop(9);
	buf_reset(b);
}

static void hear(struct ipc_msg *msg)
{
	if (ipc_recv(HELPER_SOCKET_FD, msg) <= 0)
		stop(0);
}

/* ---- the script ---- */

static void read_word(struct script *script, const char *word)
{
	const char *value = strchr(word, '=');

	value = value ? value + 1 : "";
	if (str_skip_prefix(word, "layer=") && script->layer_count < LAYERS_MAX) {
		hash_of(value, strlen(value), script->diff_ids[script->layer_count]);
		script->layers[script->layer_count++] = value;
	} else if (str_skip_prefix(word, "name=")) {
		(void)!strv_add(&script->names, value);
	} else if (str_skip_prefix(word, "format=")) {
		script->format = value;
	} else if (str_skip_prefix(word, "lie=")) {
		script->lie = value;
	} else if (str_skip_prefix(word, "sleep=")) {
		(void)!str_to_u32(value, &script->sleep_ms);
	} else if (str_eq(word, "late")) {
		script->is_late = true;
	}
}

static void write_config(struct script *script)
{
	struct json_writer w = JSON_WRITER(&script->config);

	jw_object(&w, NULL);
	jw_string(&w, "os", "linux");
	jw_string(&w, "architecture", "amd64");
	jw_object(&w, "rootfs");
	jw_string(&w, "type", "layers");
	jw_array(&w, "diff_ids");
	for (size_t i = 0; i < script->layer_count; i++)
		jw_string(&w, NULL, script->diff_ids[i]);
	if (lies(script, "more-diff-ids"))
		jw_string(&w, NULL, script->diff_ids[0]);
	jw_array_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	if (buf_finish(&script->config) < 0)
		stop(9);
}

static void read_script(int fd, struct script *script)
{
	if (fd_read_all(fd, SCRIPT_MAX, &script->text, NULL) < 0)
		stop(9);
	script->format = "docker-archive";
	for (char *word = strtok(script->text, " \n"); word; word = strtok(NULL, " \n"))
		read_word(script, word);
	write_config(script);
}

/* ---- the conversation ---- */

static void say_image(struct script *script)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	char manifest[DIGEST_MAX];
	int fds[2];

	hash_of("manifest", 8, manifest);
	jw_object(&w, NULL);
	jw_string(&w, "format", script->format);
	jw_strv(&w, "names", script->names);
	jw_string(&w, "manifest_digest", script->is_late ? NULL : manifest);
	jw_bool(&w, "has_config", !script->is_late);
	jw_array(&w, "layers");
	for (size_t i = 0; i < script->layer_count; i++) {
		jw_object(&w, NULL);
		jw_string(&w, "diff_id", script->is_late ? NULL : script->diff_ids[i]);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	if (lies(script, "broken-json"))
		buf_puts(&b, "}");
	fds[0] = fd_memfd_sealed("config", script->config.data, script->config.len);
	fds[1] = fd_memfd_sealed(
		"manifest", lies(script, "manifest") ? "MANIFEST" : "manifest", 8);
	if (lies(script, "device"))
		fds[0] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	say(UNPACK_IMAGE, &b, fds, script->is_late ? 0 : lies(script, "no-fds") ? 1 : 2);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void say_layer_done(struct script *script, size_t index)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	const char *diff_id = script->diff_ids[index];

	if (lies(script, "diff-id"))
		diff_id =
			"sha256:00000000000000000000000000000000000000000000000000000000000000"
			"00";
	if (lies(script, "no-digest"))
		diff_id = "../../../etc";
	jw_object(&w, NULL);
	jw_u64(&w, "index", lies(script, "index") ? 1000 : index);
	jw_string(&w, "diff_id", diff_id);
	jw_u64(&w, "entries", 1);
	jw_u64(&w, "bytes", strlen(script->layers[index]));
	jw_object_end(&w);
	say(UNPACK_LAYER_DONE, &b, NULL, 0);
}

static void log_unpacked(const char *layer)
{
	const char *path = getenv("FAKE_UNPACK_LOG");
	cleanup_free char *line = str_printf("%s\n", layer);
	cleanup_close int fd = -1;

	if (!path)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || !line || fd_write_all(fd, line, strlen(line)) < 0)
		stop(9);
}

static void check_have(int dirfd, const char *layer)
{
	cleanup_free char *content = NULL;

	if (fd_read_file(dirfd, "content", SCRIPT_MAX, &content, NULL) < 0 ||
		!str_eq(content, layer))
		stop(8);
}

static void fill(int dirfd, const struct script *script, const char *layer)
{
	struct timespec wait = { .tv_sec = script->sleep_ms / 1000,
		.tv_nsec = script->sleep_ms % 1000 * 1000000L };
	cleanup_close int fd = -1;

	(void)nanosleep(&wait, NULL);
	fd = openat(dirfd, "content", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, layer, strlen(layer)) < 0)
		stop(7);
	log_unpacked(layer);
}

static void do_layer(struct script *script, size_t index)
{
	struct ipc_msg msg;

	hear(&msg);
	if (msg.type != UNPACK_LAYER || msg.fd_count < 1 || msg.fd_count > 2)
		stop(6);
	if (strstr(msg.data, UNPACK_STATE_HAVE)) {
		check_have(msg.fds[0], script->layers[index]);
	} else if (!lies(script, "skip-layer")) {
		fill(msg.fds[0], script, script->layers[index]);
		say_layer_done(script, index);
		if (lies(script, "twice"))
			say_layer_done(script, index);
	}
	ipc_msg_done(&msg);
}

static void say_done(struct script *script)
{
	cleanup_buf struct buf b = BUF_INIT;
	int fd;

	if (lies(script, "config"))
		buf_puts(&script->config, " ");
	fd = fd_memfd_sealed("config", script->config.data, script->config.len);
	buf_puts(&b, "{\"notes\":[\"a note\\u001b[31m\"]}");
	say(UNPACK_DONE, &b, &fd, lies(script, "no-config") ? 0 : 1);
	(void)close(fd);
}

static void fail_early(const struct script *script)
{
	struct err err;

	if (lies(script, "exit"))
		stop(3);
	if (lies(script, "kill"))
		(void)kill(getpid(), SIGKILL);
	if (lies(script, "unknown-message") &&
		ipc_send(HELPER_SOCKET_FD, 77, "{}", 2, NULL, 0) < 0)
		stop(9);
	if (lies(script, "error")) {
		(void)err_say(&err, ENOTSUP, "the archive is not to my taste");
		(void)!ipc_send_err(HELPER_SOCKET_FD, UNPACK_ERROR, &err);
		stop(0);
	}
}

int main(void)
{
	static struct script script;
	struct ipc_msg msg;

	hear(&msg);
	if (msg.type != UNPACK_REQUEST || msg.fd_count != 2)
		stop(5);
	read_script(msg.fds[0], &script);
	ipc_msg_done(&msg);
	fail_early(&script);
	say_image(&script);
	for (size_t i = 0; i < script.layer_count; i++)
		do_layer(&script, i);
	say_done(&script);
	return 0;
}
