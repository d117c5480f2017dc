#include "native/pointers.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/parallel.h"
#include "native/roots.h"
#include "native/word.h"
#include <pthread.h>
#include <stdio.h>

enum { READ_BYTES = 64 << 10 };

struct search {
    const struct image *img;
    struct pointer_target target;
    uint64_t as_smi, as_double; /* its beginning; 0: it cannot be one */
    VEC(struct root_range) ranges;
    pthread_mutex_t lock;
    struct pointers *ret;
};

const char *pointer_how_name(enum pointer_how h) {
    static const char *const names[] = {
        [POINTER_BEGIN] = "begin",   [POINTER_INSIDE] = "inside", [POINTER_MANGLED] = "mangled",
        [POINTER_NUMBER] = "number", [POINTER_CODE] = "code",
    };
    return names[h];
}

bool pointer_means(const struct pointer_target *t, uint64_t word, struct pointer *ret) {
    if (word - t->start < t->end - t->start) {
        ret->how = word == t->start ? POINTER_BEGIN : POINTER_INSIDE;
        ret->value = word;
        return true;
    }
    if (word < LIMIT_USER_ADDR)
        return false;
    uint64_t plain = word_demangled(t->guard, word);
    bool is_number = word_smi(word) == t->start || word_double(word) == t->start;
    if (!is_number && plain - t->start >= t->end - t->start)
        return false;
    ret->how = is_number ? POINTER_NUMBER : POINTER_MANGLED;
    ret->value = is_number ? t->start : plain;
    return true;
}

/* ---- what is searched ---- */

static void keep(struct search *s, struct pointer found) {
    enum { KEPT_MAX = 1 << 20 }; /* who is referred to more often is looked at by its own words */
    pthread_mutex_lock(&s->lock);
    if (s->ret->list.n < KEPT_MAX)
        vec_push(&s->ret->list, found);
    else
        s->ret->more++;
    pthread_mutex_unlock(&s->lock);
}

static void search_words(struct search *s, const uint8_t *bytes, size_t n, uint64_t at) {
    for (size_t i = 0; i + 8 <= n; i += 8) {
        struct pointer found = {.at = at + i};
        if (pointer_means(&s->target, u64_at(bytes, i), &found))
            keep(s, found);
    }
}

/* As in native/graph.c. */
static void search_code(struct search *s, const uint8_t *bytes, size_t n, uint64_t at) {
    enum { MOV = 0xb8, REGISTERS = 7 };
    for (size_t i = 0; i + 8 <= n; i++) {
        uint64_t word = u64_at(bytes, i), operand = (uint32_t)(word >> 8);
        struct pointer found = {.at = at + i, .value = word, .how = POINTER_CODE};
        bool is_mov = (bytes[i] & ~REGISTERS) == MOV && operand == s->target.start;
        if (!is_mov && word - s->target.start >= s->target.end - s->target.start)
            continue;
        found.value = is_mov ? operand : word;
        keep(s, found);
    }
}

static void search_range(void *search, size_t i) {
    struct search *s = search;
    const struct root_range *r = &s->ranges.at[i];
    uint8_t buf[READ_BYTES];
    for (uint64_t at = r->start, next; at < r->end; at = next) {
        size_t want = r->end - at < sizeof buf ? (size_t)(r->end - at) : sizeof buf;
        size_t n = image_read_prefix(s->img, at, buf, want) & ~(size_t)7;
        next = n ? at + n : (at & ~(PAGE_BYTES - 1)) + PAGE_BYTES;
        if (!n)
            __atomic_fetch_add(&s->ret->unread_bytes, (next < r->end ? next : r->end) - at,
                               __ATOMIC_RELAXED);
        else if (r->code)
            search_code(s, buf, n, at);
        else
            search_words(s, buf, n, at);
        if (n && r->code && next < r->end)
            next -= 8; /* what lies across */
    }
}

static void add_shares(struct search *s, uint64_t start, uint64_t end) {
    const uint64_t share = 1ull << 20;
    for (uint64_t at = start & ~7ull; at < end; at += share)
        vec_push(&s->ranges, (struct root_range){.start = at,
                                                 .end = end - at > share ? at + share : end,
                                                 .kind = ROOT_OTHER});
}

/* All of malloc's memory: which words of it are in chunks in use is asked of those found. */
static void add_spans(struct search *s, const struct malloc_census *c) {
    const struct residency *res = image_residency(s->img);
    for (size_t i = 0; i < c->spans.n; i++) {
        const struct malloc_span *span = &c->spans.at[i];
        if (!res)
            add_shares(s, span->start, span->end);
        for (size_t k = res ? residency_lower_bound(res, span->start) : 0;
             res && k < res->n && res->at[k].start < span->end; k++) {
            const struct resident_run *run = &res->at[k];
            add_shares(s, run->start > span->start ? run->start : span->start,
                       run->end < span->end ? run->end : span->end);
        }
    }
}

/* ---- registers ---- */

static void search_registers(struct search *s) {
    size_t n;
    const struct image_thread *t = image_threads(s->img, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t count = !t[i].has_regs    ? 0
                         : t[i].has_fpregs ? IMAGE_REGS + IMAGE_FPREGS
                                           : (uint32_t)IMAGE_REGS;
        for (uint32_t k = 0; k < count; k++) {
            struct pointer found = {.thread = i, .reg = k};
            uint64_t word = k < IMAGE_REGS ? t[i].regs[k] : t[i].fpregs[k - IMAGE_REGS];
            if (pointer_means(&s->target, word, &found))
                keep(s, found);
        }
    }
}

const char *pointer_register(uint32_t reg, char buf[REGISTER_NAME_MAX]) {
    static const char *const names[IMAGE_REGS] = {
        "r15",    "r14", "r13", "r12",     "rbp",     "rbx", "r11",      "r10", "r9",
        "r8",     "rax", "rcx", "rdx",     "rsi",     "rdi", "orig_rax", "rip", "cs",
        "eflags", "rsp", "ss",  "fs_base", "gs_base", "ds",  "es",       "fs",  "gs"};
    /* FXSAVE: 32 bytes of state, x87 registers from 32 on, SSE's from 160 on, 16 bytes each */
    enum { X87 = 32 / 8, SSE = 160 / 8, SSE_END = SSE + 32 };
    uint32_t word = reg - IMAGE_REGS;
    if (reg < IMAGE_REGS)
        snprintf(buf, REGISTER_NAME_MAX, "%s", names[reg]);
    else if (word >= SSE && word < SSE_END)
        snprintf(buf, REGISTER_NAME_MAX, "xmm%u", (word - SSE) / 2);
    else if (word >= X87 && word < SSE)
        snprintf(buf, REGISTER_NAME_MAX, "st%u", (word - X87) / 2);
    else
        snprintf(buf, REGISTER_NAME_MAX, "fxsave+%u", word * 8 % 1000);
    return buf;
}

/* ---- all ---- */

static int by_place(const void *x, const void *y) {
    const struct pointer *a = x, *b = y;
    if (a->at != b->at) /* 0, a register, comes last */
        return a->at - 1 < b->at - 1 ? -1 : 1;
    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    return a->reg < b->reg ? -1 : a->reg > b->reg;
}

void pointers_find(const struct image *img, const struct malloc_census *c, uint64_t start,
                   uint64_t end, struct pointers *ret) {
    const struct malloc_census none = {0};
    struct native_roots roots;
    struct search s = {.img = img, .ret = ret};
    *ret = (struct pointers){0};
    native_roots_find(img, c ? c : &none, &roots);
    s.target = (struct pointer_target){start, end, roots.guard};
    for (size_t i = 0; i < roots.list.n; i++)
        vec_push(&s.ranges, roots.list.at[i]);
    if (c)
        add_spans(&s, c);
    pthread_mutex_init(&s.lock, NULL);
    parallel_for(s.ranges.n, search_range, &s);
    pthread_mutex_destroy(&s.lock);
    search_registers(&s);
    vec_sort(&ret->list, by_place);
    size_t n = 0; /* what of malloc's could not be walked was searched as root and as malloc's */
    for (size_t i = 0; i < ret->list.n; i++)
        if (!i || !ret->list.at[i].at || ret->list.at[i].at != ret->list.at[i - 1].at)
            ret->list.at[n++] = ret->list.at[i];
    ret->list.n = n;
    vec_free(&s.ranges);
    native_roots_done(&roots);
}

void pointers_done(struct pointers *p) {
    vec_free(&p->list);
}
