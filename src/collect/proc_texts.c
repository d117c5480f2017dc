#include "collect/proc_texts.h"

#include "collect/collect.h"
#include "collect/redact.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_text.h"
#include "kernel/cpus.h"
#include "kernel/descriptors.h"
#include "kernel/procfs.h"

#include <string.h>

static const char *const kept[] = {"auxv",          "cmdline",      "status", "stat",
                                   "smaps",         "smaps_rollup", "cgroup", "limits",
                                   "oom_score_adj", "oom_score"};

#define TEXT_MAX (256ull << 20) /* smaps has 1 KiB for each mapping */

/* Names and addresses of files are what the program chose. */
static void keep_descriptors(pid_t pid, struct proc_texts *ret) {
    struct descriptor_list l;
    if (descriptors_read("", pid, &l) < 0)
        return;
    char *s = descriptors_to_text(&l);
    if (s)
        vec_push(&ret->list, (struct capture_text){"descriptors", s, strlen(s)});
    descriptors_done(&l);
}

void proc_texts_read(pid_t pid, bool redacted, struct proc_texts *ret) {
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char *s;
        size_t n;
        if (procfs_read("", pid, kept[i], TEXT_MAX, &s, &n) < 0)
            continue;
        if (redacted && !strcmp(kept[i], "cmdline"))
            redact_arguments(s, n);
        vec_push(&ret->list, (struct capture_text){kept[i], s, n});
    }
    if (!redacted)
        keep_descriptors(pid, ret);
    char *beside = collect_neighbours_text(pid);
    if (beside)
        vec_push(&ret->list, (struct capture_text){"neighbours", beside, strlen(beside)});
    struct cgroup c;
    struct cpus cpus;
    bool has_cgroup = cgroup_read("", pid, &c) == 0;
    if (cpus_read(pid, has_cgroup ? &c : NULL, &cpus) == 0) {
        char *s = cpus_to_text(&cpus);
        vec_push(&ret->list, (struct capture_text){"cpus", s, strlen(s)});
    }
    if (has_cgroup) {
        size_t n;
        char *s = cgroup_to_text(&c, &n);
        if (s)
            vec_push(&ret->list, (struct capture_text){"cgroup_facts", s, n});
        cgroup_done(&c);
    }
}

void proc_texts_done(struct proc_texts *t) {
    for (size_t i = 0; i < t->list.n; i++)
        free((void *)t->list.at[i].bytes);
    vec_free(&t->list);
}
