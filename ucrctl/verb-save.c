/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fd.h"
#include "images/save.h"
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct save_options {
	const char *output;
	unsigned int format;
};

static const struct option_spec options[] = {
	{ "output", 'o', .arg = "FILE", .set = option_string,
		.offset = offsetof(struct save_options, output),
		.help = "Write FILE, whole or not at all (default: standard output)",
		.complete = COMPLETE_FILE },
	{ "format", .arg = "FORMAT", .set = option_choice, .param = save_format_names,
		.offset = offsetof(struct save_options, format),
		.help = "Write a docker-archive or an oci-archive (default: docker-archive)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

/* A pipe or device is written to as it is; a file is replaced. */
static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int save_to(struct store *store, const struct save_options *o, char **names,
	const char *path, int flags, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, 0600);
	if (fd < 0)
		return err_set(err, errno, "write %.200s", o->output);
	r = save_images(store, names, o->format, fd, err);
	if (r == 0 && (flags & O_EXCL) && fsync(fd) < 0)
		r = err_set(err, errno, "write %.200s", o->output);
	return r;
}

static int save_to_file(
	struct store *store, const struct save_options *o, char **names, struct err *err)
{
	cleanup_free char *tmp = NULL;
	char suffix[32];
	int r;

	if (is_special(o->output))
		return save_to(store, o, names, o->output, 0, err);
	fd_random_name(".", suffix, sizeof(suffix));
	tmp = str_printf("%s%s", o->output, suffix);
	if (!tmp)
		return err_oom(err);
	r = save_to(store, o, names, tmp, O_CREAT | O_EXCL, err);
	if (r == 0 && rename(tmp, o->output) < 0)
		r = err_set(err, errno, "write %.200s", o->output);
	if (r < 0)
		(void)unlink(tmp);
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	const struct save_options *o = opts;
	struct engine *engine;
	struct store *store;
	int r;

	if (!o->output && isatty(STDOUT_FILENO)) {
		(void)err_say(err, EINVAL, "save: standard output is a terminal");
		return err_hint(err, "name a file: ucrctl save -o FILE IMAGE");
	}
	r = ctl_store(context, &engine, &store, err);
	if (r < 0)
		return r;
	return o->output ? save_to_file(store, o, args, err)
			 : save_images(store, args, o->format, STDOUT_FILENO, err);
}

const struct verb_spec verb_save = {
	.name = "save",
	.section = SECTION_IMAGES,
	.summary = "Write pulled images to an archive",
	.text = "The bytes are those that the registry gave: the image has the same id and "
		"digest wherever the archive is loaded. Images that were themselves loaded "
		"from an archive cannot be saved.",
	.args = "IMAGE...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_IMAGE,
	.groups = groups,
	.options_size = sizeof(struct save_options),
	.run = run,
};
