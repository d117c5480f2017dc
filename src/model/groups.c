#include "model/groups.h"

#include <string.h>

static bool starts(const char *path, const char *prefix) {
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *path, const char *leaf) {
    const char *slash = strrchr(path, '/');
    return slash && strcmp(slash + 1, leaf) == 0;
}

enum account_group account_group_of(const char *path) {
    static const struct {
        const char *prefix;
        enum account_group group;
    } prefixes[] = {
        {"v8/pool", GROUP_V8_POOL},         {"v8/pages", GROUP_V8_PAGES},
        {"v8/dispatch-table", GROUP_OTHER}, {"v8/store-buffers", GROUP_OTHER},
        {"v8/cppgc", GROUP_OTHER},          {"arraybuffers/", GROUP_ARRAY_BUFFERS},
        {"strings/", GROUP_STRINGS},        {"wasm/", GROUP_WASM},
        {"stacks/", GROUP_STACKS},          {"code/", GROUP_CODE},
        {"libraries/", GROUP_CODE},         {"file/", GROUP_FILES},
        {"shared-memory/", GROUP_SHARED},
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (starts(path, prefixes[i].prefix))
            return prefixes[i].group;
    if (starts(path, "v8/"))
        return ends(path, "objects") ? GROUP_V8_OBJECTS : GROUP_V8_FREE;
    if (starts(path, "malloc/"))
        return ends(path, "free") || ends(path, "free-pages") || ends(path, "top") ||
                       ends(path, "tcached")
                   ? GROUP_MALLOC_FREE
                   : GROUP_MALLOC_IN_USE;
    return starts(path, "unknown") ? GROUP_UNKNOWN : GROUP_OTHER;
}

static const struct {
    const char *title, *text;
} groups[ACCOUNT_GROUPS] = {
    [GROUP_V8_OBJECTS] = {"V8 objects", "live or garbage"},
    [GROUP_V8_FREE] = {"V8 free", "free lists, headers"},
    [GROUP_V8_POOL] = {"V8 page pool", "pages in no space"},
    [GROUP_V8_PAGES] = {"V8 pages", "layout not known"},
    [GROUP_ARRAY_BUFFERS] = {"ArrayBuffers", "Buffers, typed arrays"},
    [GROUP_STRINGS] = {"external strings", "text outside the heap"},
    [GROUP_WASM] = {"WebAssembly", "its memories"},
    [GROUP_MALLOC_IN_USE] = {"malloc in use", "native allocations"},
    [GROUP_MALLOC_FREE] = {"malloc free", "kept after free()"},
    [GROUP_STACKS] = {"thread stacks", ""},
    [GROUP_CODE] = {"code", "binary and libraries"},
    [GROUP_FILES] = {"mapped files", ""},
    [GROUP_SHARED] = {"shared memory", "tmpfs, memfd, SysV"},
    [GROUP_OTHER] = {"other", "V8 tables, kernel"},
    [GROUP_UNKNOWN] = {"unknown", ""},
};

const char *account_group_title(enum account_group g) {
    return groups[g].title;
}
const char *account_group_text(enum account_group g) {
    return groups[g].text;
}

struct account_groups account_groups_sum(const struct account *a) {
    struct account_groups g = {0};
    for (size_t i = 0; i < a->owners.n; i++)
        g.resident[account_group_of(a->owners.at[i].path)] += a->owners.at[i].resident_bytes;
    return g;
}

/* --- facts --- */

uint64_t v8_heap_total(const struct v8_isolate_census *iso) {
    uint64_t sum = 0;
    for (int s = 0; s < V8_SPACES; s++)
        sum += iso->space[s].committed;
    return sum;
}

uint64_t v8_heap_used(const struct v8_isolate_census *iso) {
    uint64_t sum = 0;
    for (int s = 0; s < V8_SPACES; s++)
        sum += iso->space[s].used;
    return sum;
}

struct list {
    struct fact *at;
    size_t n;
};

static void add(struct list *l, const char *name, uint64_t value) {
    if (l->n < FACTS_MAX)
        l->at[l->n++] = (struct fact){name, value};
}

static void add_v8(struct list *l, const struct evidence *ev, const struct account_groups *g) {
    const struct v8_census *c = &ev->v8;
    uint64_t total = 0, used = 0, buffers = 0, strings = 0;
    if (!ev->has_v8)
        return;
    for (size_t i = 0; i < c->isolates.n; i++) {
        total += v8_heap_total(&c->isolates.at[i]);
        used += v8_heap_used(&c->isolates.at[i]);
        buffers += c->isolates.at[i].array_buffer_bytes;
        strings += c->isolates.at[i].external_string_bytes;
    }
    add(l, "isolates", c->isolates.n);
    add(l, "heap_total", total);
    add(l, "heap_used", used);
    add(l, "array_buffer_bytes", buffers);
    add(l, "external_string_bytes", strings);
    if (c->isolates.n && c->isolates.at[0].limits.semi_spaces)
        add(l, "heap_limit", c->isolates.at[0].limits.old_bytes);
    if (!ev->has_account)
        return;
    add(l, "v8_resident",
        g->resident[GROUP_V8_OBJECTS] + g->resident[GROUP_V8_FREE] + g->resident[GROUP_V8_POOL]);
    add(l, "v8_pool", g->resident[GROUP_V8_POOL]);
    add(l, "wasm_bytes", g->resident[GROUP_WASM]);
}

static void add_malloc(struct list *l, const struct evidence *ev) {
    const struct malloc_census *c = &ev->malloc;
    if (!ev->has_malloc || (c->kind != MALLOC_GLIBC && !c->own_walked))
        return;
    uint64_t free_bytes = malloc_census_free(c).bytes;
    struct malloc_share in_use = malloc_census_sum(c, MALLOC_IN_USE);
    add(l, "malloc_in_use", in_use.bytes + c->mmapped.bytes);
    add(l, "malloc_free", free_bytes + malloc_census_sum(c, MALLOC_TCACHED).bytes);
    if (c->kind != MALLOC_GLIBC)
        return;
    if (c->has_residency)
        add(l, "malloc_trimmable", malloc_census_trimmable(c));
    add(l, "arenas", c->arenas.n);
}

static void add_around(struct list *l, const struct evidence *ev) {
    uint64_t v;
    if (ev->has_cgroup && cgroup_get(&ev->cgroup, CGROUP_FILE, &v))
        add(l, "cgroup_cache_bytes", v);
    if (ev->neighbours.n)
        add(l, "other_process_rss", ev->neighbours.at[0].rss_bytes);
}

size_t facts_of(const struct evidence *ev, struct fact ret[FACTS_MAX]) {
    struct list l = {ret, 0};
    struct account_groups g = account_groups_sum(&ev->account);
    if (ev->has_account)
        add(&l, "rss",
            ev->account.rss_bytes ? ev->account.rss_bytes : ev->account.attributed_bytes);
    add(&l, "threads", ev->target.threads);
    add_v8(&l, ev, &g);
    add_malloc(&l, ev);
    if (ev->has_account) {
        add(&l, "stack_bytes", g.resident[GROUP_STACKS]);
        add(&l, "shm_bytes", g.resident[GROUP_SHARED]);
        add(&l, "file_bytes", g.resident[GROUP_FILES]);
    }
    add_around(&l, ev);
    return l.n;
}

bool fact_get(const struct fact *facts, size_t n, const char *name, uint64_t *ret) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(facts[i].name, name) == 0) {
            *ret = facts[i].value;
            return true;
        }
    return false;
}
