/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/obtain.h"

#include "agentd/container-images.h"
#include "common/str.h"
#include "isolators/userns.h"
#include "ucrctl/print.h"

int obtain_userns(
	struct engine *engine, bool is_wanted, struct import_userns *ret, struct err *err)
{
	ret->userns_fd = -1;
	if (!is_wanted && !engine_is_rootless(engine))
		return 0;
	return userns_open_rootless(&ret->userns_fd, err);
}

static int import(struct engine *engine, struct import_request *request,
	struct image **ret, struct err *err)
{
	cleanup_close int userns_fd = -1;
	int r;

	r = obtain_userns(engine, false, &request->userns, err);
	if (r < 0)
		return r;
	userns_fd = request->userns.userns_fd;
	return engine_obtain(engine, request, request->reference, ret, err);
}

static bool is_asked_first(const struct obtain *how)
{
	return how->pull == PULL_ALWAYS || how->pull == PULL_NEWER;
}

/* What is stored, after the registry could not be asked for what may be newer. */
static int fall_back(struct store *store, struct import_request *request,
	struct image **ret, struct err *err)
{
	cleanup_free char *note = NULL;

	request->pull = PULL_NEVER;
	if (image_lookup(store, request, ret, NULL) != 0)
		return -err->code;
	note = str_printf("the stored image is used, since a newer one cannot be had: %s",
		err->text);
	print_note(note ? note : err->text);
	return 0;
}

int obtain_image(
	struct ctl *ctl, const struct obtain *how, struct image **ret, struct err *err)
{
	cleanup_registry_setup struct registry_setup setup = { 0 };
	struct progress progress;
	cleanup_strv strv notes = NULL;
	struct import_request request = {
		.reference = how->reference,
		.pull = how->pull == PULL_NEWER ? PULL_ALWAYS : how->pull,
		.platform = how->platform,
		.pull_options = &setup.pull,
		.build = how->build,
		.form = how->form,
		.takes_artifacts = how->takes_artifacts,
		.userns.userns_fd = -1,
		.notes = &notes,
	};
	struct engine *engine;
	struct store *store;
	int r;

	r = ctl_store(ctl, &engine, &store, err);
	if (r < 0)
		return r;
	if (!is_asked_first(how)) {
		r = image_lookup(store, &request, ret, err);
		if (r != IMAGE_ABSENT)
			return r;
	}
	r = registry_setup_make(how->registry, &setup, err);
	if (r < 0)
		return r;
	if (progress_init(&progress, how->is_quiet ? PROGRESS_NONE : how->progress)) {
		request.progress = progress_show;
		request.progress_arg = &progress;
	}
	r = import(engine, &request, ret, err);
	progress_done(&progress);
	strv_each (note, notes)
		print_note(*note);
	return r < 0 && how->pull == PULL_NEWER ? fall_back(store, &request, ret, err)
						: r;
}
