/* memwhy watch: conditions on what is known of processes, and what is done when they hold. */
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/interrupted.h"
#include "cmd/watch_loop.h"
#include "watch/parse.h"
#include "watch/words.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define EVERY_LEAST_NS (SECOND_NS / 10)

/* The file, or "-"; more than a file of rules may have is noticed by the one who reads the words.
 */
static int read_file(struct run *r, const char *path, char **ret, size_t *ret_n) {
    enum { MOST = (1 << 20) + 1 };
    cleanup_free char *shown = text_printable(path);
    int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    if (fd < 0)
        return err_set(&r->err, -EINVAL, "A rule on the command line is given with -e 'when ...'.",
                       "the rules %s cannot be opened: %s", shown, strerror(errno));
    char *text = mem_alloc(MOST);
    size_t n = 0;
    ssize_t some = 1;
    while (n < MOST && (some = read(fd, text + n, MOST - n)) != 0)
        if (some > 0)
            n += (size_t)some;
        else if (errno != EINTR)
            break;
    close(fd);
    if (some < 0) {
        free(text);
        return err_set(&r->err, -EINVAL, "", "the rules %s cannot be read: %s", shown,
                       strerror(errno));
    }
    *ret = text;
    *ret_n = n;
    return 0;
}

/* Of -e, each with its own lines; else the first argument is a file. */
static int read_rules(struct run *r, struct watch_rules *rules, size_t *ret_args) {
    const char *name, *text, *const *args;
    size_t n = opt_args(r->opts, &args);
    bool given = false;
    int rc = 0;
    *ret_args = 0;
    for (size_t i = 0; rc == 0 && opt_nth(r->opts, i, &name, &text); i++)
        if (strcmp(name, "rule") == 0) {
            given = true;
            rc = watch_rules_parse(text, strlen(text), "-e", rules, &r->err);
        }
    if (given)
        return rc;
    if (!n)
        return err_set(&r->err, -EINVAL,
                       "For example: memwhy watch -e 'when rss > 1GB then print'.",
                       "there are no rules: give a file of them, or -e");
    char *file = NULL;
    size_t bytes = 0;
    rc = read_file(r, args[0], &file, &bytes);
    if (rc < 0)
        return rc;
    cleanup_free char *shown = text_printable(args[0]);
    rc = watch_rules_parse(file, bytes, shown, rules, &r->err);
    free(file);
    *ret_args = 1;
    return rc;
}

static void check(struct run *r, const struct watch_rules *rules) {
    json_t *list = json_array();
    for (size_t i = 0; i < rules->list.n; i++) {
        const struct watch_rule *rule = &rules->list.at[i];
        cleanup_free char *words = watch_rule_words(rules, rule);
        cleanup_free char *text = text_printable(rule->text), *shown = text_printable(words);
        json_t *one =
            json_pack("{s:I, s:I}", "number", (json_int_t)i + 1, "line", (json_int_t)rule->line);
        json_object_set_new(one, "text", text_json(rule->text));
        json_object_set_new(one, "words", text_json(words));
        json_array_append_new(list, one);
        if (!r->json)
            fprintf(r->out, "%s%zu. %s\n   %s\n", i ? "\n" : "", i + 1, text, shown);
    }
    if (r->json)
        json_object_set(r->doc, "rules", list);
    json_decref(list);
}

/* The process ids behind the rules. */
static int read_pids(struct run *r, size_t first, struct watch_how *how, pid_t **ret) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args) - first;
    pid_t *pids = mem_zalloc((n + 1) * sizeof *pids);
    *ret = pids;
    for (size_t i = 0; i < n; i++) {
        char *end;
        const char *text = args[first + i];
        long pid = strtol(text, &end, 10);
        cleanup_free char *shown = text_printable(text);
        if (pid <= 0 || pid > INT32_MAX || *end)
            return err_set(&r->err, -EINVAL, "`memwhy ps` lists them.", "%s is no process id",
                           shown);
        pids[i] = (pid_t)pid;
    }
    how->who.pids = pids;
    how->who.n_pids = n;
    how->who.cgroup = opt_string(r->opts, "cgroup", NULL);
    bool many = how->who.cgroup || opt_flag(r->opts, "all-node");
    if (n && many)
        return err_set(&r->err, -EINVAL, "Leave one of them out.",
                       "process ids are given, and --all-node or --cgroup besides");
    if (!n && !many) /* not all by default: what is done to them may cost them something */
        return err_set(&r->err, -EINVAL, "Give process ids, --all-node or --cgroup.",
                       "which processes are to be watched is not said");
    return 0;
}

static int run_watch(struct run *r) {
    struct watch_rules rules = {0};
    struct watch_how how = {.rules = &rules,
                            .who = {.root = ""},
                            .every_ns = opt_u64(r->opts, "every", SECOND_NS),
                            .for_ns = opt_u64(r->opts, "for", 0),
                            .dry = opt_flag(r->opts, "dry-run"),
                            .exit_on_alarm = opt_flag(r->opts, "exit-on-alarm")};
    pid_t *pids = NULL;
    size_t args;
    int rc = read_rules(r, &rules, &args);
    if (rc == 0 && opt_flag(r->opts, "check")) {
        check(r, &rules);
    } else if (rc == 0) {
        rc = read_pids(r, args, &how, &pids);
        if (rc == 0 && how.every_ns < EVERY_LEAST_NS)
            rc = err_set(&r->err, -EINVAL, "", "--every is 100ms or more");
        if (rc == 0) {
            how.stop = interrupted_by_signals(0);
            rc = watch_loop(r, &how);
        }
    }
    free(pids);
    watch_rules_done(&rules);
    return rc;
}

static const struct opt opts[] = {
    {"rule", 'e', OPT_STRING, "RULE", "a rule, instead of RULES; may be repeated"},
    {"all-node", 'a', OPT_FLAG, NULL, "all Node.js processes, those to come too"},
    {"cgroup", 'c', OPT_STRING, "CGROUP", "only those in this memory cgroup or below it"},
    {"every", 0, OPT_DURATION, "TIME", "from one look at all of them to the next (1s)"},
    {"for", 'f', OPT_DURATION, "TIME", "end after this time (when all PIDs are gone, or Ctrl-C)"},
    {"exit-on-alarm", 0, OPT_FLAG, NULL, "end with the first alarm, when its actions are done"},
    {"dry-run", 'n', OPT_FLAG, NULL, "say what would be done, and do none of it"},
    {"check", 0, OPT_FLAG, NULL, "only read the rules, and say what each means"},
    {0}};

const struct command cmd_watch = {
    .name = "watch",
    .args = "[RULES] [PID...]",
    .group = GROUP_OVER_TIME,
    .summary = "conditions on processes, and what to do when they hold: dump before it dies",
    .help =
        "Looks at processes every second, at counters that cost them nothing, and acts when a\n"
        "rule holds. RULES is a file; # begins a comment.\n"
        "\n"
        "  $ memwhy watch app.rules 4711\n"
        "  $ memwhy watch -e 'when heap_used > 90% of heap_limit then snapshot \"/var/dumps\" "
        "once' "
        "4711\n"
        "  $ memwhy watch app.rules --check            what each rule means, in words\n"
        "\n"
        "  when slope(live_after_gc) > 1MB/min over 10m then webhook http://127.0.0.1:9000/ "
        "cooldown 1h\n"
        "  when rss step > 50MB within 30s then capture \"/var/dumps\" budget 5GB\n"
        "  when gc_time > 20% over 1m for 30s then run \"notify.sh\"\n"
        "  when http http://127.0.0.1:3000/health latency > 500ms for 3 of 5 then growth\n"
        "\n"
        "A rule is: when CONDITION [and CONDITION...] [for TIME | for N of M]\n"
        "           then ACTION [, ACTION...] [once] [cooldown TIME] [budget SIZE]\n"
        "\n"
        "Conditions: WHAT > LIMIT (or >=, <, <=), where WHAT is\n"
        "  FIELD                  its value now: rss, rss_anon, rss_file, rss_shmem, swap,\n"
        "                         vm_size, vm_data, page_tables, heap_used, heap_total,\n"
        "                         heap_limit, old_generation_limit, external,\n"
        "                         array_buffers, new_used, old_used, code_used, large_used,\n"
        "                         workers, workers_heap_used, workers_heap_total,\n"
        "                         malloc_arenas, malloc_mapped, live_after_gc, threads, fds,\n"
        "                         cgroup_current, cgroup_limit; and what counts up: gc_major,\n"
        "                         gc_minor, gc_pause_ns, faults_minor, faults_major,\n"
        "                         cpu_user_ns, cpu_system_ns, switches_voluntary,\n"
        "                         switches_forced, cgroup_oom_kills, cgroup_limit_hits,\n"
        "                         pressure_some_ns, pressure_full_ns\n"
        "  rate(FIELD)            of what counts up: > 100/s, of times > 20% (over 1m)\n"
        "  gc_time                the share of time that collections take (over 1m)\n"
        "  slope(FIELD)           of its floor, below the saw of collections: > 1MB/min\n"
        "                         (over 10m). Holds only when the whole 95 % interval is past\n"
        "                         the limit and it goes on: no saw, no cache that fills slower\n"
        "                         and slower\n"
        "  floor(FIELD)           the least of the time (over 5m)\n"
        "  FIELD step             how far it rose (within 30s)\n"
        "  headroom(heap_limit)   what is left, of heap_limit or cgroup_limit: < 50MB. Of a heap\n"
        "                         the old generation's (--max-old-space-size) counts: the field\n"
        "                         heap_limit has room for the young one besides\n"
        "  time_to(heap_limit)    when it is reached, at the slope (over 10m): < 1h\n"
        "  http URL latency       to the whole answer, asked by GET in every round; a loopback\n"
        "                         address in the network of the process, as in its container\n"
        "  http URL fails         no answer, or a status of 500 and above\n"
        "A LIMIT of a size may be a part of a field: heap_used > 90% of\n"
        "old_generation_limit. Sizes are powers of two. `over` and `within` say how far a\n"
        "condition looks back.\n"
        "\n"
        "What cannot be known never holds, and is said: when it begins, and when it changes.\n"
        "\n"
        "Actions, done one after the other; the watching goes on meanwhile\n"
        "  print                     nothing more: every alarm is printed\n"
        "  run \"COMMAND\" [timeout T]  by sh, with MEMWHY_PID, _NAME, _COMMAND, _RULE,\n"
        "                            _RULE_NUMBER, _VALUE, _LIMIT, _FILE (of an action before it)\n"
        "                            and _EVENT (JSON); with its process group ended after 60s\n"
        "  capture \"DIR\" [redact]    `memwhy capture` into the folder, packed\n"
        "  snapshot \"DIR\" [redact]   `memwhy snapshot` into the folder\n"
        "  growth [for TIME]         `memwhy growth`: what grows, for 60s\n"
        "  webhook URL               the alarm by POST, as JSON; tried twice, 5 s each\n"
        "\n"
        "A rule fires when its conditions have come to hold (for TIME without a break; in N of\n"
        "the last M looks), and again when they did not hold in between; with a cooldown also\n"
        "when they still hold after it, and never earlier. once: once for each process. Of\n"
        "capture, snapshot and growth the cooldown is 10 minutes if none is given. They are done\n"
        "one at a time on this host, and refuse themselves where the process has not the memory\n"
        "for it. Their files are called memwhy-watch-..., and are 0600; the oldest of them are\n"
        "removed when the budget of their folder (10GB) has no room for one more.\n"
        "\n"
        "--json prints each event on a line: begin, came, unknown, known, alarm, action, clear,\n"
        "dropped, gone, end. Exit codes: 1 a rule fired, 0 none did, 2 a rule is wrong.\n",
    .opts = opts,
    .run = run_watch,
};
