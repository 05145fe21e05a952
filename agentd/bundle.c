/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"
#include "common/signal-name.h"
#include "agentd/container.h"
#include "agentd/launch-nested.h"
#include "agentd/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOSTNAME_MAX 63
#define DEFAULT_STOP_TIMEOUT_MS 10000
#define LOG_FILES_MAX 100

void *bundle_grow_items(void **items, size_t *count, size_t size)
{
	char *grown = reallocarray(*items, *count + 1, size);

	if (!grown)
		return NULL;
	*items = grown;
	return memset(grown + (*count)++ * size, 0, size);
}

void bundle_done(struct bundle *bundle)
{
	spec_free(bundle->spec);
	free(bundle->user);
	strv_free(bundle->labels);
	free(bundle->stop_signal);
	*bundle = (struct bundle){ 0 };
}

static bool is_hostname(const char *s)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	size_t len = strlen(s);

	return len > 0 && len <= HOSTNAME_MAX && s[strspn(s, allowed)] == '\0' &&
	       *s != '-' && *s != '.';
}

static int set_hostname(const struct bundle_request *request, char **ret, struct err *err)
{
	const char *asked = request->options->hostname;
	char own[HOSTNAME_MAX + 1] = "";

	if (asked) {
		if (!is_hostname(asked))
			return err_say(
				err, EINVAL, "--hostname %s: not a host name", asked);
		return str_set(ret, asked) < 0 ? err_oom(err) : 0;
	}
	if (bundle_network_mode(request->options) == NETWORK_HOST &&
		gethostname(own, sizeof(own) - 1) == 0 && is_hostname(own))
		return str_set(ret, own) < 0 ? err_oom(err) : 0;
	*ret = strndup(request->id, CONTAINER_SHORT_ID);
	return *ret ? 0 : err_oom(err);
}

static int set_namespaces(
	const struct bundle_request *request, struct spec_linux *lin, struct err *err)
{
	bool is_host = bundle_network_mode(request->options) == NETWORK_HOST;
	const char *const types[] = {
		request->is_rootless || request->has_own_ids ? "user" : NULL,
		"mount",
		"pid",
		"ipc",
		"uts",
		"cgroup",
		is_host ? NULL : "network",
	};
	struct spec_namespace *item;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!types[i])
			continue;
		item = bundle_grow(&lin->namespaces);
		if (!item || str_set(&item->type, types[i]) < 0)
			return err_oom(err);
	}
	return 0;
}

/* Prefixes of annotations that mean something to a runtime. An image may say nothing there. */
static const char *const reserved_prefixes[] = { "org.ucr.", "run.oci.", "io.kubernetes.",
	"io.podman.", "io.container." };

bool bundle_is_reserved_label(const char *label)
{
	for (size_t i = 0; i < sizeof(reserved_prefixes) / sizeof(*reserved_prefixes);
		i++) {
		if (str_skip_prefix(label, reserved_prefixes[i]))
			return true;
	}
	return false;
}

static int set_labels(
	const struct bundle_request *request, struct bundle *bundle, struct err *err)
{
	strv_each (label, request->image->config.labels) {
		if (!bundle_is_reserved_label(*label) &&
			strv_add(&bundle->labels, *label) < 0)
			return err_oom(err);
	}
	strv_each (label, request->options->labels) {
		cleanup_free char *with_value = NULL;

		if (**label == '=' || !**label)
			return err_say(
				err, EINVAL, "--label %s: want NAME[=VALUE]", *label);
		with_value = str_printf("%s%s", *label, strchr(*label, '=') ? "" : "=");
		if (!with_value || strv_env_set(&bundle->labels, with_value) < 0)
			return err_oom(err);
	}
	return strv_copy(bundle->labels, &bundle->spec->annotations) < 0 ? err_oom(err)
									 : 0;
}

/* A stop signal that the image got wrong is no reason not to run it. */
static int set_stop(
	const struct bundle_request *request, struct bundle *bundle, struct err *err)
{
	const char *asked = request->options->stop_signal;
	const char *image = request->image->config.stop_signal;
	const char *timeout = request->options->stop_timeout;
	char name[SIGNAL_NAME_MAX];
	int signal = SIGTERM;

	if (asked && signal_parse(asked, &signal) < 0)
		return err_say(err, EINVAL, "--stop-signal %s: no such signal", asked);
	if (!asked && image && signal_parse(image, &signal) < 0)
		signal = SIGTERM;
	if (str_set(&bundle->stop_signal, signal_name(signal, name)) < 0)
		return err_oom(err);
	bundle->stop_timeout_ms = DEFAULT_STOP_TIMEOUT_MS;
	if (timeout && str_to_ms(timeout, &bundle->stop_timeout_ms) < 0)
		return err_say(err, EINVAL,
			"--stop-timeout %s: want a time as 10 or 1m30s", timeout);
	return 0;
}

static int set_log(
	const struct run_options *options, struct bundle *bundle, struct err *err)
{
	const char *size =
		options->log_max_size ? options->log_max_size : BUNDLE_LOG_SIZE;
	const char *files =
		options->log_max_files ? options->log_max_files : BUNDLE_LOG_FILES;

	if (str_to_bytes(size, &bundle->log_max_bytes) < 0 ||
		bundle->log_max_bytes < 4096 || bundle->log_max_bytes > INT64_MAX)
		return err_say(err, EINVAL,
			"--log-max-size %s: want a size of 4k or more", size);
	if (str_to_u32(files, &bundle->log_max_files) < 0 || bundle->log_max_files < 1 ||
		bundle->log_max_files > LOG_FILES_MAX)
		return err_say(err, EINVAL, "--log-max-files %s: want 1 to %d", files,
			LOG_FILES_MAX);
	return 0;
}

static int set_user(
	const struct bundle_request *request, struct bundle *bundle, struct err *err)
{
	const char *user = request->options->user;

	if (str_empty(user))
		user = request->image->config.user;
	if (str_empty(user))
		return 0;
	return str_set(&bundle->user, user) < 0 ? err_oom(err) : 0;
}

static int fill_spec(
	const struct bundle_request *request, struct spec *spec, struct err *err)
{
	int r;

	if (str_set(&spec->oci_version, SPEC_VERSION) < 0 ||
		str_set(&spec->root.path, "rootfs") < 0)
		return err_oom(err);
	spec->root.readonly = request->options->is_read_only;
	r = set_hostname(request, &spec->hostname, err);
	if (r == 0)
		r = sandbox_bundle_host(request, spec, err);
	if (r == 0)
		r = bundle_process(request, spec->hostname, &spec->process, err);
	if (r == 0)
		r = set_namespaces(request, &spec->linux_, err);
	if (r == 0)
		r = bundle_mounts(request, spec, err);
	if (r == 0)
		r = bundle_resources(request, &spec->linux_, err);
	if (r == 0)
		r = bundle_security(request, spec, err);
	if (r == 0)
		r = bundle_appc(request, spec, err);
	return r == 0 ? nesting_bundle(request, spec, err) : r;
}

enum network_mode bundle_network_mode(const struct run_options *options)
{
	struct network_choice choice = { 0 };
	struct err ignored;

	(void)!network_choice_parse(options->network, &choice, &ignored);
	return choice.mode;
}

int bundle_set_ids(struct bundle *bundle, const struct id_range *ids, struct err *err)
{
	return id_range_fill(ids, &bundle->spec->linux_, err);
}

int bundle_build(
	const struct bundle_request *request, struct bundle *ret, struct err *err)
{
	struct bundle bundle = { .spec = NULL };
	struct network_choice choice;
	int r;

	r = network_choice_parse(request->options->network, &choice, err);
	if (r < 0)
		return r;
	bundle.spec = spec_new();
	r = bundle.spec ? fill_spec(request, bundle.spec, err) : err_oom(err);
	if (r == 0)
		r = set_user(request, &bundle, err);
	if (r == 0)
		r = set_labels(request, &bundle, err);
	if (r == 0)
		r = set_stop(request, &bundle, err);
	if (r == 0)
		r = set_log(request->options, &bundle, err);
	if (r < 0) {
		bundle_done(&bundle);
		return r;
	}
	*ret = bundle;
	return 0;
}
