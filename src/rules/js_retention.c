#include "rules/rule.h"

#include "base/fmt.h"
#include "base/text.h"
#include <string.h>

/* What to do about each kind of suspect, and which class of advice that is. */
static const struct advice {
    const char *cause, *remedy_class, *remedy;
} advices[] = {
    {"collection-leak", "bound-the-collection",
     "Give it a bound: a limit with eviction, a time to live, or a delete for each insert."},
    {"listener-leak", "remove-listener",
     "Remove each listener when what it listens for is over, or add it once for all."},
    {"timer-leak", "clear-timer", "Clear each timer when what it serves is over."},
    {"closure-leak", "break-the-closure",
     "Do not let each function keep the one before it: keep the values it needs instead, and set "
     "what it does not need to null."},
    {"promise-leak", "settle-or-time-out",
     "Settle each promise, or give what is awaited a time limit."},
    {"async-context-leak", "drop-the-store",
     "Let the asynchronous work that carries the store end, or keep less in the store."},
    {"context-leak", "dispose-contexts", "Let go of contexts of vm that are done, or use one."},
    {"code-or-script-leak", "do-not-recompile",
     "Compile once and keep the function, instead of new code for each call."},
    {"module-reload-leak", "do-not-recompile",
     "Do not delete from require.cache to load anew: the old instances stay."},
    {"finalization-leak", "fix-held-value",
     "The held value of a FinalizationRegistry must not refer to what is registered."},
    {"symbol-registry-leak", "bound-the-collection",
     "Use Symbol() or a Map instead of Symbol.for() with names that differ each time."},
    {"string-slice-retention", "copy-the-slice",
     "Copy what is kept of a long string, for example with Buffer.from(s).toString()."},
    {"large-object", "stream-instead", "Work through it in pieces, and let go of it after use."},
    {"handle-leak", "release-native-reference",
     "The addon that made these references has to delete them."},
    {"stream-backpressure", "respect-backpressure",
     "Wait for 'drain' when write() returns false, or use stream.pipeline()."},
    {"unconsumed-body", "consume-or-cancel-body",
     "Read each response to its end, or cancel or destroy it."},
    {"buffer-pool-pinning", "copy-out-of-pool",
     "Copy small slices that are kept into memory of their own, for example with "
     "Buffer.allocUnsafeSlow()."},
    {"arraybuffer-retention", "release-buffers",
     "Let go of the Buffers, or keep them in files or a store of their own."},
    {"external-string-retention", "release-buffers",
     "Let go of the strings, or keep them in files or a store of their own."},
};

static const struct advice *advice_of(const char *cause) {
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].cause, cause) == 0)
            return &advices[i];
    return NULL;
}

static void show_parts(const struct suspect *s, const char *target, struct finding *f) {
    enum { PARTS_SHOWN = 3 };
    for (size_t i = 0; i < s->parts.n && i < PARTS_SHOWN; i++) {
        const struct suspect_part *p = &s->parts.at[i];
        cleanup_free char *text = text_printable(p->text);
        char size[FMT_MAX];
        char *command =
            p->addr ? mem_printf("memwhy inspect %s 0x%llx", target, (unsigned long long)p->addr)
                    : NULL;
        if (p->bytes)
            finding_evidence_add(f, p->bytes, command, "%s, %s", text, fmt_bytes(size, p->bytes));
        else
            finding_evidence_add(f, p->count, command, "%s", text);
    }
}

static void show(const struct suspect *s, const char *target, struct finding *f) {
    uint64_t at = s->addr ? s->addr : s->sample;
    cleanup_free char *path = s->path ? text_printable(s->path) : NULL;
    if (path)
        finding_evidence_add(
            f, s->count,
            at ? mem_printf("memwhy path %s 0x%llx", target, (unsigned long long)at) : NULL,
            "kept by: %s", path);
    show_parts(s, target, f);
    f->path = path ? mem_strdup(path) : NULL;
    f->count = s->count;
}

/* Many of one kind, and most of what lives: hardly what a program is about. */
static bool is_plain(const struct evidence *ev, const struct suspect *s) {
    enum { MANY = 1000 };
    return s->count >= MANY && s->bytes > ev->suspects.live_bytes / 2;
}

/* A collection of what is small on the heap and large outside it is told by what it keeps. */
static const char *cause_of(const struct evidence *ev, const struct suspect *s) {
    uint64_t buffers = 0, strings = 0;
    if (strcmp(s->kind, "collection-leak") != 0 || s->outside <= s->bytes / 2)
        return s->kind;
    for (size_t i = 0; i < ev->v8.isolates.n; i++) {
        buffers += ev->v8.isolates.at[i].array_buffer_bytes;
        strings += ev->v8.isolates.at[i].external_string_bytes;
    }
    return strings > buffers ? "external-string-retention" : "arraybuffer-retention";
}

static void tell(const struct evidence *ev, const struct suspect *s, struct diagnosis *ret) {
    const char *cause = cause_of(ev, s);
    const struct advice *a = advice_of(cause);
    char size[FMT_MAX], rss[FMT_MAX], target[32];
    cleanup_free char *text = text_printable(s->text);
    rule_target(ev, target);
    struct finding f = {
        .cause = cause,
        .bytes = s->bytes,
        .confidence = is_plain(ev, s) ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        .why = mem_printf("%s of %s lives on JavaScript's account: %s.", fmt_bytes(size, s->bytes),
                          fmt_bytes(rss, rule_rss(ev)), text),
        .remedy_class = a ? a->remedy_class : NULL,
        .remedy = a ? mem_strdup(a->remedy) : NULL,
        .has_saving = true,
        .saving_bytes = s->bytes,
        .saving_how = mem_strdup("what nothing but this keeps, on V8's heap and outside it"),
        .refuted_by = mem_strdup("the program needing all of it, and it growing no more"),
    };
    show(s, target, &f);
    vec_push(&ret->findings, f);
}

/* One look sees what is held, not whether it grows. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    size_t told = 0;
    char target[32];
    for (size_t i = 0; ev->has_suspects && i < ev->suspects.list.n; i++) {
        const struct suspect *s = &ev->suspects.list.at[i];
        if (!rule_worth_saying(ev, s->bytes) || strcmp(s->kind, "worker-leak") == 0)
            continue; /* threads are told with all that they cost */
        tell(ev, s, ret);
        told++;
    }
    if (told && ev->cost.freeze)
        vec_push(&ret->undecided,
                 (struct undecided){mem_strdup("Does it still grow, or is it as large as it gets? "
                                               "A single look cannot say."),
                                    mem_printf("memwhy growth %s", rule_target(ev, target))});
}

const struct rule rule_js_retention = {
    .id = "js-retention",
    .title = "what lives on the JavaScript heap, and what keeps it",
    .check = check,
};
