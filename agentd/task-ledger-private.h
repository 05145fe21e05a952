/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ends of the ledger share; one program, so structs travel as they are. */
#ifndef UCR_AGENTD_TASK_LEDGER_PRIVATE_H
#define UCR_AGENTD_TASK_LEDGER_PRIVATE_H

#include "agentd/task-ledger.h"

enum task_ledger_msg { LEDGER_WRITE = 1, LEDGER_REMOVE, LEDGER_DONE };

#define TASK_LEDGER_LOCK ".lock"
#define TASK_LEDGER_TMP ".tmp-"
#define TASK_RECORD_SUFFIX ".json"
#define TASK_RECORD_NAME_MAX (TASK_ID_MAX + sizeof(TASK_RECORD_SUFFIX))

/* WRITE comes with the record in a memfd. */
struct task_ledger_order {
	uint64_t version, since;
	char id[TASK_ID_MAX + 1];
};

struct task_ledger_outcome {
	uint64_t version;
	int32_t r;
	char id[TASK_ID_MAX + 1];
};

void task_record_name(const char *id, char ret[TASK_RECORD_NAME_MAX]);

struct task_ledger_writer {
	struct engine *engine;
	int dirfd, fd, lock_fd;
};

/* Serves until the loop's end is closed. */
void task_ledger_write(const struct task_ledger_writer *writer) __attribute__((noreturn));

#endif
