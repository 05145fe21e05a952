/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of agentd/bundle.h, one file each; all append to a specification. */
#ifndef UCR_AGENTD_BUNDLE_PRIVATE_H
#define UCR_AGENTD_BUNDLE_PRIVATE_H

#include "agentd/bundle.h"

#define BUNDLE_INIT_TARGET "/dev/ucr-init"

/* Makes room for one more item of a spec list ({ items, count }) and returns it zeroed; NULL
 * when out of memory. */
#define bundle_grow(list)                                                                \
	((__typeof__((list)->items))bundle_grow_items(                                   \
		(void **)&(list)->items, &(list)->count, sizeof(*(list)->items)))
void *bundle_grow_items(void **items, size_t *count, size_t size);

/* By --network, which bundle_build() has found to be one of the words. */
enum network_mode bundle_network_mode(const struct run_options *options);

/* bundle-process.c: args, env, cwd, capabilities, rlimits. */
int bundle_process(const struct bundle_request *request, const char *hostname,
	struct spec_process *process, struct err *err)
	__attribute__((warn_unused_result));

/* bundle-caps.c */
int bundle_capabilities(const struct bundle_request *request,
	struct spec_capabilities *caps, struct err *err)
	__attribute__((warn_unused_result));

/* bundle-mounts.c: the default mounts, our files, volumes and tmpfs, masks. */
int bundle_mounts(const struct bundle_request *request, struct spec *spec,
	struct err *err) __attribute__((warn_unused_result));

/* How much /dev/shm may have. */
int bundle_shm_bytes(const struct run_options *options, uint64_t *ret, struct err *err)
	__attribute__((warn_unused_result));

/* bundle-volumes.c: --volume and --tmpfs. `source_fd` -1: by its path. */
int bundle_volume(const char *text, int source_fd, struct spec_mounts *mounts,
	struct err *err) __attribute__((warn_unused_result));
int bundle_tmpfs(const char *text, struct spec_mounts *mounts, struct err *err)
	__attribute__((warn_unused_result));
/* ",idmap" where files of the host keep their ids inside, though the container has others. */
const char *bundle_idmap(const struct bundle_request *request);
/* A mount with options given as one comma-separated list. */
int bundle_add_mount(struct spec_mounts *mounts, const char *type, const char *source,
	const char *destination, const char *options, struct err *err)
	__attribute__((warn_unused_result));

/* bundle-resources.c: limits, devices and their rules, the cgroup's place. */
int bundle_resources(const struct bundle_request *request, struct spec_linux *lin,
	struct err *err) __attribute__((warn_unused_result));

/* bundle-io.c: rates of devices, weights, huge pages. */
int bundle_io(const struct run_options *options, struct spec_resources *to,
	struct err *err) __attribute__((warn_unused_result));

/* bundle-devices.c */
int bundle_devices(char *const *devices, struct spec_linux *lin, struct err *err)
	__attribute__((warn_unused_result));

/* bundle-security.c: --security-opt, the system call profile, the masked paths. */
int bundle_security(const struct bundle_request *request, struct spec *spec,
	struct err *err) __attribute__((warn_unused_result));

/* bundle-appc.c: what an App Container Image asks for. After everything else. */
int bundle_appc(const struct bundle_request *request, struct spec *spec, struct err *err)
	__attribute__((warn_unused_result));
int bundle_appc_seccomp(const struct bundle_request *request,
	struct spec_seccomp *seccomp, struct err *err)
	__attribute__((warn_unused_result));

/* Whether commands of the image run before and after its own, by ucr-init, and its words for
 * them. */
bool bundle_has_handlers(const struct bundle_request *request);
bool bundle_has_init(const struct bundle_request *request);
int bundle_handlers(const struct bundle_request *request, strv *args)
	__attribute__((warn_unused_result));

/* The mount point of the image that --volume has the name or the path of; NULL: none. */
const struct appc_mount_point *bundle_mount_point(
	const struct image_appc *appc, const char *text);
/* --volume with its path ("/data:work"), read-only where the image says so and the option does
 * not; a copy when there is none. */
char *bundle_volume_text(const struct appc_mount_point *m, const char *text)
	__attribute__((warn_unused_result));

#endif
