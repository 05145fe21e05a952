/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int split(const char *text, char separator, strv *ret)
{
	const char *end;
	size_t len;

	for (;; text = end + 1) {
		end = strchr(text, separator);
		len = end ? (size_t)(end - text) : strlen(text);
		if (len && strv_take(ret, strndup(text, len)) < 0)
			return -ENOMEM;
		if (!end)
			return 0;
	}
}

int bundle_add_mount(struct spec_mounts *mounts, const char *type, const char *source,
	const char *destination, const char *options, struct err *err)
{
	struct spec_mount *mount = bundle_grow(mounts);

	if (!mount || str_set(&mount->type, type) < 0 ||
		str_set(&mount->source, source) < 0 ||
		str_set(&mount->destination, destination) < 0 ||
		split(options, ',', &mount->options) < 0)
		return err_oom(err);
	return 0;
}

const char *bundle_idmap(const struct bundle_request *request)
{
	return request->has_own_ids ? ",idmap" : "";
}

/* What a volume's options may say, and what the mount then gets. Labels of SELinux ("z", "Z")
 * have no meaning without it. */
static const struct {
	const char *word, *option;
} volume_words[] = {
	{ "rw", "rw" },
	{ "ro", "ro" },
	{ "z", NULL },
	{ "Z", NULL },
	{ "nocopy", NULL },
	{ "exec", "exec" },
	{ "noexec", "noexec" },
	{ "suid", "suid" },
	{ "nosuid", "nosuid" },
	{ "dev", "dev" },
	{ "nodev", "nodev" },
	{ "private", "private" },
	{ "rprivate", "rprivate" },
	{ "shared", "shared" },
	{ "rshared", "rshared" },
	{ "slave", "slave" },
	{ "rslave", "rslave" },
};

static int add_volume_word(const char *word, strv *options)
{
	/* Who may have a named volume was asked before. */
	if (str_skip_prefix(word, "role="))
		return 0;
	for (size_t i = 0; i < sizeof(volume_words) / sizeof(volume_words[0]); i++) {
		if (!str_eq(volume_words[i].word, word))
			continue;
		return volume_words[i].option ? strv_add(options, volume_words[i].option)
					      : 0;
	}
	return -EINVAL;
}

static bool sets_propagation(char *const *options)
{
	strv_each (o, options) {
		if (strstr(*o, "private") || strstr(*o, "shared") || strstr(*o, "slave"))
			return true;
	}
	return false;
}

static int volume_options(const char *words, strv *ret, struct err *err)
{
	cleanup_strv strv list = NULL;

	if (strv_add(ret, "rbind") < 0 || split(words, ',', &list) < 0)
		return err_oom(err);
	strv_each (word, list) {
		switch (add_volume_word(*word, ret)) {
		case 0: break;
		case -EINVAL: return err_say(err, EINVAL, "unknown option %s", *word);
		default: return err_oom(err);
		}
	}
	if (!sets_propagation(*ret) && strv_add(ret, "rprivate") < 0)
		return err_oom(err);
	return 0;
}

/* The host's side as an absolute path of something that exists. */
static int volume_source(const char *text, char **ret, struct err *err)
{
	if (*text != '/' && *text != '.') {
		(void)err_say(err, EINVAL, "%s is no path of this host", text);
		return err_hint(err, "begin it with / or ./; there are no named volumes");
	}
	*ret = realpath(text, NULL);
	if (*ret)
		return 0;
	(void)err_set(err, errno, "%s", text);
	return err_hint(err, "make the directory first: it is not made for you");
}

/* What was opened for somebody else is neither a program with rights nor a device, nor, read-only,
 * to be written; so is what is mounted below it. */
static int use_source(
	const char *name, int source_fd, struct spec_mount *mount, struct err *err)
{
	bool is_read_only = false;

	strv_each (o, mount->options)
		is_read_only = str_eq(*o, "ro") || (is_read_only && !str_eq(*o, "rw"));
	mount->has_source_fd = true;
	mount->source_fd = source_fd;
	if (str_set(&mount->source, name) < 0 ||
		strv_add(&mount->options, "rnosuid") < 0 ||
		strv_add(&mount->options, "rnodev") < 0 ||
		(is_read_only && strv_add(&mount->options, "rro") < 0))
		return err_oom(err);
	return 0;
}

static int parse_volume(
	char **parts, int source_fd, struct spec_mounts *mounts, struct err *err)
{
	struct spec_mount *mount;
	int r;

	if (!parts[0] || !parts[1] || (parts[2] && parts[3]))
		return err_say(err, EINVAL, "want HOST:CONTAINER[:OPTIONS]");
	if (*parts[1] != '/')
		return err_say(err, EINVAL, "%s is not an absolute path", parts[1]);
	mount = bundle_grow(mounts);
	if (!mount || str_set(&mount->type, "bind") < 0 ||
		str_set(&mount->destination, parts[1]) < 0)
		return err_oom(err);
	r = volume_options(parts[2] ? parts[2] : "", &mount->options, err);
	if (r < 0)
		return r;
	return source_fd >= 0 ? use_source(parts[0], source_fd, mount, err)
			      : volume_source(parts[0], &mount->source, err);
}

int bundle_volume(
	const char *text, int source_fd, struct spec_mounts *mounts, struct err *err)
{
	cleanup_strv strv parts = NULL;

	if (split(text, ':', &parts) < 0)
		return err_oom(err);
	if (!parts || parse_volume(parts, source_fd, mounts, err) < 0)
		return parts ? err_wrap(err, "--volume %s", text)
			     : err_say(err, EINVAL, "--volume: empty");
	return 0;
}

/* What a mount of another kind understands could change what is there already. */
static int check_tmpfs(const char *text, const char *options, struct err *err)
{
	static const char *const words[] = { "ro", "rw", "exec", "noexec", "suid",
		"nosuid", "dev", "nodev", "atime", "noatime", "relatime", "strictatime",
		"sync", "tmpcopyup", "notmpcopyup" };
	static const char *const values[] = {
		"size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks="
	};
	cleanup_strv strv list = NULL;

	if (split(options, ',', &list) < 0)
		return err_oom(err);
	strv_each (option, list) {
		bool is_known = false;

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			is_known |= str_eq(*option, words[i]);
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			is_known |= str_skip_prefix(*option, values[i]) != NULL;
		if (!is_known)
			return err_say(err, EINVAL,
				"--tmpfs %s: %s is no option of a tmpfs", text, *option);
	}
	return 0;
}

int bundle_tmpfs(const char *text, struct spec_mounts *mounts, struct err *err)
{
	cleanup_free char *path = NULL, *options = NULL;
	const char *colon = strchr(text, ':');
	int r;

	path = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);
	options = str_printf("nosuid,nodev,noexec,%s", colon ? colon + 1 : "");
	if (!path || !options)
		return err_oom(err);
	if (*path != '/')
		return err_say(err, EINVAL, "--tmpfs %s: not an absolute path", text);
	r = check_tmpfs(text, colon ? colon + 1 : "", err);
	if (r < 0)
		return r;
	return bundle_add_mount(mounts, "tmpfs", "tmpfs", path, options, err);
}
