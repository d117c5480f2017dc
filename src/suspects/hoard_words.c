#include "suspects/hoard_words.h"

#include "base/fmt.h"
#include <stdbool.h>
#include <string.h>

static struct suspect of_collection(const struct hoard_namer *n, const struct graph_hoard *h,
                                    uint32_t holder) {
    char size[FMT_MAX], count[FMT_MAX];
    const char *class = n->class_name(n->ctx, h->class);
    cleanup_free char *name = n->summary_of(n->ctx, holder);
    struct suspect x = {.kind = "collection-leak",
                        .count = h->count,
                        .bytes = graph_tree_retained(n->tree, holder)};
    x.text = mem_printf("one %s holds %s, most of it in %s × %s", name, fmt_bytes(size, x.bytes),
                        fmt_count(count, h->count), class);
    vec_push(&x.parts, (struct suspect_part){mem_strdup(class), 0, h->count, h->bytes});
    return x;
}

static struct suspect of_large(const struct hoard_namer *n, uint32_t holder) {
    char size[FMT_MAX];
    cleanup_free char *name = n->summary_of(n->ctx, holder);
    struct suspect x = {
        .kind = "large-object", .count = 1, .bytes = graph_tree_retained(n->tree, holder)};
    x.text = mem_printf("one object alone takes %s: %s", fmt_bytes(size, x.bytes), name);
    return x;
}

static const char *kind_of_chain(const struct hoard_namer *n, const struct graph_hoard *h) {
    bool function = false, context = false;
    for (size_t i = 0; i < h->period; i++) {
        const char *class = n->class_name(n->ctx, h->classes[i]);
        function = function || strcmp(class, "Function") == 0;
        context = context || strcmp(class, "system / Context") == 0;
        if (strcmp(class, "Timeout") == 0)
            return "timer-leak";
        if (strcmp(class, "Listener") == 0)
            return "listener-leak";
    }
    return function || context ? "closure-leak" : "collection-leak";
}

static char *turn_text(const struct hoard_namer *n, const struct graph_hoard *h) {
    char *text = mem_strdup("");
    for (size_t i = 0; i < h->period; i++) {
        char *longer =
            mem_printf("%s%s%s", text, i ? " → " : "", n->class_name(n->ctx, h->classes[i]));
        free(text);
        text = longer;
    }
    return text;
}

static struct suspect of_chain(const struct hoard_namer *n, const struct graph_hoard *h) {
    char size[FMT_MAX], count[FMT_MAX];
    cleanup_free char *turn = turn_text(n, h);
    struct suspect x = {.kind = kind_of_chain(n, h), .count = h->count, .bytes = h->bytes};
    x.text = mem_printf("a chain of %s links, each held by the one before (%s), holds %s",
                        fmt_count(count, h->count), turn, fmt_bytes(size, h->bytes));
    return x;
}

struct suspect hoard_suspect(const struct hoard_namer *n, const struct graph_hoard *h,
                             uint32_t holder) {
    switch (h->kind) {
    case GRAPH_COLLECTION:
        return of_collection(n, h, holder);
    case GRAPH_LARGE:
        return of_large(n, holder);
    default:
        return of_chain(n, h);
    }
}
