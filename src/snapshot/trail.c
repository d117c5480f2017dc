#include "snapshot/trail.h"

#include "base/bits.h"
#include "base/hash.h"
#include "v8/heap.h"
#include "v8/nodes.h"
#include "v8/strings.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { DIGIT = 5, MORE = 1 << DIGIT, HASH_DIGIT = 6 };

/* --- hashes --- */

/* V8's seed of all hashes, which Node sets at random, and where the isolate is. */
uint64_t snapshot_secret(struct heap_look *look, int isolate) {
    enum { SEED_MAX = 64 };
    const struct v8_view *view = look->view;
    uint64_t seed, hash = view->census->isolates.at[isolate].isolate;
    size_t n;
    int root = v8_layout_root(view->l, "hash_seed");
    if (root >= 0 &&
        image_read_u64(view->img, view->l->main_roots + 8 * (uint64_t)root, &seed) == 0) {
        cleanup_free uint8_t *bytes = v8_bytes_get(&look->objects, seed, SEED_MAX, &n);
        if (bytes)
            hash = hash_add(hash, bytes, n);
    }
    return hash_mix(hash ^ 0x9E3779B97F4A7C15ull, 0xD6E8FEB86659FD93ull);
}

uint64_t snapshot_process(uint64_t secret) {
    static const char what[] = "process";
    return hash_add(secret, what, sizeof what);
}

static uint32_t fold(uint64_t secret, uint64_t hash) {
    uint32_t bits = (uint32_t)hash_add(secret, &hash, sizeof hash) >> (32 - SNAPSHOT_CONTENT_BITS);
    return bits ? bits : 1;
}

uint32_t snapshot_content_of_string(uint64_t secret, uint64_t hash) {
    return fold(secret, hash);
}

/* Words that are numbers, of an object whose others are references: those move. Nothing of V8's own
 * records, which change by themselves. */
static bool has_numbers(enum v8_kind kind) {
    return v8_is_receiver(kind) || kind == KIND_ARRAY;
}

static bool is_raw(enum v8_kind kind) {
    return kind == KIND_HEAP_NUMBER || kind == KIND_BIGINT || kind == KIND_BYTES ||
           kind == KIND_DOUBLES;
}

/* Of the words [1, n). The second is that of an object's identity hash, if it has one: a random
 * number that never changes. */
static struct snapshot_content of_words(uint64_t secret, const uint64_t *words, size_t n,
                                        size_t first) {
    struct snapshot_content ret = {0};
    uint64_t hash = 0, first_word = 0;
    size_t numbers = 0;
    for (size_t i = 1; i < n; i++) {
        if (!v8_is_smi(words[i]))
            continue;
        hash = hash_mix(hash ^ words[i] ^ 0x9E3779B97F4A7C15ull, 0xD6E8FEB86659FD93ull + i);
        if (i >= first && !numbers++)
            first_word = words[i];
    }
    ret.all = hash ? fold(secret, hash) : 0;
    if (numbers > 1)
        ret.first = fold(secret, v8_is_smi(words[1]) ? first_word ^ words[1] >> 32 : first_word);
    return ret;
}

struct snapshot_content snapshot_content(struct v8_objects *o, uint64_t secret, uint64_t object,
                                         uint64_t bytes) {
    enum { WORDS = 32, RECEIVER_HEAD = 3 };
    uint64_t words[WORDS];
    enum v8_kind kind = v8_kind(o, object);
    size_t n = bytes / 8 < WORDS ? bytes / 8 : WORDS;
    if (kind == KIND_STRING) /* in parts: others have their characters' hash */
        return (struct snapshot_content){fold(secret, (uint64_t)v8_string_length(o, object)), 0};
    if ((!is_raw(kind) && !has_numbers(kind)) || n < 2 ||
        v8_objects_read(o, object - 1, words, 8 * n) < 0)
        return (struct snapshot_content){0};
    if (is_raw(kind))
        return (struct snapshot_content){fold(secret, hash_add(secret, words + 1, 8 * (n - 1))), 0};
    return of_words(secret, words, n, v8_is_receiver(kind) ? RECEIVER_HEAD : n);
}

/* --- writing --- */

static void put_number(struct snapshot_text *t, uint64_t v) {
    for (; v >= MORE; v >>= DIGIT)
        snapshot_text_char(t, alphabet[v % MORE | MORE]);
    snapshot_text_char(t, alphabet[v]);
}

static void put_hash(struct snapshot_text *t, uint32_t hash) {
    for (int bits = 0; bits < SNAPSHOT_CONTENT_BITS; bits += HASH_DIGIT)
        snapshot_text_char(t, alphabet[hash >> bits & 63]);
}

static void put_ids(struct snapshot_text *t, const uint64_t *taken) {
    bool is = false;
    uint32_t from = 0;
    for (uint32_t i = 0; i <= SNAPSHOT_UNITS; i++)
        if (i == SNAPSHOT_UNITS || bits_get(taken, i) != is) {
            put_number(t, i - from);
            from = i;
            is = !is;
        }
}

bool snapshot_is_young(const struct v8_view *view, uint64_t addr) {
    const struct v8_page *p = v8_pages_at(&view->heap->pages, addr);
    return p && p->space == V8_NEW;
}

void snapshot_trail_object(struct snapshot_text *t, const struct snapshot_plan *p, uint64_t before,
                           uint64_t addr, struct snapshot_content content) {
    uint64_t unit = before / V8_PAGE_ALIGN, at = addr / V8_PAGE_ALIGN;
    if (at != unit) {
        uint64_t far = at > unit ? 2 * (at - unit) : 2 * (unit - at) - 1;
        snapshot_text_char(t, alphabet[0]);
        put_number(t, 2 * far + snapshot_is_young(p->view, addr));
        before = at * V8_PAGE_ALIGN - 8;
    }
    put_number(t, (addr - before) / 8 * 4 + (content.all != 0) + (content.first != 0));
    if (content.all)
        put_hash(t, content.all);
    if (content.first)
        put_hash(t, content.first);
}

void snapshot_trail_head(struct snapshot_text *t, const struct snapshot_plan *p, uint64_t secret) {
    char head[32];
    snprintf(head, sizeof head, "\"memwhy\":\"%016llx %u ",
             (unsigned long long)snapshot_process(secret), p->first_heap);
    snapshot_text_put(t, head);
    put_ids(t, p->ids.taken);
    snapshot_text_char(t, ' ');
}

/* --- reading --- */

/* -1 at the end. */
static int next_char(struct snapshot_trail *t) {
    if (t->at == t->n) {
        t->n = t->more(t->arg, t->buf, sizeof t->buf);
        t->at = 0;
        if (t->n == 0)
            return -1;
    }
    return (unsigned char)t->buf[t->at++];
}

/* -1: none. */
static int digit_of(int c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

static bool get_number(struct snapshot_trail *t, uint64_t *ret) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 60; shift += DIGIT) {
        int digit = digit_of(next_char(t));
        if (digit < 0)
            return false;
        v |= (uint64_t)(digit % MORE) << shift;
        if (digit < MORE) {
            *ret = v;
            return true;
        }
    }
    return false;
}

static bool get_hash(struct snapshot_trail *t, uint32_t *ret) {
    uint32_t v = 0;
    for (int bits = 0; bits < SNAPSHOT_CONTENT_BITS; bits += HASH_DIGIT) {
        int digit = digit_of(next_char(t));
        if (digit < 0)
            return false;
        v |= (uint32_t)digit << bits;
    }
    *ret = v;
    return true;
}

/* Up to a space, which is taken. */
static bool get_word(struct snapshot_trail *t, int base, uint64_t *ret) {
    enum { LONGEST = 16 };
    char text[LONGEST + 1], *end;
    size_t n = 0;
    int c;
    while ((c = next_char(t)) > ' ' && n < LONGEST)
        text[n++] = (char)c;
    text[n] = 0;
    *ret = strtoull(text, &end, base);
    return c == ' ' && n && !*end;
}

static bool get_ids(struct snapshot_trail *t, uint64_t *taken) {
    uint64_t run, at = 0;
    for (bool is = false; at < SNAPSHOT_UNITS; is = !is) {
        if (!get_number(t, &run) || run > SNAPSHOT_UNITS - at || (!run && at))
            return false;
        for (; run; run--, at++)
            if (is)
                bits_set(taken, at);
    }
    return next_char(t) == ' ';
}

void snapshot_trail_begin_objects(struct snapshot_trail *t) {
    t->at = t->n = 0;
    t->addr = 0;
}

int snapshot_trail_begin(struct snapshot_trail *t, uint64_t *ret_process, uint32_t *ret_first,
                         uint64_t *taken) {
    uint64_t first;
    snapshot_trail_begin_objects(t);
    if (!get_word(t, 16, ret_process) || !get_word(t, 10, &first) || first > UINT32_MAX ||
        !get_ids(t, taken))
        return -EBADMSG;
    *ret_first = (uint32_t)first;
    return 0;
}

/* Other 256 KiB; the object before the first stands a word before them. */
static bool get_unit(struct snapshot_trail *t) {
    uint64_t v;
    if (!get_number(t, &v))
        return false;
    uint64_t far = v / 2, unit = t->addr / V8_PAGE_ALIGN;
    unit = far % 2 ? unit - (far + 1) / 2 : unit + far / 2;
    t->is_young = v % 2;
    t->begins = true;
    t->addr = unit * V8_PAGE_ALIGN - 8;
    return true;
}

bool snapshot_trail_next(struct snapshot_trail *t) {
    uint64_t v;
    t->begins = false;
    if (!get_number(t, &v) || (v == 0 && (!get_unit(t) || !get_number(t, &v))) || v < 4)
        return false;
    t->addr += v / 4 * 8;
    t->content = (struct snapshot_content){0};
    return (v % 4 < 1 || get_hash(t, &t->content.all)) &&
           (v % 4 < 2 || get_hash(t, &t->content.first));
}
