/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"
#include "isolators/caps.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* What an ordinary service needs to change its user and own its files. Not among them, unlike
 * elsewhere: raw sockets, device nodes, audit records, chroot, file capabilities. */
static const char *const default_caps[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_FSETID",
	"CAP_FOWNER",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_NET_BIND_SERVICE",
	"CAP_KILL",
};

bool bundle_is_usual_capability(const char *name)
{
	size_t count = sizeof(default_caps) / sizeof(default_caps[0]), i = 0;

	while (i < count && !caps_same(default_caps[i], name))
		i++;
	return i < count;
}

/* "net_admin", "CAP_NET_ADMIN" and the like: the one spelling, checked. */
static int spell(const char *option, const char *text, char **ret, struct err *err)
{
	cleanup_free char *name = NULL;
	char known[CAPS_NAME_ROOM];

	name = strncasecmp(text, "CAP_", 4) == 0 ? str_printf("%s", text)
						 : str_printf("CAP_%s", text);
	if (!name)
		return err_oom(err);
	for (char *at = name; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	for (unsigned int i = 0; caps_name(i, known); i++) {
		if (str_eq(known, name)) {
			*ret = take_ptr(name);
			return 0;
		}
	}
	return err_say(err, EINVAL, "%s %s: no such capability", option, text);
}

static bool has_all(char *const *names)
{
	strv_each (n, names) {
		if (strcasecmp(*n, "ALL") == 0)
			return true;
	}
	return false;
}

static int add(strv *set, const char *name)
{
	return strv_contains(*set, name) ? 0 : strv_add(set, name);
}

/* `name` may be of the set itself. */
static void drop(strv set, const char *name)
{
	char *last = NULL;
	size_t to = 0;

	for (size_t i = 0; set && set[i]; i++) {
		if (!str_eq(set[i], name))
			set[to++] = set[i];
		else
			last = set[i];
	}
	if (set)
		set[to] = NULL;
	free(last);
}

/* "ALL" on one side and single names on the other: all but these, or only these. */
static int start_set(const struct run_options *options, strv *set)
{
	char name[CAPS_NAME_ROOM];
	int r = 0;

	if (has_all(options->cap_add)) {
		for (unsigned int i = 0; r == 0 && caps_name(i, name); i++)
			r = strv_add(set, name);
	} else if (!has_all(options->cap_drop)) {
		for (size_t i = 0;
			r == 0 && i < sizeof(default_caps) / sizeof(*default_caps); i++)
			r = strv_add(set, default_caps[i]);
	}
	return r;
}

static int edit_set(const struct run_options *options, strv *set, struct err *err)
{
	cleanup_strv strv added = NULL;
	char *name;
	int r;

	strv_each (text, options->cap_drop) {
		if (strcasecmp(*text, "ALL") == 0)
			continue;
		r = spell("--cap-drop", *text, &name, err);
		if (r < 0)
			return r;
		drop(*set, name);
		free(name);
	}
	strv_each (text, options->cap_add) {
		if (strcasecmp(*text, "ALL") == 0)
			continue;
		r = spell("--cap-add", *text, &name, err);
		if (r < 0)
			return r;
		if (strv_take(&added, name) < 0 || add(set, name) < 0)
			return err_oom(err);
	}
	return 0;
}

/* The image's word, which options overrule. What it would retain beyond the default is not
 * its to give. */
static void apply_image(const struct image_appc *appc, strv set)
{
	for (size_t i = 0; set && set[i];) {
		if (strv_contains(appc->capabilities_remove, set[i]) ||
			(appc->retains_capabilities &&
				!strv_contains(appc->capabilities_retain, set[i])))
			drop(set, set[i]);
		else
			i++;
	}
}

int bundle_capabilities(const struct bundle_request *request,
	struct spec_capabilities *caps, struct err *err)
{
	const struct run_options *options = request->options;
	cleanup_strv strv set = NULL;
	int r;

	if (has_all(options->cap_add) && has_all(options->cap_drop))
		return err_say(err, EINVAL,
			"--cap-add ALL and --cap-drop ALL exclude each other");
	if (start_set(options, &set) < 0)
		return err_oom(err);
	if (!has_all(options->cap_add))
		apply_image(&request->image->config.appc, set);
	r = edit_set(options, &set, err);
	if (r < 0)
		return r;
	caps->is_set = true;
	if (strv_copy(set, &caps->bounding) < 0 || strv_copy(set, &caps->effective) < 0 ||
		strv_copy(set, &caps->permitted) < 0)
		return err_oom(err);
	return 0;
}
