/* Why the kernel killed a process: whose limit, and what the memory was as far as its report says.
 */
#include "base/fmt.h"
#include "crashlog/verdict.h"
#include <stdio.h>
#include <string.h>

/* Names that Node goes by: its main thread's, and those of programs that are always Node's. */
static bool is_node(const char *name) {
    static const char *const names[] = {"node", "MainThread",  "npm",     "yarn",
                                        "pnpm", "next-server", "ts-node", "nest",
                                        "vite", "webpack",     "jest",    "PM2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(name, names[i], strlen(names[i])))
            return true;
    return false;
}

static uint64_t victim_rss(const struct kernel_kill *k) {
    if (k->has_rss)
        return k->anon + k->file + k->shmem;
    return k->largest.pid && k->largest.pid == k->pid ? k->largest.rss_bytes : 0;
}

/* The collections of the victim, if the pid is the same. In a container it is not: then, if only
 * one process in the log collected and did not die, it may be that one. */
static const struct crash_process *collections_of(const struct crashlog *c,
                                                  const struct kernel_kill *k, bool *ret_sure) {
    const struct crash_process *only = NULL;
    size_t alive = 0;
    for (size_t i = 0; i < c->processes.n; i++) {
        const struct crash_process *p = &c->processes.at[i];
        if (p->pid == k->pid && k->pid) {
            *ret_sure = true;
            return p;
        }
        if (!p->died && p->recents) {
            alive++;
            only = p;
        }
    }
    *ret_sure = false;
    return alive == 1 && c->kills.n == 1 && is_node(k->name) ? only : NULL;
}

static void cite_kill(struct verdict *v, const struct kernel_kill *k) {
    char a[FMT_MAX], b[FMT_MAX], d[FMT_MAX];
    if (k->has_rss)
        verdict_cite(v, k->line,
                     "killed %s (pid %llu): %s of its own memory, %s of files, %s shared", k->name,
                     (unsigned long long)k->pid, fmt_bytes(a, k->anon), fmt_bytes(b, k->file),
                     fmt_bytes(d, k->shmem));
    else
        verdict_cite(v, k->line, "killed %s (pid %llu)", k->name, (unsigned long long)k->pid);
    if (k->has_usage && k->has_limit)
        verdict_cite(v, k->usage_line, "the cgroup used %s of %s, and had failed %llu times",
                     fmt_bytes(a, k->usage), fmt_bytes(b, k->limit),
                     (unsigned long long)k->failcnt);
    if (k->has_cg_stats)
        verdict_cite(v, k->first_line, "in it: %s of processes' own, %s page cache, %s shared",
                     fmt_bytes(a, k->cg_anon), fmt_bytes(b, kernel_kill_page_cache(k)),
                     fmt_bytes(d, k->cg_shmem));
    if (k->tasks)
        verdict_cite(v, k->table_line, "%llu processes; the largest: %s (pid %llu) with %s",
                     (unsigned long long)k->tasks, k->largest.name,
                     (unsigned long long)k->largest.pid, fmt_bytes(a, k->largest.rss_bytes));
    if (v->death->exit_line)
        verdict_cite(v, v->death->exit_line, "the same end, as others saw it");
}

/* Another process is the large one. */
static const struct kernel_task *larger_one(const struct kernel_kill *k) {
    const struct kernel_task *t = &k->largest;
    uint64_t rss = victim_rss(k);
    return k->tasks > 1 && t->pid != k->pid && rss && t->rss_bytes / 3 * 2 > rss ? t : NULL;
}

static void judge_cause(struct verdict *v, const struct kernel_kill *k) {
    uint64_t rss = victim_rss(k), charged = k->cg_anon + kernel_kill_page_cache(k) + k->cg_shmem;
    v->confidence = "likely";
    if (larger_one(k))
        v->cause = "other-process-in-pod";
    else if ((k->has_cg_stats && k->cg_shmem > charged / 2) || (rss && k->shmem > rss / 2))
        v->cause = "shared-memory";
    else if (k->has_cg_stats && kernel_kill_page_cache(k) > charged / 2)
        v->cause = "page-cache-in-cgroup";
    else
        v->confidence = "certain"; /* of how it died; what it was is not known */
}

/* Beside what V8 said of its heap: was the memory JavaScript's? */
static void judge_heap(struct verdict *v, const struct kernel_kill *k, bool sure) {
    char heap[FMT_MAX], rss[FMT_MAX];
    const struct gc_line *g = &crash_recent(v->process, crash_recent_count(v->process) - 1)->gc;
    double total = g->has_after_total ? g->after_total : g->before_total;
    double anon_mib = (double)k->anon / 1048576;
    if (!k->has_rss || !(total > 0) || v->cause)
        return;
    if (v->limit_from == LIMIT_FLAG && k->has_limit &&
        v->limit_mib * 1048576 > 0.9 * (double)k->limit)
        verdict_cite(v, v->limit_line,
                     "--max-old-space-size=%.0f leaves the container of %s no room for "
                     "anything else",
                     v->limit_mib, fmt_bytes(rss, k->limit));
    fmt_bytes(heap, (uint64_t)(total * 1048576));
    fmt_bytes(rss, k->anon);
    verdict_cite(v, v->process->last_line, "V8's heap was %s of its %s%s", heap, rss,
                 sure ? "" : ", if it is the same process");
    v->confidence = sure ? "likely" : "possible";
    if (total > 0.7 * anon_mib)
        v->cause = "js-retention";
    else if (total < 0.5 * anon_mib)
        v->cause = "off-heap-retention";
    if (v->cause && total < 0.5 * anon_mib)
        verdict_unknown(v, "Which memory outside the heap: Buffers, native code's, or what malloc "
                           "keeps; the kernel does not tell them apart.");
}

static void say_kill(struct verdict *v, const struct kernel_kill *k) {
    char rss[FMT_MAX], limit[FMT_MAX], other[FMT_MAX];
    const struct kernel_task *larger = larger_one(k);
    const char *whose = k->cgroup ? "its container (cgroup) was at its limit"
                        : k->host ? "the machine was out of memory"
                                  : "memory was out";
    uint64_t bytes = victim_rss(k);
    v->who =
        mem_printf("%s (pid %llu)", k->name[0] ? k->name : "a process", (unsigned long long)k->pid);
    char *with = bytes ? mem_printf(", with %s resident", fmt_bytes(rss, bytes)) : mem_strdup("");
    char *of = k->cgroup && k->has_limit ? mem_printf(" of %s", fmt_bytes(limit, k->limit))
                                         : mem_strdup("");
    if (larger)
        v->sentence =
            mem_printf("The kernel killed %s because %s%s, though %s (pid %llu) was larger: "
                       "%s.",
                       v->who, whose, of, larger->name, (unsigned long long)larger->pid,
                       fmt_bytes(other, larger->rss_bytes));
    else
        v->sentence = mem_printf("The kernel killed %s%s, because %s%s.", v->who, with, whose, of);
    free(with);
    free(of);
}

void verdict_kernel(const struct crashlog *c, struct verdict *v) {
    const struct kernel_kill *k = v->kill;
    bool sure = false;
    free(v->who);
    v->how = k->cgroup ? HOW_CGROUP_KILL : k->host ? HOW_HOST_KILL : HOW_KERNEL_KILL;
    say_kill(v, k);
    cite_kill(v, k);
    judge_cause(v, k);
    v->process = collections_of(c, k, &sure);
    if (v->process) {
        verdict_heap(c, v);
        judge_heap(v, k, sure);
    } else if (!v->cause) {
        verdict_unknown(
            v, "What the memory was: no collection of V8 is in the log for it. What a limit "
               "of V8 ends says FATAL ERROR, so its heap was below its limit.");
    }
    if (!is_node(k->name))
        verdict_unknown(v, "Whether %s is Node: its name does not say.",
                        k->name[0] ? k->name : "it");
    if (!k->cgroup && !k->host)
        verdict_unknown(v,
                        "Whether a container's limit or the machine's: those lines are missing.");
}
