/* SPDX-License-Identifier: Apache-2.0 */
/* The object "policy": its members, its defaults, and what is wrong with it. */
#include "agentd/policy.h"

#include "agentd/policy-private.h"
#include "common/cleanup.h"
#include "common/json.h"

#include <errno.h>

#define DEFAULT_PIDS 32768
#define DEFAULT_LOG_SIZE "1g"
#define DEFAULT_SHM_SIZE "1g"

static const struct json_field path_fields[] = {
	{ "path", json_string, offsetof(struct policy_path, path), true },
	{ "mode", json_string, offsetof(struct policy_path, mode) },
	{ 0 },
};
static const struct json_array_of path_array = { sizeof(struct policy_path), path_fields,
	NULL };

#define AT(member) offsetof(struct policy, member)

static const struct json_field fields[] = {
	{ "capabilities", json_strv, AT(capabilities) },
	{ "userns", json_strv, AT(userns) },
	{ "users", json_strv, AT(users) },
	{ "devices", json_strv, AT(devices) },
	{ "sysctls", json_strv, AT(sysctls) },
	{ "ulimits", json_strv, AT(ulimits) },
	{ "apparmor", json_strv, AT(apparmor) },
	{ "cgroup_parents", json_strv, AT(cgroup_parents) },
	{ "host_paths", json_array, AT(host_paths), false, &path_array },
	{ "seccomp_unconfined", json_bool, AT(seccomp_unconfined) },
	{ "new_privileges", json_bool, AT(new_privileges) },
	{ "no_nesting", json_bool, AT(no_nesting) },
	{ "pids", json_u32, AT(pids) },
	{ "log_size", json_string, AT(log_size) },
	{ "shm_size", json_string, AT(shm_size) },
	{ 0 },
};

/* What a list is that the settings do not give. */
static const struct {
	size_t offset;
	const char *words[12];
} defaults[] = {
	{ AT(userns), { "auto" } },
	{ AT(ulimits), { "core=unlimited", "cpu=unlimited", "data=unlimited",
			       "fsize=unlimited", "nofile=1048576", "nproc=32768",
			       "stack=unlimited", "as=unlimited", "rss=unlimited" } },
	{ AT(sysctls), { "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
			       "net.ipv4.ip_unprivileged_port_start",
			       "net.ipv4.ping_group_range", "net.ipv4.tcp_*" } },
};

void policy_done(struct policy *policy)
{
	json_release(fields, policy);
}

static bool is_given(const struct json *root, size_t offset)
{
	for (const struct json_field *f = fields; root && f->key; f++) {
		if (f->offset == offset)
			return json_get(root, f->key);
	}
	return false;
}

static int fill_defaults(const struct json *root, struct policy *policy)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		strv *list = (strv *)(void *)((char *)policy + defaults[i].offset);

		if (is_given(root, defaults[i].offset))
			continue;
		for (const char *const *word = defaults[i].words; *word; word++) {
			if (strv_add(list, *word) < 0)
				return -ENOMEM;
		}
	}
	if (!policy->pids)
		policy->pids = DEFAULT_PIDS;
	if (!policy->log_size && str_set(&policy->log_size, DEFAULT_LOG_SIZE) < 0)
		return -ENOMEM;
	return policy->shm_size ? 0 : str_set(&policy->shm_size, DEFAULT_SHM_SIZE);
}

static int check_members(const struct json *root, struct err *err)
{
	if (root->type != JSON_OBJECT)
		return err_say(err, EINVAL, "want an object");
	json_each (member, root) {
		const struct json_field *f = fields;

		while (f->key && !str_eq(f->key, member->key))
			f++;
		if (!f->key)
			return err_say(
				err, EINVAL, "%.80s is no member of it", member->key);
	}
	return 0;
}

static bool below_writable(const struct policy *policy, const struct policy_path *path)
{
	for (size_t i = 0; i < policy->host_paths.count; i++) {
		const struct policy_path *other = &policy->host_paths.items[i];
		const char *rest = path_below(path->path, other->path);

		if (other != path && other->mode && str_eq(other->mode, "rw") && rest &&
			(*rest || str_eq(other->path, "/")))
			return true;
	}
	return false;
}

static int check_paths(const struct policy *policy, struct err *err)
{
	for (size_t i = 0; i < policy->host_paths.count; i++) {
		const struct policy_path *p = &policy->host_paths.items[i];
		cleanup_free char *clean = path_clean(p->path);

		if (!clean)
			return err_oom(err);
		if (!str_eq(clean, p->path))
			return err_say(err, EINVAL,
				"host_paths: %s: want an absolute path without \".\" and \"..\"",
				p->path);
		if (p->mode && !str_eq(p->mode, "ro") && !str_eq(p->mode, "rw"))
			return err_say(err, EINVAL,
				"host_paths: %s: mode: want ro or rw, not %.40s", p->path,
				p->mode);
		if (below_writable(policy, p))
			return err_say(err, EINVAL,
				"host_paths: %s lies in a path that tasks may change, so that it "
				"could be made to lead anywhere",
				p->path);
	}
	return 0;
}

static int check_ranges(char *const *list, const char *name, struct err *err)
{
	uint32_t first, last;

	strv_each (text, list) {
		if (policy_range(*text, &first, &last) < 0)
			return err_say(
				err, EINVAL, "%s: %s: want FIRST-LAST", name, *text);
	}
	return 0;
}

static int check_size(const char *key, const char *text, uint64_t *ret, struct err *err)
{
	return str_to_bytes(text, ret) < 0
		       ? err_say(err, EINVAL, "%s: %s: want a size, as 1g", key, text)
		       : 0;
}

static int check_values(struct policy *policy, struct err *err)
{
	int r;

	strv_each (word, policy->userns) {
		if (!str_eq(*word, "auto") && !str_eq(*word, "host"))
			return err_say(
				err, EINVAL, "userns: %s: want auto or host", *word);
	}
	strv_each (text, policy->ulimits) {
		if (!strchr(*text, '='))
			return err_say(err, EINVAL,
				"ulimits: %s: want NAME=NUMBER or NAME=unlimited", *text);
	}
	r = check_size("log_size", policy->log_size, &policy->log_bytes, err);
	if (r == 0)
		r = check_size("shm_size", policy->shm_size, &policy->shm_bytes, err);
	if (r < 0)
		return r;
	r = check_ranges(policy->users, "users", err);
	return r == 0 ? check_paths(policy, err) : r;
}

int policy_parse(const char *text, struct policy *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct policy policy = { 0 };
	int r = 0;

	if (text) {
		r = json_parse(text, strlen(text), &doc, err);
		root = doc ? json_root(doc) : NULL;
		if (r == 0)
			r = check_members(root, err);
		if (r == 0)
			r = json_decode(root, fields, &policy, err);
	}
	if (r == 0 && fill_defaults(root, &policy) < 0)
		r = err_oom(err);
	if (r == 0)
		r = check_values(&policy, err);
	if (r < 0) {
		policy_done(&policy);
		return err_wrap(err, "policy");
	}
	*ret = policy;
	return 0;
}

void policy_write(struct json_writer *w, const char *key, const struct policy *policy)
{
	jw_object(w, key);
	json_encode(w, fields, policy);
	jw_object_end(w);
}
