/* memwhy leaks: what was allocated and can no longer be reached. */
#include "native/leaks.h"
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/leaks_growing.h"
#include "cmd/look.h"
#include "cmd/malloc_notes.h"
#include "report/document.h"
#include <errno.h>
#include <inttypes.h>

enum { ROWS = 25 }; /* of groups, unless all are asked for */
enum { EXIT_FINDINGS = 1, EXIT_PARTIAL = 4 };

static void table_clean(struct table *tb, size_t column, const char *text) {
    if (!text)
        return;
    cleanup_free char *clean = text_printable(text);
    table_text(tb, column, clean);
}

static struct table *groups_table(const struct leaks *l, size_t most) {
    static const struct column columns[] = {
        {"count", "count", COL_COUNT},        {"size", "each", COL_BYTES},
        {"bytes", "bytes", COL_BYTES},        {"indirect_count", "indirect", COL_COUNT},
        {"label", "what", COL_TEXT},          {"sample", "one of them", COL_ADDR},
        {"points_to", "points to", COL_TEXT}, {"text", "begins with", COL_TEXT},
    };
    struct table *tb = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < l->groups.n && i < most; i++) {
        const struct leak_group *g = &l->groups.at[i];
        table_row(tb);
        table_u64(tb, 0, g->count);
        table_u64(tb, 1, g->size);
        table_u64(tb, 2, g->bytes);
        table_u64(tb, 3, g->indirect);
        table_clean(tb, 4, g->label);
        table_u64(tb, 5, g->sample);
        table_clean(tb, 6, g->points_to);
        table_clean(tb, 7, g->text);
    }
    return tb;
}

static json_t *handles_json(const struct handle_blocks *b) {
    json_t *o = json_object();
    char sample[24];
    snprintf(sample, sizeof sample, "0x%" PRIx64, b->sample);
    document_u64(o, "count", b->count);
    document_u64(o, "bytes", b->bytes);
    document_u64(o, "handles", b->handles);
    json_object_set_new(o, "sample", json_string(sample));
    if (b->value)
        json_object_set_new(o, "value", json_string(b->value));
    return o;
}

static void print_handles(FILE *out, const struct handle_blocks *b) {
    char count[FMT_MAX], handles[FMT_MAX];
    if (!b->count)
        return;
    fprintf(out,
            "%s blocks of V8 handles, 8 KiB each, are full of %s: %s handles that nothing frees.\n"
            "A HandleScope is missing around native code that calls JavaScript; see it grow by\n"
            "looking again.\n",
            fmt_count(count, b->count), b->value ? b->value : "one value",
            fmt_count(handles, b->handles));
}

static void print_json(struct run *r, const struct evidence *ev, const struct leaks *l,
                       const struct table *groups) {
    document_common(r->doc, ev);
    document_u64(r->doc, "in_use_count", l->in_use_count);
    document_u64(r->doc, "in_use_bytes", l->in_use_bytes);
    document_u64(r->doc, "lost_count", l->lost_count);
    document_u64(r->doc, "lost_bytes", l->lost_bytes);
    document_u64(r->doc, "indirect_count", l->indirect_count);
    document_u64(r->doc, "indirect_bytes", l->indirect_bytes);
    document_u64(r->doc, "known_count", l->known_count);
    document_u64(r->doc, "known_bytes", l->known_bytes);
    document_u64(r->doc, "by_number_count", l->number_count);
    document_u64(r->doc, "by_number_bytes", l->number_bytes);
    document_u64(r->doc, "by_mangled_count", l->mangled_count);
    document_u64(r->doc, "by_mangled_bytes", l->mangled_bytes);
    if (l->handles.count)
        json_object_set_new(r->doc, "handle_blocks", handles_json(&l->handles));
    json_object_set_new(r->doc, "groups", table_to_json(groups));
}

/* Where the answer is not the one that a search for plain addresses gives. */
static void print_by_form(FILE *out, uint64_t count, uint64_t bytes, const char *how) {
    char n[FMT_MAX], size[FMT_MAX];
    if (count)
        fprintf(out, "Not lost: %s, of %s, whose addresses are kept only %s.\n",
                fmt_count(n, count), fmt_bytes(size, bytes), how);
}

static void print_text(struct run *r, const struct evidence *ev, const struct leaks *l,
                       const struct table *groups) {
    char count[FMT_MAX], bytes[FMT_MAX], of[FMT_MAX], of_bytes[FMT_MAX];
    if (l->lost_count)
        fprintf(r->out, "%s of %s blocks in use are lost, %s of %s: nothing refers to them.\n",
                fmt_count(count, l->lost_count), fmt_count(of, l->in_use_count),
                fmt_bytes(bytes, l->lost_bytes), fmt_bytes(of_bytes, l->in_use_bytes));
    else
        fprintf(r->out, "Nothing is lost: all %s blocks in use, %s, can be reached.\n",
                fmt_count(of, l->in_use_count), fmt_bytes(of_bytes, l->in_use_bytes));
    if (l->indirect_count)
        fprintf(r->out, "%s of them, %s, are lost only through another lost one.\n",
                fmt_count(count, l->indirect_count), fmt_bytes(bytes, l->indirect_bytes));
    print_by_form(r->out, l->number_count, l->number_bytes, "as numbers of JavaScript's");
    print_by_form(r->out, l->mangled_count, l->mangled_bytes, "mangled by glibc");
    print_handles(r->out, &l->handles);
    if (l->known_count)
        fprintf(r->out,
                "Not counted: %s that Node itself forgets once, at its start (an SSL_COMP).\n",
                fmt_bytes(bytes, l->known_bytes));
    if (table_rows(groups)) {
        fputc('\n', r->out);
        table_print(groups, r->out, r->width);
    }
    if (table_rows(groups) < l->groups.n)
        fprintf(r->out, "%s smaller groups are not shown (--all).\n",
                fmt_count(count, l->groups.n - table_rows(groups)));
    fputc('\n', r->out);
    document_footer(r->out, ev);
}

static void note_gaps(struct evidence *ev, const struct leaks *l) {
    malloc_notes_add(ev);
    if (l->unread_bytes)
        evidence_note(ev,
                      "%llu bytes that may hold references could not be read: what only they hold "
                      "counts as lost",
                      (unsigned long long)l->unread_bytes);
    if (ev->residency.swap_bytes)
        evidence_note(ev,
                      "%llu bytes are in swap and were not looked at: what only they hold counts "
                      "as lost",
                      (unsigned long long)ev->residency.swap_bytes);
}

static int run_leaks(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct leaks l = {.least = opt_u64(r->opts, "min", 0), .each = opt_flag(r->opts, "each")};
    size_t n = opt_args(r->opts, &args);
    if (opt_flag(r->opts, "growing") != (n == 2))
        return err_set(&r->err, -EINVAL, "memwhy leaks TARGET, or memwhy leaks --growing A B.",
                       n == 2 ? "there is one target too many" : "--growing takes two looks");
    if (n == 2)
        return leaks_growing(r, args[0], args[1]);
    int rc = look_at_still(r, args[0], NEED_V8 | NEED_MALLOC | NEED_PIECES,
                           &(struct still_visit){&l, leaks_see}, &ev);
    if (rc < 0)
        return rc;
    if (!ev.has_malloc || ev.malloc.kind != MALLOC_GLIBC)
        return malloc_refuse(r, &ev);
    note_gaps(&ev, &l);
    struct table *groups = groups_table(&l, r->json || opt_flag(r->opts, "all") ? SIZE_MAX : ROWS);
    if (r->json)
        print_json(r, &ev, &l, groups);
    else
        print_text(r, &ev, &l, groups);
    table_free(groups);
    bool whole = malloc_census_complete(&ev.malloc) && !l.unread_bytes && !ev.residency.swap_bytes;
    rc = !whole ? EXIT_PARTIAL : l.lost_count || l.handles.count ? EXIT_FINDINGS : 0;
    leaks_done(&l);
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"growing", 'g', OPT_FLAG, NULL, "what grew from A to B although it is still reached"},
    {"min", 'm', OPT_BYTES, "SIZE",
     "only groups of so many bytes; --growing: that grew by so many"},
    {"all", 'a', OPT_FLAG, NULL, "all groups, also those that come behind the first 25"},
    {"each", 'e', OPT_FLAG, NULL, "each block by itself, not in groups"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_leaks = {
    .name = "leaks",
    .args = "TARGET [B]",
    .group = GROUP_NATIVE,
    .summary = "native memory that nothing refers to any more, or that grows",
    .help =
        "Looks at every chunk malloc has in use, and for a reference to it in all that the "
        "process\n"
        "wrote: registers and stacks, thread-local storage, data of the binary and its libraries,\n"
        "the JavaScript heap, other mappings, and chunks that are themselves reached. What "
        "nothing\n"
        "refers to was allocated and never freed, and can never be: a leak of native code, of an\n"
        "addon mostly. One look is enough, and nothing has to be installed beforehand.\n"
        "\n"
        "A reference is a word that is an address anywhere in the chunk, or that was one before\n"
        "glibc mangled it, or a JavaScript number that is the chunk's address. So what happens to\n"
        "look like a reference keeps a block from being found, and what is found is lost indeed\n"
        "unless its address is kept compressed or encrypted, or by the kernel alone. What is\n"
        "held only by a number or a mangled address is told: a search for addresses misses it.\n"
        "\n"
        "  each         malloc's size of the largest, with its header of 8 bytes; up to 1 KiB all\n"
        "               of a group are of one size, above they differ by an eighth\n"
        "  indirect     how many are lost only because what held them is\n"
        "  what         its class in C++, or what kind of data it holds\n"
        "  points to    what one of them refers to\n"
        "\n"
        "Blocks of V8 handles that are full of one value are told as well: they are reached, but "
        "only\n"
        "a HandleScope frees handles, and where native code forgets it, none does.\n"
        "\n"
        "Memory that grows and is still reached is no loss to be seen in one look. --growing A B\n"
        "compares two of one process, captures or cores (B may be its pid): chunks of one size "
        "and\n"
        "name that grew in number, and who points to those that are new. A block of the same size\n"
        "and name at the same address is not new. A kind grows that has more than before, by more\n"
        "than chance and by more than twice what went of it. Take both looks under the same load "
        "and\n"
        "after the program has warmed up, far apart: what is under way comes and goes, a leak "
        "stays.\n"
        "Stores of ArrayBuffers that are garbage do not count, and growth of less than 64 KiB or "
        "a\n"
        "hundredth of all is not shown unless --min says so. `memwhy path B ADDR` shows the "
        "whole way to one; what JavaScript holds shows `memwhy\n"
        "suspects`.\n"
        "\n"
        "  more, bytes  by how much the kind grew; each: malloc's size of the largest new one\n"
        "  what points  the first thing of another kind on the way from a root to the new ones, "
        "and\n"
        "               the root; with the share of them that it is for\n"
        "\n"
        "  $ memwhy capture 4711 -o a.core.zst; sleep 600; memwhy leaks --growing a.core.zst 4711\n"
        "\n"
        "Example\n"
        "  $ memwhy leaks 4711\n"
        "  4,500 of 31,207 blocks in use are lost, 2.6 MiB of 9.4 MiB: nothing refers to them.\n"
        "  Begin with the groups that are not indirect: whoever makes those forgets them.\n"
        "\n"
        "Node 24 and 26 forget one block of 32 bytes at their start, an SSL_COMP of OpenSSL's; "
        "that\n"
        "is said, and does not count.\n"
        "\n"
        "Exit codes: 0 nothing is lost (or grew), 1 something is, 4 some memory could not be "
        "looked at.\n",
    .opts = opts,
    .run = run_leaks,
};
