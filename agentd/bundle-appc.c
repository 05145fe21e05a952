/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an App Container Image asks for beyond a command (images/appc.h). It is an image's word:
 * it may take away from what a container has by default, and gives way to every option.
 */
#include "agentd/bundle-private.h"
#include "isolators/sysctl.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define CPU_PERIOD_USEC 100000
#define CPU_MILLI_MIN 10
#define CPU_SHARES_MIN 2
#define CPU_SHARES_MAX 262144

static void note(const struct bundle_request *request, const char *what, const char *why)
{
	if (request->notes)
		notes_add(request->notes, "%s is not applied: %s", what, why);
}

static int add_groups(
	const struct image_appc *appc, struct spec_user *user, struct err *err)
{
	size_t count = strv_len(appc->supplementary_gids);

	if (!count)
		return 0;
	user->additional_gids.items = calloc(count, sizeof(uint32_t));
	if (!user->additional_gids.items)
		return err_oom(err);
	strv_each (text, appc->supplementary_gids) {
		if (str_to_id(*text,
			    &user->additional_gids.items[user->additional_gids.count++]) <
			0)
			return err_say(err, EINVAL,
				"the image's supplementary group %s is no group id",
				*text);
	}
	return 0;
}

static void limit_cpu(const struct image_appc *appc, const struct run_options *options,
	struct spec_cpu *cpu)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t milli =
		appc->cpu_limit < CPU_MILLI_MIN ? CPU_MILLI_MIN : appc->cpu_limit;

	/* All there are is no limit. */
	if (appc->cpu_limit && !options->cpus && milli < (uint64_t)online * 1000) {
		cpu->period = (struct spec_u64){ true, CPU_PERIOD_USEC };
		cpu->quota = (struct spec_i64){ true,
			(int64_t)(milli * CPU_PERIOD_USEC / 1000) };
	}
	if (appc->cpu_shares >= CPU_SHARES_MIN && appc->cpu_shares <= CPU_SHARES_MAX &&
		!options->cpu_shares)
		cpu->shares = (struct spec_u64){ true, appc->cpu_shares };
}

static bool has_limits(const struct image_appc *appc)
{
	return appc->cpu_limit || appc->cpu_shares || appc->memory_limit;
}

static void set_limits(
	const struct bundle_request *request, struct spec_resources *resources)
{
	const struct image_appc *appc = &request->image->config.appc;
	const struct run_options *options = request->options;

	if (request->is_rootless) {
		if (has_limits(appc))
			note(request, "the image's limit of memory or processors",
				"an ordinary user asks for limits by --memory and --cpus");
		return;
	}
	limit_cpu(appc, options, &resources->cpu);
	if (appc->memory_limit && !options->memory && appc->memory_limit <= INT64_MAX)
		resources->memory.limit =
			(struct spec_i64){ true, (int64_t)appc->memory_limit };
}

static void set_oom_score(const struct bundle_request *request, struct spec_process *p)
{
	int32_t adjustment = request->image->config.appc.oom_score_adj;

	if (adjustment > 0) {
		p->has_oom_score_adj = true;
		p->oom_score_adj = adjustment;
	} else if (adjustment < 0) {
		note(request, "the image's oom-score-adj",
			"no image may ask to be spared before others");
	}
}

/* With the host's network, its settings are the host's. */
static int set_sysctls(
	const struct bundle_request *request, struct spec_linux *lin, struct err *err)
{
	bool is_host = bundle_network_mode(request->options) == NETWORK_HOST;

	strv_each (text, request->image->config.appc.sysctls) {
		cleanup_free char *name = strndup(*text, strcspn(*text, "="));

		if (!name)
			return err_oom(err);
		if (strv_env_get(lin->sysctl, name))
			continue;
		if (is_host && sysctl_namespace(name, NULL) == CLONE_NEWNET) {
			note(request, name, "the container has the host's network");
			continue;
		}
		if (strv_add(&lin->sysctl, *text) < 0)
			return err_oom(err);
	}
	return 0;
}

int bundle_appc(const struct bundle_request *request, struct spec *spec, struct err *err)
{
	const struct image_appc *appc = &request->image->config.appc;
	int r;

	if (!appc->is_set)
		return 0;
	if (str_empty(request->options->user)) {
		r = add_groups(appc, &spec->process.user, err);
		if (r < 0)
			return r;
	}
	if (appc->no_new_privileges)
		spec->process.no_new_privileges = true;
	set_limits(request, &spec->linux_.resources);
	set_oom_score(request, &spec->process);
	r = set_sysctls(request, &spec->linux_, err);
	return r < 0 ? r : bundle_appc_seccomp(request, &spec->linux_.seccomp, err);
}

bool bundle_has_handlers(const struct bundle_request *request)
{
	const struct image_appc *appc = &request->image->config.appc;

	return !request->options->entrypoint && (appc->pre_start || appc->post_stop);
}

bool bundle_has_init(const struct bundle_request *request)
{
	return request->options->has_init || request->options->holds_group ||
	       bundle_has_handlers(request);
}

static int add_handler(const char *option, char *const *command, strv *args)
{
	int r;

	if (!command)
		return 0;
	r = strv_take(args, str_printf("%s=%zu", option, strv_len(command)));
	strv_each (word, command) {
		if (r == 0)
			r = strv_add(args, *word);
	}
	return r;
}

/* ucr-init's words before "--". */
int bundle_handlers(const struct bundle_request *request, strv *args)
{
	const struct image_appc *appc = &request->image->config.appc;
	int r;

	if (!bundle_has_handlers(request))
		return 0;
	r = add_handler("--pre-start", appc->pre_start, args);
	return r == 0 ? add_handler("--post-stop", appc->post_stop, args) : r;
}

/* A configuration that calls itself appc's may be anybody's: no name of a mount point is a path,
 * and no path is more than one. */
const struct appc_mount_point *bundle_mount_point(
	const struct image_appc *appc, const char *text)
{
	const char *name = strchr(text, ':');
	size_t len = name ? strcspn(++name, ":") : 0;

	for (size_t i = 0; len && i < appc->mount_points.count; i++) {
		const struct appc_mount_point *m = &appc->mount_points.items[i];
		const char *known = *name == '/' ? m->path : m->name;

		if (*m->path == '/' && !strchr(m->path, ':') &&
			strncmp(known, name, len) == 0 && !known[len])
			return m;
	}
	return NULL;
}

static bool says_access(const char *options)
{
	cleanup_free char *padded = str_printf(",%s,", options);

	return padded && (strstr(padded, ",rw,") || strstr(padded, ",ro,"));
}

char *bundle_volume_text(const struct appc_mount_point *m, const char *text)
{
	const char *target = strchr(text, ':'), *options;
	size_t len;

	if (!m)
		return strdup(text);
	len = strcspn(target + 1, ":");
	options = target[1 + len] ? target + 2 + len : "";
	return str_printf("%.*s:%s%s%s%s", (int)(target - text), text, m->path,
		*options ? ":" : "", options,
		!m->is_read_only || says_access(options) ? ""
		: *options				 ? ",ro"
							 : ":ro");
}
