/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/json-writer.h"
#include "common/str.h"
#include "runtime/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

enum list_format { LIST_TABLE, LIST_JSON };

struct list_options {
	bool quiet;
	unsigned int format;
};

static const char *const formats[] = { "table", "json", NULL };

static const struct option_spec own_options[] = {
	{ "quiet", 'q', NULL, option_bool, offsetof(struct list_options, quiet),
		"Print ids only" },
	{ "format", 'f', "FORMAT", option_choice, offsetof(struct list_options, format),
		"How to print: table (default) or json", .param = formats },
	{ 0 },
};

static const struct option_group groups[] = { { own_options, 0, NULL }, { 0 } };

struct list {
	const struct list_options *options;
	struct buf *out;
	struct json_writer w;
};

static void print_one(struct list *list, const struct runtime_state *state)
{
	cleanup_free char *owner = NULL;

	if (list->options->quiet) {
		buf_printf(list->out, "%s\n", state->id);
		return;
	}
	owner = cli_user_name(state->owner);
	if (list->options->format == LIST_JSON)
		state_write(&list->w, state, owner);
	else
		buf_printf(list->out, "%-20s %-8d %-10s %-30s %-32s %s\n", state->id,
			(int)state->pid, runtime_status_name(state->status),
			state->bundle, state->created, owner ? owner : "");
}

/* A container that goes away meanwhile, or is not there yet, is no error. */
static void list_one(struct list *list, int root_fd, const char *name)
{
	cleanup_close int dirfd = -1;
	struct runtime_state state;
	struct err ignored = { 0 };

	if (!str_is_name(name))
		return;
	dirfd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dirfd < 0 || runtime_state_load(dirfd, &state, &ignored) < 0)
		return;
	print_one(list, &state);
	runtime_state_done(&state);
}

static int list_all(struct list *list, int root_fd, struct err *err)
{
	struct dirent **names;
	int n;

	n = scandirat(root_fd, ".", &names, NULL, alphasort);
	if (n < 0)
		return err_set(err, errno, "read the directory of containers");
	for (int i = 0; i < n; i++) {
		list_one(list, root_fd, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct cli *cli = context;
	struct list list = {
		.options = options, .out = &cli->out, .w = JSON_WRITER(&cli->out)
	};
	bool is_json = !list.options->quiet && list.options->format == LIST_JSON;
	cleanup_close int root_fd = cli_open_root(cli, false, err);
	int r = 0;

	if (root_fd == -ENOENT)
		*err = (struct err){ 0 };
	else if (root_fd < 0)
		return root_fd;
	if (is_json)
		jw_array(&list.w, NULL);
	else if (!list.options->quiet)
		buf_printf(&cli->out, "%-20s %-8s %-10s %-30s %-32s %s\n", "ID", "PID",
			"STATUS", "BUNDLE", "CREATED", "OWNER");
	if (root_fd >= 0)
		r = list_all(&list, root_fd, err);
	if (is_json) {
		jw_array_end(&list.w);
		buf_putc(&cli->out, '\n');
	}
	return r;
}

const struct verb_spec cli_list = {
	.name = "list",
	.section = SECTION_CONTAINERS,
	.summary = "List containers",
	.groups = groups,
	.options_size = sizeof(struct list_options),
	.run = run,
};
