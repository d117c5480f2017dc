/* What V8's snapshots call each node: its kind and its name (V8HeapExplorer::AddEntry,
 * src/profiler/heap-snapshot-generator.cc), so that DevTools groups it in the class it has here
 * (v8/classes.h). */
#ifndef MEMWHY_SNAPSHOT_KINDS_H
#define MEMWHY_SNAPSHOT_KINDS_H

#include "collect/heap_look.h"
#include "snapshot/names.h"
#include "v8/snapshot_form.h"

struct snapshot_kinds {
    struct heap_look *look;
    struct snapshot_names *names;
    const struct v8_snapshot_form *form;
    bool redact;
    struct map64 by_map; /* number of a map's node + 1 -> rule, kind, name */
    char **system;       /* by instance type: "system / ..."; NULL: not known */
};

void snapshot_kinds_open(struct heap_look *look, struct snapshot_names *names,
                         const struct v8_snapshot_form *form, bool redact,
                         struct snapshot_kinds *ret);
void snapshot_kinds_done(struct snapshot_kinds *k);
/* The number of its name; `hash` as snapshot_whole_string_hash() has it. */
uint32_t snapshot_name(struct snapshot_kinds *k, uint32_t node, uint64_t hash);
/* Of what has its name. May be called by several threads. */
enum v8_node_kind snapshot_kind(const struct snapshot_kinds *k, uint32_t node);

#endif
