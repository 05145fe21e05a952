/* SPDX-License-Identifier: Apache-2.0 */
#include "images/import-private.h"

#define NAMES_MAX 1000

/*
 * docker save writes names that docker resolved: "alpine:3" is
 * docker.io/library/alpine:3. The reference of an OCI layout is often only a tag or a
 * word ("latest", "1.0"): like podman, that is a name of this host.
 */
static char *qualify(const char *format, const char *name)
{
	bool is_layout = str_skip_prefix(format, "oci") != NULL;

	if (is_layout && !strpbrk(name, "/:@"))
		return str_printf("localhost/%s", name);
	return strdup(name);
}

/* Asked for without a version, an App Container Image is found again by that, too. */
static int add_asked_name(struct import *import, struct err *err)
{
	char full[REFERENCE_NAME_MAX];

	if (import->ref->kind != REFERENCE_ACI ||
		reference_normalize(import->ref->name, full, NULL) < 0)
		return 0;
	strv_each (name, import->names) {
		if (str_eq(*name, full))
			return 0;
	}
	return strv_add(&import->names, full) < 0 ? err_oom(err) : 0;
}

int import_set_names(struct import *import, char *const *names, struct err *err)
{
	char full[REFERENCE_NAME_MAX], shown[256];
	size_t n = 0;

	strv_each (name, names) {
		cleanup_free char *qualified = qualify(import->format, *name);

		if (!qualified)
			return err_oom(err);
		if (n++ >= NAMES_MAX)
			break;
		if (reference_normalize(qualified, full, NULL) == 0 &&
			!reference_digest_of(full)) {
			if (strv_add(&import->names, full) < 0)
				return err_oom(err);
			continue;
		}
		str_printable(*name, shown, sizeof(shown));
		import_note(import->request,
			"the archive calls the image '%s', which is no valid name: left out",
			shown);
	}
	return add_asked_name(import, err);
}
