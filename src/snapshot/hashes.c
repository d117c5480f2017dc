#include "snapshot/hashes.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "snapshot/names.h"
#include "v8/nodes.h"

enum { PIECES = 4, PIECE = SNAPSHOT_HASHES / PIECES };

struct snapshot_hashes {
    const struct v8_nodes *nodes;
    const uint64_t *in;
    uint32_t first;
    size_t n_pieces;
    struct v8_objects objects[PIECES];
    uint64_t hash[SNAPSHOT_HASHES];
};

struct snapshot_hashes *snapshot_hashes_new(const struct heap_look *look, const uint64_t *in) {
    struct snapshot_hashes *h = mem_zalloc(sizeof *h);
    const struct v8_view *view = look->view;
    h->nodes = view->nodes;
    h->in = in;
    while (h->n_pieces < PIECES &&
           v8_objects_open(view->img, view->l, &view->heap->pages, &h->objects[h->n_pieces]) == 0)
        h->n_pieces++;
    return h;
}

void snapshot_hashes_free(struct snapshot_hashes *h) {
    if (!h)
        return;
    for (size_t i = 0; i < h->n_pieces; i++)
        v8_objects_done(&h->objects[i]);
    free(h);
}

/* Low bits of a string's type: src/objects/instance-type.h, 9.4 to 14.6. */
static bool is_whole(int type) {
    enum { REPRESENTATION = 7, CONS = 1, SLICED = 3 };
    return (type & REPRESENTATION) != CONS && (type & REPRESENTATION) != SLICED;
}

static void read_piece(void *hashes, size_t i) {
    struct snapshot_hashes *h = hashes;
    struct v8_objects *o = &h->objects[i];
    uint32_t n = v8_nodes_count(h->nodes);
    for (uint32_t k = 0; k < PIECE; k++) {
        uint32_t at = (uint32_t)i * PIECE + k, node = h->first + at;
        h->hash[at] = 0;
        if (node >= n || !bits_get(h->in, node))
            continue;
        uint64_t object = v8_node_addr(h->nodes, node) | 1;
        int type = v8_instance_type(o, object);
        if (type >= 0 && type < o->l->first_nonstring_type && is_whole(type) &&
            !snapshot_string_hash(o, object, &h->hash[at]))
            h->hash[at] = 0;
    }
}

const uint64_t *snapshot_hashes_of(struct snapshot_hashes *h, uint32_t first) {
    h->first = first;
    if (h->n_pieces == PIECES)
        parallel_for(PIECES, read_piece, h);
    return h->hash;
}
