#include "collect/sampler_heaps.h"

#include "base/clock.h"
#include "base/vec.h"
#include "image/words.h"
#include "malloc/totals.h"
#include "v8/counters.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* How long to wait before what was not there is looked for again. */
static const uint64_t first_wait_ns = 250u * 1000000u, last_wait_ns = 60u * 1000000000ull;

enum { LOST_AFTER = 20 }; /* samples in a row: it may run another program by now */

static const char not_yet[] = "V8 is not set up in it yet, or no more.";
static const char unknown[] = "Where this V8 keeps its counters is not known.";
static const char refused[] =
    "Its memory may not be read: that takes root, or its user and the right to trace it.";
static const char no_v8[] = "No V8 was found in it.";

struct binary {
    uint64_t dev, inode;
    struct v8_recipe *recipe; /* NULL: its counters are not known */
};

struct sampler_heaps {
    VEC(struct binary) binaries;
};

struct sampled_heap {
    struct sampler_heaps *all;
    pid_t pid;
    uint64_t exe_dev, exe_inode;  /* at the last look */
    struct image *words;          /* NULL: not opened yet */
    struct v8_counters *counters; /* NULL: not found yet */
    struct malloc_totals *malloc; /* NULL: not found yet, or no glibc */
    unsigned lost;                /* samples in a row that found nothing where something was */
    const char *why;
    uint64_t next_ns, wait_ns; /* when to try again what failed */
};

struct sampler_heaps *sampler_heaps_new(void) {
    return mem_zalloc(sizeof(struct sampler_heaps));
}

void sampler_heaps_free(struct sampler_heaps *h) {
    if (!h)
        return;
    for (size_t i = 0; i < h->binaries.n; i++)
        v8_recipe_free(h->binaries.at[i].recipe);
    vec_free(&h->binaries);
    free(h);
}

struct sampled_heap *sampled_heap_new(struct sampler_heaps *h, pid_t pid) {
    struct sampled_heap *p = mem_zalloc(sizeof *p);
    p->all = h;
    p->pid = pid;
    p->why = not_yet;
    return p;
}

void sampled_heap_free(struct sampled_heap *p) {
    if (!p)
        return;
    v8_counters_free(p->counters);
    malloc_totals_free(p->malloc);
    image_free(p->words);
    free(p);
}

/* Which program it runs. */
static void identify(struct sampled_heap *p) {
    char path[32];
    struct stat st = {0};
    snprintf(path, sizeof path, "/proc/%d/exe", (int)p->pid);
    (void)stat(path, &st);
    p->exe_dev = st.st_dev;
    p->exe_inode = st.st_ino;
}

static const struct binary *find_binary(const struct sampled_heap *p) {
    for (size_t i = 0; p->exe_inode && i < p->all->binaries.n; i++) {
        const struct binary *b = &p->all->binaries.at[i];
        if (b->dev == p->exe_dev && b->inode == p->exe_inode)
            return b;
    }
    return NULL;
}

static const char *why_of(int error) {
    return error == -EPERM || error == -EACCES ? refused : error == -ENOTSUP ? unknown : not_yet;
}

/* What is known of its binary; learned from this process if it is the first. */
static int get_recipe(struct sampled_heap *p, struct image *img, const struct v8_recipe **ret) {
    const struct binary *known = find_binary(p);
    struct v8_recipe *recipe = NULL;
    if (known) {
        *ret = known->recipe;
        return known->recipe ? 0 : -ENOTSUP;
    }
    int r = v8_recipe_learn(img, &recipe, NULL);
    if (r == 0 || r == -ENOTSUP)
        vec_push(&p->all->binaries, (struct binary){p->exe_dev, p->exe_inode, recipe});
    mem_trim(); /* symbols of 100,000 functions */
    *ret = recipe;
    return r;
}

static int open_counters(struct sampled_heap *p, struct image *img) {
    const struct v8_recipe *recipe;
    uint64_t bias = 0;
    int r = get_recipe(p, img, &recipe);
    if (r == 0 && v8_recipe_moves(recipe))
        r = v8_recipe_bias(img, &bias);
    if (r == 0)
        p->counters = v8_counters_new(recipe, bias);
    return r;
}

/* Where the counters are: the one look at the process's map. */
static int find_places(struct sampled_heap *p) {
    struct image *img = NULL;
    int r = p->words ? 0 : image_open_words(p->pid, &p->words);
    if (r == 0)
        r = image_open_live(p->pid, &img, NULL);
    if (r < 0)
        return r;
    if (!p->malloc)
        (void)malloc_totals_find(img, &p->malloc);
    r = open_counters(p, img);
    image_free(img);
    return r;
}

static void look(struct sampled_heap *p, uint64_t now) {
    identify(p);
    int r = find_places(p);
    p->why = r == -ENODATA && p->wait_ns >= last_wait_ns ? no_v8 : why_of(r);
    p->wait_ns = p->wait_ns ? 2 * p->wait_ns : first_wait_ns;
    p->wait_ns = p->wait_ns < last_wait_ns ? p->wait_ns : last_wait_ns;
    p->next_ns = now + p->wait_ns;
}

static int sample_malloc(struct sampled_heap *p, struct sample *ret) {
    uint64_t arenas, mapped;
    int r = malloc_totals_read(p->malloc, p->words, &arenas, &mapped);
    if (r == 0 || r == -ENODATA)
        sample_set(ret, SAMPLE_MALLOC_ARENAS, arenas);
    if (r == 0)
        sample_set(ret, SAMPLE_MALLOC_MAPPED, mapped);
    return r;
}

static void start_anew(struct sampled_heap *p, uint64_t now) {
    v8_counters_free(p->counters);
    malloc_totals_free(p->malloc);
    p->counters = NULL;
    p->malloc = NULL;
    p->lost = 0;
    p->next_ns = now;
}

bool sampled_heap_sample(struct sampled_heap *p, struct sample *ret, const char **ret_why) {
    uint64_t now = clock_ns();
    int v8 = 0, malloc = 0;
    if (p->lost > LOST_AFTER)
        start_anew(p, now + p->wait_ns);
    if (!p->counters && now >= p->next_ns)
        look(p, now);
    if (p->malloc)
        malloc = sample_malloc(p, ret);
    if (p->counters) {
        v8 = v8_counters_sample(p->counters, p->words, now, ret);
        p->why = v8 == 0 || v8 == -EAGAIN ? NULL : why_of(v8);
    }
    p->lost = v8 == -ENODATA || malloc == -EAGAIN ? p->lost + 1 : 0;
    *ret_why = p->why;
    return v8 == -EAGAIN;
}
