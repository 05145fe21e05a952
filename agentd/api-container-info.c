/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-container-info.h"

#include "agentd/api-members.h"
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

/* ---- secrets ---- */

#define SECRET_AT(member) offsetof(struct api_secret, member)
static const struct json_field secret_value_members[] = {
	{ "data", json_string, SECRET_AT(data) },
	{ 0 },
};
const struct json_field api_secret_members[] = {
	{ "type", json_string, SECRET_AT(type) },
	{ "value", json_object, 0, false, secret_value_members },
	{ 0 },
};

int api_secret_add(
	const struct api_secret *secret, const char *name, void *list, struct err *err)
{
	if (!secret->type || !str_eq(secret->type, "VALUE") || !secret->data)
		return err_say(err, EINVAL,
			" has a secret that is not {\"type\":\"VALUE\",\"value\":{\"data\":BASE64}}: "
			"there is no other place to get one from");
	return add(list, str_printf("%s=%s", name, secret->data), err);
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

static int volume_mode(const char *mode, const char **ret, struct err *err)
{
	*ret = mode && str_eq(mode, "RO") ? "ro" : "rw";
	if (mode && !str_eq(mode, "RO") && !str_eq(mode, "RW"))
		return err_say(err, EINVAL, " has the mode %.40s: want RO or RW", mode);
	return 0;
}

struct volume {
	char *path, *mode, *host;
	struct {
		bool is_there;
		char *type, *host;
		struct api_secret secret;
	} source;
};

#define SOURCE_AT(member)                                                                \
	(offsetof(struct volume, source.member) - offsetof(struct volume, source))
static const struct json_field host_path_members[] = {
	{ "path", json_string, SOURCE_AT(host) },
	{ "mount_propagation", api_refuse, 0, false,
		"what is mounted later on one side never shows on the other; leave it "
		"out" },
	{ 0 },
};
static const struct json_field source_members[] = {
	{ "type", json_string, SOURCE_AT(type) },
	{ "host_path", json_object, 0, false, host_path_members },
	{ "secret", json_object, SOURCE_AT(secret), false, api_secret_members },
	{ 0 },
};

#define VOLUME_AT(member) offsetof(struct volume, member)
static const struct json_field volume_members[] = {
	{ "container_path", json_string, VOLUME_AT(path), true },
	{ "mode", json_string, VOLUME_AT(mode) },
	{ "host_path", json_string, VOLUME_AT(host) },
	{ "source", json_present, VOLUME_AT(source), false, source_members },
	{ "image", api_refuse, 0, false, "an image is no volume of this agent" },
	{ 0 },
};
static const struct json_array_of volume_array = { sizeof(struct volume), volume_members,
	NULL };

static int host_volume(struct run_options *run, const struct volume *v, const char *host,
	const char *target, struct err *err)
{
	const char *mode;
	int r = volume_mode(v->mode, &mode, err);

	if (r < 0)
		return r;
	if (str_empty(host) || *host != '/' || has_separator(host))
		return err_say(err, EINVAL,
			" has the host_path \"%.80s\": want an absolute path without \":\" and \",\"",
			host ? host : "");
	return add(&run->volumes, str_printf("%s:%s:%s", host, target, mode), err);
}

static int source_volume(struct run_options *run, const struct volume *v,
	const char *target, struct err *err)
{
	const char *type = v->source.type ? v->source.type : "none";

	if (str_eq(type, "SECRET"))
		return api_secret_add(&v->source.secret, target, &run->secrets, err);
	if (str_eq(type, "HOST_PATH"))
		return host_volume(run, v, v->source.host, target, err);
	return err_say(err, EINVAL,
		" has a source of type %.40s, which this agent does not have: want HOST_PATH "
		"or SECRET",
		type);
}

static int add_volume(struct run_options *run, const struct volume *v, struct err *err)
{
	cleanup_free char *target = NULL;

	if (str_empty(v->path) || has_separator(v->path) || strchr(v->path, '='))
		return err_say(err, EINVAL,
			" must be of volumes with a container_path without \":\", \",\" and \"=\"");
	target = container_path(v->path);
	if (!target)
		return err_oom(err);
	return v->source.is_there ? source_volume(run, v, target, err)
				  : host_volume(run, v, v->host, target, err);
}

int api_volumes(const struct json *v, void *out, const void *arg, struct err *err)
{
	static const struct json_field whole[] = {
		{ "volumes", json_array, 0, true, &volume_array }, { 0 }
	};
	struct {
		struct volume *items;
		size_t count;
	} volumes = { 0 };
	int r = json_array(v, &volumes, &volume_array, err);

	for (size_t i = 0; r == 0 && i < volumes.count; i++)
		r = add_volume(out, &volumes.items[i], err);
	json_release(whole, &volumes);
	return r;
}

struct disk {
	char *role, *id;
	struct {
		bool is_there;
		char *path, *mode;
	} volume;
};

#define DISK_AT(member) offsetof(struct disk, member)
static const struct json_field persistence_members[] = {
	{ "id", json_string, DISK_AT(id) },
	{ 0 },
};
#define IN_DISK_AT(member) (DISK_AT(volume.member) - DISK_AT(volume))
static const struct json_field disk_volume_members[] = {
	{ "container_path", json_string, IN_DISK_AT(path) },
	{ "mode", json_string, IN_DISK_AT(mode) },
	{ 0 },
};
static const struct json_field disk_members[] = {
	{ "persistence", json_object, 0, false, persistence_members },
	{ "volume", json_present, DISK_AT(volume), false, disk_volume_members },
	{ 0 },
};
static const struct json_field resource_members[] = {
	{ "role", json_string, DISK_AT(role) },
	{ "disk", json_object, 0, false, disk_members },
	{ 0 },
};

static int add_disk(struct run_options *run, const struct disk *disk, struct err *err)
{
	const char *path = disk->volume.path, *role = disk->role, *mode;
	cleanup_free char *target = NULL;
	int r;

	if (!disk->id && !disk->volume.is_there)
		return 0;
	if (str_empty(disk->id) || !str_is_name(disk->id) || str_empty(path) ||
		has_separator(path) || (role && has_separator(role)))
		return err_say(err, EINVAL,
			" has a disk that is not {\"persistence\":{\"id\":NAME},\"volume\":{"
			"\"container_path\":PATH,\"mode\":\"RW\"}}");
	r = volume_mode(disk->volume.mode, &mode, err);
	if (r < 0)
		return r;
	target = container_path(path);
	return target ? add(&run->volumes,
				str_printf("%s:%s:%s%s%s", disk->id, target, mode,
					role ? ",role=" : "", role ? role : ""),
				err)
		      : err_oom(err);
}

int api_persistent_volume(const struct json *resource, void *out, struct err *err)
{
	struct disk disk = { 0 };
	int r = json_decode(resource, resource_members, &disk, err);

	if (r == 0)
		r = add_disk(out, &disk, err);
	json_release(resource_members, &disk);
	return r;
}

/* ---- linux_info ---- */

#define RUN_AT(member) offsetof(struct run_options, member)

/* Those and no others, as Mesos has it. */
static int decode_capabilities(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	static const struct json_field members[] = { { "capabilities", json_strv, 0 },
		{ 0 } };
	struct run_options *run = out;
	cleanup_strv strv names = NULL;
	int r = json_decode(v, members, &names, err);

	strv_each (name, names) {
		if (r == 0 && !**name)
			r = err_say(
				err, EINVAL, "capabilities must be of names, as NET_RAW");
	}
	if (r < 0 || run->cap_drop)
		return r; /* effective ones go before bounding ones */
	run->cap_add = take_ptr(names);
	return add(&run->cap_drop, strdup("ALL"), err);
}

static int decode_unconfined(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	bool is_unconfined = false;
	int r = json_bool(v, &is_unconfined, NULL, err);

	return is_unconfined ? add(out, strdup("seccomp=unconfined"), err) : r;
}

static int decode_shm(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_NUMBER)
		return err_say(err, EINVAL, " must be a number of megabytes");
	*(char **)out = str_printf("%sm", v->string);
	return *(char **)out ? 0 : err_oom(err);
}

#define OWN_NAMESPACE " is refused: the namespace is the container's own"

static int decode_shared(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	bool is_shared = false;
	int r = json_bool(v, &is_shared, NULL, err);

	return is_shared ? err_say(err, EINVAL, OWN_NAMESPACE) : r;
}

static int decode_ipc(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_STRING)
		return err_say(err, EINVAL, " must be a string");
	return str_eq(v->string, "SHARE_PARENT") ? err_say(err, EINVAL, OWN_NAMESPACE)
						 : 0;
}

static const struct json_field seccomp_members[] = {
	{ "profile_name", api_refuse, 0, false, "profiles are files of the host" },
	{ "unconfined", decode_unconfined, RUN_AT(security_opts) },
	{ 0 },
};

const struct json_field api_linux_info_members[] = {
	{ "share_pid_namespace", decode_shared, 0 },
	{ "ipc_mode", decode_ipc, 0 },
	/* The first that is there decides; capability_info is what old ones say. */
	{ "effective_capabilities", decode_capabilities, 0 },
	{ "capability_info", decode_capabilities, 0 },
	{ "bounding_capabilities", decode_capabilities, 0 },
	{ "shm_size", decode_shm, RUN_AT(shm_size) },
	{ "seccomp", json_object, 0, false, seccomp_members },
	{ 0 },
};

/* ---- rlimit_info ---- */

struct limit {
	char *type;
	const char *soft, *hard; /* as written in the document; NULL: none */
};

static int decode_number(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_NUMBER)
		return err_say(err, EINVAL, " must be a number");
	*(const char **)out = v->string;
	return 0;
}

static const struct json_field limit_members[] = {
	{ "type", json_string, offsetof(struct limit, type), true },
	{ "soft", decode_number, offsetof(struct limit, soft) },
	{ "hard", decode_number, offsetof(struct limit, hard) },
	{ 0 },
};
static const struct json_array_of limit_array = { sizeof(struct limit), limit_members,
	NULL };

static int add_rlimit(struct run_options *run, const struct limit *limit, struct err *err)
{
	const char *name = str_skip_prefix(limit->type, "RLMT_");
	const char *soft = limit->soft ? limit->soft : "unlimited";
	const char *hard = limit->hard ? limit->hard : "unlimited";
	cleanup_free char *lower = name ? strdup(name) : NULL;

	if (!lower || !limit->soft != !limit->hard)
		return err_say(err, EINVAL,
			" must be of limits as {\"type\":\"RLMT_NOFILE\",\"soft\":N,\"hard\":N}, or "
			"neither number for none at all");
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return add(&run->ulimits, str_printf("%s=%s:%s", lower, soft, hard), err);
}

int api_rlimit_info(const struct json *v, void *out, const void *arg, struct err *err)
{
	static const struct json_field members[] = {
		{ "rlimits", json_array, 0, false, &limit_array }, { 0 }
	};
	struct {
		struct limit *items;
		size_t count;
	} limits = { 0 };
	int r = json_decode(v, members, &limits, err);

	for (size_t i = 0; r == 0 && i < limits.count; i++)
		r = add_rlimit(out, &limits.items[i], err);
	json_release(members, &limits);
	return r;
}

/* ---- tty_info ---- */

/* Somebody attaches to it later: it is open for what is typed then. */
int api_tty_info(const struct json *v, void *out, const void *arg, struct err *err)
{
	struct run_options *run = out;

	if (v->type != JSON_OBJECT)
		return err_say(err, EINVAL, " must be an object");
	run->has_terminal = run->is_interactive = true;
	return 0;
}
