/* SPDX-License-Identifier: Apache-2.0 */
/* The images that an App Container Image depends on: NEED and GIVE of images/unpack-proto.h.
 * What is found is not looked at here; ucr-unpack checks it. */
#include "images/fetcher.h"
#include "images/import-aci.h"
#include "images/platform.h"
#include "images/signature.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LEN 255
#define VALUE_MAX_LEN 128
#define COPY_LEN (1U << 17)

struct need {
	char *name;
	strv labels; /* "name=value" */
	uint64_t size;
};

static const struct json_field need_fields[] = {
	{ "name", json_string, offsetof(struct need, name), true },
	{ "labels", json_string_map, offsetof(struct need, labels) },
	{ "size", json_u64, offsetof(struct need, size) },
	{ 0 },
};

/* appc's words for this host's processor. */
static const char *host_arch(void)
{
	static const struct {
		const char *architecture, *arch;
	} words[] = { { "386", "i386" }, { "arm64", "aarch64" }, { "arm", "armv7l" } };
	struct platform any = { 0 };
	const char *own = platform_resolve(&any).architecture;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq(words[i].architecture, own))
			return words[i].arch;
	}
	return own;
}

static bool is_value(const char *text)
{
	return *text && strlen(text) <= VALUE_MAX_LEN && !strpbrk(text, "/%?#") &&
	       *text != '.';
}

/* As appc's simple discovery names it: {name}-{version}-{os}-{arch}.aci */
static int simple_name(const struct need *need, char **ret, struct err *err)
{
	const char *version = strv_env_get(need->labels, "version");
	const char *os = strv_env_get(need->labels, "os");
	const char *arch = strv_env_get(need->labels, "arch");

	version = version ? version : "latest";
	os = os ? os : "linux";
	arch = arch ? arch : host_arch();
	if (strlen(need->name) > NAME_MAX_LEN || !is_value(version) || !is_value(os) ||
		!is_value(arch))
		return err_say(
			err, EINVAL, "its labels cannot be part of the name of a file");
	*ret = str_printf("%s-%s-%s-%s.aci", need->name, version, os, arch);
	return *ret ? 0 : err_oom(err);
}

/* The directory of the archive; -1 when it is not in one. */
static int open_beside(const struct import *import)
{
	const char *path = import->ref->path, *slash;
	cleanup_free char *directory = NULL;

	if (import->ref->kind != REFERENCE_PATH)
		return -1;
	slash = strrchr(path, '/');
	directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	return directory ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* Beside the image, by its whole name or by the last part of it. */
static int find_beside(const struct import *import, const char *name)
{
	cleanup_close int dirfd = open_beside(import);
	const char *slash = strrchr(name, '/');
	int fd = -ENOENT;

	if (dirfd < 0)
		return -ENOENT;
	fd = path_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT && slash)
		fd = path_open_beneath(
			dirfd, slash + 1, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	return fd;
}

/* What is asked for goes without a version when none is meant: any will do, the newest. */
static int default_labels(const struct need *need, strv *ret, struct err *err)
{
	cleanup_free char *arch = str_printf("arch=%s", host_arch());

	if (strv_copy(need->labels, ret) < 0 || !arch)
		return err_oom(err);
	if ((!strv_env_get(*ret, "os") && strv_add(ret, "os=linux") < 0) ||
		(!strv_env_get(*ret, "arch") && strv_add(ret, arch) < 0))
		return err_oom(err);
	return 0;
}

#define SIGNATURE_EXT "aci.asc"

/* What the image says how large another one is, is not a reason to take more. */
static uint64_t download_max(const struct need *need, const char *ext)
{
	if (str_eq(ext, SIGNATURE_EXT))
		return SIGNATURE_MAX;
	return need->size && need->size < IMPORT_DOWNLOAD_MAX ? need->size
							      : IMPORT_DOWNLOAD_MAX;
}

/* Of an image found by its name, the host of that name was named by a person. */
static bool is_named(const struct import *import, const char *name)
{
	const char *asked = import->ref->aci_name;
	size_t len = strcspn(name, "/");

	return import->ref->kind == REFERENCE_ACI && strcspn(asked, "/") == len &&
	       strncmp(asked, name, len) == 0;
}

static int discover(const struct import *import, const struct need *need, const char *ext,
	int *ret_fd, struct err *err)
{
	cleanup_strv strv labels = NULL;
	int r = default_labels(need, &labels, err);

	if (r < 0)
		return r;
	return import_download(import,
		&(struct import_download){
			.aci = &(struct fetch_aci_request){ .name = need->name,
				.labels = labels,
				.ext = ext,
				.is_named = is_named(import, need->name) },
			.max_bytes = download_max(need, ext) },
		ret_fd, err);
}

/* ---- signatures ---- */

#define SIGNATURE_SUFFIX ".asc"

/* The keyring that images must be signed with; NULL: they need not be signed. */
static int trusted_keys(const struct import *import, char **ret, struct err *err)
{
	static const struct pull_options none = { 0 };
	const struct pull_options *options = import->request->pull_options;

	return registries_trusted_keys(
		&(options ? options : &none)->registries, ret, err);
}

static int unsigned_image(const char *why, struct err *err)
{
	(void)err_say(err, EACCES, "the image is not signed: %s", why);
	return err_hint(err,
		"trusted_keys of registries.json asks for a signature by one of its keys.");
}

static int download_signature(const struct import *import, int *ret_fd, struct err *err)
{
	cleanup_free char *url = str_printf("%s" SIGNATURE_SUFFIX, import->ref->path);

	if (!url)
		return err_oom(err);
	return import_download(import,
		&(struct import_download){ .url = url, .max_bytes = SIGNATURE_MAX },
		ret_fd, err);
}

static int open_signature(struct import *import, int *ret_fd, struct err *err)
{
	const struct reference *ref = import->ref;
	cleanup_free char *path = NULL;
	const struct need need = { .name = ref->aci_name, .labels = ref->labels };
	char shown[512];

	switch (ref->kind) {
	case REFERENCE_URL: return download_signature(import, ret_fd, err);
	case REFERENCE_ACI: return discover(import, &need, SIGNATURE_EXT, ret_fd, err);
	case REFERENCE_PATH: break;
	default:
		return unsigned_image(
			"what comes by standard input has no signature", err);
	}
	path = str_printf("%s" SIGNATURE_SUFFIX, ref->path);
	if (!path)
		return err_oom(err);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*ret_fd >= 0)
		return 0;
	str_printable(path, shown, sizeof(shown));
	return errno == ENOENT ? unsigned_image(shown, err)
			       : err_set(err, errno, "open %s", shown);
}

static int copy_bytes(int from, int to, struct err *err)
{
	cleanup_free char *piece = malloc(COPY_LEN);
	uint64_t total = 0;
	ssize_t n;
	int r = 0;

	if (!piece)
		return err_oom(err);
	while (r == 0 && (n = read(from, piece, COPY_LEN)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read the archive");
		total += (uint64_t)n;
		if (total > IMPORT_DOWNLOAD_MAX)
			return err_say(err, EFBIG,
				"the archive is larger than %llu bytes",
				IMPORT_DOWNLOAD_MAX);
		r = fd_write_all(to, piece, (size_t)n);
	}
	return r < 0 ? err_set(err, -r, "write a temporary file in the store") : 0;
}

static int hold(const struct import *import, int fd, int *ret_fd, struct err *err)
{
	cleanup_close int copy = import_spool(import, err);
	int r;

	if (copy < 0)
		return copy;
	/* Shared with the original where the file system can. */
	r = ioctl(copy, FICLONE, fd) == 0 ? 0 : copy_bytes(fd, copy, err);
	if (r == 0)
		*ret_fd = take_fd(&copy);
	return r;
}

int import_aci_hold(struct import *import, struct err *err)
{
	const char *asked = import->ref->format;
	cleanup_free char *keyring = NULL;
	struct stat st;
	int r;

	if (import->request->build || (asked && !str_eq(asked, "aci")))
		return 0;
	r = trusted_keys(import, &keyring, err);
	if (r < 0 || !keyring)
		return r;
	if (fstat(import->source.fd, &st) < 0)
		return err_set(err, errno, "look at the archive");
	if (S_ISDIR(st.st_mode))
		return 0;
	return hold(import, import->source.fd, &import->source.held_fd, err);
}

int import_aci_check(struct import *import, struct err *err)
{
	int data_fd =
		import->source.held_fd >= 0 ? import->source.held_fd : import->source.fd;
	cleanup_free char *keyring = NULL;
	cleanup_close int fd = -1;
	int r;

	r = trusted_keys(import, &keyring, err);
	if (r < 0 || !keyring)
		return r;
	r = open_signature(import, &fd, err);
	return r < 0 ? r : signature_check(keyring, data_fd, fd, err);
}

/* ---- dependencies ---- */

/* An image and, when there are trusted keys, its signature from the same place. */
struct found {
	int fd, signature_fd;
	char *name; /* as simple discovery has it */
};

static int find_beside_signed(const struct import *import, bool must_be_signed,
	struct found *found, struct err *err)
{
	cleanup_free char *signature = str_printf("%s" SIGNATURE_SUFFIX, found->name);
	int copy = -1, r;
	char shown[512];

	if (!signature)
		return err_oom(err);
	found->fd = find_beside(import, found->name);
	if (found->fd < 0) {
		str_printable(found->name, shown, sizeof(shown));
		return found->fd == -ENOENT ? -ENOENT
					    : err_set(err, -found->fd,
						      "open %s beside the image", shown);
	}
	if (!must_be_signed)
		return 0;
	r = hold(import, found->fd, &copy, err);
	if (r < 0)
		return r;
	(void)close(found->fd);
	found->fd = copy;
	found->signature_fd = find_beside(import, signature);
	str_printable(signature, shown, sizeof(shown));
	return found->signature_fd < 0 ? unsigned_image(shown, err) : 0;
}

static int find_any(struct import *import, const struct need *need, bool must_be_signed,
	struct found *found, struct err *err)
{
	char shown[512];
	int r = find_beside_signed(import, must_be_signed, found, err);

	if (r != -ENOENT)
		return r;
	r = discover(import, need, "aci", &found->fd, err);
	if (r == 0 && must_be_signed)
		r = discover(import, need, SIGNATURE_EXT, &found->signature_fd, err);
	if (r == 0)
		return 0;
	str_printable(found->name, shown, sizeof(shown));
	return err_wrap(err,
		"there is no %s beside the image, and it was not found otherwise", shown);
}

static int find_dependency(
	struct import *import, const struct need *need, int *ret_fd, struct err *err)
{
	struct found found = { .fd = -1, .signature_fd = -1 };
	cleanup_free char *keyring = NULL;
	int r;

	r = trusted_keys(import, &keyring, err);
	if (r == 0)
		r = simple_name(need, &found.name, err);
	if (r == 0)
		r = find_any(import, need, keyring != NULL, &found, err);
	if (r == 0 && keyring)
		r = signature_check(keyring, found.fd, found.signature_fd, err);
	free(found.name);
	if (found.signature_fd >= 0)
		(void)close(found.signature_fd);
	if (r == 0)
		*ret_fd = found.fd;
	else if (found.fd >= 0)
		(void)close(found.fd);
	return r;
}

static int give(struct import *import, int fd, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_object_end(&w);
	return helper_send(&import->unpacker, UNPACK_GIVE, &b, &fd, 1, err);
}

int import_on_need(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	struct need need = { 0 };
	cleanup_close int fd = -1;
	char shown[256];
	int r;

	r = import_decode(msg, need_fields, &need, err);
	if (r < 0)
		return r;
	r = find_dependency(import, &need, &fd, err);
	if (r == 0)
		r = give(import, fd, err);
	if (r < 0) {
		str_printable(need.name, shown, sizeof(shown));
		r = err_wrap(err, "dependency %s", shown);
	}
	json_release(need_fields, &need);
	return r;
}

int import_aci_download(struct import *import, struct err *err)
{
	const struct need need = { .name = import->ref->aci_name,
		.labels = import->ref->labels };

	return discover(import, &need, "aci", &import->source.fd, err);
}
