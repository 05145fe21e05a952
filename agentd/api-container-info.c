/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-container-info.h"

#include "agentd/bundle.h"
#include "agentd/sandbox.h"
#include "common/cleanup.h"

#include <ctype.h>
#include <errno.h>

/* The members of a run are const for those who borrow one; here it is being made. */
static strv *list_of(void *member)
{
	return member;
}

static int add(void *member, char *text, struct err *err)
{
	return strv_take(list_of(member), text) < 0 ? err_oom(err) : 0;
}

static int set(const char **member, const char *text, struct err *err)
{
	*member = strdup(text);
	return *member ? 0 : err_oom(err);
}

/* ---- volumes ---- */

/* Relative ones lie in the sandbox, as everywhere in Mesos. */
static char *container_path(const char *path)
{
	return *path == '/' ? strdup(path) : str_printf(SANDBOX_PLACE "/%s", path);
}

static bool has_separator(const char *text)
{
	return text[strcspn(text, ":,")] != '\0';
}

static int volume_mode(const struct json *v, const char **ret, struct err *err)
{
	const char *mode = json_get_string(v, "mode");

	*ret = mode && str_eq(mode, "RO") ? "ro" : "rw";
	if (mode && !str_eq(mode, "RO") && !str_eq(mode, "RW"))
		return err_say(err, EINVAL, " has the mode %.40s: want RO or RW", mode);
	return 0;
}

static int host_volume(struct run_options *run, const struct json *v, const char *host,
	const char *target, struct err *err)
{
	const char *mode;
	int r = volume_mode(v, &mode, err);

	if (r < 0)
		return r;
	if (str_empty(host) || *host != '/' || has_separator(host))
		return err_say(err, EINVAL,
			" has the host_path \"%.80s\": want an absolute path without \":\" and \",\"",
			host ? host : "");
	return add(&run->volumes, str_printf("%s:%s:%s", host, target, mode), err);
}

/* The value in the call, which nobody but the task gets to see. */
static int secret_value(const struct json *secret, const char **ret, struct err *err)
{
	const char *type = json_get_string(secret, "type");

	*ret = json_get_string(json_get(secret, "value"), "data");
	if (!type || !str_eq(type, "VALUE") || !*ret)
		return err_say(err, EINVAL,
			" has a secret that is not {\"type\":\"VALUE\",\"value\":{\"data\":BASE64}}: "
			"there is no other place to get one from");
	return 0;
}

static int secret_volume(struct run_options *run, const struct json *source,
	const char *target, struct err *err)
{
	const char *value;
	int r = secret_value(json_get(source, "secret"), &value, err);

	return r < 0 ? r : add(&run->secrets, str_printf("%s=%s", target, value), err);
}

static int source_volume(struct run_options *run, const struct json *v,
	const struct json *source, const char *target, struct err *err)
{
	const char *type = json_get_string(source, "type");
	const struct json *host = json_get(source, "host_path");

	if (type && str_eq(type, "SECRET"))
		return secret_volume(run, source, target, err);
	if (type && str_eq(type, "HOST_PATH") && !json_get(host, "mount_propagation"))
		return host_volume(run, v, json_get_string(host, "path"), target, err);
	return err_say(err, EINVAL,
		" has a source of type %.40s, which this agent does not have: want HOST_PATH, "
		"without mount_propagation, or SECRET",
		type ? type : "none");
}

static int add_volume(struct run_options *run, const struct json *v, struct err *err)
{
	const char *path = json_get_string(v, "container_path");
	const struct json *source = json_get(v, "source");
	cleanup_free char *target = NULL;

	if (str_empty(path) || has_separator(path) || strchr(path, '='))
		return err_say(err, EINVAL,
			" must be of volumes with a container_path without \":\", \",\" and \"=\"");
	if (json_get(v, "image"))
		return err_say(
			err, EINVAL, " has an image, which is no volume of this agent");
	target = container_path(path);
	if (!target)
		return err_oom(err);
	return source ? source_volume(run, v, source, target, err)
		      : host_volume(run, v, json_get_string(v, "host_path"), target, err);
}

int api_volumes(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_ARRAY ? 0 : err_say(err, EINVAL, " must be an array");

	json_each (item, v) {
		if (r == 0)
			r = add_volume(out, item, err);
	}
	return r;
}

int api_persistent_volume(const struct json *resource, void *out, struct err *err)
{
	const struct json *disk = json_get(resource, "disk");
	const struct json *volume = json_get(disk, "volume");
	const char *id = json_get_string(json_get(disk, "persistence"), "id");
	const char *role = json_get_string(resource, "role");
	const char *path = json_get_string(volume, "container_path"), *mode;
	struct run_options *run = out;
	cleanup_free char *target = NULL;
	int r;

	if (!id && !volume)
		return 0;
	if (str_empty(id) || !str_is_name(id) || str_empty(path) || has_separator(path) ||
		(role && has_separator(role)))
		return err_say(err, EINVAL,
			" has a disk that is not {\"persistence\":{\"id\":NAME},\"volume\":{"
			"\"container_path\":PATH,\"mode\":\"RW\"}}");
	r = volume_mode(volume, &mode, err);
	if (r < 0)
		return r;
	target = container_path(path);
	return target ? add(&run->volumes,
				str_printf("%s:%s:%s%s%s", id, target, mode,
					role ? ",role=" : "", role ? role : ""),
				err)
		      : err_oom(err);
}

/* ---- linux_info ---- */

/* Those and no others, as Mesos has it. */
static int set_capabilities(
	struct run_options *run, const struct json *list, struct err *err)
{
	int r;

	if (run->cap_drop)
		return 0; /* effective ones go before bounding ones */
	r = add(&run->cap_drop, strdup("ALL"), err);
	json_each (name, json_get(list, "capabilities")) {
		if (r == 0 && (name->type != JSON_STRING || str_empty(name->string)))
			r = err_say(err, EINVAL, " must be of names, as NET_RAW");
		if (r == 0)
			r = add(&run->cap_add, strdup(name->string), err);
	}
	return r;
}

static int set_seccomp(struct run_options *run, const struct json *v, struct err *err)
{
	const struct json *unconfined = json_get(v, "unconfined");

	if (json_get(v, "profile_name"))
		return err_say(err, EINVAL,
			".seccomp.profile_name is refused: profiles are files of the host");
	if (!unconfined || !unconfined->is_true)
		return 0;
	return add(&run->security_opts, strdup("seccomp=unconfined"), err);
}

static int set_shm(struct run_options *run, const struct json *v, struct err *err)
{
	cleanup_free char *text = NULL;

	if (v->type != JSON_NUMBER)
		return err_say(err, EINVAL, ".shm_size must be a number of megabytes");
	text = str_printf("%sm", v->string);
	return text ? set(&run->shm_size, text, err) : err_oom(err);
}

static int refuse_shared(const struct json *v, const char *name, struct err *err)
{
	return v && v->is_true
		       ? err_say(err, EINVAL,
				 ".%s is refused: the namespace is the container's own",
				 name)
		       : 0;
}

int api_linux_info(const struct json *v, void *out, const void *arg, struct err *err)
{
	/* The first that is there decides; capability_info is what old ones say. */
	static const char *const sets[] = { "effective_capabilities", "capability_info",
		"bounding_capabilities" };
	const char *ipc = json_get_string(v, "ipc_mode");
	const struct json *shm = json_get(v, "shm_size"),
			  *seccomp = json_get(v, "seccomp");
	struct run_options *run = out;
	int r = refuse_shared(
		json_get(v, "share_pid_namespace"), "share_pid_namespace", err);

	if (r == 0 && ipc && str_eq(ipc, "SHARE_PARENT"))
		r = err_say(err, EINVAL,
			".ipc_mode is refused: the namespace is the container's own");
	for (size_t i = 0; r == 0 && i < sizeof(sets) / sizeof(sets[0]); i++) {
		const struct json *list = json_get(v, sets[i]);

		if (list)
			r = set_capabilities(run, list, err);
	}
	if (r == 0 && shm)
		r = set_shm(run, shm, err);
	return r == 0 && seccomp ? set_seccomp(run, seccomp, err) : r;
}

/* ---- rlimit_info ---- */

static const char *limit_text(const struct json *v)
{
	return v && v->type == JSON_NUMBER ? v->string : "unlimited";
}

static int add_rlimit(struct run_options *run, const struct json *v, struct err *err)
{
	const char *type = json_get_string(v, "type");
	const char *name = type ? str_skip_prefix(type, "RLMT_") : NULL;
	const struct json *soft = json_get(v, "soft"), *hard = json_get(v, "hard");
	cleanup_free char *lower = name ? strdup(name) : NULL;

	if (!lower || !soft != !hard)
		return err_say(err, EINVAL,
			" must be of limits as {\"type\":\"RLMT_NOFILE\",\"soft\":N,\"hard\":N}, or "
			"neither number for none at all");
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return add(&run->ulimits,
		str_printf("%s=%s:%s", lower, limit_text(soft), limit_text(hard)), err);
}

int api_rlimit_info(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = 0;

	json_each (item, json_get(v, "rlimits")) {
		if (r == 0)
			r = add_rlimit(out, item, err);
	}
	return r;
}

/* ---- tty_info ---- */

/* Somebody attaches to it later: it is open for what is typed then. */
int api_tty_info(const struct json *v, void *out, const void *arg, struct err *err)
{
	struct run_options *run = out;

	run->has_terminal = run->is_interactive = true;
	return 0;
}
