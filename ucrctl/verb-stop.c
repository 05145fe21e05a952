/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#define GRACE_UNSET UINT64_MAX

struct stop_options {
	uint64_t grace_ms;
};

static const struct option_spec options[] = {
	{ "timeout", 't', .arg = "TIME", .set = option_ms,
		.offset = offsetof(struct stop_options, grace_ms),
		.help = "How long it may take to end before it is killed (default: what "
			"run was given, else 10 seconds)" },
	{ "time", .arg = "TIME", .set = option_ms,
		.offset = offsetof(struct stop_options, grace_ms),
		.help = "The same as --timeout", .is_hidden = true },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };
static const struct stop_options defaults = { .grace_ms = GRACE_UNSET };

/* One that was asked to stop. */
struct stopping {
	const char *arg;
	struct container *container;
	int64_t deadline_ms;
};

static int ask(struct ctl *ctl, const char *arg, const struct stop_options *o,
	struct stopping *ret, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct backend *backend;
	int64_t grace = -1; /* the container's own */
	int r;

	if (o->grace_ms != GRACE_UNSET)
		grace = o->grace_ms > INT64_MAX ? INT64_MAX : (int64_t)o->grace_ms;
	r = ctl_find(ctl, arg, &backend, &container, err);
	if (r < 0)
		return r;
	r = backend->ask_to_stop(ctl, container, grace, &ret->deadline_ms, err);
	if (r < 0)
		return err_wrap(err, "stop %s", arg);
	ret->arg = arg;
	ret->container = take_ptr(container);
	return 0;
}

static int finish(struct ctl *ctl, const struct stopping *s, struct err *err)
{
	const struct backend *backend;
	int r;

	r = ctl_backend(ctl, &backend, err);
	if (r == 0)
		r = backend->stop(ctl, s->container, s->deadline_ms, err);
	if (r < 0)
		return err_wrap(err, "stop %s", s->arg);
	buf_printf(&ctl->out, "%s\n", s->arg);
	/* The next one may take long: this answer is not kept back for it. */
	return ctl_flush(ctl, err);
}

static int sooner_first(const void *a, const void *b)
{
	const struct stopping *x = a, *y = b;

	return (x->deadline_ms > y->deadline_ms) - (x->deadline_ms < y->deadline_ms);
}

/* All are asked before the first is waited for. One that fails does not keep the others from
 * being stopped. */
static int run(void *context, const void *opts, char **args, struct err *err)
{
	struct stopping *all = calloc(strv_len(args), sizeof(*all));
	size_t count = 0;
	int status = 0;

	if (!all)
		return err_oom(err);
	strv_each (arg, args) {
		struct err why = { 0 };

		if (ask(context, *arg, opts, &all[count], &why) == 0) {
			count++;
			continue;
		}
		print_err(NULL, &why);
		status = CTL_EXIT_FAILED;
	}
	qsort(all, count, sizeof(*all), sooner_first);
	for (size_t i = 0; i < count; i++) {
		struct err why = { 0 };

		if (finish(context, &all[i], &why) < 0) {
			print_err(NULL, &why);
			status = CTL_EXIT_FAILED;
		}
		container_free(all[i].container);
	}
	free(all);
	return status;
}

const struct verb_spec verb_stop = {
	.name = "stop",
	.section = SECTION_CONTAINERS,
	.summary = "End containers: first with their stop signal, then by force",
	.args = "CONTAINER...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct stop_options),
	.defaults = &defaults,
	.run = run,
};
