/* Any bytes as a .heapsnapshot: read, or refused with a sentence; what was read is asked for all.
 */
#include "heapfile/classes.h"
#include "heapfile/heap_graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct heapfile *f) {
    struct heapfile_graph g;
    struct heapfile_classes c;
    struct heapfile_ways w;
    struct heapfile_edges edges = {0};
    struct heapfile_location *locations;
    heapfile_classes_find(f, &c);
    if (heapfile_graph_build(f, NULL, &g, NULL) < 0 || heapfile_ways_find(&g, NULL, &w, NULL) < 0 ||
        heapfile_locations(f, &locations) < 0)
        __builtin_trap();
    uint64_t sum = 0;
    for (uint32_t node = 0; node < f->nodes; node++) {
        sum += heapfile_retained(&g, node) + heapfile_distance(&w, node) + heapfile_size(f, node);
        if (heapfile_class_of(&c, node) >= c.names.n || heapfile_node_of(f, f->id[node]) > node)
            __builtin_trap();
        heapfile_edges(f, node, node + 1, &edges);
        for (size_t i = 0; i < edges.list.n; i++)
            if (edges.list.at[i].to >= f->nodes)
                __builtin_trap();
    }
    for (uint32_t i = 0; i < f->strings; i++)
        free(heapfile_string(f, i));
    free(locations);
    vec_free(&edges.list);
    heapfile_ways_done(&w);
    heapfile_classes_done(&c);
    heapfile_graph_done(&g);
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct heapfile *f;
    struct err e = {0};
    char path[32];
    int fd = memfd_create("heapfile", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        __builtin_trap();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (heapfile_open(path, NULL, &f, &e) == 0) {
        ask(f);
        heapfile_free(f);
    } else if (!e.what[0]) {
        __builtin_trap(); /* a refusal says why */
    }
    close(fd);
    return 0;
}
