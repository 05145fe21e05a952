/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a container, in the columns that ps(1) would show. */
#include "agentd/agent-docker.h"

#include "agentd/container-usage.h"
#include "agentd/process.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>

#define COLUMNS_MAX 16
#define FORMAT_DEFAULT "uid,pid,ppid,s,time,args"
#define FORMAT_AUX "uid,pid,rss,s,time,args"

static void put_uid(struct buf *out, const struct process *p)
{
	buf_printf(out, "%u", (unsigned int)p->uid);
}

static void put_pid(struct buf *out, const struct process *p)
{
	buf_printf(out, "%d", (int)p->pid);
}

static void put_ppid(struct buf *out, const struct process *p)
{
	buf_printf(out, "%d", (int)p->ppid);
}

static void put_state(struct buf *out, const struct process *p)
{
	buf_putc(out, p->state);
}

static void put_time(struct buf *out, const struct process *p)
{
	uint64_t seconds = p->cpu_ms / 1000;

	buf_printf(out, "%02llu:%02llu:%02llu", (unsigned long long)(seconds / 3600),
		(unsigned long long)(seconds / 60 % 60),
		(unsigned long long)(seconds % 60));
}

static void put_rss(struct buf *out, const struct process *p)
{
	buf_printf(out, "%llu", (unsigned long long)(p->rss_bytes / 1024));
}

static void put_arguments(struct buf *out, const struct process *p)
{
	buf_puts(out, p->command);
}

/* The program's own name, without its path and arguments. */
static void put_program(struct buf *out, const struct process *p)
{
	size_t len = strcspn(p->command, " "), start = len;

	while (start && p->command[start - 1] != '/')
		start--;
	buf_put(out, p->command + start, len - start);
}

static const struct column {
	const char *name, *title;
	void (*put)(struct buf *out, const struct process *p);
} columns[] = {
	{ "uid", "UID", put_uid },
	{ "user", "USER", put_uid },
	{ "pid", "PID", put_pid },
	{ "ppid", "PPID", put_ppid },
	{ "s", "S", put_state },
	{ "stat", "STAT", put_state },
	{ "time", "TIME", put_time },
	{ "rss", "RSS", put_rss },
	{ "comm", "COMMAND", put_program },
	{ "cmd", "CMD", put_arguments },
	{ "args", "CMD", put_arguments },
	{ "command", "COMMAND", put_arguments },
};

static const struct column *find_column(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (strlen(columns[i].name) == len &&
			strncmp(columns[i].name, name, len) == 0)
			return &columns[i];
	}
	return NULL;
}

/* "pid,comm". */
static int parse_list(const char *list, const struct column *ret[COLUMNS_MAX],
	size_t *ret_count, struct err *err)
{
	*ret_count = 0;
	while (*list) {
		size_t len = strcspn(list, ", ");

		if (*ret_count == COLUMNS_MAX)
			return err_say(err, EINVAL, "ps_args: too many columns");
		ret[*ret_count] = find_column(list, len);
		if (!ret[*ret_count])
			return err_say(err, EINVAL, "ps_args: there is no column %.*s",
				len < 40 ? (int)len : 40, list);
		++*ret_count;
		list += len;
		list += strspn(list, ", ");
	}
	return *ret_count ? 0 : err_say(err, EINVAL, "ps_args: want columns after -o");
}

/* "-ef", "aux", "-eo pid,comm". */
static int parse_words(const char *words, const struct column *ret[COLUMNS_MAX],
	size_t *ret_count, struct err *err)
{
	size_t len = strcspn(words, " ");

	if (!len || str_eq(words, "-ef"))
		return parse_list(FORMAT_DEFAULT, ret, ret_count, err);
	if (str_eq(words, "aux") || str_eq(words, "-aux"))
		return parse_list(FORMAT_AUX, ret, ret_count, err);
	if (*words == '-' && words[len - 1] == 'o')
		return parse_list(
			words + len + strspn(words + len, " "), ret, ret_count, err);
	return err_say(err, EINVAL, "ps_args: want -ef, aux or -eo COLUMN,COLUMN");
}

static void write_process(struct json_writer *w, const struct process *process,
	const struct column *const *shown, size_t count)
{
	jw_array(w, NULL);
	for (size_t i = 0; i < count; i++) {
		cleanup_buf struct buf text = BUF_INIT;

		shown[i]->put(&text, process);
		jw_string(w, NULL, buf_finish(&text) == 0 ? text.data : NULL);
	}
	jw_array_end(w);
}

static int write_processes(struct json_writer *w, const pid_t *pids, size_t count,
	const struct column *const *shown, size_t shown_count, struct err *err)
{
	cleanup_close int proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct process process;

	if (proc_dirfd < 0)
		return err_set(err, errno, "open /proc");
	jw_array(w, "Processes");
	for (size_t i = 0; i < count; i++) {
		/* One that has ended meanwhile is no failure. */
		if (process_read(proc_dirfd, pids[i], &process) == 0)
			write_process(w, &process, shown, shown_count);
	}
	jw_array_end(w);
	return 0;
}

int agent_docker_top(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_free pid_t *pids = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	const struct column *shown[COLUMNS_MAX];
	size_t count, shown_count;
	int r = parse_words(
		call->docker.words ? call->docker.words : "", shown, &shown_count, err);

	if (r == 0)
		r = agent_docker_find(agent, call, &container, err);
	if (r == 0)
		r = container_pids(agent->engine, container, &pids, &count, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_array(&w, "Titles");
	for (size_t i = 0; i < shown_count; i++)
		jw_string(&w, NULL, shown[i]->title);
	jw_array_end(&w);
	r = write_processes(&w, pids, count, shown, shown_count, err);
	jw_object_end(&w);
	return r;
}
