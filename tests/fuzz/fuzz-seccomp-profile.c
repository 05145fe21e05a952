/* SPDX-License-Identifier: Apache-2.0 */
/* A profile from a file: read, resolved for a fixed machine, compiled. */
#include "isolators/seccomp-profile.h"
#include "isolators/seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char chown[] = "CAP_CHOWN";
	static char *const capabilities[] = { chown, NULL };
	const struct seccomp_host host = { "amd64", capabilities, 6, 1 };
	struct seccomp_filter filter = { 0 };
	struct spec_seccomp spec;
	struct err err = { 0 };

	if (seccomp_profile_resolve((const char *)data, size, &host, &spec, &err) < 0)
		return 0;
	if (seccomp_compile(&spec, NULL, &filter, &err) == 0)
		seccomp_filter_done(&filter);
	seccomp_profile_done(&spec);
	return 0;
}
