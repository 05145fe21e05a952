/* SPDX-License-Identifier: Apache-2.0 */
/* Images of an agent's store. */
#include "ucrctl/backend-agent-images.h"

#include "common/cleanup.h"
#include "common/url.h"
#include "images/image-wire.h"
#include "images/reference.h"
#include "ucrctl/question.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int remote_list_images(struct ctl *ctl, struct image_list *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer, *list;
	cleanup_image_list struct image_list all = { 0 };
	int r;

	question_begin(&q, "LIST_IMAGES");
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r < 0)
		return r;
	list = json_get(answer, "images");
	all.items = calloc(json_count(list) + 1, sizeof(struct image *));
	if (!all.items)
		return err_oom(err);
	json_each (v, list) {
		r = image_read_listed(v, &all.items[all.count], err);
		if (r < 0)
			return r;
		all.count++;
	}
	*ret = all;
	all = (struct image_list){ 0 };
	return 0;
}

int remote_inspect_image(
	struct ctl *ctl, const char *name, struct json_writer *w, struct err *err)
{
	cleanup_question struct question q;
	int r;

	question_begin(&q, "INSPECT_IMAGE");
	jw_string(&q.w, "name", name);
	r = question_copy(&q, ctl, w, err);
	return r == -ENOENT ? IMAGE_ABSENT : r;
}

int remote_pull(
	struct ctl *ctl, const struct obtain *how, struct image **ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q = { 0 };
	const struct json *answer;
	int r = question_check_registry(how->registry, err);

	if (r < 0)
		return r;
	question_begin(&q, "PULL_IMAGE");
	jw_string(&q.w, "name", how->reference);
	question_platform(&q, &how->platform);
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r < 0)
		return r;
	question_print_notes(answer);
	return image_read_listed(answer, ret, err);
}

int remote_tag(struct ctl *ctl, const char *image, const char *name, struct err *err)
{
	cleanup_question struct question q;

	question_begin(&q, "TAG_IMAGE");
	jw_string(&q.w, "name", image);
	jw_string(&q.w, "new_name", name);
	return question_do(&q, ctl, err);
}

/* [{"Untagged": NAME}, {"Deleted": ID}] */
static int take_removed(const struct json *answer, strv *ret, struct err *err)
{
	json_each (one, answer) {
		json_each (what, one) {
			char *line =
				what->type == JSON_STRING && what->key
					? str_printf("%s: %s", what->key, what->string)
					: NULL;

			if (line && strv_take(ret, line) < 0)
				return err_oom(err);
		}
	}
	return 0;
}

int remote_untag(struct ctl *ctl, const char *name, bool is_forced, strv *ret_removed,
	struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer;
	int r;

	question_begin(&q, "REMOVE_IMAGE");
	jw_string(&q.w, "name", name);
	jw_bool(&q.w, "force", is_forced);
	r = question_ask(&q, ctl, &doc, &answer, err);
	return r < 0 ? r : take_removed(answer, ret_removed, err);
}

/* ---- an archive of this host's ---- */

/* -1 with `err` where there is none to send. */
static int open_archive(const char *text, const struct reference *ref, struct err *err)
{
	cleanup_close int fd = -1;
	char shown[256];
	struct stat st;

	str_printable(text, shown, sizeof(shown));
	if (ref->kind != REFERENCE_PATH && ref->kind != REFERENCE_STDIN) {
		(void)err_say(err, EINVAL,
			"%s is not a file that could be sent to the agent", shown);
		return err_hint(err, "for what is in a registry: ucrctl pull");
	}
	fd = ref->kind == REFERENCE_STDIN
		     ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
		     : open(ref->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open %s", shown);
	if (S_ISDIR(st.st_mode)) {
		(void)err_say(err, EISDIR,
			"%s is a directory, and the agent wants an archive", shown);
		return err_hint(err, "tar -cf - -C DIR . | ucrctl load -i oci-archive:-");
	}
	return take_fd(&fd);
}

/* To the agent the archive is its standard input. */
static char *path_for(const struct reference *ref)
{
	cleanup_free char *reference = str_printf("%s%s-%s%s",
		ref->format ? ref->format : "", ref->format ? ":" : "",
		ref->tag ? ":" : "", ref->tag ? ref->tag : "");
	cleanup_buf struct buf path = BUF_INIT;

	if (!reference)
		return NULL;
	buf_puts(&path, "/images/archive?reference=");
	url_escape(reference, &path);
	return buf_finish(&path) < 0 ? NULL : take_ptr(path.data);
}

int remote_load(
	struct ctl *ctl, const struct obtain *how, struct image **ret, struct err *err)
{
	cleanup_reference struct reference ref = { 0 };
	cleanup_question struct question q = { 0 };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	const struct json *answer;
	int r = reference_parse(how->reference, AT_FDCWD, &ref, err);

	if (r < 0)
		return r;
	fd = open_archive(how->reference, &ref, err);
	if (fd < 0)
		return fd;
	path = path_for(&ref);
	if (!path)
		return err_oom(err);
	question_begin(&q, "LOAD_IMAGE");
	r = question_upload(&q, ctl, path, fd, &doc, &answer, err);
	if (r < 0) {
		char shown[256];

		str_printable(how->reference, shown, sizeof(shown));
		return err_wrap(err, "load %s", shown);
	}
	question_print_notes(answer);
	return image_read_listed(answer, ret, err);
}
