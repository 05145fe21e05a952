/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/run-task.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZIP_MARK "PK\003\004"

enum task_kind { TASK_IMAGE, TASK_HOST, TASK_ZIP, TASK_JAR };

static const struct {
	const char *prefix;
	enum task_kind kind;
} prefixes[] = {
	{ "host:", TASK_HOST },
	{ "zip:", TASK_ZIP },
	{ "jar:", TASK_JAR },
};

static bool is_zip_file(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char mark[sizeof(ZIP_MARK) - 1];
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       read(fd, mark, sizeof(mark)) == (ssize_t)sizeof(mark) &&
	       memcmp(mark, ZIP_MARK, sizeof(mark)) == 0;
}

static enum task_kind kind_of(const char *reference, const char **ret_rest)
{
	*ret_rest = reference;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		const char *rest = str_skip_prefix(reference, prefixes[i].prefix);

		if (!rest)
			continue;
		*ret_rest = rest;
		return prefixes[i].kind;
	}
	if (!is_zip_file(reference))
		return TASK_IMAGE;
	return str_has_suffix(reference, ".jar") ? TASK_JAR : TASK_ZIP;
}

/* The archive whose task this is comes first; a jar stays as it is. */
static int add_archive(
	struct run_task *task, const char *file, enum task_kind kind, struct err *err)
{
	const char *base = path_base(file);
	char *uri;

	if (str_empty(base))
		return err_say(err, EINVAL, "%s: names no file",
			kind == TASK_JAR ? "jar:" : "zip:");
	if (kind == TASK_JAR)
		uri = str_printf("%s,extract=false", file);
	else
		uri = str_printf("%s,output_file=%s%s", file, base,
			str_has_suffix(base, ".zip") ? "" : ".zip");
	return strv_take(&task->uris, uri) < 0 ? err_oom(err) : 0;
}

static int add_java(struct run_task *task, const char *file, struct err *err)
{
	if (strv_add(&task->command, "java") < 0 ||
		strv_add(&task->command, "-jar") < 0 ||
		strv_add(&task->command, path_base(file)) < 0)
		return err_oom(err);
	return 0;
}

static int add_words(
	struct run_task *task, const struct run_verb *options, struct err *err)
{
	cleanup_buf struct buf line = BUF_INIT;

	if (!options->is_shell) {
		strv_each (word, options->run.command) {
			if (strv_add(&task->command, *word) < 0)
				return err_oom(err);
		}
		return 0;
	}
	strv_each (word, options->run.command)
		buf_printf(&line, "%s%s", line.len ? " " : "", *word);
	if (!line.len)
		return err_say(err, EINVAL, "--shell: give a command after the image");
	if (buf_finish(&line) < 0 || strv_add(&task->command, "/bin/sh") < 0 ||
		strv_add(&task->command, "-c") < 0 ||
		strv_add(&task->command, line.data) < 0)
		return err_oom(err);
	return 0;
}

static int check(enum task_kind kind, const char *rest, const struct run_verb *options,
	struct err *err)
{
	if (kind == TASK_HOST && *rest)
		return err_say(err, EINVAL, "host:%s: nothing may follow host:", rest);
	if (options->on && (kind == TASK_IMAGE || kind == TASK_HOST))
		return err_say(err, EINVAL,
			"--on %s: only a zip or jar runs on an image; leave --on out, and name the image itself",
			options->on);
	if (options->is_shell && kind == TASK_JAR)
		return err_say(
			err, EINVAL, "--shell: a jar is run by java, not by a shell");
	return 0;
}

int run_task_make(const char *reference, struct run_verb *options, struct run_task *ret,
	struct err *err)
{
	const char *rest;
	enum task_kind kind = kind_of(reference, &rest);
	bool is_archive = kind == TASK_ZIP || kind == TASK_JAR;
	struct run_task task = { .is_jar = kind == TASK_JAR };
	int r;

	task.image = kind == TASK_IMAGE ? reference : is_archive ? options->on : NULL;
	r = check(kind, rest, options, err);
	if (r == 0 && is_archive)
		r = add_archive(&task, rest, kind, err);
	if (r == 0 && task.is_jar)
		r = add_java(&task, rest, err);
	if (r == 0)
		r = add_words(&task, options, err);
	strv_each (uri, options->run.uris) {
		if (r == 0 && strv_add(&task.uris, *uri) < 0)
			r = err_oom(err);
	}
	if (r < 0) {
		run_task_done(&task);
		return r;
	}
	*ret = task;
	options->run.uris = ret->uris;
	options->run.command = ret->command;
	/* The archive, or the line for the shell, says what runs, not the image. */
	if ((is_archive || options->is_shell) && !options->run.entrypoint)
		options->run.entrypoint = "";
	return 0;
}

void run_task_done(struct run_task *task)
{
	strv_free(task->uris);
	strv_free(task->command);
}
