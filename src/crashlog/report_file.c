#include "crashlog/report_file.h"

#include "base/mem.h"
#include "base/text.h"
#include "crashlog/scan.h"
#include <errno.h>
#include <jansson.h>

bool crash_report_begins(const char *text, size_t n) {
    size_t at = 0;
    while (at < n && strchr(" \r\n\t\xef\xbb\xbf", text[at]) && text[at])
        at++;
    if (at == n || text[at] != '{')
        return false;
    size_t seen = n < 65536 ? n : 65536;
    return memmem(text, seen, "\"reportVersion\"", 15) ||
           memmem(text, seen, "\"dumpEventTime\"", 15);
}

uint64_t crash_flag_mib(const char *text, const char *flag) {
    uint64_t mib = 0;
    for (const char *at = strstr(text, "--"); at; at = strstr(at + 2, "--")) {
        const char *p = at + 2, *f = flag;
        while (*f && (*p == *f || (*f == '-' && *p == '_')))
            p++, f++;
        if (*f || (*p != '=' && *p != ' '))
            continue;
        p++;
        uint64_t v;
        if (scan_number(&p, 10, &v) && v && v < 1u << 24 && !isalpha((unsigned char)*p))
            mib = v; /* the last one counts */
    }
    return mib;
}

static char *string_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? text_printable(s) : NULL;
}

static uint64_t number_of(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    double d = json_number_value(v); /* 18446744073709552000 means none, and is a real */
    return d > 0 && d < 1e15 ? (uint64_t)d : 0;
}

static void take_flags(struct crash_report *r, const char *text) {
    uint64_t old = crash_flag_mib(text, "max-old-space-size");
    r->flag_old_mib = old ? old : r->flag_old_mib;
}

static void take_header(struct crash_report *r, const json_t *header) {
    size_t i;
    json_t *word;
    r->event = string_of(header, "event");
    r->trigger = string_of(header, "trigger");
    r->node_version = string_of(header, "nodejsVersion");
    r->pid = number_of(header, "processId");
    r->thread_id = number_of(header, "threadId");
    json_array_foreach(json_object_get(header, "commandLine"), i, word) if (json_is_string(word))
        take_flags(r, json_string_value(word));
}

static void take_heap(struct crash_report *r, const json_t *heap) {
    const char *name;
    json_t *space;
    r->has_heap = json_is_object(heap);
    r->heap_used = number_of(heap, "usedMemory");
    r->heap_total = number_of(heap, "totalMemory");
    if (!r->heap_total) /* Node 12 to 14 */
        r->heap_total = number_of(heap, "totalCommittedMemory");
    r->heap_limit = number_of(heap, "memoryLimit");
    if (!r->heap_limit)
        r->heap_limit = number_of(heap, "heapSizeLimit");
    r->external = number_of(heap, "externalMemory");
    r->malloced = number_of(heap, "mallocedMemory");
    json_object_foreach(json_object_get(heap, "heapSpaces"), name, space) {
        uint64_t used = number_of(space, "used");
        if (strstr(name, "large_object"))
            r->large_objects += used;
        else if (!strcmp(name, "old_space"))
            r->old_objects += used;
    }
}

static void take_stacks(struct crash_report *r, const json_t *root) {
    size_t i;
    json_t *frame;
    char *all = NULL;
    json_array_foreach(json_object_get(root, "nativeStack"), i, frame) {
        const char *symbol = json_string_value(json_object_get(frame, "symbol"));
        if (!symbol || i >= 64)
            continue;
        char *more = mem_printf("%s%.400s\n", all ? all : "", symbol);
        free(all);
        all = more;
    }
    r->native_stack = all;
    const json_t *js = json_object_get(root, "javascriptStack");
    const char *message = json_string_value(json_object_get(js, "message"));
    r->error_message = message && strcmp(message, "No stack.") ? text_printable(message) : NULL;
    json_array_foreach(json_object_get(js, "stack"), i, frame) {
        const char *text = json_string_value(frame);
        if (text && !strncmp(text, "at ", 3) && !strstr(text, "node:internal") && !r->js_frame)
            r->js_frame = text_printable(text + 3);
    }
}

static void take_resources(struct crash_report *r, const json_t *root) {
    const json_t *usage = json_object_get(root, "resourceUsage");
    r->rss = number_of(usage, "rss");
    if (!r->rss)
        r->rss = number_of(usage, "maxRss");
    r->has_rss = r->rss != 0;
    r->constrained = number_of(usage, "constrained_memory");
    if (r->constrained > 1ull << 46)
        r->constrained = 0;
    const char *options = json_string_value(
        json_object_get(json_object_get(root, "environmentVariables"), "NODE_OPTIONS"));
    if (options && !r->flag_old_mib)
        take_flags(r, options);
}

int crash_report_parse(const char *text, size_t n, struct crash_report **ret, struct err *e) {
    json_error_t error;
    json_t *root = json_loadb(text, n, JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL, &error);
    const json_t *header = json_object_get(root, "header");
    if (!json_is_object(header)) {
        json_decref(root);
        return err_set(e, -EBADMSG, "Is the copy complete?",
                       "the file begins like a diagnostic report, but is none: %s",
                       root ? "it has no header" : error.text);
    }
    struct crash_report *r = mem_zalloc(sizeof *r);
    take_header(r, header);
    take_heap(r, json_object_get(root, "javascriptHeap"));
    take_stacks(r, root);
    take_resources(r, root);
    json_decref(root);
    *ret = r;
    return 0;
}

void crash_report_free(struct crash_report *r) {
    if (!r)
        return;
    free(r->event);
    free(r->trigger);
    free(r->node_version);
    free(r->js_frame);
    free(r->native_stack);
    free(r->error_message);
    free(r);
}
