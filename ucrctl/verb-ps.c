/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/container-columns.h"
#include "agentd/container-filter.h"
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

struct ps_options {
	bool is_all;
	strv filters;
	struct format_options list;
};

static const struct option_spec options[] = {
	{ "all", 'a', .set = option_bool, .offset = offsetof(struct ps_options, is_all),
		.help = "List ended containers too" },
	{ "filter", 'f', .arg = "KEY=VALUE", .set = option_strv,
		.offset = offsetof(struct ps_options, filters),
		.help = "List only those whose id, name, image, label, status or exited is "
			"VALUE; repeatable" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ options },
	{ format_list_options, offsetof(struct ps_options, list) },
	{ 0 },
};

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	cleanup_format struct format format = { 0 };
	const struct ps_options *o = opts;
	struct ctl *ctl = context;
	const struct backend *backend;
	int r;

	r = container_filters_check("--filter", o->filters, err);
	if (r < 0)
		return r;
	r = format_init(&format, container_columns, &o->list,
		"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
		"{{.ID}}", err);
	if (r < 0)
		return r;
	r = ctl_backend(ctl, &backend, err);
	if (r == 0)
		r = backend->list(ctl, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		if (!container_matches(list.items[i], o->filters, o->is_all))
			continue;
		r = format_row(&format, list.items[i], &ctl->out, err);
		if (r < 0)
			return r;
	}
	return format_finish(&format, &ctl->out, err);
}

const struct verb_spec verb_ps = {
	.name = "ps",
	.section = SECTION_CONTAINERS,
	.summary = "List containers",
	.groups = groups,
	.options_size = sizeof(struct ps_options),
	.run = run,
};
