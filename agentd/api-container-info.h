/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Mesos' ContainerInfo says beside the image, as options of a run: members of a table of
 * common/json.h whose destination is a struct run_options, and whose messages follow the path of
 * the member. What it says that a run has no option for is refused by name.
 */
#ifndef UCR_AGENTD_API_CONTAINER_INFO_H
#define UCR_AGENTD_API_CONTAINER_INFO_H

#include "common/err.h"
#include "common/json.h"

/* Of a Secret: {"type":"VALUE","value":{"data":BASE64}}. */
struct api_secret {
	char *type, *data;
};
extern const struct json_field api_secret_members[];
/* Adds "NAME=BASE64" to a list of a run, which nobody but the task gets to see. */
int api_secret_add(
	const struct api_secret *secret, const char *name, void *list, struct err *err);

extern const struct json_field api_linux_info_members[];
int api_volumes(const struct json *v, void *out, const void *arg, struct err *err);
int api_rlimit_info(const struct json *v, void *out, const void *arg, struct err *err);
int api_tty_info(const struct json *v, void *out, const void *arg, struct err *err);

/* "disk" of resources that is a persistent volume: its mount is added; 0 when it is not. */
int api_persistent_volume(const struct json *resource, void *out, struct err *err);

#endif
