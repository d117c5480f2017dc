#include "crashlog/kernel_kill.h"

#include "crashlog/scan.h"
#include <stdio.h>

enum { PAGE = 4096 };

uint64_t kernel_kill_page_cache(const struct kernel_kill *k) {
    return k->cg_cache > k->cg_shmem ? k->cg_cache - k->cg_shmem : 0;
}

bool kernel_kill_begins(const char *line) {
    return strstr(line, "invoked oom-killer") != NULL;
}

bool kernel_kill_opens(const char *line) {
    static const char *const words[] = {"invoked oom-killer", "oom-kill:constraint=",
                                        "total-vm:",          "killed as a result of limit of",
                                        "memory: usage ",     "Memory cgroup stats for "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(line, words[i]))
            return true;
    return false;
}

static uint64_t kib(uint64_t n) {
    return n < UINT64_MAX / 1024 ? n * 1024 : UINT64_MAX;
}

/* "/kubepods/pod1/abc" up to a comma, a space or the end. */
static void take_path(struct kernel_kill *k, const char *from) {
    size_t n = strcspn(from, ", ");
    if (n && *from == '/')
        snprintf(k->cgroup_path, sizeof k->cgroup_path, "%.*s", (int)(n < 1000 ? n : 1000), from);
}

/* "(node) " behind a pid. */
static void take_process_name(const char *at, char name[KERNEL_NAME]) {
    scan_spaces(&at);
    const char *end = strstr(at, ") ");
    if (!end && (end = strrchr(at, ')')) == NULL)
        end = strchr(at, ',');
    if (*at == '(' && end)
        snprintf(name, KERNEL_NAME, "%.*s", (int)(end - at - 1 < 100 ? end - at - 1 : 100), at + 1);
}

static bool named_kib(const char *line, const char *name, uint64_t *ret) {
    uint64_t n;
    if (!scan_named(line, name, &n))
        return false;
    *ret = kib(n);
    return true;
}

/* "Killed process 123 (node) total-vm:1kB, anon-rss:2kB, file-rss:3kB, shmem-rss:4kB, ...";
 * "Killed process 123 (node), UID 1000, total-vm:..." of others. */
static bool take_victim(struct kernel_kill *k, const char *line, uint64_t number) {
    const char *at = strstr(line, "Killed process ");
    uint64_t pid;
    if (!at || !strstr(line, "total-vm:"))
        return false;
    at += strlen("Killed process ");
    if (!scan_number(&at, 10, &pid))
        return false;
    k->pid = pid;
    scan_text(&at, ",");
    take_process_name(at, k->name);
    k->line = number;
    k->has_rss = named_kib(line, "anon-rss:", &k->anon);
    k->has_file = named_kib(line, "file-rss:", &k->file);
    k->has_shmem = named_kib(line, "shmem-rss:", &k->shmem);
    if (strstr(line, "Memory cgroup out of memory"))
        k->cgroup = true;
    else if (strstr(line, "Out of memory") && !k->cgroup)
        k->host = true;
    return true;
}

/* "Memory cgroup out of memory: Kill process 123 (node) score 1000 or sacrifice child",
 * before 4.20: whose limit it is; who dies is said in the next line. */
static bool take_choice(struct kernel_kill *k, const char *line) {
    const char *at = strstr(line, "ut of memory: Kill process ");
    if (!at)
        return false;
    k->cgroup = strstr(line, "Memory cgroup out of memory") != NULL;
    k->host = !k->cgroup;
    at += strlen("ut of memory: Kill process ");
    if (scan_number(&at, 10, &k->pid))
        take_process_name(at, k->name);
    return true;
}

/* "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),...,oom_memcg=/a,task_memcg=/a/b,task=node,
 * pid=1,uid=0", from Linux 4.19. */
static bool take_constraint(struct kernel_kill *k, const char *line) {
    if (!strstr(line, "oom-kill:constraint="))
        return false;
    k->cgroup = strstr(line, "CONSTRAINT_MEMCG") != NULL;
    k->host = !k->cgroup;
    const char *path = strstr(line, "oom_memcg=");
    if (path)
        take_path(k, path + strlen("oom_memcg="));
    const char *task = strstr(line, ",task=");
    if (task)
        snprintf(k->name, sizeof k->name, "%.*s", (int)strcspn(task + 6, ",") % 64, task + 6);
    scan_named(line, ",pid=", &k->pid);
    return true;
}

static bool take_cgroup(struct kernel_kill *k, const char *line, uint64_t number) {
    const char *at;
    if ((at = strstr(line, "killed as a result of limit of "))) {
        k->cgroup = true;
        take_path(k, at + strlen("killed as a result of limit of "));
        return true;
    }
    at = strstr(line, "memory: usage ");
    if (at && (at == line || at[-1] == ' ' || at[-1] == ']')) {
        k->has_usage = named_kib(at, "usage ", &k->usage);
        k->has_limit = named_kib(at, "limit ", &k->limit);
        scan_named(at, "failcnt ", &k->failcnt);
        k->usage_line = number;
        return true;
    }
    if (!(at = strstr(line, "Memory cgroup stats for ")))
        return false;
    k->cgroup = true;
    if (!k->cgroup_path[0])
        take_path(k, at + strlen("Memory cgroup stats for "));
    char *colon = strchr(k->cgroup_path, ':');
    if (colon)
        *colon = '\0';
    /* v1 has one line for each cgroup below the one that is full, which comes first or last */
    uint64_t rss = 0, cache = 0, shmem = 0;
    if (named_kib(line, " rss:", &rss) || named_kib(line, ":rss:", &rss)) {
        named_kib(line, "cache:", &cache);
        named_kib(line, "shmem:", &shmem);
        k->cg_anon += rss;
        k->cg_cache += cache;
        k->cg_shmem += shmem;
        k->has_cg_stats = true;
    }
    return true;
}

/* "anon 1234", "file 0" of cgroup v2 (and of v1 in 5.x), "total_rss 1234" of v1 since 6.x: one a
 * line, in bytes. */
static bool take_stat(struct kernel_kill *k, const char *line) {
    enum { ANON, CACHE, SHMEM };
    static const struct {
        const char *name;
        int what;
    } stats[] = {{"anon ", ANON},      {"file ", CACHE},        {"shmem ", SHMEM},
                 {"total_rss ", ANON}, {"total_cache ", CACHE}, {"total_shmem ", SHMEM}};
    uint64_t *const to[] = {&k->cg_anon, &k->cg_cache, &k->cg_shmem};
    const char *at = line;
    uint64_t v;
    scan_spaces(&at);
    for (size_t i = 0; i < sizeof stats / sizeof *stats; i++) {
        const char *p = at;
        if (!scan_text(&p, stats[i].name))
            continue;
        scan_spaces(&p);
        if (!scan_number(&p, 10, &v) || *p)
            return false;
        *to[stats[i].what] = v;
        k->has_cg_stats = true;
        return true;
    }
    return false;
}

/* "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name": the columns
 * differ by kernel, so the heading says where they are. */
static bool take_heading(struct kernel_kill *k, const char *line, uint64_t number) {
    const char *at = strstr(line, "] ");
    if (!strstr(line, "total_vm") || !strstr(line, "oom_score_adj name") || !at)
        return false;
    k->in_table = true;
    k->table_line = number;
    k->tasks = 0;
    k->largest = (struct kernel_task){0};
    k->rss_column = k->swap_column = -1;
    int column = 0;
    for (at += 2; *at; column++) {
        scan_spaces(&at);
        size_t n = strcspn(at, " ");
        if (n == 3 && !strncmp(at, "rss", 3))
            k->rss_column = column;
        else if (n == 8 && !strncmp(at, "swapents", 8))
            k->swap_column = column;
        at += n;
    }
    k->name_column = column - 1;
    return k->rss_column >= 0;
}

/* "[  123] ": the first number in brackets that is no time. Returns what is behind it, or NULL. */
static const char *take_bracketed(const char *line, uint64_t *ret) {
    for (const char *open = strchr(line, '['); open; open = strchr(open + 1, '[')) {
        const char *at = open + 1;
        scan_spaces(&at);
        if (!scan_number(&at, 10, ret))
            continue;
        scan_spaces(&at);
        if (scan_text(&at, "]"))
            return at;
    }
    return NULL;
}

static bool take_task(struct kernel_kill *k, const char *line) {
    struct kernel_task t = {0};
    const char *at = k->in_table ? take_bracketed(line, &t.pid) : NULL;
    if (!at)
        return false;
    for (int column = 0; column < k->name_column; column++) {
        uint64_t v = 0;
        scan_spaces(&at);
        scan_text(&at, "-");
        if (!scan_number(&at, 10, &v))
            return false;
        if (column == k->rss_column)
            t.rss_bytes = v < UINT64_MAX / PAGE ? v * PAGE : UINT64_MAX;
        else if (column == k->swap_column)
            t.swap_bytes = v < UINT64_MAX / PAGE ? v * PAGE : UINT64_MAX;
    }
    scan_spaces(&at);
    snprintf(t.name, sizeof t.name, "%s", at);
    k->tasks++;
    if (t.rss_bytes > k->largest.rss_bytes)
        k->largest = t;
    return true;
}

bool kernel_kill_line(struct kernel_kill *k, const char *line, uint64_t number) {
    if (!k->first_line)
        k->first_line = number;
    if (kernel_kill_begins(line))
        return true;
    if (take_victim(k, line, number) || take_choice(k, line) || take_constraint(k, line) ||
        take_cgroup(k, line, number) || take_heading(k, line, number) || take_task(k, line) ||
        take_stat(k, line))
        return true;
    return strstr(line, "oom_reaper: reaped") != NULL;
}
