/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/run-options.h"

#include "agentd/launch-root.h"
#include "agentd/terminal.h"

#define RUN(member) offsetof(struct run_verb, run.member)

/* In the order of enum pull_policy. */
static const char *const pull_names[] = { "missing", "always", "never", "newer", NULL };

static const char *const backend_names[] = {
	[ROOTFS_BACKEND_AUTO] = "auto",
	[ROOTFS_BACKEND_OVERLAY] = "overlay",
	[ROOTFS_BACKEND_COPY] = "copy",
	[ROOTFS_BACKEND_EROFS] = "erofs",
	NULL,
};

static const char *const userns_names[] = { "auto", "host", NULL };

/* Offered by completion; bundle_build() decides. */
static const char *const network_names[] = { "none", "host", "bridge", "bridge:shared",
	NULL };

static const struct option_spec general[] = {
	{ "interactive", 'i', .set = option_bool, .offset = RUN(is_interactive),
		.help = "Hand standard input to the command" },
	{ "tty", 't', .set = option_bool, .offset = RUN(has_terminal),
		.help = "Give it a terminal" },
	{ "detach", 'd', .set = option_bool, .offset = RUN(is_detached),
		.help = "Print the container's id and leave it running" },
	{ "rm", .set = option_bool, .offset = RUN(is_auto_removed),
		.help = "Remove the container when it has ended" },
	{ "name", .arg = "NAME", .set = option_name, .offset = RUN(name),
		.help = "Name the container" },
	{ "label", 'l', .arg = "NAME=VALUE", .set = option_strv, .offset = RUN(labels),
		.help = "Label the container" },
	{ "cidfile", .arg = "FILE", .set = option_string,
		.offset = offsetof(struct run_verb, cidfile), .complete = COMPLETE_FILE,
		.help = "Write the container's id to a new FILE" },
	{ "pull", .arg = "WHEN", .set = option_choice,
		.offset = offsetof(struct run_verb, pull), .param = pull_names,
		.help = "Pull an image, or read its archive, when it is missing, always, or never; "
			"newer: always, but run what is stored if that fails" },
	{ "platform", .arg = "OS/ARCH", .set = option_string,
		.offset = offsetof(struct run_verb, platform_text),
		.help = "Which image of an index to take, as linux/arm64/v8" },
	{ "quiet", 'q', .set = option_bool, .offset = offsetof(struct run_verb, is_quiet),
		.help = "Show no progress" },
	{ "progress", .arg = "HOW", .set = option_choice, .param = progress_names,
		.offset = offsetof(struct run_verb, progress),
		.help = "Show progress of an import as bar, plain, json or none (default: bars on "
			"a terminal)" },
	{ "dry-run", .set = option_bool, .offset = offsetof(struct run_verb, is_dry_run),
		.help = "Print the resolved config.json and run nothing" },
	{ 0 },
};

static const struct option_spec process[] = {
	{ "env", 'e', .arg = "NAME[=VALUE]", .set = option_strv, .offset = RUN(env),
		.help = "Set a variable; without a value, to the caller's" },
	{ "env-file", .arg = "FILE", .set = option_strv, .offset = RUN(env_files),
		.complete = COMPLETE_FILE,
		.help = "Set variables from the lines of FILE" },
	{ "workdir", 'w', .arg = "DIR", .set = option_string, .offset = RUN(workdir),
		.help = "Where the command starts" },
	{ "user", 'u', .arg = "USER[:GROUP]", .set = option_string, .offset = RUN(user),
		.help = "Who it runs as: names of the image, or numbers" },
	{ "entrypoint", .arg = "PROGRAM", .set = option_string, .offset = RUN(entrypoint),
		.help = "Replace the image's entry point; a JSON array for several words" },
	{ "shell", .set = option_bool, .offset = offsetof(struct run_verb, is_shell),
		.help = "Run the command by /bin/sh -c" },
	{ "init", .set = option_bool, .offset = RUN(has_init),
		.help = "Run a small init as first process, which reaps orphans" },
	{ "nesting", .set = option_bool, .offset = RUN(has_nesting),
		.help = "Give it a socket in /run/ucr, on which ucrctl and docker run containers in "
			"it (by an agent)" },
	{ "session", .set = option_bool, .offset = RUN(is_session),
		.help = "End it when this command's connection to the agent ends" },
	{ "stop-signal", .arg = "SIGNAL", .set = option_string,
		.offset = RUN(stop_signal), .complete = COMPLETE_SIGNAL,
		.help = "What stop sends first" },
	{ "stop-timeout", .arg = "TIME", .set = option_string,
		.offset = RUN(stop_timeout),
		.help = "How long stop waits before it kills (default: 10 seconds)" },
	{ "ulimit", .arg = "NAME=SOFT[:HARD]", .set = option_strv, .offset = RUN(ulimits),
		.help = "Set a resource limit of the process, as nofile=1024" },
	{ 0 },
};

static const struct option_spec files[] = {
	{ "uri", .arg = "URI[,KEY=VALUE]", .set = option_strv, .offset = RUN(uris),
		.complete = COMPLETE_FILE,
		.help = "Fetch a file into the sandbox, and extract it when its name says that it "
			"is an archive; keys: extract=false, executable=true, cache=true, output_file=PATH" },
	{ "fetch-cache-size", .arg = "SIZE", .set = option_string,
		.offset = RUN(fetch_cache_size),
		.help = "How much cache=true may keep for all tasks (default: 2g)" },
	{ "on", .arg = "IMAGE", .set = option_string,
		.offset = offsetof(struct run_verb, on), .complete = COMPLETE_SOURCE,
		.help = "Run a zip or jar on IMAGE instead of the host's files" },
	{ "volume", 'v', .arg = "HOST:DIR[:OPTIONS]", .set = option_strv,
		.offset = RUN(volumes), .complete = COMPLETE_FILE,
		.help = "Show a directory or file of the host at DIR; options: ro, rw, nosuid, "
			"nodev, noexec, [r]shared, [r]slave, [r]private" },
	{ "secret", .arg = "NAME=FILE", .set = option_strv,
		.offset = offsetof(struct run_verb, secret_files),
		.help = "Show what is in FILE as /run/secrets/NAME, or at NAME if it is an absolute path: "
			"a file in memory that only the command's user may read" },
	{ "tmpfs", .arg = "DIR[:OPTIONS]", .set = option_strv, .offset = RUN(tmpfs),
		.help = "Mount a file system in memory at DIR; options as size=64m" },
	{ "read-only", .set = option_bool, .offset = RUN(is_read_only),
		.help = "Make the root file system read-only" },
	{ "rootfs-backend", .arg = "HOW", .set = option_choice, .param = backend_names,
		.offset = RUN(rootfs_backend),
		.help = "Make the root file system of the image's layers by auto (the default), overlay, copy or erofs" },
	{ "shm-size", .arg = "SIZE", .set = option_string, .offset = RUN(shm_size),
		.help = "Size of /dev/shm (default: 64m)" },
	{ "device", .arg = "HOST[:PATH][:rwm]", .set = option_strv,
		.offset = RUN(devices), .complete = COMPLETE_FILE,
		.help = "Give a device of the host" },
	{ 0 },
};

static const struct option_spec limits[] = {
	{ "memory", 'm', .arg = "SIZE", .set = option_string, .offset = RUN(memory),
		.help = "Limit of memory, as 64m or 1.5g" },
	{ "memory-reservation", .arg = "SIZE", .set = option_string,
		.offset = RUN(memory_reservation),
		.help = "Memory it keeps when the host's is short" },
	{ "memory-swap", .arg = "SIZE", .set = option_string, .offset = RUN(memory_swap),
		.help = "Limit of memory and swap together; -1: none" },
	{ "cpus", .arg = "NUMBER", .set = option_string, .offset = RUN(cpus),
		.help = "Limit of processor time, in processors, as 1.5" },
	{ "cpu-shares", 'c', .arg = "NUMBER", .set = option_string,
		.offset = RUN(cpu_shares),
		.help = "Share of processor time when it is short (default: 1024)" },
	{ "cpuset-cpus", .arg = "LIST", .set = option_string, .offset = RUN(cpuset_cpus),
		.help = "Which processors to use, as 0-2,5" },
	{ "cpuset-mems", .arg = "LIST", .set = option_string, .offset = RUN(cpuset_mems),
		.help = "Which memory nodes to use, as 0-1" },
	{ "hugetlb", .arg = "PAGE=SIZE", .set = option_strv, .offset = RUN(huge_pages),
		.help = "Limit of huge pages of one size, as 2MB=64m" },
	{ "blkio-weight", .arg = "NUMBER", .set = option_string, .offset = RUN(io_weight),
		.help = "Share of a busy block device, from 10 to 1000" },
	{ "device-read-bps", .arg = "DEVICE:SIZE", .set = option_strv,
		.offset = RUN(device_read_bps), .complete = COMPLETE_FILE,
		.help = "Limit of reads from a block device a second, as /dev/sda:10m" },
	{ "device-write-bps", .arg = "DEVICE:SIZE", .set = option_strv,
		.offset = RUN(device_write_bps), .complete = COMPLETE_FILE,
		.help = "Limit of writes to a block device a second" },
	{ "device-read-iops", .arg = "DEVICE:NUMBER", .set = option_strv,
		.offset = RUN(device_read_iops), .complete = COMPLETE_FILE,
		.help = "Limit of read operations from a block device a second, as /dev/sda:100" },
	{ "device-write-iops", .arg = "DEVICE:NUMBER", .set = option_strv,
		.offset = RUN(device_write_iops), .complete = COMPLETE_FILE,
		.help = "Limit of write operations to a block device a second" },
	{ "pids-limit", .arg = "NUMBER", .set = option_string, .offset = RUN(pids_limit),
		.help = "Limit of processes (default: 1024); -1: none" },
	{ "cgroup-parent", .arg = "PATH", .set = option_string,
		.offset = RUN(cgroup_parent),
		.help = "Where to make the container's cgroup" },
	{ "log-max-size", .arg = "SIZE", .set = option_string,
		.offset = RUN(log_max_size),
		.help = "When the log begins a new file (default: " BUNDLE_LOG_SIZE ")" },
	{ "log-max-files", .arg = "NUMBER", .set = option_string,
		.offset = RUN(log_max_files),
		.help = "How many files of the log to keep (default: " BUNDLE_LOG_FILES
			")" },
	{ 0 },
};

static const struct option_spec isolation[] = {
	{ "userns", .arg = "HOW", .set = option_string, .param = userns_names,
		.offset = RUN(userns),
		.help = "auto: a user namespace with 65536 ids of the host that no other container "
			"has; host: the host's ids (default)" },
	{ "id-range", .arg = "FIRST-LAST", .set = option_string, .offset = RUN(id_range),
		.help = "From which ids --userns auto takes (default: those of user ucr in "
			"/etc/subuid and /etc/subgid, else 1879048192-2147483647)" },
	{ "network", .arg = "HOW", .set = option_string, .offset = RUN(network),
		.param = network_names,
		.help = "none: a network of its own with nothing but lo (default); host: the "
			"host's; bridge: its own address, and the outside by the host's; "
			"bridge:shared: the same, and others that are shared" },
	{ "network-pool", .arg = "ADDRESS/PREFIX", .set = option_string,
		.offset = RUN(network_pool),
		.help = "The bridge's addresses, where 10.99.0.0/16 is not free; the same for all "
			"containers" },
	{ "publish", 'p', .arg = "[ADDRESS:]HOSTPORT:PORT[/udp]", .set = option_strv,
		.offset = RUN(publish),
		.help = "Hand what comes to a port of the host on to a port of the container; "
			"ranges as 8000-8010:80-90; only PORT: at one that is free" },
	{ "publish-all", 'P', .set = option_bool, .offset = RUN(is_publish_all),
		.help = "Publish every port that the image exposes, at ports that are free" },
	{ "dns", .arg = "ADDRESS", .set = option_strv, .offset = RUN(dns),
		.help = "Name server to ask instead of the host's; repeatable" },
	{ "network-rate-in", .arg = "BYTES", .set = option_string,
		.offset = RUN(network_rate_in),
		.help = "Let at most so many bytes a second come to the container, as 10m; what "
			"is faster waits, and is dropped" },
	{ "network-rate-out", .arg = "BYTES", .set = option_string,
		.offset = RUN(network_rate_out),
		.help = "The same of what the container sends" },
	{ "net", .arg = "HOW", .set = option_string, .offset = RUN(network),
		.help = "The same as --network", .is_hidden = true },
	{ "hostname", 'h', .arg = "NAME", .set = option_string, .offset = RUN(hostname),
		.help = "Host name inside (default: the short id)" },
	{ "cap-add", .arg = "CAP", .set = option_strv, .offset = RUN(cap_add),
		.help = "Add a capability; ALL for every one" },
	{ "cap-drop", .arg = "CAP", .set = option_strv, .offset = RUN(cap_drop),
		.help = "Take a capability away; ALL for every one" },
	{ "security-opt", .arg = "OPTION", .set = option_strv,
		.offset = RUN(security_opts),
		.help = "seccomp=FILE, seccomp=unconfined, apparmor=PROFILE, "
			"no-new-privileges[=false]" },
	{ "no-new-privileges", .set = option_bool,
		.offset = offsetof(struct run_verb, no_new_privileges),
		.help = "Let no program gain privileges (on unless =false)" },
	{ "sysctl", .arg = "NAME=VALUE", .set = option_strv, .offset = RUN(sysctls),
		.help = "Set a kernel parameter of the container's namespaces" },
	{ 0 },
};

const struct option_group run_groups[] = {
	{ general },
	{ process, .title = "Process" },
	{ files, .title = "Files" },
	{ limits, .title = "Limits" },
	{ isolation, .title = "Isolation" },
	{ registry_option_table, offsetof(struct run_verb, registry), "Registries" },
	{ 0 },
};

const struct run_verb run_defaults = { .no_new_privileges = true };

int run_options_finish(struct run_verb *options, char **command, struct err *err)
{
	struct run_options *run = &options->run;

	run->command = command;
	run->may_gain_privileges = !options->no_new_privileges;
	if (run->has_terminal)
		(void)terminal_size(
			&run->terminal_size.rows, &run->terminal_size.columns);
	return platform_option_parse(
		options->platform_text, options->platform_words, &options->platform, err);
}
