#include "model/account.h"

#include <string.h>

void account_done(struct account *a) {
    for (size_t i = 0; i < a->owners.n; i++)
        free(a->owners.at[i].path);
    for (size_t i = 0; i < a->labels.n; i++)
        free(a->labels.at[i]);
    vec_free(&a->owners);
    vec_free(&a->unknown);
    vec_free(&a->pieces);
    vec_free(&a->labels);
}

struct owner *account_owner(struct account *a, const char *path) {
    /* Owners come in runs: the last one is asked for most. */
    for (size_t i = a->owners.n; i-- > 0;)
        if (strcmp(a->owners.at[i].path, path) == 0)
            return &a->owners.at[i];
    vec_push(&a->owners, (struct owner){.path = mem_strdup(path)});
    return &a->owners.at[a->owners.n - 1];
}

uint32_t account_label(struct account *a, const char *label) {
    for (size_t i = a->labels.n; i-- > 0;)
        if (strcmp(a->labels.at[i], label) == 0)
            return (uint32_t)i;
    vec_push(&a->labels, mem_strdup(label));
    return (uint32_t)(a->labels.n - 1);
}

static bool below(const char *path, const char *prefix) {
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) == 0 && (path[n] == 0 || path[n] == '/');
}

uint64_t account_sum(const struct account *a, const char *prefix) {
    uint64_t sum = 0;
    for (size_t i = 0; i < a->owners.n; i++)
        if (below(a->owners.at[i].path, prefix))
            sum += a->owners.at[i].resident_bytes;
    return sum;
}

uint64_t account_sum_leaf(const struct account *a, const char *prefix, const char *leaf) {
    uint64_t sum = 0;
    for (size_t i = 0; i < a->owners.n; i++) {
        const char *slash = strrchr(a->owners.at[i].path, '/');
        if (slash && strcmp(slash + 1, leaf) == 0 && below(a->owners.at[i].path, prefix))
            sum += a->owners.at[i].resident_bytes;
    }
    return sum;
}

static int by_path(const void *x, const void *y) {
    return strcmp(((const struct owner *)x)->path, ((const struct owner *)y)->path);
}

void account_finish(struct account *a) {
    size_t kept = 0;
    a->attributed_bytes = 0;
    for (size_t i = 0; i < a->owners.n; i++) {
        struct owner *o = &a->owners.at[i];
        if (!o->resident_bytes && !o->virtual_bytes) {
            free(o->path);
            continue;
        }
        a->attributed_bytes += o->resident_bytes;
        a->owners.at[kept++] = *o;
    }
    a->owners.n = kept;
    vec_sort(&a->owners, by_path);
}
