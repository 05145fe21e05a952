/* SPDX-License-Identifier: Apache-2.0 */
/* The features document of the OCI runtime specification (features.md), from the tables of
 * those who implement them. */
#include "runtime/cli/cli.h"

#include "common/json-writer.h"
#include "isolators/caps.h"
#include "isolators/mount-options.h"
#include "isolators/namespaces.h"
#include "isolators/seccomp-words.h"

static const char *const hooks[] = { "prestart", "createRuntime", "createContainer",
	"startContainer", "poststart", "poststop" };

static void write_names(
	struct json_writer *w, const char *key, const char *(*name_at)(size_t index))
{
	const char *name;

	jw_array(w, key);
	for (size_t i = 0; (name = name_at(i)); i++)
		jw_string(w, NULL, name);
	jw_array_end(w);
}

static const char *hook_at(size_t index)
{
	return index < sizeof(hooks) / sizeof(hooks[0]) ? hooks[index] : NULL;
}

static void write_capabilities(struct json_writer *w)
{
	char name[CAPS_NAME_ROOM];

	jw_array(w, "capabilities");
	for (unsigned int i = 0; caps_name(i, name); i++)
		jw_string(w, NULL, name);
	jw_array_end(w);
}

static const char *namespace_at(size_t index)
{
	const struct namespace_type *type = namespace_type_at(index);

	return type ? type->name : NULL;
}

static void write_enabled(struct json_writer *w, const char *key, bool is_enabled)
{
	jw_object(w, key);
	jw_bool(w, "enabled", is_enabled);
	jw_object_end(w);
}

static void write_cgroup(struct json_writer *w)
{
	jw_object(w, "cgroup");
	jw_bool(w, "v1", true);
	jw_bool(w, "v2", true);
	jw_bool(w, "systemd", false);
	jw_bool(w, "systemdUser", false);
	jw_bool(w, "rdma", true);
	jw_object_end(w);
}

static void write_seccomp(struct json_writer *w)
{
	jw_object(w, "seccomp");
	jw_bool(w, "enabled", true);
	write_names(w, "actions", seccomp_action_name);
	write_names(w, "operators", seccomp_op_name);
	write_names(w, "archs", seccomp_arch_name);
	write_names(w, "knownFlags", seccomp_flag_name);
	write_names(w, "supportedFlags", seccomp_flag_name);
	jw_object_end(w);
}

static void write_linux(struct json_writer *w)
{
	jw_object(w, "linux");
	write_names(w, "namespaces", namespace_at);
	write_capabilities(w);
	write_cgroup(w);
	write_seccomp(w);
	write_enabled(w, "apparmor", true);
	write_enabled(w, "selinux", true);
	write_enabled(w, "intelRdt", false);
	jw_object(w, "mountExtensions");
	write_enabled(w, "idmap", true);
	jw_object_end(w);
	jw_object_end(w);
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct cli *cli = context;
	struct json_writer w = JSON_WRITER(&cli->out);

	w.is_pretty = true;
	jw_object(&w, NULL);
	jw_string(&w, "ociVersionMin", "1.0.0");
	jw_string(&w, "ociVersionMax", SPEC_VERSION);
	write_names(&w, "hooks", hook_at);
	write_names(&w, "mountOptions", mount_option_name);
	write_linux(&w);
	jw_object_end(&w);
	buf_putc(&cli->out, '\n');
	return 0;
}

const struct verb_spec cli_features = {
	.name = "features",
	.section = SECTION_OTHER,
	.summary = "Print what this runtime can do as JSON",
	.run = run,
};
