#include "v8/strings.h"

#include "base/bytes.h"
#include "base/text.h"
#include <errno.h>
#include <string.h>

/* Low bits of a string's instance type: src/objects/instance-type.h, 7.0 to 14.6. */
enum {
    REPRESENTATION = 7,
    SEQUENTIAL = 0,
    CONS = 1,
    EXTERNAL = 2,
    SLICED = 3,
    THIN = 5,
    UNCACHED = 0x10, /* an external string that does not keep where its characters are */
};

enum v8_string_form v8_string_form(const struct v8_layout *l, int type) {
    if (type < 0 || type >= l->first_nonstring_type)
        return STRING_FORMS;
    switch (type & REPRESENTATION) {
    case SEQUENTIAL:
        return STRING_SEQUENTIAL;
    case CONS:
        return STRING_CONS;
    case SLICED:
        return STRING_SLICED;
    case EXTERNAL:
        return STRING_EXTERNAL;
    case THIN:
        return STRING_THIN;
    default:
        return STRING_FORMS;
    }
}

unsigned v8_string_width(const struct v8_layout *l, int type) {
    return (type & l->string_encoding_mask) == l->one_byte_tag ? 1 : 2;
}

/* A rope built by += has as many parts as it was added to; more steps than this is a broken one. */
enum { STEPS_MAX = 1 << 22, HEAD = 32, CHUNK = 2048 };

/* Still to be read: units [from, to) of a string. */
struct part {
    uint64_t string;
    uint32_t from, to;
};

struct reading {
    struct v8_objects *o;
    VEC(struct part) rest; /* the next is the last */
    struct v8_text *ret;
};

static int append(struct reading *r, uint64_t chars, bool one_byte, uint32_t from, uint32_t to) {
    uint8_t buf[CHUNK];
    uint64_t width = one_byte ? 1 : 2;
    for (uint32_t at = from; at < to;) {
        uint32_t n = to - at < CHUNK / 2 ? to - at : CHUNK / 2;
        if (v8_objects_read(r->o, chars + width * at, buf, (size_t)(width * n)) < 0)
            return -EFAULT;
        for (uint32_t i = 0; i < n; i++)
            r->ret->units[r->ret->n++] =
                one_byte ? buf[i] : (uint16_t)(buf[2 * i] | buf[2 * i + 1] << 8);
        at += n;
    }
    return 0;
}

static int split(struct reading *r, struct part p, uint64_t first, uint64_t second) {
    int64_t n = v8_string_length(r->o, first);
    if (n < 0 || n > UINT32_MAX)
        return -EBADMSG;
    uint32_t middle = (uint32_t)n;
    if (p.to > middle)
        vec_push(&r->rest,
                 (struct part){second, p.from > middle ? p.from - middle : 0, p.to - middle});
    if (p.from < middle)
        vec_push(&r->rest, (struct part){first, p.from, p.to < middle ? p.to : middle});
    return 0;
}

static int step(struct reading *r, struct part p) {
    uint8_t head[HEAD];
    if (v8_kind(r->o, p.string) != KIND_STRING)
        return -EBADMSG;
    unsigned type = (unsigned)v8_instance_type(r->o, p.string);
    uint64_t addr = p.string & ~3ull;
    bool one_byte = (type & r->o->l->string_encoding_mask) == r->o->l->one_byte_tag;
    if (v8_objects_read(r->o, addr, head, 16) < 0)
        return -EFAULT;
    if (u32_at(head, 12) < p.to)
        return -EBADMSG;
    if ((type & REPRESENTATION) == SEQUENTIAL)
        return append(r, addr + 16, one_byte, p.from, p.to);
    if (v8_objects_read(r->o, addr, head, (type & REPRESENTATION) == THIN ? 24 : HEAD) < 0)
        return -EFAULT;
    uint64_t a = u64_at(head, 16), b = u64_at(head, 24);
    switch (type & REPRESENTATION) {
    case CONS:
        return split(r, p, a, b);
    case THIN:
        vec_push(&r->rest, (struct part){a, p.from, p.to});
        return 0;
    case SLICED:
        if (v8_smi(b) < 0 || (uint64_t)(uint32_t)v8_smi(b) + p.to > INT32_MAX)
            return -EBADMSG;
        vec_push(&r->rest,
                 (struct part){a, p.from + (uint32_t)v8_smi(b), p.to + (uint32_t)v8_smi(b)});
        return 0;
    case EXTERNAL:
        return type & UNCACHED ? -ENODATA : append(r, b, one_byte, p.from, p.to);
    default:
        return -EBADMSG;
    }
}

int64_t v8_string_length(struct v8_objects *o, uint64_t string) {
    uint32_t n;
    if (v8_kind(o, string) != KIND_STRING || !v8_field_u32(o, string, 12, &n) || n > INT32_MAX)
        return -1;
    return n;
}

static int read_part(struct v8_objects *o, uint64_t string, uint32_t from, uint32_t to,
                     struct v8_text *ret) {
    struct v8_text text = {0};
    struct reading r = {.o = o, .ret = &text};
    int rc = 0;
    text.units = mem_grow(NULL, (size_t)(to - from) + 1, sizeof *text.units);
    if (to > from)
        vec_push(&r.rest, (struct part){string, from, to});
    for (int steps = 0; r.rest.n && rc == 0; steps++)
        rc = steps < STEPS_MAX ? step(&r, r.rest.at[--r.rest.n]) : -EBADMSG;
    vec_free(&r.rest);
    if (rc < 0) {
        v8_text_done(&text);
        return rc;
    }
    *ret = text;
    return 0;
}

int v8_string_read(struct v8_objects *o, uint64_t string, size_t max, struct v8_text *ret) {
    int64_t n = v8_string_length(o, string);
    if (n < 0)
        return -EBADMSG;
    return read_part(o, string, 0, (uint64_t)n > max ? (uint32_t)max : (uint32_t)n, ret);
}

void v8_text_done(struct v8_text *t) {
    free(t->units);
    *t = (struct v8_text){0};
}

static char *utf8(const struct v8_text *t, const char *end) {
    /* A pair of surrogates takes four bytes for two units. */
    char *s = mem_grow(NULL, t->n + strlen(end) + 1, 3), *to = s;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t c = t->units[i];
        bool pair = (c & 0xfc00) == 0xd800 && i + 1 < t->n && (t->units[i + 1] & 0xfc00) == 0xdc00;
        if (pair)
            c = 0x10000 + ((c & 0x3ff) << 10) + (t->units[++i] & 0x3ff);
        else if ((c & 0xf800) == 0xd800 || !c)
            c = 0xfffd;
        to = text_put_utf8(to, c);
    }
    memcpy(to, end, strlen(end) + 1);
    return s;
}

char *v8_string_utf8(struct v8_objects *o, uint64_t string, size_t max) {
    struct v8_text t;
    if (v8_string_read(o, string, max, &t) < 0)
        return NULL;
    char *s = utf8(&t, "");
    v8_text_done(&t);
    return s;
}

char *v8_string_part_utf8(struct v8_objects *o, uint64_t string, uint32_t from, uint32_t to,
                          size_t max) {
    struct v8_text t;
    uint32_t end = to > from && to - from > max ? from + (uint32_t)max : to;
    if (from > to || to > v8_string_length(o, string) || read_part(o, string, from, end, &t) < 0)
        return NULL;
    char *s = utf8(&t, end < to ? "..." : "");
    v8_text_done(&t);
    return s;
}

bool v8_string_is(struct v8_objects *o, uint64_t string, const char *text) {
    size_t n = strlen(text);
    struct v8_text t;
    if (v8_string_length(o, string) != (int64_t)n || v8_string_read(o, string, n, &t) < 0)
        return false;
    bool same = true;
    for (size_t i = 0; i < n && same; i++)
        same = t.units[i] == (unsigned char)text[i];
    v8_text_done(&t);
    return same;
}
