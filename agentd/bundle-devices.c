/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ANY (-1)

/* Everything is forbidden but what every program may expect: null, zero, full, random,
 * urandom, tty, console, ptmx and the terminals of its own devpts. */
static const struct {
	const char *type;
	int64_t major, minor;
} default_rules[] = {
	{ "c", 1, 3 },
	{ "c", 1, 5 },
	{ "c", 1, 7 },
	{ "c", 1, 8 },
	{ "c", 1, 9 },
	{ "c", 5, 0 },
	{ "c", 5, 1 },
	{ "c", 5, 2 },
	{ "c", 136, ANY },
};

static int add_rule(struct spec_device_rules *rules, bool allow, const char *type,
	int64_t major, int64_t minor, const char *access)
{
	struct spec_device_rule *rule = bundle_grow(rules);

	if (!rule || str_set(&rule->type, type) < 0 || str_set(&rule->access, access) < 0)
		return -ENOMEM;
	rule->allow = allow;
	rule->major = (struct spec_i64){ major != ANY, major };
	rule->minor = (struct spec_i64){ minor != ANY, minor };
	return 0;
}

static int add_default_rules(struct spec_device_rules *rules)
{
	int r = add_rule(rules, false, "a", ANY, ANY, "rwm");

	for (size_t i = 0; r == 0 && i < sizeof(default_rules) / sizeof(default_rules[0]);
		i++)
		r = add_rule(rules, true, default_rules[i].type, default_rules[i].major,
			default_rules[i].minor, "rwm");
	return r;
}

struct device_words {
	char *host, *inside, *access;
};

static bool is_access(const char *s)
{
	return *s && strlen(s) <= 3 && s[strspn(s, "rwm")] == '\0';
}

/* Cuts "HOST[:INSIDE[:ACCESS]]" in place; the middle may be left out. */
static int cut_device(char *text, struct device_words *ret)
{
	char *second, *third = NULL;

	*ret = (struct device_words){
		.host = text, .inside = text, .access = (char *)"rwm"
	};
	second = strchr(text, ':');
	if (second) {
		*second++ = '\0';
		third = strchr(second, ':');
	}
	if (third)
		*third++ = '\0';
	if (second && *second == '/')
		ret->inside = second;
	else if (second && !third)
		third = second;
	else if (second)
		return -EINVAL;
	if (third)
		ret->access = third;
	return is_access(ret->access) && *ret->host == '/' ? 0 : -EINVAL;
}

static int add_device(
	const struct device_words *words, struct spec_linux *lin, struct err *err)
{
	struct spec_device *device;
	const char *type;
	struct stat st;

	if (stat(words->host, &st) < 0)
		return err_say(err, errno, "%s", strerror(errno));
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_say(err, ENODEV, "%s is not a device", words->host);
	type = S_ISCHR(st.st_mode) ? "c" : "b";
	device = bundle_grow(&lin->devices);
	if (!device || str_set(&device->path, words->inside) < 0 ||
		str_set(&device->type, type) < 0)
		return err_oom(err);
	device->major = major(st.st_rdev);
	device->minor = minor(st.st_rdev);
	device->has_file_mode = device->has_uid = device->has_gid = true;
	device->file_mode = st.st_mode & 07777;
	device->uid = st.st_uid;
	device->gid = st.st_gid;
	return add_rule(&lin->resources.devices, true, type, device->major, device->minor,
		       words->access) < 0
		       ? err_oom(err)
		       : 0;
}

int bundle_devices(char *const *devices, struct spec_linux *lin, struct err *err)
{
	struct device_words words;

	if (add_default_rules(&lin->resources.devices) < 0)
		return err_oom(err);
	strv_each (text, devices) {
		cleanup_free char *copy = strdup(*text);

		if (!copy)
			return err_oom(err);
		if (cut_device(copy, &words) < 0)
			return err_say(err, EINVAL,
				"--device %s: want HOST[:CONTAINER][:rwm]", *text);
		if (add_device(&words, lin, err) < 0)
			return err_wrap(err, "--device %s", *text);
	}
	return 0;
}
