/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "common/str.h"
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#define PS_OUTPUT_MAX (16U << 20)

enum ps_format { PS_TABLE, PS_JSON };

struct ps_options {
	unsigned int format;
};

static const char *const formats[] = { "table", "json", NULL };

static const struct option_spec own_options[] = {
	{ "format", 'f', "FORMAT", option_choice, offsetof(struct ps_options, format),
		"How to print: table (default) or json", .param = formats },
	{ 0 },
};

static const struct option_group groups[] = { { own_options, 0, NULL }, { 0 } };

struct pids {
	pid_t *items;
	size_t count;
};

static bool has_pid(const struct pids *pids, const char *word)
{
	char *end;
	long pid = strtol(word, &end, 10);

	for (size_t i = 0; end != word && i < pids->count; i++) {
		if (pids->items[i] == pid)
			return true;
	}
	return false;
}

/* What ps(1) of the host prints, into a heap string. */
static int read_ps(char **args, char **ret, struct err *err)
{
	char *default_args[] = { (char *)"ps", (char *)"-ef", NULL };
	cleanup_close int read_fd = -1, pidfd = -1;
	int fds[2], code, status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	read_fd = fds[0];
	pid = process_clone(0, -1, &pidfd);
	if (pid == 0) {
		args[-1] = (char *)"ps";
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)execvp("ps", *args ? args - 1 : default_args);
		_exit(127);
	}
	(void)close(fds[1]);
	if (pid < 0)
		return err_set(err, -pid, "start ps");
	r = fd_read_all(read_fd, PS_OUTPUT_MAX, ret, NULL);
	if (process_wait(pidfd, &code, &status) < 0 || r < 0)
		return err_set(err, r < 0 ? -r : ECHILD, "read what ps prints");
	if (code == CLD_EXITED && status == 127)
		return err_say(err, ENOENT, "ps(1) is not installed: use --format json");
	if (code != CLD_EXITED || status != 0)
		return err_say(err, EIO, "ps failed with status %d", status);
	return 0;
}

/* The index of the column PID in ps's first line, or -1. */
static int pid_column(const char *header, size_t len)
{
	cleanup_free char *line = strndup(header, len);
	char *at = line, *word;

	for (int i = 0; line && (word = strsep(&at, " \t"));) {
		if (str_eq(word, "PID"))
			return i;
		i += *word != '\0';
	}
	return -1;
}

static const char *word_at(const char *line, int column)
{
	line += strspn(line, " \t");
	while (column-- > 0) {
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t");
	}
	return line;
}

static int print_table(
	struct cli *cli, const struct pids *pids, char **args, struct err *err)
{
	cleanup_free char *text = NULL;
	const char *end;
	int column, r;

	r = read_ps(args, &text, err);
	if (r < 0)
		return r;
	end = strchrnul(text, '\n');
	column = pid_column(text, (size_t)(end - text));
	if (column < 0)
		return err_say(err, EINVAL, "ps with these options prints no column PID");
	buf_printf(&cli->out, "%.*s\n", (int)(end - text), text);
	for (const char *line = end; *line && line[1]; line = end) {
		line++;
		end = strchrnul(line, '\n');
		if (has_pid(pids, word_at(line, column)))
			buf_printf(&cli->out, "%.*s\n", (int)(end - line), line);
	}
	return 0;
}

static void print_json(struct cli *cli, const struct pids *pids)
{
	struct json_writer w = JSON_WRITER(&cli->out);

	jw_array(&w, NULL);
	for (size_t i = 0; i < pids->count; i++)
		jw_i64(&w, NULL, pids->items[i]);
	jw_array_end(&w);
	buf_putc(&cli->out, '\n');
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct ps_options *o = options;
	struct runtime_state state;
	struct pids pids = { 0 };
	int r;

	r = cli_load_state(context, args[0], &state, err);
	if (r < 0)
		return r;
	r = runtime_pids(&state, &pids.items, &pids.count, err);
	runtime_state_done(&state);
	if (r == 0 && o->format == PS_JSON)
		print_json(context, &pids);
	else if (r == 0)
		r = print_table(context, &pids, args + 1, err);
	free(pids.items);
	return r;
}

const struct verb_spec cli_ps = {
	.name = "ps",
	.section = SECTION_CONTAINERS,
	.summary = "List the processes of a container",
	.text = "Options of ps(1) may follow the container; the default is -ef.",
	.args = "CONTAINER [PS-OPTION...]",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_RUNNING,
	.stops_early = true,
	.groups = groups,
	.options_size = sizeof(struct ps_options),
	.run = run,
};
