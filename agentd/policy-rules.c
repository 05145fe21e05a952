/* SPDX-License-Identifier: Apache-2.0 */
/* Which member of struct run_options is judged by what. */
#include "agentd/policy-private.h"

#include "agentd/run-fields.h"
#include "common/cleanup.h"
#include "isolators/caps.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define GIGABYTE (1ULL << 30)

typedef int rule_fn(
	const struct policy *policy, const struct run_options *run, struct err *err);

/* ---- words ---- */

int policy_range(const char *text, uint32_t *ret_first, uint32_t *ret_last)
{
	const char *dash = strchr(text, '-');
	cleanup_free char *first =
		strndup(text, dash ? (size_t)(dash - text) : strlen(text));

	if (!first)
		return -ENOMEM;
	if (str_to_id(first, ret_first) < 0 ||
		str_to_id(dash ? dash + 1 : first, ret_last) < 0 ||
		*ret_last < *ret_first)
		return -EINVAL;
	return 0;
}

int policy_refuse(struct err *err, const char *member, const char *value,
	const char *rule, const char *example)
{
	char shown[128], hint[ERR_HINT_MAX];
	int n = snprintf(hint, sizeof(hint),
		"to allow it, an operator writes \"policy\": {\"%s\": %s} into the agent's "
		"configuration%s",
		rule, example,
		*example == '[' ? "; the list stands instead of the default one" : "");

	str_printable(value, shown, sizeof(shown));
	(void)err_say(err, EACCES, "%s: %s is not allowed by policy.%s of this agent",
		member, shown, rule);
	if (n < 0 || n >= (int)sizeof(hint))
		return err_hint(err,
			"to allow it, an operator adds it to policy.%s of the agent's "
			"configuration",
			rule);
	return err_hint(err, "%s", hint);
}

bool policy_lists(char *const *list, const char *word)
{
	strv_each (entry, list) {
		size_t len = strlen(*entry);

		if (str_eq(*entry, word) || (len && (*entry)[len - 1] == '*' &&
						    strncmp(*entry, word, len - 1) == 0))
			return true;
	}
	return false;
}

/* The other one is allowed by the same list, and so is told with it; NULL: none. */
static int refuse_words(struct err *err, const char *member, const char *word,
	const char *other, const char *rule)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_array(&w, NULL);
	jw_string(&w, NULL, word);
	if (other && !str_eq(other, word))
		jw_string(&w, NULL, other);
	jw_array_end(&w);
	return buf_finish(&b) < 0 ? err_oom(err)
				  : policy_refuse(err, member, word, rule, b.data);
}

static int refuse_word(
	struct err *err, const char *member, const char *word, const char *rule)
{
	return refuse_words(err, member, word, NULL, rule);
}

/* ---- the rules ---- */

/* Reaches nothing but the container, and is limited with it. */
static int any(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	return 0;
}

/* "NAME" alone would be the agent's own variable. */
static int env(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (assignment, run->env) {
		if (**assignment == '=' || !strchr(*assignment, '='))
			return err_say(err, EACCES,
				"env: want NAME=VALUE: variables of the agent are not given out");
	}
	return 0;
}

static int uris(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (uri, run->uris) {
		if (!str_skip_prefix(*uri, "http://") &&
			!str_skip_prefix(*uri, "https://"))
			return err_say(err, EACCES,
				"uris: want http or https: files of the host are not given out");
	}
	return 0;
}

/* What the operator gives to all needs no word in the policy. */
static bool has_usual_ids(const struct policy *policy, const struct run_options *run)
{
	return !run->userns ||
	       (policy->usual_userns && str_eq(run->userns, policy->usual_userns));
}

static int userns(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	if (has_usual_ids(policy, run) || policy_lists(policy->userns, run->userns))
		return 0;
	if (!str_eq(run->userns, "auto") && !str_eq(run->userns, "host"))
		return err_say(
			err, EACCES, "userns: %.40s: want auto or host", run->userns);
	return refuse_word(err, "userns", run->userns, "userns");
}

static bool may_be(const struct policy *policy, const char *number)
{
	uint32_t id, first, last;

	if (str_to_id(number, &id) < 0)
		return false;
	strv_each (range, policy->users) {
		if (policy_range(*range, &first, &last) == 0 && id >= first && id <= last)
			return true;
	}
	return false;
}

/* In a user namespace of its own a task may be whom it likes. Elsewhere names, and the groups of
 * a user, are what the image says of them: both ids are told as numbers. */
static int user(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	cleanup_free char *copy = strdup(run->user ? run->user : "");
	char *group = copy, *name;
	uint32_t id;

	if (!copy)
		return err_oom(err);
	if (has_usual_ids(policy, run) || str_eq(run->userns, "auto"))
		return 0;
	name = strsep(&group, ":");
	if (str_to_id(name, &id) < 0 || !group || str_to_id(group, &id) < 0)
		return err_say(err, EACCES,
			"user: \"%.40s\": want UID:GID, numbers which policy.users of this agent "
			"allows, for a task with the host's ids",
			run->user ? run->user : "");
	if (!may_be(policy, name))
		return refuse_words(err, "user", name, group, "users");
	return may_be(policy, group) ? 0
				     : refuse_words(err, "user", group, name, "users");
}

int policy_check_exec(const struct policy *policy, const struct run_options *run,
	bool has_host_ids, struct err *err)
{
	const struct run_options asked = { .user = run->user,
		.userns = has_host_ids ? "host" : "auto" };

	return user(policy, &asked, err);
}

static int capabilities(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (name, run->cap_add) {
		/* The usual ones were taken away with all, and are asked for again. */
		bool is_allowed = bundle_is_usual_capability(*name);

		strv_each (allowed, policy->capabilities)
			is_allowed |= caps_same(*allowed, *name) ||
				      str_eq(*allowed, "ALL") ||
				      str_eq(*allowed, "CAP_ALL");
		if (!is_allowed)
			return refuse_word(err, "cap_add", *name, "capabilities");
	}
	return 0;
}

/* Of "HOST[:PATH][:rwm]". */
static const char *device_rights(const char *text)
{
	const char *rights = strrchr(text, ':');

	return rights && rights[1] != '/' ? rights + 1 : "rwm";
}

/* It is within "HOST[:rwm]". */
static bool device_allows(const char *allowed, const char *text)
{
	size_t len = strcspn(allowed, ":");
	const char *wanted = device_rights(text),
		   *rights = allowed[len] ? allowed + len + 1 : "rwm";

	if (strcspn(text, ":") != len || strncmp(allowed, text, len) != 0)
		return false;
	return wanted[strspn(wanted, rights)] == '\0';
}

static int refuse_device(const char *text, struct err *err)
{
	const char *rights = device_rights(text);
	cleanup_free char *word = str_printf("%.*s%s%s", (int)strcspn(text, ":"), text,
		str_eq(rights, "rwm") ? "" : ":", str_eq(rights, "rwm") ? "" : rights);

	return word ? refuse_word(err, "devices", word, "devices") : err_oom(err);
}

static int devices(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (text, run->devices) {
		bool is_allowed = false;

		strv_each (allowed, policy->devices)
			is_allowed |= device_allows(*allowed, *text);
		if (!is_allowed)
			return refuse_device(*text, err);
	}
	return 0;
}

static int sysctls(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (text, run->sysctls) {
		cleanup_free char *name = strndup(*text, strcspn(*text, "="));

		if (!name)
			return err_oom(err);
		/* Both separators mean the same to the kernel. */
		for (char *c = name; *c; c++)
			*c = *c == '/' ? '.' : *c;
		if (!policy_lists(policy->sysctls, name))
			return refuse_word(err, "sysctls", name, "sysctls");
	}
	return 0;
}

static bool number_of(const char *text, uint64_t *ret)
{
	*ret = UINT64_MAX;
	return str_eq(text, "unlimited") || str_eq(text, "-1") ||
	       str_to_u64(text, ret) == 0;
}

/* The hard limit of "NAME=SOFT[:HARD]"; NULL: it has none. */
static const char *hard_limit(const char *text, uint64_t *ret)
{
	const char *equals = strchr(text, '='), *colon = strchr(text, ':');
	const char *hard = colon ? colon + 1 : equals ? equals + 1 : NULL;

	return equals && number_of(hard, ret) ? hard : NULL;
}

static bool ulimit_allows(const char *allowed, const char *text)
{
	size_t len = strcspn(text, "=");
	uint64_t most, wanted;

	if (strncmp(allowed, text, len) != 0 || allowed[len] != '=')
		return false;
	return number_of(allowed + len + 1, &most) && hard_limit(text, &wanted) &&
	       wanted <= most;
}

static int refuse_ulimit(const char *text, struct err *err)
{
	uint64_t number;
	const char *hard = hard_limit(text, &number);
	cleanup_free char *word = NULL;

	if (!hard)
		return err_say(err, EACCES,
			"ulimits: %.80s: want NAME=SOFT[:HARD], numbers or unlimited",
			text);
	word = str_printf("%.*s=%s", (int)strcspn(text, "="), text, hard);
	return word ? refuse_word(err, "ulimits", word, "ulimits") : err_oom(err);
}

static int ulimits(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (text, run->ulimits) {
		bool is_allowed = false;

		strv_each (allowed, policy->ulimits)
			is_allowed |= ulimit_allows(*allowed, *text);
		if (!is_allowed)
			return refuse_ulimit(*text, err);
	}
	return 0;
}

static int cgroup_parent(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	cleanup_free char *clean = NULL;

	if (!run->cgroup_parent)
		return 0;
	/* It would be below the agent's own, and no list says anything of that. */
	if (*run->cgroup_parent != '/')
		return err_say(err, EACCES,
			"cgroup_parent: \"%.80s\": want a path from the top, which begins with "
			"\"/\"",
			run->cgroup_parent);
	clean = path_clean(run->cgroup_parent);
	if (!clean)
		return err_oom(err);
	strv_each (allowed, policy->cgroup_parents) {
		if (path_below(clean, *allowed))
			return 0;
	}
	return refuse_word(err, "cgroup_parent", clean, "cgroup_parents");
}

static int security(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (text, run->security_opts) {
		size_t len = strcspn(*text, "=:");
		const char *value = (*text)[len] ? *text + len + 1 : "";

		if (len == 8 && strncmp(*text, "apparmor", len) == 0) {
			if (!policy_lists(policy->apparmor, value))
				return refuse_word(
					err, "security_opts", value, "apparmor");
		} else if (len == 17 && strncmp(*text, "no-new-privileges", len) == 0) {
			if (*value && !str_eq(value, "true") && !policy->new_privileges)
				return policy_refuse(err, "security_opts", *text,
					"new_privileges", "true");
		} else if (len == 7 && strncmp(*text, "seccomp", len) == 0) {
			if (!str_eq(value, "unconfined"))
				return err_say(err, EACCES,
					"security_opts: seccomp: a profile is a file of the host, which "
					"is not given out; want unconfined, or leave it out");
			if (!policy->seccomp_unconfined)
				return policy_refuse(err, "security_opts", *text,
					"seccomp_unconfined", "true");
		} else {
			return err_say(err, EACCES,
				"security_opts: %.80s is not known to this agent's policy",
				*text);
		}
	}
	return 0;
}

static int privileges(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	return run->may_gain_privileges && !policy->new_privileges
		       ? policy_refuse(err, "may_gain_privileges", "true",
				 "new_privileges", "true")
		       : 0;
}

static int nesting(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	return run->has_nesting && policy->no_nesting
		       ? policy_refuse(err, "has_nesting", "true", "no_nesting", "false")
		       : 0;
}

/* Processes are the host's own: without a limit one task could have them all. */
static int pids(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	int64_t wanted;
	char example[16];

	if (!run->pids_limit)
		return 0;
	if (str_to_i64(run->pids_limit, &wanted) < 0 || wanted > UINT32_MAX)
		return err_say(err, EACCES,
			"pids_limit: %.40s: want a number of processes, %u at most",
			run->pids_limit, policy->pids);
	if (wanted <= 0) {
		(void)err_say(
			err, EACCES, "pids_limit: tasks have a limit of processes here");
		return err_hint(
			err, "ask for a number; without one it is %d", BUNDLE_PIDS_LIMIT);
	}
	if (wanted <= policy->pids)
		return 0;
	(void)snprintf(example, sizeof(example), "%lld", (long long)wanted);
	return policy_refuse(err, "pids_limit", run->pids_limit, "pids", example);
}

static int log_size(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	const char *size = run->log_max_size ? run->log_max_size : BUNDLE_LOG_SIZE;
	uint64_t bytes;
	uint32_t files;
	char example[32];

	if (str_to_bytes(size, &bytes) < 0 ||
		str_to_u32(run->log_max_files ? run->log_max_files : BUNDLE_LOG_FILES,
			&files) < 0)
		return 0; /* refused where it is used, in better words */
	if (bytes <= policy->log_bytes && (!files || bytes <= policy->log_bytes / files))
		return 0;
	(void)snprintf(example, sizeof(example), "\"%llug\"",
		(((unsigned long long)bytes - 1) / GIGABYTE + 1) * (files ? files : 1));
	return policy_refuse(err, "log_max_size", size, "log_size", example);
}

/* One container's is within its limit; what a group shares is in the limit of none. */
static int shm_size(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	uint64_t bytes;
	char example[32];

	if (!run->holds_group || !run->shm_size ||
		str_to_bytes(run->shm_size, &bytes) < 0 || bytes <= policy->shm_bytes)
		return 0;
	(void)snprintf(example, sizeof(example), "\"%llu\"", (unsigned long long)bytes);
	return policy_refuse(err, "shm_size", run->shm_size, "shm_size", example);
}

/* Labels that mean something to the runtime become annotations. */
int policy_check_labels(const struct run_options *run, struct err *err)
{
	strv_each (label, run->labels) {
		if (bundle_is_reserved_label(*label))
			return err_say(err, EACCES,
				"labels: %.80s: this prefix is the agent's own", *label);
	}
	return 0;
}

static int labels(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	return policy_check_labels(run, err);
}

#define RULE(member, rule)                                                               \
	{                                                                                \
#member, rule                                                            \
	}

/* By the names that run_fields has. */
static const struct {
	const char *member;
	rule_fn *check;
} rules[] = {
	RULE(uris, uris),
	RULE(command, any),
	RULE(entrypoint, any),
	RULE(env, env),
	RULE(env_removed, any),
	RULE(labels, labels),
	RULE(workdir, any),
	RULE(userns, userns),
	RULE(user, user),
	RULE(hostname, any),
	RULE(is_interactive, any),
	RULE(has_terminal, any),
	RULE(is_auto_removed, any),
	RULE(is_read_only, any),
	RULE(has_init, any),
	RULE(volumes, policy_volumes),
	RULE(tmpfs, any),
	RULE(devices, devices),
	RULE(secrets, any),
	RULE(secret_env, any),
	RULE(shm_size, shm_size),
	RULE(memory, any),
	RULE(memory_swap, any),
	RULE(memory_reservation, any),
	RULE(huge_pages, any),
	RULE(io_weight, any),
	RULE(device_read_bps, any),
	RULE(device_write_bps, any),
	RULE(device_read_iops, any),
	RULE(device_write_iops, any),
	RULE(cpus, any),
	RULE(cpu_shares, any),
	RULE(cpuset_cpus, any),
	RULE(cpuset_mems, any),
	RULE(pids_limit, pids),
	RULE(ulimits, ulimits),
	RULE(sysctls, sysctls),
	RULE(cgroup_parent, cgroup_parent),
	RULE(cap_add, capabilities),
	RULE(cap_drop, any),
	RULE(security_opts, security),
	RULE(may_gain_privileges, privileges),
	/* Judged by settings of their own: agentd/agent-network.c. */
	RULE(network, any),
	RULE(publish, any),
	RULE(network_rate_in, any),
	RULE(network_rate_out, any),
	RULE(dns, any),
	RULE(stop_signal, any),
	RULE(stop_timeout, any),
	RULE(log_max_size, log_size),
	RULE(log_max_files, log_size),
	RULE(has_nesting, nesting),
	RULE(is_session, any),
};

static rule_fn *find_rule(const char *member)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (str_eq(rules[i].member, member))
			return rules[i].check;
	}
	return NULL;
}

const char *policy_missing_rule(void)
{
	for (const struct json_field *f = run_fields; f->key; f++) {
		if (!find_rule(f->key))
			return f->key;
	}
	return NULL;
}

int policy_check(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(rules) / sizeof(rules[0]); i++)
		r = rules[i].check(policy, run, err);
	for (const struct json_field *f = run_fields; r == 0 && f->key; f++) {
		if (!find_rule(f->key) && run_field_is_asked(f, run))
			r = err_say(err, EACCES,
				"%s: this agent's policy has no rule for it, so it is refused",
				f->key);
	}
	return r;
}
