#include "serve/process_labels.h"

#include "model/cgroup.h"
#include <string.h>

/* What Linux calls Node's main thread unless process.title is set: by its binary to Node 22,
 * "MainThread" in 24.21, "node-MainThread" in 26.10. */
static bool says_nothing(const char *name) {
    static const char *const names[] = {"node", "nodejs", "MainThread", "node-MainThread", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* Options of node whose value is a word of its own. */
static bool takes_a_word(const char *word, size_t n) {
    static const char *const options[] = {
        "-r", "--require",    "--import", "--loader", "--experimental-loader",
        "-C", "--conditions", "--title"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strlen(options[i]) == n && !memcmp(word, options[i], n))
            return true;
    return false;
}

char *process_label_name(const char *name, const char *command) {
    if (!says_nothing(name))
        return mem_strdup(name);
    const char *word = command + strcspn(command, " ");
    while (*word) {
        word += strspn(word, " ");
        size_t n = strcspn(word, " ");
        if (*word != '-') {
            const char *slash = memrchr(word, '/', n);
            const char *file = slash ? slash + 1 : word;
            if (file < word + n)
                return mem_strndup(file, (size_t)(word + n - file));
            break;
        }
        if (!strncmp(word, "-e", 2) || !strncmp(word, "-p", 2) || !strncmp(word, "--eval", 6) ||
            !strncmp(word, "--print", 7))
            break; /* what follows is a program, not its name */
        word += n;
        if (takes_a_word(word - n, n)) {
            word += strspn(word, " ");
            word += strcspn(word, " ");
        }
    }
    return mem_strdup("node");
}

void process_labels(const struct sampled_process *p, struct metric_labels *ret) {
    cleanup_free char *pid = mem_printf("%d", (int)p->id.pid);
    cleanup_free char *name = process_label_name(p->name, p->command);
    metric_label(ret, "pid", pid);
    metric_label(ret, "name", name);
    if (!p->cgroup || !strcmp(p->cgroup, "/"))
        return;
    cleanup_free char *cgroup = cgroup_label(p->cgroup);
    metric_label(ret, "cgroup", cgroup);
}

void process_labels_more(const struct sampled_process *p, struct metric_labels *ret) {
    process_labels(p, ret);
    cleanup_free char *ppid = mem_printf("%d", (int)p->ppid);
    metric_label(ret, "ppid", ppid);
    if (p->version[0])
        metric_label(ret, "version", p->version);
    if (!p->cgroup)
        return;
    cleanup_free char *container = cgroup_container_id(p->cgroup);
    cleanup_free char *pod = cgroup_pod_uid(p->cgroup);
    metric_label(ret, "cgroup_path", p->cgroup);
    if (container)
        metric_label(ret, "container_id", container);
    if (pod)
        metric_label(ret, "pod_uid", pod);
}
