/* SPDX-License-Identifier: Apache-2.0 */
/* One verb, one file: verb-NAME.c defines verb_NAME. verbs.c puts them in the order of
 * help. */
#ifndef UCR_UCRCTL_VERBS_H
#define UCR_UCRCTL_VERBS_H

#include "common/options.h"

extern const struct verb_spec verb_attach, verb_completion, verb_events, verb_exec,
	verb_export, verb_flame, verb_fsck, verb_gc, verb_help_, verb_images, verb_import,
	verb_info, verb_inspect, verb_kill, verb_load, verb_login, verb_logout, verb_logs,
	verb_ps, verb_pull, verb_referrers, verb_rm, verb_rmi, verb_run, verb_save,
	verb_stats, verb_stop, verb_tag, verb_top, verb_unpack, verb_version, verb_wait;

#define SECTION_CONTAINERS "Containers"
#define SECTION_IMAGES "Images"
#define SECTION_SYSTEM "System"

#endif
