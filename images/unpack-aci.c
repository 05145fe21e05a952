/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An App Container Image and the images it depends on, depth first, made into one archive. The
 * client finds the other images: what is asked of it is a name and labels, what it answers
 * with is checked like everything else.
 */
#include "images/unpack-source.h"

#include "common/fd.h"
#include "images/aci-config.h"
#include "images/aci-render.h"

#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <sys/stat.h>

#define PARTS_MAX 256 /* an image is rendered once for each path that leads to it */
#define DEPTH_MAX (ACI_WHITELISTS_MAX - 1)

/* An image that was opened. */
struct aci {
	struct unpack_source source; /* the first's is borrowed */
	struct aci_manifest manifest;
	strv whitelist;
	const struct aci_dependency *wanted; /* NULL: the first */
};

struct assembly {
	struct unpack_job *job;
	int spool_dirfd;
	struct aci *images[PARTS_MAX];
	size_t image_count;
	struct aci_part parts[PARTS_MAX];
	size_t part_count;
	struct aci *way[DEPTH_MAX + 1];
	size_t depth;
};

static void assembly_free(struct assembly *a)
{
	for (size_t i = 0; i < a->image_count; i++) {
		strv_free(a->images[i]->whitelist);
		aci_manifest_done(&a->images[i]->manifest);
		if (i > 0)
			unpack_source_done(&a->images[i]->source);
		free(a->images[i]);
	}
	free(a);
}

static struct aci *new_image(struct assembly *a, struct err *err)
{
	struct aci *image;

	if (a->image_count >= PARTS_MAX) {
		(void)err_say(err, E2BIG, "the image depends on more than %d others",
			PARTS_MAX);
		return NULL;
	}
	image = calloc(1, sizeof(*image));
	if (!image) {
		(void)err_oom(err);
		return NULL;
	}
	image->source.archive.fd = -1;
	a->images[a->image_count++] = image;
	return image;
}

static int read_manifest(struct aci *image, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = bundle_read(
		image->source.bundle, ACI_MANIFEST_NAME, MANIFEST_MAX, &text, &len, err);
	if (r == BUNDLE_ABSENT)
		return err_say(err, EINVAL, "it is no App Container Image");
	if (r == 0)
		r = aci_manifest_parse(text, len, &image->manifest, err);
	if (r == 0)
		r = aci_whitelist(image->manifest.path_whitelist, &image->whitelist, err);
	return r;
}

/* ---- what the client finds ---- */

static int ask(struct assembly *a, const struct aci_dependency *d, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_string(&w, "name", d->image_name);
	jw_object(&w, "labels");
	for (size_t i = 0; i < d->labels.count; i++)
		jw_string(&w, d->labels.items[i].name, d->labels.items[i].value);
	jw_object_end(&w);
	jw_u64(&w, "size", d->size);
	jw_object_end(&w);
	return unpack_send(a->job, UNPACK_NEED, &b, NULL, 0, err);
}

static int receive(
	struct assembly *a, struct aci *image, uint64_t *ret_size, struct err *err)
{
	struct ipc_msg *msg = a->job->msg;
	struct stat st;
	int r;

	ipc_msg_done(msg);
	r = ipc_recv(a->job->peer_fd, msg);
	if (r <= 0 || msg->type != UNPACK_GIVE || msg->fd_count != 1)
		return err_say(err, EPROTO, "no image came");
	if (fstat(msg->fds[0], &st) < 0 || !S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "it is no regular file");
	*ret_size = (uint64_t)st.st_size;
	return unpack_source_open(
		a->job, msg->fds[0], a->spool_dirfd, "aci", &image->source, err);
}

static int check_image_id(const struct aci *image, const char *wanted, struct err *err)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA512_DIGEST_SIZE];
	char hex[2 * SHA512_DIGEST_SIZE + 1] = "";
	struct stream *in = NULL;
	struct sha512_ctx ctx;
	const uint8_t *piece;
	size_t len;
	int r;

	sha512_init(&ctx);
	r = stream_of_range(&image->source.archive, &in, err);
	if (r < 0)
		return r;
	while ((r = stream_next(in, &piece, &len, err)) > 0)
		sha512_update(&ctx, len, piece);
	stream_free(in);
	if (r < 0)
		return r;
	sha512_digest(&ctx, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	/* The specification lets an id be cut short. */
	wanted += strlen(ACI_IMAGE_ID_PREFIX);
	if (strncmp(hex, wanted, strlen(wanted)) == 0)
		return 0;
	return err_say(err, EBADMSG,
		"its imageID is " ACI_IMAGE_ID_PREFIX "%s, not " ACI_IMAGE_ID_PREFIX "%s",
		hex, wanted);
}

static int check_found(const struct aci *image, uint64_t size, struct err *err)
{
	const struct aci_dependency *d = image->wanted;
	char show[SHOWN_MAX];

	if (d->size && d->size != size && d->size != image->source.archive.size)
		return err_say(err, EBADMSG, "it has %" PRIu64 " bytes, not %" PRIu64,
			size, d->size);
	if (!str_eq(image->manifest.name, d->image_name))
		return err_say(err, EBADMSG, "it calls itself %s",
			shown(image->manifest.name, show));
	if (d->image_id)
		return check_image_id(image, d->image_id, err);
	if (!aci_labels_match(&d->labels, &image->manifest.labels))
		return err_say(err, EBADMSG, "it has other labels");
	return 0;
}

static int fetch(struct assembly *a, struct aci *image, struct err *err)
{
	uint64_t size = 0;
	int r;

	r = ask(a, image->wanted, err);
	if (r == 0)
		r = receive(a, image, &size, err);
	if (r == 0)
		r = read_manifest(image, err);
	return r == 0 ? check_found(image, size, err) : r;
}

/* ---- the order ---- */

static bool has_same_labels(const struct aci_pairs *a, const struct aci_pairs *b)
{
	return a->count == b->count && aci_labels_match(a, b);
}

static bool is_same(const struct aci_dependency *a, const struct aci_dependency *b)
{
	return str_eq(a->image_name, b->image_name) && a->size == b->size &&
	       has_same_labels(&a->labels, &b->labels) &&
	       str_eq(a->image_id ? a->image_id : "", b->image_id ? b->image_id : "");
}

static struct aci *find_opened(struct assembly *a, const struct aci_dependency *d)
{
	for (size_t i = 1; i < a->image_count; i++) {
		if (is_same(a->images[i]->wanted, d))
			return a->images[i];
	}
	return NULL;
}

static int obtain(struct assembly *a, const struct aci_dependency *d, struct aci **ret,
	struct err *err)
{
	struct aci *image = find_opened(a, d);
	char show[SHOWN_MAX];

	*ret = image;
	if (image)
		return 0;
	*ret = image = new_image(a, err);
	if (!image)
		return -ENOMEM;
	image->wanted = d;
	return fetch(a, image, err) < 0
		       ? err_wrap(err, "dependency %s", shown(d->image_name, show))
		       : 0;
}

static int add_part(struct assembly *a, const struct aci *image, struct err *err)
{
	struct aci_part *part;

	if (a->part_count >= PARTS_MAX)
		return err_say(err, E2BIG,
			"the dependencies of the image have to be put together from more than %d parts",
			PARTS_MAX);
	part = &a->parts[a->part_count++];
	part->archive = image->source.archive;
	part->name = image->manifest.name;
	for (size_t i = 0; i < a->depth; i++) {
		part->whitelists[part->whitelist_count].paths = a->way[i]->whitelist;
		part->whitelists[part->whitelist_count++].count =
			strv_len(a->way[i]->whitelist);
	}
	return 0;
}

/* An image may depend on another version of itself. */
static bool is_on_way(const struct assembly *a, const struct aci *image)
{
	for (size_t i = 0; i < a->depth; i++) {
		if (a->way[i] == image ||
			(str_eq(a->way[i]->manifest.name, image->manifest.name) &&
				has_same_labels(&a->way[i]->manifest.labels,
					&image->manifest.labels)))
			return true;
	}
	return false;
}

static int assemble(struct assembly *a, struct aci *image, struct err *err)
{
	struct aci *below = NULL;
	char show[SHOWN_MAX];
	int r = 0;

	if (is_on_way(a, image))
		return err_say(err, ELOOP, "image %s depends on itself",
			shown(image->manifest.name, show));
	if (a->depth > DEPTH_MAX)
		return err_say(err, E2BIG,
			"the image's dependencies are more than %d deep", DEPTH_MAX);
	a->way[a->depth++] = image;
	for (size_t i = 0; r == 0 && i < image->manifest.dependencies.count; i++) {
		r = obtain(a, &image->manifest.dependencies.items[i], &below, err);
		if (r == 0)
			r = assemble(a, below, err);
	}
	if (r == 0)
		r = add_part(a, image, err);
	a->depth--;
	return r;
}

/* Where the image expects something to be mounted. */
static int list_mount_points(const struct aci_app *app, strv *ret, struct err *err)
{
	for (size_t i = 0; i < app->mount_points.count; i++) {
		if (strv_add(ret, app->mount_points.items[i].path) < 0)
			return err_oom(err);
	}
	return 0;
}

static int render(struct assembly *a, struct byte_range *ret, struct err *err)
{
	cleanup_strv strv dirs = NULL;
	struct unpack_usage usage = { .limits = &a->job->request.limits };
	cleanup_close int fd = unpack_spool(a->spool_dirfd, err);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	r = list_mount_points(&a->images[0]->manifest.app, &dirs, err);
	if (r == 0)
		r = aci_render(a->parts, a->part_count, dirs, &usage, fd, err);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at a temporary file in the store");
	*ret = (struct byte_range){ .fd = take_fd(&fd), .size = (uint64_t)st.st_size };
	return 0;
}

/* Somebody asked for an image by its name, and this is what a server gave. */
static int check_asked(const struct unpack_request *request, const struct aci_manifest *m,
	struct err *err)
{
	char show[SHOWN_MAX], show_label[SHOWN_MAX];

	if (request->name && !str_eq(request->name, m->name))
		return err_say(
			err, EBADMSG, "the image calls itself %s", shown(m->name, show));
	strv_each (label, request->labels) {
		size_t len = strcspn(*label, "=");
		cleanup_free char *name = strndup(*label, len);
		const char *value = name ? aci_pairs_get(&m->labels, name) : NULL;

		if (!value || !str_eq(value, *label + len + 1))
			return err_say(err, EBADMSG,
				"the image was to have the label %s, and has %s",
				shown(*label, show_label),
				value ? shown(value, show) : "none of the name");
	}
	return 0;
}

int unpack_aci(struct unpack_job *job, struct unpack_source *source, int spool_dirfd,
	struct err *err)
{
	struct assembly *a = calloc(1, sizeof(*a));
	struct aci *image;
	struct image_appc appc = { 0 };
	int r = -ENOMEM;

	if (!a)
		return err_oom(err);
	a->job = job;
	a->spool_dirfd = spool_dirfd;
	image = new_image(a, err);
	if (image) {
		image->source = *source;
		r = read_manifest(image, err);
	}
	if (r == 0)
		r = check_asked(&job->request, &image->manifest, err);
	if (r == 0)
		r = aci_isolators_take(&image->manifest, &appc, &job->notes, err);
	image_appc_done(&appc);
	if (r == 0)
		r = assemble(a, image, err);
	if (r == 0)
		r = render(a, &source->rendered, err);
	assembly_free(a);
	return r;
}
