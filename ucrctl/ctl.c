/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/ctl.h"

#include "agentd/container.h"
#include "common/fd.h"
#include "common/str.h"
#include "ucrctl/backend.h"
#include "ucrctl/print.h"

void ctl_done(struct ctl *ctl)
{
	engine_free(ctl->engine);
	ctl->engine = NULL;
	buf_done(&ctl->out);
}

int ctl_backend(struct ctl *ctl, const struct backend **ret, struct err *err)
{
	int r = 0;

	if (!ctl->backend)
		r = backend_choose(ctl, &ctl->backend, err);
	*ret = ctl->backend;
	return r;
}

int ctl_find(struct ctl *ctl, const char *reference, const struct backend **ret_backend,
	struct container **ret, struct err *err)
{
	int r = ctl_backend(ctl, ret_backend, err);

	return r < 0 ? r : (*ret_backend)->find(ctl, reference, ret, err);
}

int ctl_engine(struct ctl *ctl, struct engine **ret, struct err *err)
{
	struct engine_options options = {
		.root_path = ctl->root,
		.libexec_path = getenv(CTL_LIBEXEC_VARIABLE),
	};
	const struct backend *backend;
	int r = ctl_backend(ctl, &backend, err);

	if (r < 0)
		return r;
	if (backend != &backend_local)
		return backend_refuse(ctl, err);
	if (!ctl->engine) {
		r = engine_open(&options, &ctl->engine, err);
		if (r < 0)
			return r;
	}
	*ret = ctl->engine;
	return 0;
}

int ctl_store(
	struct ctl *ctl, struct engine **ret_engine, struct store **ret, struct err *err)
{
	int r;

	r = ctl_engine(ctl, ret_engine, err);
	if (r < 0)
		return r;
	return engine_store(*ret_engine, ret, err);
}

int ctl_container(struct ctl *ctl, const char *reference, struct engine **ret_engine,
	struct container **ret, struct err *err)
{
	int r;

	r = ctl_engine(ctl, ret_engine, err);
	if (r < 0)
		return r;
	return container_find(*ret_engine, reference, ret, err);
}

int ctl_flush(struct ctl *ctl, struct err *err)
{
	int r;

	r = buf_finish(&ctl->out);
	if (r < 0)
		return err_oom(err);
	r = fd_write_all(STDOUT_FILENO, ctl->out.data, ctl->out.len);
	buf_reset(&ctl->out);
	if (r < 0)
		return err_set(err, -r, "write standard output");
	return 0;
}

int ctl_each(struct ctl *ctl, char *const *args, const void *options, ctl_each_fn fn)
{
	int status = 0;

	strv_each (arg, args) {
		struct err err = { 0 };

		if (fn(ctl, *arg, options, &err) >= 0)
			continue;
		print_err(NULL, &err);
		status = CTL_EXIT_FAILED;
	}
	return status;
}
