#include "trial/predict.h"

#include "model/groups.h"
#include "model/malloc_remedies.h"
#include <stdlib.h>
#include <string.h>

/* The value of a word that sets `name`, '_' and '-' alike; NULL when it sets something else. */
static const char *value_of(const char *word, const char *name) {
    for (; *name; word++, name++)
        if (*word != *name && !(*word == '_' && *name == '-'))
            return NULL;
    return *word == '=' ? word + 1 : NULL;
}

static bool limits_heap(const char *flag) {
    static const char *const flags[] = {"--max-old-space-size", "--max-heap-size"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (value_of(flag, flags[i]))
            return true;
    return false;
}

bool predict_needs_liveness(const struct setting *s) {
    for (size_t i = 0; i < s->flags.n; i++)
        if (limits_heap(s->flags.at[i]))
            return true;
    return false;
}

/* As `memwhy malloc` has it, of which MALLOC_ARENA_MAX is known for any number. */
static struct prediction of_malloc(const struct evidence *ev, const char *variable) {
    struct malloc_remedy all[MALLOC_REMEDIES];
    size_t n = malloc_remedies_of(ev, all);
    const char *arenas = value_of(variable, "MALLOC_ARENA_MAX");
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].setting, variable) == 0 && all[i].has_estimate)
            return (struct prediction){PREDICTED, all[i].rss_bytes};
    unsigned long most = arenas ? strtoul(arenas, NULL, 10) : 0;
    struct malloc_life life = {.rss_bytes = ev->residency.total_bytes};
    if (!n || !most || most > 1024 || !ev->malloc.glibc.mp_addr)
        return (struct prediction){0};
    if (ev->has_process)
        process_size_get(&ev->process, PROCESS_RSS_PEAK, &life.peak_rss_bytes);
    return (struct prediction){PREDICTED,
                               ev->malloc.arenas.n <= most
                                   ? life.rss_bytes
                                   : malloc_rss_with_arenas(&ev->malloc, &life, (unsigned)most)};
}

/* A limit has V8 collect more often: at best nothing is there but what lives, and malloc, which is
 * asked for less at once, keeps nothing free. */
static struct prediction of_heap_limit(const struct evidence *ev) {
    const enum account_group v8[] = {GROUP_V8_OBJECTS, GROUP_V8_FREE, GROUP_V8_POOL,
                                     GROUP_V8_PAGES};
    uint64_t rss = ev->residency.total_bytes, v8_bytes = 0, live = 0, buffers = 0;
    if (!ev->has_v8 || !ev->v8.has_liveness || !ev->has_account || !rss)
        return (struct prediction){0};
    struct account_groups g = account_groups_sum(&ev->account);
    for (size_t i = 0; i < sizeof v8 / sizeof *v8; i++)
        v8_bytes += g.resident[v8[i]];
    for (size_t i = 0; i < ev->v8.isolates.n; i++) {
        const struct v8_isolate_census *iso = &ev->v8.isolates.at[i];
        buffers += iso->array_buffer_garbage;
        for (int s = 0; s < V8_SPACES; s++)
            live += iso->space[s].live;
    }
    uint64_t gone = v8_bytes > live ? v8_bytes - live : 0;
    gone += g.resident[GROUP_MALLOC_FREE] +
            (buffers < g.resident[GROUP_ARRAY_BUFFERS] ? buffers : g.resident[GROUP_ARRAY_BUFFERS]);
    return (struct prediction){PREDICTED_AT_LEAST, rss > gone ? rss - gone : 0};
}

struct prediction predict_setting(const struct evidence *ev, const struct setting *s) {
    if (s->env.n == 1 && !s->flags.n)
        return of_malloc(ev, s->env.at[0]);
    if (s->flags.n == 1 && !s->env.n && limits_heap(s->flags.at[0]))
        return of_heap_limit(ev);
    return (struct prediction){0}; /* how they act on each other is not known */
}
