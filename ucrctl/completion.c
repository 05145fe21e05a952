/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/completion.h"

#include <string.h>

const char *completion_kind(enum complete kind)
{
	static const char *const kinds[] = {
		[COMPLETE_NOTHING] = "nothing",
		[COMPLETE_FILE] = "file",
		[COMPLETE_DIRECTORY] = "directory",
		[COMPLETE_CONTAINER] = "container",
		[COMPLETE_RUNNING] = "running",
		[COMPLETE_IMAGE] = "image",
		[COMPLETE_SOURCE] = "source",
		[COMPLETE_OBJECT] = "object",
		[COMPLETE_VERB] = "verb",
		[COMPLETE_SIGNAL] = "signal",
		[COMPLETE_SHELL] = "shell",
	};

	return kinds[kind];
}

const char *const *completion_choices(const struct option_spec *option)
{
	bool has_names = option->set == option_choice || option->set == option_string;

	return has_names ? option->param : NULL;
}

void completion_quote(struct buf *out, const char *text, const char *marks)
{
	for (; *text; text++) {
		if (strchr(marks, *text))
			buf_putc(out, '\\');
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *text);
	}
}

void completion_each_option(
	const struct option_group *groups, completion_fn fn, void *arg)
{
	struct options_flat flat;

	if (options_flatten(groups, &flat) < 0)
		return;
	for (size_t i = 0; i < flat.count; i++) {
		if (!flat.rows[i].option->is_hidden)
			fn(flat.rows[i].option, arg);
	}
}
