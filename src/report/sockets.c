#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "report/handle_json.h"
#include "report/handles.h"

#include <string.h>

enum {
    S_FD,
    S_KIND,
    S_STATE,
    S_LOCAL,
    S_PEER,
    S_QUEUED,
    S_JS,
    S_UV,
    S_KERNEL,
    S_RECEIVE,
    S_OWNER,
    S_COLUMNS
};

static const struct column columns[S_COLUMNS] = {
    [S_FD] = {"fd", "FD", COL_COUNT},
    [S_KIND] = {"kind", "KIND", COL_TEXT},
    [S_STATE] = {"state", "STATE", COL_TEXT},
    [S_LOCAL] = {"local", "LOCAL", COL_TEXT},
    [S_PEER] = {"peer", "PEER", COL_TEXT},
    [S_QUEUED] = {"queued", "QUEUED", COL_BYTES},
    [S_JS] = {"js_queued", "JS", COL_BYTES},
    [S_UV] = {"uv_queued", "LIBUV", COL_BYTES},
    [S_KERNEL] = {"send_queue", "KERNEL", COL_BYTES},
    [S_RECEIVE] = {"receive_queue", "TO READ", COL_BYTES},
    [S_OWNER] = {"what", "OWNER", COL_TEXT},
};

struct socket {
    const struct uv_handle *handle; /* NULL: not libuv's */
    const struct descriptor *file;  /* NULL: unknown */
    uint64_t queued;
};

static int fd_of(const struct socket *s) {
    return s->handle ? s->handle->fd : s->file ? s->file->fd : -1;
}

static const char *local_of(const struct socket *s) {
    return s->handle ? uv_handle_local(s->handle) : s->file ? s->file->local : NULL;
}

static const char *peer_of(const struct socket *s) {
    return s->handle ? uv_handle_peer(s->handle) : s->file ? s->file->peer : NULL;
}

struct sockets {
    VEC(struct socket) list;
    uint64_t queued, js, uv, kernel;
};

static int most_first(const void *a, const void *b) {
    const struct socket *x = a, *y = b;
    int fx = fd_of(x), fy = fd_of(y);
    return x->queued != y->queued ? (x->queued > y->queued ? -1 : 1) : (fx > fy) - (fx < fy);
}

static void add(struct sockets *s, const struct uv_handle *h, const struct descriptor *d) {
    struct socket x = {h, d, 0};
    uint64_t kernel = d && d->has_queues ? d->send_queue : 0;
    x.queued = h ? uv_handle_queued(h) : kernel;
    s->queued += x.queued;
    s->kernel += kernel;
    s->js += h ? uv_handle_js_waiting(h) : 0;
    s->uv += h && h->has_queue ? h->queue_bytes : 0;
    vec_push(&s->list, x);
}

static struct sockets collect(const struct uv_census *c) {
    struct sockets s = {0};
    const struct descriptor *files = c->descriptors.list.at;
    cleanup_free bool *handled = mem_zalloc(c->descriptors.list.n + 1);
    for (size_t i = 0; i < c->handles.n; i++) {
        const struct uv_handle *h = &c->handles.at[i];
        if (h->file)
            handled[h->file - files] = true;
        if (uv_handle_is_socket(h) && !h->internal)
            add(&s, h, h->file);
    }
    for (size_t i = 0; i < c->descriptors.list.n; i++)
        if (files[i].kind && !handled[i])
            add(&s, NULL, &files[i]);
    vec_sort(&s.list, most_first);
    return s;
}

static const char *kind_of(const struct socket *s) {
    return s->file && s->file->kind ? s->file->kind
           : s->handle              ? uv_type_name(s->handle->type)
                                    : NULL;
}

static const char *state_of(const struct socket *s) {
    if (s->file && s->file->state)
        return s->file->state;
    const struct uv_handle *h = s->handle;
    return !h ? NULL : h->closing ? "closing" : h->listening ? "LISTEN" : NULL;
}

/* Who writes to it, in a few words; NULL: unknown. The caller frees it. */
static char *owner_of(const struct uv_handle *h) {
    if (!h)
        return mem_strdup("not libuv's");
    const struct uv_script *s = &h->script;
    if (s->owner_class)
        return mem_printf("%s%s%s", s->owner_class, s->request ? " " : "",
                          s->request ? s->request : "");
    const char *class = s->wrap_class ? s->wrap_class : h->object_class;
    return class ? mem_strdup(class) : NULL;
}

static void set_text(struct table *t, size_t column, const char *s) {
    if (!s)
        return;
    cleanup_free char *clean = text_printable(s);
    table_text(t, column, clean);
}

static void add_row(struct table *t, const struct socket *s) {
    const struct uv_handle *h = s->handle;
    const struct descriptor *d = s->file;
    cleanup_free char *owner = owner_of(h);
    int fd = fd_of(s);
    table_row(t);
    if (fd >= 0)
        table_u64(t, S_FD, (uint64_t)fd);
    set_text(t, S_KIND, kind_of(s));
    set_text(t, S_STATE, state_of(s));
    set_text(t, S_LOCAL, local_of(s));
    set_text(t, S_PEER, peer_of(s));
    table_u64(t, S_QUEUED, s->queued);
    if (h && h->script.has_writable)
        table_u64(t, S_JS, uv_handle_js_waiting(h));
    if (h && h->has_queue)
        table_u64(t, S_UV, h->queue_bytes);
    if (d && d->has_queues) {
        table_u64(t, S_KERNEL, d->send_queue);
        table_u64(t, S_RECEIVE, d->receive_queue);
    }
    set_text(t, S_OWNER, owner);
    if (h)
        table_json_field(t, "handle", handle_json(h));
}

static struct table *rows(const struct sockets *s, uint64_t most) {
    struct table *t = table_new(columns, S_COLUMNS);
    for (size_t i = 0; i < s->list.n && (!most || i < most); i++)
        add_row(t, &s->list.at[i]);
    return t;
}

/* A part of what is queued; what is not known is not 0. */
static void say_part(FILE *out, bool known, uint64_t bytes, const char *where) {
    char text[FMT_MAX];
    fprintf(out, "%s in %s", known ? fmt_bytes(text, bytes) : "unknown", where);
}

void report_sockets_text(FILE *out, const struct uv_census *c, const struct report_handles *how) {
    char all[FMT_MAX];
    struct sockets s = collect(c);
    struct table *t = rows(&s, how->most);
    fprintf(out, "%zu sockets, %s queued: ", s.list.n, fmt_bytes(all, s.queued));
    say_part(out, c->has_scripts, s.js, "JavaScript, ");
    say_part(out, true, s.uv, "libuv, ");
    say_part(out, c->has_descriptors, s.kernel, "the kernel.\n");
    if (table_rows(t))
        table_print(t, out, how->width);
    if (table_rows(t) < s.list.n)
        fprintf(out, "and %zu more (--top=0 shows all)\n", s.list.n - table_rows(t));
    fputs("\n", out);
    table_free(t);
    vec_free(&s.list);
}

void report_sockets_json(json_t *doc, const struct uv_census *c, const struct report_handles *how) {
    struct sockets s = collect(c);
    struct table *t = rows(&s, how->most);
    json_t *total = json_object();
    handle_json_u64(total, "sockets", s.list.n);
    handle_json_u64(total, "queued", s.queued);
    if (c->has_scripts)
        handle_json_u64(total, "js_queued", s.js);
    handle_json_u64(total, "uv_queued", s.uv);
    if (c->has_descriptors)
        handle_json_u64(total, "send_queue", s.kernel);
    json_object_set_new(doc, "sockets", table_to_json(t));
    json_object_set_new(doc, "total", total);
    table_free(t);
    vec_free(&s.list);
}
