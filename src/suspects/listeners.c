/* Listeners of EventEmitters. */
#include "suspects/suspect.h"

#include "v8/strings.h"
#include <string.h>

enum { MANY = 32, ARRAY_LENGTH = 24 }; /* JSArray::length */

static void look_at(struct suspect_search *s, uint64_t emitter, const struct v8_property *event) {
    struct v8_objects *o = &s->look.objects;
    uint32_t node = v8_node_at(s->nodes, event->value);
    uint64_t length = v8_field_or_0(o, event->value, ARRAY_LENGTH);
    if (node == V8_NO_NODE || v8_type(o, event->value) != TYPE_JS_ARRAY || !v8_is_smi(length) ||
        v8_smi(length) < MANY)
        return;
    uint64_t bytes = graph_tree_retained(s->tree, node);
    if (bytes < s->least || suspect_is_told(s, event->value))
        return;
    char size[FMT_MAX], count[FMT_MAX];
    cleanup_free char *name = v8_string_utf8(o, event->key, LIMIT_V8_NAME);
    cleanup_free char *class = v8_constructor_name(o, emitter);
    struct suspect *x = suspect_add(
        s, (struct suspect){.kind = "listener-leak",
                            .text = mem_printf("%s listeners of the event \"%s\" of one %s hold %s",
                                               fmt_count(count, (uint64_t)v8_smi(length)),
                                               name ? name : "(a symbol)", class ? class : "object",
                                               fmt_bytes(size, bytes)),
                            .addr = event->value,
                            .count = (uint64_t)v8_smi(length),
                            .bytes = bytes});
    suspect_part_add(x, mem_strdup("the emitter"), emitter, 1, 0);
}

void suspect_listeners(struct suspect_search *s) {
    struct suspect_property has = {"_events", {0}};
    uint32_t n = v8_nodes_count(s->nodes);
    for (uint32_t node = 0; node < n; node++) {
        struct v8_properties p;
        struct v8_property events, event;
        if (!suspect_property_of(s, &has, node, &events))
            continue;
        v8_properties_open(&s->look.objects, events.value, &p);
        while (v8_properties_next(&p, &event))
            look_at(s, heap_look_addr(&s->look, node), &event);
    }
    map64_done(&has.shapes);
}
