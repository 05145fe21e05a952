/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json.h"
#include "ucrctl/backend.h"
#include "ucrctl/json-field.h"
#include "ucrctl/print.h"
#include "ucrctl/template.h"
#include "ucrctl/verbs.h"

#include <errno.h>

enum { TYPE_ANY, TYPE_CONTAINER, TYPE_IMAGE };
static const char *const types[] = { "any", "container", "image", NULL };

struct inspect_options {
	const char *format;
	unsigned int type;
};

static const struct option_spec options[] = {
	{ "format", 'f', .arg = "TEMPLATE", .set = option_string,
		.offset = offsetof(struct inspect_options, format),
		.help = "Print by a template such as '{{.State.Pid}}', or \"json\" on one line" },
	{ "type", .arg = "TYPE", .set = option_choice, .param = types,
		.offset = offsetof(struct inspect_options, type),
		.help = "Look only for a container or only for an image" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

/* Writes the object that `arg` names. IMAGE_ABSENT: there is none. */
static int write_object(struct ctl *ctl, const char *arg, unsigned int type,
	struct json_writer *w, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct backend *backend;
	int r = ctl_backend(ctl, &backend, err);

	if (r < 0)
		return r;

	if (type != TYPE_IMAGE) {
		r = backend->find(ctl, arg, &container, err);
		if (r == 0)
			return backend->inspect(ctl, container, w, err);
		if (r != -ENOENT)
			return r;
	}
	if (type == TYPE_CONTAINER)
		return IMAGE_ABSENT;
	return backend->inspect_image(ctl, arg, w, err);
}

static int put_object(struct ctl *ctl, const char *arg, unsigned int type,
	struct json_writer *w, struct err *err)
{
	static const char *const words[] = { "container or image", "container", "image" };
	int r;

	r = write_object(ctl, arg, type, w, err);
	if (r != IMAGE_ABSENT)
		return r;
	(void)err_say(err, ENOENT, "there is no %s \"%.200s\"", words[type], arg);
	return err_hint(err, "\"ucrctl ps -a\" and \"ucrctl images\" list what there is");
}

/* One template over what the object is in JSON. */
static int put_by_template(struct ctl *ctl, const char *arg, unsigned int type,
	const struct template *template, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_buf struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	int r;

	r = put_object(ctl, arg, type, &w, err);
	if (r < 0)
		return r;
	if (buf_finish(&text) < 0)
		return err_oom(err);
	r = json_parse(text.data, text.len, &doc, err);
	if (r < 0)
		return err_wrap(err, "inspect %s", arg);
	r = template_apply(
		template, json_field_put, (void *)json_root(doc), &ctl->out, err);
	if (r < 0)
		return err_wrap(err, "--format");
	buf_putc(&ctl->out, '\n');
	return 0;
}

static int inspect_by_template(
	struct ctl *ctl, const struct inspect_options *o, char **args, struct err *err)
{
	cleanup_template struct template template = { 0 };
	int status = 0, r;

	r = template_parse(
		str_eq(o->format, "json") ? "{{json .}}" : o->format, &template, err);
	if (r < 0)
		return err_wrap(err, "--format");
	strv_each (arg, args) {
		struct err one = { 0 };

		if (put_by_template(ctl, *arg, o->type, &template, &one) == 0)
			continue;
		print_err(NULL, &one);
		status = CTL_EXIT_FAILED;
	}
	return status;
}

static int inspect_whole(struct ctl *ctl, const struct inspect_options *o, char **args)
{
	struct json_writer w = JSON_WRITER(&ctl->out);
	int status = 0;

	w.is_pretty = true;
	jw_array(&w, NULL);
	strv_each (arg, args) {
		struct err one = { 0 };

		if (put_object(ctl, *arg, o->type, &w, &one) == 0)
			continue;
		print_err(NULL, &one);
		status = CTL_EXIT_FAILED;
	}
	jw_array_end(&w);
	buf_putc(&ctl->out, '\n');
	return status;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	const struct inspect_options *o = opts;

	return o->format ? inspect_by_template(context, o, args, err)
			 : inspect_whole(context, o, args);
}

const struct verb_spec verb_inspect = {
	.name = "inspect",
	.section = SECTION_CONTAINERS,
	.summary = "Print all that is known of containers or images, as JSON",
	.args = "NAME...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_OBJECT,
	.groups = groups,
	.options_size = sizeof(struct inspect_options),
	.run = run,
};
