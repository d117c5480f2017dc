#include "collect/collect.h"

#include "base/clock.h"
#include "base/debug.h"
#include "base/text.h"
#include "collect/handles.h"
#include "collect/processes.h"
#include "collect/recorded.h"
#include "collect/stacks.h"
#include "image/capture.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_text.h"
#include "kernel/cpus.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/smaps.h"
#include "malloc/malloc.h"
#include "v8/flags.h"
#include "v8/node_options.h"
#include "v8/quick.h"
#include "v8/v8.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A process that allocates all the time is collecting some of the time: release it and stop again,
 * a little later each time, so that it gets on with its work in between. */
enum { STOPS_MAX = 24, UNWALKED_MAX = 3 };
#define RETRY_NS 2000000ull

/* How long a stopped process is read, for a MiB of private memory: about twice what was measured
 * of V8's heap (0.15 to 0.25 ms for objects of 16 to 64 bytes), and the dearest malloc heap there
 * is (0.43 ms for chunks of 32 bytes). */
#define MIB (1ull << 20)
#define READ_NS_PER_MIB 500000ull

/* Where only stacks are read: what it takes to find V8's pages is three times less, and leaves room
 * for stacks of thousands of frames, at 10 us each. */
#define READ_STACKS_NS_PER_MIB 100000ull
/* And V8's isolates, and what names JavaScript functions: 1 to 2 ms (Node 18 to 26, 11 threads). */
#define READ_FRAMES_NS 2000000ull

/* And where all of it is searched for pointers. */
#define READ_PIECES_NS_PER_MIB 2000000ull

/* Which objects live: 3 ms of one processor for a MiB of small ones. */
#define LIVENESS_NS_PER_MIB 6000000ull

static void set_rate(struct image *img, unsigned needs, struct image_freeze_how *how) {
    struct v8_quick heap;
    how->read_ns_per_mib = needs & ~(unsigned)(NEED_STACKS | NEED_ARGUMENTS | NEED_HANDLES)
                               ? READ_NS_PER_MIB
                               : READ_STACKS_NS_PER_MIB;
    if (needs & NEED_PIECES)
        how->read_ns_per_mib = READ_PIECES_NS_PER_MIB;
    if (!(needs & NEED_LIVENESS) || image_kind(img) != IMAGE_LIVE)
        return;
    struct v8_quick_cache *cache = v8_quick_cache_new();
    if (v8_quick_heap(cache, img, &heap) == 0)
        how->read_more_ns = heap.heap_used_bytes / MIB * LIVENESS_NS_PER_MIB;
    v8_quick_cache_free(cache);
}

/* --- before the stop --- */

static void keep_smaps(struct smaps *s, struct evidence *ev) {
    ev->usage_regions = s->regions;
    ev->usages = s->usages;
    s->regions = (struct region_list){0};
    s->usages = NULL;
    smaps_done(s);
}

static void read_smaps(pid_t pid, struct evidence *ev) {
    struct smaps s;
    if (pid <= 0 || smaps_read("", pid, &s) < 0) {
        evidence_note(ev, "smaps could not be read: no proportional or swapped sizes");
        return;
    }
    keep_smaps(&s, ev);
}

/* "pid bytes name" a line, as collect_neighbours_text() wrote them. */
static void take_neighbours(const char *text, struct evidence *ev) {
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line != 0) {
        struct evidence_neighbour nb = {0};
        unsigned long long rss;
        int pid;
        if (sscanf(line, "%d %llu %63[^\n]", &pid, &rss, nb.name) != 3)
            continue;
        nb.pid = pid;
        nb.rss_bytes = rss;
        vec_push(&ev->neighbours, nb);
    }
}

static char *captured(const struct image *img, const char *name, size_t *ret_len) {
    const char *s = capture_text(img, name, ret_len);
    return s ? mem_strndup(s, *ret_len) : NULL;
}

/* What a capture kept of /proc/PID; other cores have nothing of it. */
static void read_captured(struct image *img, unsigned needs, struct evidence *ev) {
    size_t n;
    cleanup_free char *stat = captured(img, "stat", &n);
    cleanup_free char *status = captured(img, "status", &n);
    if (needs & NEED_PROCESS && stat && process_parse_stat(stat, &ev->process) == 0) {
        ev->has_process = true;
        ev->process.pid = image_pid(img);
        ev->process.parts |= PROCESS_STAT;
        if (status) {
            process_parse_status(status, &ev->process);
            ev->process.parts |= PROCESS_STATUS;
        }
    }
    struct smaps s;
    const char *smaps = capture_text(img, "smaps", &n);
    if (needs & NEED_SMAPS && smaps && smaps_parse(smaps, n, &s) == 0)
        keep_smaps(&s, ev);
    cleanup_free char *neighbours = captured(img, "neighbours", &n);
    if (needs & NEED_NEIGHBOURS && neighbours)
        take_neighbours(neighbours, ev);
    const char *cgroup = capture_text(img, "cgroup_facts", &n);
    if (needs & NEED_CGROUP && cgroup)
        ev->has_cgroup = cgroup_of_text(cgroup, n, &ev->cgroup) == 0;
    cleanup_free char *cpus = captured(img, "cpus", &n);
    if (needs & NEED_CGROUP && cpus)
        ev->has_cpus = cpus_of_text(cpus, &ev->cpus) == 0;
}

static void read_around(struct image *img, unsigned needs, struct evidence *ev) {
    pid_t pid = image_pid(img);
    if (image_kind(img) == IMAGE_CORE)
        read_captured(img, needs, ev);
    if (image_kind(img) == IMAGE_CORE || pid <= 0)
        return;
    if (needs & NEED_SMAPS)
        read_smaps(pid, ev);
    if (needs & NEED_PROCESS)
        ev->has_process = process_read("", pid, PROCESS_ALL, &ev->process) == 0;
    if (needs & NEED_CGROUP) {
        ev->has_cgroup = cgroup_read("", pid, &ev->cgroup) == 0;
        ev->has_cpus = cpus_read(pid, ev->has_cgroup ? &ev->cgroup : NULL, &ev->cpus) == 0;
    }
}

static int by_rss(const void *x, const void *y) {
    const struct evidence_neighbour *a = x, *b = y;
    return a->rss_bytes > b->rss_bytes ? -1 : a->rss_bytes < b->rss_bytes;
}

/* Beside this process: in its memory cgroup where that is not the machine's root, else started with
 * it (one session) or by it. */
static bool is_beside(const struct process *p, const struct process *of) {
    if (p->pid == of->pid || p->kernel_thread)
        return false;
    if (of->cgroup && of->cgroup[0] && of->cgroup[1] && p->cgroup &&
        strcmp(p->cgroup, of->cgroup) == 0)
        return true;
    return (of->session > 1 && p->session == of->session) || p->ppid == of->pid;
}

static void read_neighbours(struct evidence *ev) {
    struct process_query q = {.root = "", .container = ev->process.pid};
    struct process_rows rows = {0};
    if (processes_collect(&q, &rows, NULL) < 0)
        return;
    for (size_t i = 0; i < rows.n; i++) {
        const struct process *p = &rows.at[i].process;
        struct evidence_neighbour nb = {.pid = p->pid};
        if (p->pid == getpid() || !is_beside(p, &ev->process) ||
            !process_size_get(p, PROCESS_RSS, &nb.rss_bytes))
            continue;
        memcpy(nb.name, p->name, sizeof nb.name);
        vec_push(&ev->neighbours, nb);
    }
    vec_sort(&ev->neighbours, by_rss);
    processes_done(&rows);
}

char *collect_neighbours_text(pid_t pid) {
    struct evidence ev = {0};
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    ev.has_process = process_read("", pid, PROCESS_ALL, &ev.process) == 0;
    if (ev.has_process)
        read_neighbours(&ev);
    for (size_t i = 0; i < ev.neighbours.n; i++) {
        const struct evidence_neighbour *nb = &ev.neighbours.at[i];
        cleanup_free char *name = text_printable(nb->name);
        fprintf(f, "%d %llu %s\n", (int)nb->pid, (unsigned long long)nb->rss_bytes, name);
    }
    fclose(f);
    evidence_done(&ev);
    return text;
}

/* --- the stop --- */

struct look {
    struct image *img;
    unsigned needs;
    struct image_freeze_how how;
    struct v8_layout *layout; /* NULL: no V8, or one we cannot read */
    struct malloc_allocator allocator;
    struct stack_reader *stacks;     /* NULL: not wanted */
    struct handle_reader *handles;   /* NULL: not wanted */
    const struct v8_visit *visit;    /* NULL: nobody */
    const struct whole_visit *whole; /* likewise; who wants V8's heap is called while it is there */
    bool whole_seen;
    struct evidence *ev;
};

static void take_malloc(struct look *k) {
    struct evidence *ev = k->ev;
    VEC(struct malloc_range) skip = {0};
    VEC(uint64_t) wanted = {0};
    struct err e = {0};
    for (size_t i = 0; i < ev->v8.pages.n; i++)
        vec_push(&skip, (struct malloc_range){ev->v8.pages.at[i].start, ev->v8.pages.at[i].end});
    for (size_t i = 0; i < ev->v8.stores.n; i++)
        vec_push(&wanted, ev->v8.stores.at[i].addr);
    struct malloc_hints hints = {.skip = skip.at,
                                 .n_skip = skip.n,
                                 .wanted = wanted.at,
                                 .n_wanted = wanted.n,
                                 .keep_pieces = k->needs & NEED_PIECES,
                                 .allocator = &k->allocator};
    int r = malloc_census_take(k->img, &hints, &ev->malloc, &e);
    ev->has_malloc = r >= 0;
    if (r < 0)
        evidence_note(ev, "malloc: %s", e.what[0] ? e.what : strerror(-r));
    vec_free(&skip);
    vec_free(&wanted);
}

/* Everything but V8 is looked at within V8's own visit, when somebody wants all together. */
static int show_whole(struct look *k, const struct v8_view *heap, struct err *e) {
    if (k->whole_seen)
        return 0;
    k->whole_seen = true;
    if (k->needs & (NEED_MALLOC | NEED_ACCOUNT))
        take_malloc(k);
    const struct whole whole = {.img = k->img, .ev = k->ev, .heap = heap};
    return k->whole->see(k->whole->arg, &whole, e);
}

/* A visitor's failure is the answer to the user's question, not a gap in the census. */
struct guest {
    struct look *k;
    int failed;
};

static int let_see(void *guest, const struct v8_view *view, struct err *e) {
    struct guest *g = guest;
    struct look *k = g->k;
    k->ev->has_v8 = true;
    g->failed = k->visit ? k->visit->see(k->visit->arg, view, e) : show_whole(k, view, e);
    return g->failed;
}

static int take_v8(struct look *k, unsigned accept, struct err *e) {
    if (!k->layout)
        return 0;
    unsigned flags = accept | (k->needs & NEED_LIVENESS ? V8_LIVENESS : 0) |
                     (k->needs & NEED_SHAPES ? V8_SHAPES : 0);
    struct guest guest = {.k = k};
    const struct v8_visit visit = {&guest, let_see};
    bool guests = k->visit || (k->whole && k->needs & NEED_LIVENESS);
    int r = v8_census_take(k->img, k->layout, flags, guests ? &visit : NULL, &k->ev->v8, e);
    if (r < 0) {
        v8_census_done(&k->ev->v8);
        k->ev->v8 = (struct v8_census){0};
        if (guest.failed || r == -EAGAIN || r == -EBUSY)
            return r;
        evidence_note(k->ev, "V8: %s", e && e->what[0] ? e->what : strerror(-r));
        if (!(k->needs & NEED_ANYHOW) ||
            v8_census_take(k->img, k->layout, accept, NULL, &k->ev->v8, NULL) < 0) {
            v8_census_done(&k->ev->v8);
            k->ev->v8 = (struct v8_census){0};
            return 0;
        }
    }
    k->ev->has_v8 = k->ev->v8.layout_known;
    return 0;
}

static void take_stacks(struct look *k) {
    if (!k->stacks)
        return;
    stack_reader_take(k->stacks, k->needs & NEED_ARGUMENTS, &k->ev->stacks);
}

static int take_handles(struct look *k, unsigned accept) {
    if (!k->handles)
        return 0;
    uv_census_done(&k->ev->uv); /* of an earlier stop */
    k->ev->uv = (struct uv_census){0};
    int r = handle_reader_take(k->handles, accept, &k->ev->uv);
    k->ev->has_uv = r == 0;
    return r;
}

/* After the release: names are in files. */
static void name_stacks(struct look *k) {
    if (!k->stacks)
        return;
    stack_reader_name(k->stacks, &k->ev->stacks);
    k->ev->stacks.unexplained |= k->ev->target.engine == ENGINE_V8 && !k->layout;
    if (k->ev->stacks.unexplained)
        evidence_note(k->ev, "JavaScript functions have no names: this V8 is not understood");
}

static void name_handles(struct look *k) {
    if (!k->handles)
        return;
    handle_reader_name(k->handles, &k->ev->uv);
    if (k->ev->target.engine == ENGINE_V8 && k->ev->uv.loops.n && !k->ev->uv.has_scripts)
        evidence_note(k->ev, "JavaScript's part of handles is not known: objects of this V8 cannot "
                             "be read");
}

static void debug_stage(const char *name, uint64_t *since_ns) {
    uint64_t now = clock_ns();
    debug("collect", "%s: %.2f ms", name, (double)(now - *since_ns) / 1e6);
    *since_ns = now;
}

/* Reading the heap alone does without large Buffers and the like. A region of this size costs more
 * to copy the page tables of (0.3 ms) than to mark and unmark. */
#define LEAVE_OUT_BYTES (16ull << 20)

static void leave_out_others(struct look *k, struct v8_range_list *others) {
    if (!k->layout || image_kind(k->img) != IMAGE_LIVE ||
        k->needs & (NEED_MALLOC | NEED_ACCOUNT | NEED_HANDLES))
        return;
    v8_pages_find_others(k->img, k->layout, LEAVE_OUT_BYTES, others);
    k->how.leave_out = others->list.at;
    k->how.n_leave_out = others->list.n;
}

static void note_kind(struct evidence *ev, enum image_kind kind) {
    bool stopped = kind == IMAGE_STOPPED, frozen = kind == IMAGE_FROZEN;
    ev->target.kind = stopped ? "stopped" : frozen ? "frozen" : "core";
    ev->cost.freeze = stopped ? "stop" : frozen ? "fork" : NULL;
}

/* After the release, when all is known of one stop. */
static void note_pause(struct look *k, uint64_t before_ns) {
    const struct image_freeze_cost *freeze = image_freeze_cost(k->img);
    struct evidence_cost *cost = &k->ev->cost;
    uint64_t pause = image_pause_ns(k->img) - before_ns - freeze->reap_ns;
    if (pause > cost->longest_ns)
        cost->longest_ns = pause;
    cost->reap_ns = freeze->reap_ns;
    if (freeze->extra_bytes > cost->extra_bytes)
        cost->extra_bytes = freeze->extra_bytes;
    if (freeze->not_forked[0] && !cost->not_forked)
        cost->not_forked = mem_strdup(freeze->not_forked);
}

/* What was read of a copy that was given up on the way. */
static void forget(struct evidence *ev, size_t notes) {
    v8_census_done(&ev->v8);
    malloc_census_done(&ev->malloc);
    stacks_done(&ev->stacks);
    uv_census_done(&ev->uv);
    ev->stacks = (struct stacks){0};
    ev->uv = (struct uv_census){0};
    ev->v8 = (struct v8_census){0};
    ev->malloc = (struct malloc_census){0};
    ev->has_v8 = ev->has_malloc = ev->has_uv = false;
    while (ev->notes.n > notes)
        free(ev->notes.at[--ev->notes.n]);
}

static int stop_and_count(struct look *k, struct err *e) {
    /* What cannot move will not be different the next time. */
    unsigned accept =
        image_kind(k->img) == IMAGE_LIVE ? 0 : V8_ACCEPT_COLLECTION | V8_ACCEPT_UNWALKED;
    for (int attempt = 1, unwalked = 0;; attempt++) {
        uint64_t before = image_pause_ns(k->img);
        uint64_t at = clock_ns();
        size_t notes = k->ev->notes.n;
        int r = image_freeze(k->img, &k->how, e);
        if (r < 0)
            return r;
        k->ev->cost.stops++;
        k->whole_seen = false;
        debug_stage("stop", &at);
        r = take_handles(k, accept);
        debug_stage("handles", &at);
        if (r == 0 && k->needs & (NEED_V8 | NEED_ACCOUNT))
            r = take_v8(k, accept, e);
        debug_stage("v8", &at);
        if (r == 0 && k->whole)
            r = show_whole(k, NULL, e);
        else if (r == 0 && k->needs & (NEED_MALLOC | NEED_ACCOUNT))
            take_malloc(k);
        debug_stage("malloc, visit", &at);
        if (r == 0)
            take_stacks(k);
        debug_stage("stacks", &at);
        note_kind(k->ev, image_kind(k->img));
        int alive = image_check_alive(k->img, e);
        image_release(k->img);
        note_pause(k, before);
        if (alive < 0)
            forget(k->ev, notes);
        if (alive == -EAGAIN)
            continue;
        if (alive < 0)
            return alive;
        if (k->how.n_leave_out && (r == -EBUSY || image_missed_left_out(k->img))) {
            forget(k->ev, notes);
            k->how.n_leave_out = 0;
            continue;
        }
        if (r != -EAGAIN && r != -EBUSY)
            return r;
        unwalked += r == -EBUSY;
        if (attempt + 1 >= STOPS_MAX)
            accept = V8_ACCEPT_COLLECTION | V8_ACCEPT_UNWALKED;
        else if (unwalked >= UNWALKED_MAX)
            accept = V8_ACCEPT_UNWALKED;
        nanosleep(&(struct timespec){0, (long)(RETRY_NS * (uint64_t)attempt)}, NULL);
    }
}

/* --- after it --- */

static void keep_picture(const struct image *img, struct evidence *ev) {
    const struct region_list *l = image_regions(img);
    for (size_t i = 0; i < l->n; i++)
        region_list_add(&ev->regions, &l->at[i]);
    const struct residency *res = image_residency(img);
    if (res) {
        for (size_t i = 0; i < res->n; i++)
            residency_add(&ev->residency, res->at[i].start, res->at[i].end, res->at[i].flags);
        ev->residency.swap_bytes = res->swap_bytes;
        ev->residency.estimated = res->estimated;
        ev->has_residency = true;
    }
    size_t n;
    const struct image_thread *t = image_threads(img, &n);
    for (size_t i = 0; i < n; i++) {
        struct evidence_thread et = {.tid = t[i].tid};
        memcpy(et.name, t[i].name, sizeof et.name);
        vec_push(&ev->threads, et);
    }
    ev->target.threads = (uint32_t)n;
}

static void note_coverage(const struct image *img, struct evidence *ev) {
    size_t n;
    const char *const *notes = image_notes(img, &n);
    for (size_t i = 0; i < n; i++)
        evidence_note(ev, "%s", notes[i]);
    for (size_t i = 0; i < ev->v8.notes.n; i++)
        evidence_note(ev, "%s", ev->v8.notes.at[i]);
    if (ev->malloc.note[0])
        evidence_note(ev, "%s", ev->malloc.note);
    const struct account *a = &ev->account;
    if (ev->has_account && a->rss_bytes && a->attributed_bytes != a->rss_bytes)
        evidence_note(ev, "the kernel's counter says %llu bytes are resident, its page tables %llu",
                      (unsigned long long)a->rss_bytes, (unsigned long long)a->attributed_bytes);
}

static void open_layout(struct look *k) {
    struct evidence *ev = k->ev;
    struct err why = {0};
    int r = v8_layout_open(k->img, &k->layout, &why);
    ev->target.engine = r == -ENODATA ? ENGINE_NONE : ENGINE_V8;
    if (k->layout) {
        memcpy(ev->v8.v8_version, k->layout->v8_version, sizeof ev->v8.v8_version);
        memcpy(ev->v8.node_version, k->layout->node_version, sizeof ev->v8.node_version);
    }
    if (r < 0 && r != -ENODATA)
        evidence_note(ev, "%s", why.what);
    if (k->layout &&
        !k->layout->table) { /* nothing at all is known, not even what pages look like */
        v8_layout_free(k->layout);
        k->layout = NULL;
    }
}

/* How long the main thread has run: the kernel counts it to the nanosecond. */
static bool ran_ns(const struct image *img, uint64_t *ret) {
    char *text;
    size_t n;
    if (image_kind(img) == IMAGE_CORE || image_pid(img) <= 0 ||
        procfs_read("", image_pid(img), "schedstat", 256, &text, &n) < 0)
        return false;
    const char *p = text;
    bool found = procfs_number(&p, text + n, ret);
    free(text);
    return found;
}

/* Where the copy took long to read: what the process did meanwhile. A look of some milliseconds
 * says nothing. */
static void note_activity(const struct image *img, uint64_t began_ns, bool known, uint64_t ran_then,
                          struct evidence *ev) {
    const uint64_t least_ns = 50000000;
    uint64_t ran, free_ns = clock_ns() - began_ns - image_pause_ns(img);
    if (!known || free_ns < least_ns || !ran_ns(img, &ran) || ran < ran_then)
        return;
    double share = (double)(ran - ran_then) / (double)free_ns;
    ev->activity = (struct evidence_activity){true, share < 1 ? share : 1};
}

static int look_at_image(struct image *img, unsigned needs, const struct image_freeze_how *how,
                         const struct v8_visit *visit, const struct whole_visit *whole,
                         struct evidence *ret, struct err *e) {
    uint64_t began = clock_ns();
    struct look k = {
        .img = img, .needs = needs, .how = *how, .visit = visit, .whole = whole, .ev = ret};
    uint64_t ran = 0;
    bool ran_known = ran_ns(img, &ran);
    set_rate(img, needs, &k.how);
    *ret = (struct evidence){.target = {.kind = "live", .pid = image_pid(img)}};
    if (image_exe(img)[0])
        ret->target.exe = mem_strdup(image_exe(img));
    read_around(img, needs, ret);
    if (needs & (NEED_V8 | NEED_ACCOUNT | NEED_STACKS | NEED_HANDLES))
        open_layout(&k);
    if (needs & NEED_FLAGS && k.layout)
        ret->has_flags = v8_flags_read(img, k.layout, &ret->flags) == 0 &&
                         v8_node_options_read(img, k.layout, &ret->flags) == 0;
    if (needs & (NEED_MALLOC | NEED_ACCOUNT))
        malloc_recognise(img, &k.allocator);
    if (needs & NEED_STACKS) {
        k.stacks = stack_reader_new(img, k.layout);
        k.how.read_more_ns += k.layout ? READ_FRAMES_NS : 0;
    }
    if (needs & NEED_HANDLES) {
        k.handles = handle_reader_new(img, k.layout);
        k.how.read_more_ns += READ_FRAMES_NS;
    }
    struct v8_census versions = ret->v8;
    struct v8_range_list others = {0};
    leave_out_others(&k, &others);
    int r = stop_and_count(&k, e);
    vec_free(&others.list);
    if (r == 0) {
        if (!ret->has_v8) {
            memcpy(ret->v8.v8_version, versions.v8_version, sizeof versions.v8_version);
            memcpy(ret->v8.node_version, versions.node_version, sizeof versions.node_version);
        }
        keep_picture(img, ret);
        name_stacks(&k);
        name_handles(&k);
        if (needs & NEED_ACCOUNT)
            account_build(img, ret);
        if (needs & NEED_NEIGHBOURS && ret->has_process && image_kind(img) != IMAGE_CORE)
            read_neighbours(ret);
        note_coverage(img, ret);
    }
    note_activity(img, began, ran_known, ran, ret);
    stack_reader_free(k.stacks);
    handle_reader_free(k.handles);
    v8_layout_free(k.layout);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    ret->cost.own_rss_bytes = (uint64_t)u.ru_maxrss * 1024;
    ret->cost.pause_ns = image_pause_ns(img);
    ret->cost.took_ns = clock_ns() - began;
    if (r < 0)
        evidence_done(ret);
    return r;
}

int collect_image(struct image *img, unsigned needs, const struct image_freeze_how *how,
                  struct evidence *ret, struct err *e) {
    return look_at_image(img, needs, how, NULL, NULL, ret, e);
}

static int look_at_target(const char *target, unsigned needs, const struct image_freeze_how *how,
                          const struct v8_visit *visit, const struct whole_visit *whole,
                          struct evidence *ret, struct err *e) {
    struct image *img;
    int r = target_open(target, &img, e);
    if (r < 0)
        return r;
    r = look_at_image(img, needs, how, visit, whole, ret, e);
    image_free(img);
    return r;
}

int collect_visited(const char *target, unsigned needs, const struct image_freeze_how *how,
                    const struct v8_visit *visit, struct evidence *ret, struct err *e) {
    if (!visit && recorded_is(target))
        return recorded_evidence(target, ret, e);
    return look_at_target(target, needs, how, visit, NULL, ret, e);
}

int collect_whole(const char *target, unsigned needs, const struct image_freeze_how *how,
                  const struct whole_visit *visit, struct evidence *ret, struct err *e) {
    return look_at_target(target, needs, how, NULL, visit, ret, e);
}

static int see_still(void *still, const struct whole *whole, struct err *e) {
    const struct still_visit *visit = still;
    return visit->see(visit->arg, whole->img, whole->ev, e);
}

int collect_still(const char *target, unsigned needs, const struct image_freeze_how *how,
                  const struct still_visit *visit, struct evidence *ret, struct err *e) {
    struct still_visit still = *visit;
    const struct whole_visit whole = {&still, see_still};
    return collect_whole(target, needs, how, &whole, ret, e);
}

int collect(const char *target, unsigned needs, const struct image_freeze_how *how,
            struct evidence *ret, struct err *e) {
    return collect_visited(target, needs, how, NULL, ret, e);
}
