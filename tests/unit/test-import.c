/* SPDX-License-Identifier: Apache-2.0 */
/* The importing side against tests/unit/fake-unpack.c, which does what its source file
 * says. */
#include "tests/unit/import-fixture.h"

#include "common/fd.h"
#include "images/store-durable.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

/* ---- what works ---- */

static void test_import(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL, *named = NULL;
	struct import_request request = { .reference = f->archive,
		.userns.userns_fd = -1 };
	struct image *none;

	need_rights(f);
	script(f, "layer=base layer=app name=app:1 name=Not/A/Name");
	assert_int_equal(image_lookup(f->store, &request, &none, &f->err), IMAGE_ABSENT);
	assert_int_equal(obtain(f, PULL_NEVER, &none), -ENOENT);
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_whole(f, image, two_layers);
	assert_int_equal(image->size, 7);
	assert_int_equal(strv_len(image->names), 1);
	assert_int_equal(store_find(f->store, "app:1", &named, &f->err), 0);
	assert_string_equal(named->id, image->id);
	/* Known by its file now. */
	assert_int_equal(image_lookup(f->store, &request, &again, &f->err), 0);
	assert_string_equal(again->id, image->id);
	assert_int_equal(count_unpacked(f), 2);
}

static void test_import_userns(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;

	if (f->userns_fd < 0)
		skip();
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_whole(f, image, two_layers);
}

/* A plain tarball: which layer it is shows when it is unpacked. */
static void test_import_late(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL;

	need_rights(f);
	script(f, "late format=tar layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_whole(f, image, two_layers);
	assert_string_equal(image->manifest_digest, "");
	assert_int_equal(obtain(f, PULL_ALWAYS, &again), 0);
	assert_whole(f, again, two_layers);
	assert_string_equal(again->id, image->id);
	assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 2);
}

/* Nobody names the image; only the caller's lease keeps it. */
static void test_collected_beside_launch(void **state)
{
	struct fixture *f = *state;
	struct image *image, *again;
	struct store_gc_report report;

	need_rights(f);
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_whole(f, image, two_layers);
	/* The same for what is found. */
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	image_free(image);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_whole(f, again, two_layers);
	image_free(again);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
}

/* Layers that were not on the disk when the machine stopped are made again. */
static void test_power_cut(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL;
	char path[STORE_PATH_MAX];

	need_rights(f);
	script(f, "layer=base layer=app name=app:1");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	wait_for_flush(f);
	(void)store_path(path, "layers", digest_hex(image->layers[1].chain_id), "/boot");
	assert_int_equal(symlinkat("another boot", f->store_dirfd, path), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	assert_string_equal(again->id, image->id);
	assert_whole(f, again, two_layers);
	assert_int_equal(count_unpacked(f), 3);
	wait_for_flush(f);
	assert_int_equal(
		store_layer_state(f->store, digest_hex(image->layers[1].chain_id)),
		LAYER_DURABLE);
}

static void test_shared_layers(void **state)
{
	static const char *const other_layers[] = { "base", "other", NULL };
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *other = NULL, *again = NULL;

	need_rights(f);
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	script(f, "layer=base layer=other");
	assert_int_equal(obtain(f, PULL_MISSING, &other), 0);
	assert_whole(f, other, other_layers);
	assert_int_equal(other->size, 9);
	assert_int_equal(count_unpacked(f), 3);
	assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 3);
	/* Read anew, nothing is unpacked; its names are set again. */
	script(f, "layer=base layer=app name=app");
	assert_int_equal(obtain(f, PULL_ALWAYS, &again), 0);
	assert_string_equal(again->id, image->id);
	assert_int_equal(count_unpacked(f), 3);
}

/* Somebody removed or changed files of the store: an archive at hand heals it. */
static void test_damaged_store(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL;
	char path[STORE_PATH_MAX];

	need_rights(f);
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	wait_for_flush(f);
	(void)store_path(path, "layers", digest_hex(image->layers[1].chain_id), "");
	assert_int_equal(fd_remove_tree(f->store_dirfd, path), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	assert_whole(f, again, two_layers);
	assert_int_equal(count_unpacked(f), 3);
	image_free(take_ptr(again));
	(void)store_path(path, "blobs/sha256", digest_hex(image->id), "");
	assert_int_equal(
		fd_replace_file(f->store_dirfd, path, "{}", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	assert_whole(f, again, two_layers);
	assert_int_equal(count_unpacked(f), 3);
}

static void test_layout_names(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;

	need_rights(f);
	script(f, "format=oci-archive layer=base name=latest name=app:2 "
		  "name=quay.io/a/b:3");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_string_equal(image->names[0], "localhost/latest:latest");
	assert_string_equal(image->names[1], "docker.io/library/app:2");
	assert_string_equal(image->names[2], "quay.io/a/b:3");
}

static void test_notes(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;
	cleanup_strv strv notes = NULL;
	struct import_request request = { .reference = f->archive, .notes = &notes };

	need_rights(f);
	script(f, "layer=base name=B@D");
	request.userns.userns_fd = f->userns_fd;
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), 0);
	assert_int_equal(strv_len(notes), 2);
	assert_string_equal(notes[1], "a note\\x1b[31m");
}

/* ---- what is refused ---- */

static void test_lies(void **state)
{
	static const struct {
		const char *lie;
		int code;
		const char *word;
	} cases[] = {
		{ "exit", EIO, "status 3" },
		{ "kill", EIO, "signal 9" },
		{ "error", ENOTSUP, "not to my taste" },
		{ "unknown-message", EPROTO, "77" },
		{ "broken-json", EINVAL, "ucr-unpack" },
		{ "more-diff-ids", EINVAL, "lists 3" },
		{ "manifest", EBADMSG, "manifest" },
		{ "device", EPROTO, "document" },
		{ "no-fds", EPROTO, "documents" },
		{ "diff-id", EBADMSG, "the configuration lists" },
		{ "no-digest", EPROTO, "not given" },
		{ "index", EPROTO, "not given" },
		{ "twice", EPROTO, "not given" },
		{ "skip-layer", EPROTO, "left layer 0 out" },
		{ "config", EPROTO, "changed the configuration" },
		{ "no-config", EPROTO, "without a configuration" },
	};
	struct fixture *f = *state;
	struct image *image;
	char text[128];

	need_rights(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "layer=base layer=app name=app lie=%s",
			cases[i].lie);
		script(f, text);
		assert_int_equal(obtain(f, PULL_MISSING, &image), -cases[i].code);
		assert_non_null(strstr(f->err.text, cases[i].word));
		assert_non_null(strstr(f->err.text, "image.tar"));
		assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
		assert_int_equal(unit_count_entries(f->store_dirfd, "images"), 0);
		assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 0);
		assert_int_equal(unit_count_entries(f->store_dirfd, "sources"), 0);
	}
}

static void test_no_unpacker(void **state)
{
	struct fixture *f = *state;
	struct image *image;

	need_rights(f);
	script(f, "layer=base");
	assert_int_equal(unlinkat(f->dirfd, "libexec/ucr-unpack", 0), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &image), -ENOENT);
	assert_non_null(strstr(f->err.text, "libexec/ucr-unpack"));
	assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
}

static void test_unknown_reference(void **state)
{
	struct fixture *f = *state;
	struct import_request request = {
		.reference = "no-such-image", .pull = PULL_NEVER, .userns.userns_fd = -1
	};
	struct image *image;

	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "no-such-image"));
	/* What no registry can have is not asked for. */
	request.pull = PULL_ALWAYS;
	request.reference = "localhost/no-such-image";
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "no stored image"));
	request.reference = "sha256:"
			    "00000000000000000000000000000000"
			    "00000000000000000000000000000000";
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	/* What a registry may have is; this box has no ucr-fetch. */
	request.reference = "no-such-image";
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "ucr-fetch"));
}

/* ---- several at once ---- */

#define IMPORTERS 4

static void test_unpacked_once(void **state)
{
	struct fixture *f = *state;
	pid_t pids[IMPORTERS];
	int status;

	need_rights(f);
	script(f, "layer=base layer=app sleep=50");
	for (int i = 0; i < IMPORTERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct image *image = NULL;
			/* Half of them would read the archive again: they share its
			 * layers. */
			int r = obtain(f, i % 2 ? PULL_ALWAYS : PULL_MISSING, &image);

			image_free(image);
			_exit(r == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < IMPORTERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_unpacked(f), 2);
	assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		import_test(test_import),
		cmocka_unit_test_setup_teardown(
			test_import_userns, import_set_up_userns, import_tear_down),
		import_test(test_import_late),
		import_test(test_collected_beside_launch),
		import_test(test_power_cut),
		import_test(test_shared_layers),
		import_test(test_damaged_store),
		import_test(test_layout_names),
		import_test(test_notes),
		import_test(test_lies),
		import_test(test_no_unpacker),
		import_test(test_unknown_reference),
		import_test(test_unpacked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
