/* SPDX-License-Identifier: Apache-2.0 */
/* Images of an agent's store: the operations of struct backend. */
#ifndef UCR_UCRCTL_BACKEND_AGENT_IMAGES_H
#define UCR_UCRCTL_BACKEND_AGENT_IMAGES_H

#include "ucrctl/backend.h"

int remote_list_images(struct ctl *ctl, struct image_list *ret, struct err *err)
	__attribute__((warn_unused_result));
int remote_inspect_image(struct ctl *ctl, const char *name, struct json_writer *w,
	struct err *err) __attribute__((warn_unused_result));
int remote_load(struct ctl *ctl, const struct obtain *how, struct image **ret,
	struct err *err) __attribute__((warn_unused_result));
int remote_tag(struct ctl *ctl, const char *name, const char *new_name, struct err *err)
	__attribute__((warn_unused_result));
int remote_untag(struct ctl *ctl, const char *name, bool is_forced, strv *ret_removed,
	struct err *err) __attribute__((warn_unused_result));

int remote_pull(struct ctl *ctl, const struct obtain *how, struct image **ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
