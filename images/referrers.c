/* SPDX-License-Identifier: Apache-2.0 */
#include "images/referrers.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"

#include <errno.h>
#include <sys/mman.h>

/* What is said of each is bounded, what the list adds to it is not worth counting. */
#define ANSWER_MAX (2 * REFERRERS_TEXT_MAX)

static const struct json_field referrer_fields[] = {
	{ "digest", json_string, offsetof(struct referrer, digest), true },
	{ "size", json_u64, offsetof(struct referrer, size), true },
	{ "media_type", json_string, offsetof(struct referrer, media_type) },
	{ "artifact_type", json_string, offsetof(struct referrer, artifact_type) },
	{ "annotations", json_string_map, offsetof(struct referrer, annotations) },
	{ 0 },
};
static const struct json_array_of referrer_array = { sizeof(struct referrer),
	referrer_fields, NULL };

static const struct json_field fields[] = {
	{ "digest", json_string, offsetof(struct referrers, digest), true },
	{ "referrers", json_array, offsetof(struct referrers, list), true,
		&referrer_array },
	{ 0 },
};

void referrers_done(struct referrers *referrers)
{
	json_release(fields, referrers);
	strv_free(referrers->notes);
	referrers->notes = NULL;
}

static int check(const struct referrers *answer, struct err *err)
{
	bool is_valid = digest_is_valid(answer->digest);

	for (size_t i = 0; is_valid && i < answer->list.count; i++)
		is_valid = digest_is_valid(answer->list.items[i].digest);
	if (!is_valid || answer->list.count > REFERRERS_MAX)
		return err_say(
			err, EPROTO, FETCH_PROGRAM " sent an invalid list of referrers");
	return 0;
}

static int read_answer(int fd, struct referrers *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_referrers struct referrers answer = { 0 };
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = lseek(fd, 0, SEEK_SET) < 0 ? -errno
				       : fd_read_all(fd, ANSWER_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the list of referrers");
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, &answer, err);
	if (r == 0)
		r = check(&answer, err);
	if (r < 0)
		return r;
	*ret = answer;
	answer = (struct referrers){ 0 };
	return 0;
}

int referrers_fetch(const char *libexec_path, const struct pull_options *options,
	const char *full_name, const char *artifact_type, struct referrers *ret,
	struct err *err)
{
	cleanup_close int fd = memfd_create("referrers", MFD_CLOEXEC);
	cleanup_strv strv notes = NULL;
	const struct fetch_url_request request = {
		.libexec_path = libexec_path, .fd = fd, .notes = &notes
	};
	cleanup_free char *host = strndup(full_name, strcspn(full_name, "/"));
	cleanup_access struct registry_access access = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	if (fd < 0 || !host)
		return err_oom(err);
	r = fetcher_access(options, host, &access, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "referrers");
	if (artifact_type)
		jw_string(&w, "artifact_type", artifact_type);
	if (fetcher_write_name(&w, full_name) < 0)
		return err_oom(err);
	r = fetcher_run(&request, &access, &w, err);
	if (r == 0)
		r = read_answer(fd, ret, err);
	if (r == 0)
		ret->notes = take_ptr(notes);
	return r;
}
