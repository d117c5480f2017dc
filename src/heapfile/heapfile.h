/* A .heapsnapshot, V8's own, Chrome's or memwhy's, opened: nodes in columns in memory, edges,
 * strings and locations in a file without a name, read again where they are wanted.
 *
 *     struct heapfile *f;
 *     if (heapfile_open("x.heapsnapshot.gz", NULL, &f, e) < 0) ...
 *     f->kind[node], f->id[node], heapfile_size(f, node), heapfile_string(f, f->name[node])
 *     heapfile_edges(f, node, node + 1, &edges)              its edges
 *     heapfile_classes_find(f, &classes)                     heapfile/classes.h
 *     heapfile_graph_build(f, &graph, e)                     heapfile/heap_graph.h
 *
 * Which fields a node has, in which order, what kinds there are and what they are called is the
 * file's to say (snapshot.meta). Of what it says only what was seen is believed: counts must fit,
 * edges lead to nodes, names are in its strings; else -EBADMSG and the byte (of the unpacked text)
 * that is wrong. Memory: 17 bytes a node, 8 a string; nothing for edges and text. */
#ifndef MEMWHY_HEAPFILE_HEAPFILE_H
#define MEMWHY_HEAPFILE_HEAPFILE_H

#include "base/err.h"
#include "base/map64.h"
#include "base/progress.h"
#include "base/spool.h"
#include "base/vec.h"
#include "heapfile/input.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HeapEntry::Type and HeapGraphEdge::Type of V8's src/profiler/heap-snapshot-generator.h, as called
 * in the files of Node 8 to 26. */
enum heapfile_kind {
    HEAPFILE_HIDDEN,
    HEAPFILE_ARRAY,
    HEAPFILE_STRING,
    HEAPFILE_OBJECT,
    HEAPFILE_CODE,
    HEAPFILE_CLOSURE,
    HEAPFILE_REGEXP,
    HEAPFILE_NUMBER,
    HEAPFILE_NATIVE,
    HEAPFILE_SYNTHETIC,
    HEAPFILE_CONS,
    HEAPFILE_SLICED,
    HEAPFILE_SYMBOL,
    HEAPFILE_BIGINT,
    HEAPFILE_SHAPE,
    HEAPFILE_OTHER, /* another one, and all above: its name is of use only */
    HEAPFILE_KINDS_MAX = 64,
};

enum heapfile_edge_kind {
    HEAPFILE_CONTEXT,
    HEAPFILE_ELEMENT,  /* name: an index */
    HEAPFILE_PROPERTY, /* name: of a string, of all that follow but one */
    HEAPFILE_INTERNAL,
    HEAPFILE_EDGE_HIDDEN, /* name: an index */
    HEAPFILE_SHORTCUT,
    HEAPFILE_WEAK,
    HEAPFILE_EDGE_OTHER,
};

struct heapfile_edge {
    uint32_t to;
    uint32_t name; /* a string, or an index: heapfile_edge_is_named() */
    uint8_t kind;  /* enum heapfile_edge_kind */
} __attribute__((packed));

static inline bool heapfile_edge_is_named(const struct heapfile_edge *e) {
    return e->kind != HEAPFILE_ELEMENT && e->kind != HEAPFILE_EDGE_HIDDEN;
}

/* Where an object's function or its constructor stands, from 0 on. */
struct heapfile_location {
    uint32_t node, script_id, line, column;
};

/* The pair of edges that lead to a WeakMap's value, one from the table, one from the key. */
struct heapfile_ephemeron {
    uint32_t string;   /* their name */
    uint32_t table_id; /* of the table's node */
    uint64_t pair;     /* the same for both names, which differ in a number in front */
};

/* Strings that have a meaning, noticed as they come by. */
enum heapfile_known {
    HEAPFILE_MAP_DESCRIPTORS,     /* "(map descriptors)" */
    HEAPFILE_NATIVE_CONTEXT,      /* "system / NativeContext" */
    HEAPFILE_SLOPPY_FUNCTION_MAP, /* "sloppy_function_map" */
    HEAPFILE_KNOWN,
};

struct heapfile {
    /* Nodes, by number as in the file. */
    uint32_t nodes, root;
    uint8_t *kind;                        /* enum heapfile_kind, or above: kind_names */
    uint32_t *name;                       /* number of a string */
    uint32_t *id;                         /* odd of objects of the heap */
    uint32_t *self;                       /* UINT32_MAX: in `large`; read it by heapfile_size() */
    uint32_t *first_edge;                 /* nodes + 1 */
    uint8_t *detachedness;                /* 0 unknown, 1 attached, 2 detached; NULL: all unknown */
    struct map64 large;                   /* node + 1 -> bytes */
    char *kind_names[HEAPFILE_KINDS_MAX]; /* as the file calls them; NULL: it has none */

    uint32_t edges;   /* in `edge_spool`, sizeof (struct heapfile_edge) each */
    uint32_t strings; /* in `text`, as written in the file */
    uint32_t locations;
    uint64_t *text_end;                        /* of a string, by number; text[-1] ends at 0 */
    VEC(struct heapfile_ephemeron) ephemerons; /* by `string`, ascending */
    uint32_t known[HEAPFILE_KNOWN];            /* strings; UINT32_MAX: not there */
    bool has_traces;                           /* it says who allocated what, which is not read */
    uint64_t extra_native_bytes;

    enum input_form form;
    uint64_t file_bytes, text_bytes; /* as it is, and unpacked */
    struct spool edge_spool, text, location_spool;
    struct spool trail; /* what memwhy adds to its own (snapshot/trail.h); empty: nothing */
};

/* `p` may be NULL. -ENOENT and the like as open(2); -EBADMSG: no snapshot, or a broken one; -E2BIG:
 * over 2^32 nodes, edges or strings. */
int heapfile_open(const char *path, struct progress *p, struct heapfile **ret, struct err *e);
void heapfile_free(struct heapfile *f);

static inline uint64_t heapfile_size(const struct heapfile *f, uint32_t node) {
    uint64_t large = f->self[node];
    if (f->self[node] == UINT32_MAX)
        map64_get(&f->large, node + 1ull, &large);
    return large;
}

/* The node of that id; UINT32_MAX: none. Looks at all of them. */
uint32_t heapfile_node_of(const struct heapfile *f, uint32_t id);

/* Edges out of nodes first to end - 1, one node's after the other's: those of node i begin at
 * f->first_edge[i] - f->first_edge[first]. Any thread, with its own list, which is filled anew;
 * vec_free() it. -EIO: the temporary file cannot be read. */
struct heapfile_edges {
    VEC(struct heapfile_edge) list;
};
int heapfile_edges(const struct heapfile *f, uint32_t first, uint32_t end,
                   struct heapfile_edges *ret);

/* A string as UTF-8, what is none of it replaced by U+FFFD and zeroes too; ends with a zero. The
 * caller frees it. One that cannot be read is "?". */
char *heapfile_string(const struct heapfile *f, uint32_t string);
/* Its length in bytes as it stands in the file, escapes and all. */
uint64_t heapfile_string_bytes(const struct heapfile *f, uint32_t string);
/* Whether it is `text`, which needs no escapes. */
bool heapfile_string_is(const struct heapfile *f, uint32_t string, const char *text);

/* All locations, by node; the caller frees them. */
int heapfile_locations(const struct heapfile *f, struct heapfile_location **ret);

#endif
