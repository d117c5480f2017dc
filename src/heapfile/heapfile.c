#include "heapfile/heapfile.h"

#include "heapfile/rows.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { META_BYTES_MAX = 1 << 20 }; /* V8's are 2 KB */

static int read_meta(struct reading *r) {
    char *json;
    r->scan.where = "its head";
    int rc = scan_text(&r->scan, META_BYTES_MAX, &json);
    if (rc < 0)
        return rc;
    rc = meta_parse(json, &r->meta, r->scan.e);
    free(json);
    memcpy(r->f->kind_names, r->meta.kind_names, sizeof r->f->kind_names);
    return rc;
}

static void take_trail(void *trail, const char *text, size_t n) {
    spool_put(trail, text, n);
}

static int read_trail(struct reading *r) {
    r->scan.where = "what memwhy adds";
    int rc = scan_string(&r->scan, take_trail, &r->f->trail);
    return rc < 0 ? rc : spool_end(&r->f->trail, r->scan.e);
}

/* What must have been read before, by name: V8, and all who read what it writes, keep to it. */
static const struct part {
    const char *key, *after;
    int (*read)(struct reading *r);
} parts[] = {
    {"snapshot", NULL, read_meta},      {"nodes", "snapshot", rows_nodes},
    {"edges", "nodes", rows_edges},     {"locations", "edges", rows_locations},
    {"strings", "edges", rows_strings}, {"memwhy", "edges", read_trail},
};
enum { PARTS = sizeof parts / sizeof *parts };

static int part_of(const char *key) {
    for (int i = 0; key && i < PARTS; i++)
        if (!strcmp(parts[i].key, key))
            return i;
    return -1;
}

static int read_part(struct reading *r, bool seen[PARTS]) {
    char key[32], what[96];
    int rc = scan_key(&r->scan, key, sizeof key);
    if (rc == 0)
        rc = scan_expect(&r->scan, ':');
    if (rc < 0)
        return rc;
    int i = part_of(key);
    if (i < 0)
        return scan_skip(&r->scan);
    int after = part_of(parts[i].after);
    if (seen[i] || (after >= 0 && !seen[after])) {
        snprintf(what, sizeof what,
                 seen[i] ? "\"%s\" comes twice, again" : "\"%s\" comes before \"%s\",", key,
                 parts[i].after);
        return scan_refuse(&r->scan, what);
    }
    seen[i] = true;
    rc = parts[i].read(r);
    r->scan.where = NULL;
    return rc;
}

static int check_whole(struct reading *r, const bool seen[PARTS]) {
    struct heapfile *f = r->f;
    for (int i = 0; i < PARTS; i++)
        if (!seen[i] && parts[i].read != rows_locations /* Node 8 has none */ &&
            parts[i].read != read_trail)
            return err_set(r->scan.e, -EBADMSG, "", "this is no heap snapshot: it has no \"%s\"",
                           parts[i].key);
    if (r->largest_name.name >= f->strings)
        return err_set(r->scan.e, -EBADMSG, "",
                       "this is no heap snapshot: before byte %llu string %u is named, and there "
                       "are %u",
                       (unsigned long long)r->largest_name.offset, r->largest_name.name,
                       f->strings);
    uint64_t root = r->meta.root_index / (uint64_t)r->meta.node_width;
    if (root >= f->nodes || root * (uint64_t)r->meta.node_width != r->meta.root_index)
        return err_set(r->scan.e, -EBADMSG, "",
                       "this is no heap snapshot: no node begins where its root should be");
    f->root = (uint32_t)root;
    f->has_traces = r->meta.has_traces;
    f->extra_native_bytes = r->meta.extra_native_bytes;
    f->text_bytes = scan_offset(&r->scan);
    return 0;
}

static int read_all(struct reading *r) {
    bool seen[PARTS] = {0}, more = true;
    int rc = scan_expect(&r->scan, '{');
    for (bool first = true; rc == 0; first = false) {
        rc = scan_more(&r->scan, first, '}', &more);
        if (rc < 0 || !more)
            break;
        rc = read_part(r, seen);
    }
    if (rc == 0)
        rc = check_whole(r, seen);
    if (rc == 0 && (rc = scan_peek(&r->scan)) > 0)
        rc = scan_refuse(&r->scan, "something follows");
    return rc;
}

static void fit(struct heapfile *f) {
    f->kind = mem_grow(f->kind, f->nodes, sizeof(*f->kind));
    f->name = mem_grow(f->name, f->nodes, sizeof(*f->name));
    f->id = mem_grow(f->id, f->nodes, sizeof(*f->id));
    f->self = mem_grow(f->self, f->nodes, sizeof(*f->self));
    f->first_edge = mem_grow(f->first_edge, f->nodes + 1ull, sizeof(*f->first_edge));
}

static int open_file(const char *path, int *ret, struct err *e) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for who writes a pipe */
    if (fd < 0)
        return err_set(e, -errno, "", "%s cannot be opened: %s", path, strerror(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(e, -EBADMSG, "Give a .heapsnapshot file.", "%s is no file", path);
    }
    *ret = fd;
    return 0;
}

/* Which file it is that `e` speaks of. */
static void name_file(struct err *e, const char *path) {
    cleanup_free char *what = e ? mem_strdup(e->what) : NULL;
    if (e)
        snprintf(e->what, sizeof e->what, "%s: %s", path, what);
}

int heapfile_open(const char *path, struct progress *p, struct heapfile **ret, struct err *e) {
    struct reading r = {.progress = p};
    struct err err = {0};
    struct input *in = NULL;
    int fd = -1, rc = open_file(path, &fd, e);
    if (rc < 0)
        return rc;
    struct heapfile *f = r.f = mem_zalloc(sizeof *f);
    f->edge_spool.fd = f->text.fd = f->location_spool.fd = f->trail.fd = -1;
    rc = input_open(fd, &in, &err);
    if (rc == 0 && (rc = spool_open(&f->edge_spool, &err)) == 0 &&
        (rc = spool_open(&f->text, &err)) == 0 &&
        (rc = spool_open(&f->location_spool, &err)) == 0 &&
        (rc = spool_open(&f->trail, &err)) == 0) {
        f->form = input_form(in);
        f->file_bytes = input_file_bytes(in);
        scan_init(&r.scan, in, &err);
        rc = read_all(&r);
    }
    input_close(in);
    if (rc < 0) {
        heapfile_free(f);
        if (e)
            *e = err;
        name_file(e, path);
        return rc;
    }
    fit(f);
    *ret = f;
    return 0;
}

void heapfile_free(struct heapfile *f) {
    if (!f)
        return;
    free(f->kind);
    free(f->name);
    free(f->id);
    free(f->self);
    free(f->first_edge);
    free(f->detachedness);
    map64_done(&f->large);
    for (int i = 0; i < HEAPFILE_KINDS_MAX; i++)
        free(f->kind_names[i]);
    free(f->text_end);
    vec_free(&f->ephemerons);
    spool_close(&f->edge_spool);
    spool_close(&f->text);
    spool_close(&f->location_spool);
    spool_close(&f->trail);
    free(f);
}

/* --- asking --- */

uint32_t heapfile_node_of(const struct heapfile *f, uint32_t id) {
    for (uint32_t i = 0; i < f->nodes; i++)
        if (f->id[i] == id)
            return i;
    return UINT32_MAX;
}

int heapfile_edges(const struct heapfile *f, uint32_t first, uint32_t end,
                   struct heapfile_edges *ret) {
    uint32_t from = f->first_edge[first];
    size_t n = f->first_edge[end] - from;
    ret->list.n = 0;
    vec_reserve(&ret->list, n);
    int r = spool_read(&f->edge_spool, (uint64_t)from * sizeof *ret->list.at, ret->list.at,
                       n * sizeof *ret->list.at);
    ret->list.n = r < 0 ? 0 : n;
    return r;
}

static int by_node(const void *a, const void *b) {
    const struct heapfile_location *x = a, *y = b;
    return (x->node > y->node) - (x->node < y->node);
}

int heapfile_locations(const struct heapfile *f, struct heapfile_location **ret) {
    size_t bytes = f->locations * sizeof **ret;
    struct heapfile_location *l = mem_alloc(bytes);
    int r = spool_read(&f->location_spool, 0, l, bytes);
    if (r < 0) {
        free(l);
        return r;
    }
    bool sorted = true;
    for (uint32_t i = 1; i < f->locations && sorted; i++)
        sorted = l[i - 1].node <= l[i].node;
    if (!sorted)
        qsort(l, f->locations, sizeof *l, by_node);
    *ret = l;
    return 0;
}
