/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/process.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* "pid (name) state ppid …": the name may hold blanks and brackets, so the last one
 * counts. */
static int read_stat(int dirfd, struct process *p, char name[64])
{
	unsigned long long user, system, pages;
	char text[1024];
	char *open, *close;
	int ppid;

	if (fd_read_kernel_file(dirfd, "stat", text, sizeof(text)) < 0)
		return -ESRCH;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return -EPROTO;
	*close = '\0';
	(void)snprintf(name, 64, "%s", open + 1);
	if (sscanf(close + 1,
		    " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d "
		    "%*d %*u %*u %llu",
		    &p->state, &ppid, &user, &system, &pages) != 5)
		return -EPROTO;
	p->ppid = ppid;
	p->cpu_ms = (user + system) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
	p->rss_bytes = pages * (unsigned long long)sysconf(_SC_PAGESIZE);
	return 0;
}

/* Arguments end with NUL each; the kernel gives none for its own and for ended processes.
 */
static void read_command(int dirfd, const char *name, struct process *p)
{
	cleanup_close int fd = openat(dirfd, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, p->command, sizeof(p->command) - 1);

	while (n > 0 && !p->command[n - 1])
		n--;
	if (n <= 0) {
		(void)snprintf(p->command, sizeof(p->command), "[%s]", name);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (!p->command[i])
			p->command[i] = ' ';
	}
	p->command[n] = '\0';
}

int process_read(int proc_dirfd, pid_t pid, struct process *ret)
{
	cleanup_close int dirfd = -1;
	struct process p = { .pid = pid };
	char name[64];
	struct stat st;
	int r;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	dirfd = openat(proc_dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || fstat(dirfd, &st) < 0)
		return -errno;
	p.uid = st.st_uid;
	r = read_stat(dirfd, &p, name);
	if (r < 0)
		return r;
	read_command(dirfd, name, &p);
	*ret = p;
	return 0;
}

/* ---- as the agent's socket tells it ---- */

static int decode_state(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_STRING || v->len != 1 || *v->string < 'A' || *v->string > 'z')
		return err_say(err, EINVAL, " is no state of a process");
	*(char *)out = *v->string;
	return 0;
}

static void encode_state(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	jw_string_len(w, key, in, 1);
}

static int decode_command(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_STRING)
		return err_say(err, EINVAL, " is no command");
	(void)snprintf(out, PROCESS_COMMAND_MAX, "%s", v->string);
	return 0;
}

static void encode_command(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	jw_string(w, key, in);
}

#define AT(member) offsetof(struct process, member)

static const struct json_field fields[] = {
	{ "pid", json_i32, AT(pid), true },
	{ "ppid", json_i32, AT(ppid), true },
	{ "uid", json_u32, AT(uid), true },
	{ "state", decode_state, AT(state), true, NULL, encode_state },
	{ "cpu_ms", json_u64, AT(cpu_ms), true },
	{ "rss_bytes", json_u64, AT(rss_bytes), true },
	{ "command", decode_command, AT(command), true, NULL, encode_command },
	{ 0 },
};

void process_write(struct json_writer *w, const struct process *process)
{
	jw_object(w, NULL);
	json_encode(w, fields, process);
	jw_object_end(w);
}

int process_decode(const struct json *v, struct process *ret, struct err *err)
{
	int r = json_decode(v, fields, ret, err);

	return r < 0 ? err_wrap(err, "what is told of a process") : 0;
}
