/* memwhy inspect: what an object consists of. */
#include "collect/inspect.h"
#include "base/fmt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/native_rows.h"
#include "report/document.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- text --- */

static void put(FILE *out, const char *text) {
    cleanup_free char *s = text_printable(text);
    fputs(s, out);
}

static void print_more(FILE *out, int indent, const uint64_t more[MEMBER_KINDS]) {
    static const char *const plural[MEMBER_KINDS] = {
        "properties", "elements", "entries", "variables", "exports", "slots", "fields",
    };
    char n[FMT_MAX];
    for (int k = 0; k < MEMBER_KINDS; k++)
        if (more[k])
            fprintf(out, "%*s... %s more %s\n", indent, "", fmt_count(n, more[k]), plural[k]);
}

static void print_accessor(FILE *out, const struct inspected *n) {
    if (n->getter) {
        fputs("get ", out);
        put(out, n->getter);
    }
    if (n->setter) {
        fputs(n->getter ? ", set " : "set ", out);
        put(out, n->setter);
    }
    if (!n->getter && !n->setter)
        fputs("(native accessor)", out);
}

static void print_line(FILE *out, int indent, const struct inspected *n) {
    fprintf(out, "%*s", indent, "");
    if (n->key) {
        put(out, n->key);
        fputs(" => ", out);
    } else if (n->name) {
        put(out, n->name);
        fputs(": ", out);
    }
    if (n->is_accessor)
        print_accessor(out, n);
    else
        put(out, n->summary);
    if (n->is_weak)
        fputs(" (weak)", out);
    if (n->scope) {
        fputs("    ", out);
        put(out, n->scope);
    }
    if (n->addr)
        fprintf(out, "  @0x%llx", (unsigned long long)n->addr);
    fputs("\n", out);
}

/* As deep as --depth says. */
struct print_place {
    const struct inspected *of;
    size_t next;
};

static void print_tree(FILE *out, const struct inspected *root, int indent) {
    VEC(struct print_place) stack = {0};
    vec_push(&stack, (struct print_place){root, 0});
    while (stack.n) {
        struct print_place *at = &stack.at[stack.n - 1];
        int here = indent + 2 * (int)stack.n;
        if (at->next == at->of->members.n) {
            print_more(out, here, at->of->more);
            stack.n--;
            continue;
        }
        const struct inspected *member = at->of->members.at[at->next++];
        print_line(out, here, member);
        if (member->members.n)
            vec_push(&stack, (struct print_place){member, 0});
    }
    vec_free(&stack);
}

static void print_place(FILE *out, const struct inspected_object *o) {
    char bytes[FMT_MAX], retained[FMT_MAX];
    fprintf(out, "  %s, %s", fmt_bytes(bytes, o->shallow), o->is_live ? "live" : "garbage");
    if (o->space)
        fprintf(out, ", %s space%s%s, page 0x%llx", o->space, *o->isolate ? " of " : "", o->isolate,
                (unsigned long long)o->page);
    fprintf(out, ", map 0x%llx, ", (unsigned long long)o->map);
    if (o->type)
        fprintf(out, "%s (type %d)\n", o->type, o->instance_type);
    else
        fprintf(out, "instance type %d\n", o->instance_type);
    if (o->has_retained) {
        fprintf(out, "  retains %s; would go with ", fmt_bytes(retained, o->retained));
        if (o->dominator) {
            put(out, o->dominator_summary);
            fprintf(out, " @0x%llx\n", (unsigned long long)o->dominator);
        } else {
            fputs("nothing else: it is held in several ways, or by a root\n", out);
        }
    }
}

/* Addresses in V8's heap and others. */
struct question {
    VEC(uint64_t) addrs;
    struct inspection objects;
    uint64_t bytes; /* of what is no object, that are shown */
    VEC(struct spot) spots;
};

static void print_text(struct run *r, const struct evidence *ev, const struct question *q) {
    const struct inspection *s = &q->objects;
    char n[FMT_MAX];
    for (size_t i = 0; i < q->spots.n; i++)
        spot_print(r, &q->spots.at[i]);
    for (size_t i = 0; i < s->objects.n; i++) {
        const struct inspected_object *o = &s->objects.at[i];
        put(r->out, strcmp(o->details, "?") == 0 ? o->tree->summary : o->details);
        fprintf(r->out, "  @0x%llx\n", (unsigned long long)o->tree->addr);
        print_place(r->out, o);
        print_tree(r->out, o->tree, 0);
        fputs("\n", r->out);
    }
    if (s->more_objects)
        fprintf(r->out, "and %s more objects of class %s (--limit)\n\n",
                fmt_count(n, s->more_objects), s->class);
    document_footer(r->out, ev);
}

/* --- JSON --- */

static void set_addr(json_t *j, const char *name, uint64_t addr) {
    char text[24];
    if (!addr)
        return;
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)addr);
    json_object_set_new(j, name, json_string(text));
}

static void set_text(json_t *j, const char *name, const char *text) {
    if (text)
        json_object_set_new(j, name, text_json(text));
}

static void set_flag(json_t *j, const char *name, bool is) {
    if (is)
        json_object_set_new(j, name, json_true());
}

static json_t *node_json(const struct inspected *n) {
    json_t *j = json_object(), *more = json_object();
    if (n->name || n->key)
        set_text(j, "kind", v8_member_kind_name(n->kind));
    set_text(j, "name", n->name);
    set_text(j, "key", n->key);
    set_addr(j, "key_addr", n->key_addr);
    set_text(j, "summary", n->summary);
    set_addr(j, "addr", n->addr);
    set_text(j, "getter", n->getter);
    set_addr(j, "getter_addr", n->getter_addr);
    set_text(j, "setter", n->setter);
    set_addr(j, "setter_addr", n->setter_addr);
    set_text(j, "scope", n->scope);
    set_flag(j, "accessor", n->is_accessor);
    set_flag(j, "hidden", n->is_hidden);
    set_flag(j, "weak", n->is_weak);
    for (int k = 0; k < MEMBER_KINDS; k++)
        if (n->more[k])
            json_object_set_new(more, v8_member_kind_name((enum v8_member_kind)k),
                                json_integer((json_int_t)n->more[k]));
    if (json_object_size(more))
        json_object_set(j, "more", more);
    json_decref(more);
    if (n->is_open)
        json_object_set_new(j, "members", json_array());
    return j;
}

struct json_place {
    const struct inspected *of;
    json_t *into; /* borrowed: "members" */
};

static json_t *tree_json(const struct inspected *root) {
    VEC(struct json_place) todo = {0};
    json_t *ret = node_json(root);
    vec_push(&todo, (struct json_place){root, json_object_get(ret, "members")});
    while (todo.n) {
        struct json_place at = todo.at[--todo.n];
        for (size_t i = 0; i < at.of->members.n; i++) {
            const struct inspected *member = at.of->members.at[i];
            json_t *j = node_json(member);
            json_array_append_new(at.into, j);
            if (member->members.n)
                vec_push(&todo, (struct json_place){member, json_object_get(j, "members")});
        }
    }
    vec_free(&todo);
    return ret;
}

static json_t *object_json(const struct inspected_object *o) {
    json_t *j = tree_json(o->tree);
    set_text(j, "details", o->details);
    set_text(j, "class", o->class);
    set_text(j, "space", o->space);
    set_text(j, "isolate", *o->isolate ? o->isolate : NULL);
    set_addr(j, "page", o->page);
    set_addr(j, "map", o->map);
    json_object_set_new(j, "instance_type", json_integer(o->instance_type));
    set_text(j, "type", o->type);
    json_object_set_new(j, "shallow", json_integer((json_int_t)o->shallow));
    json_object_set_new(j, "live", json_boolean(o->is_live));
    if (o->has_retained) {
        json_object_set_new(j, "retained", json_integer((json_int_t)o->retained));
        set_addr(j, "dominator", o->dominator);
        set_text(j, "dominator_summary", o->dominator_summary);
    }
    return j;
}

static void print_json(struct run *r, const struct evidence *ev, const struct question *q) {
    const struct inspection *s = &q->objects;
    json_t *list = json_array();
    for (size_t i = 0; i < s->objects.n; i++)
        json_array_append_new(list, object_json(&s->objects.at[i]));
    document_common(r->doc, ev);
    json_object_set_new(r->doc, "objects", list);
    if (s->more_objects)
        json_object_set_new(r->doc, "more_objects", json_integer((json_int_t)s->more_objects));
    if (!q->spots.n)
        return;
    list = json_array();
    for (size_t i = 0; i < q->spots.n; i++)
        json_array_append_new(list, spot_json(&q->spots.at[i]));
    json_object_set_new(r->doc, "native", list);
}

/* --- the question --- */

static int add_addr(struct run *r, const char *text, struct question *q) {
    char *end;
    errno = 0;
    unsigned long long addr = strtoull(text, &end, 16);
    if (errno || *end || end == text || *text == '-')
        return err_set(&r->err, -EINVAL, "Addresses are hexadecimal, as memwhy prints them.",
                       "%s is no address", text);
    vec_push(&q->addrs, addr);
    return 0;
}

static int ask(struct run *r, const char *const *args, size_t n, struct question *q) {
    enum { TEXT = 1000, ALL_TEXT = 1 << 27, BYTES = 256, ALL_BYTES = 1 << 20 };
    struct inspection *s = &q->objects;
    int rc = 0;
    s->class = opt_string(r->opts, "class", NULL);
    s->depth = (unsigned)opt_u64(r->opts, "depth", 1);
    s->limit = opt_u64(r->opts, "limit", 50);
    s->text_max = opt_flag(r->opts, "full") ? ALL_TEXT : TEXT;
    s->raw = opt_flag(r->opts, "raw");
    s->with_retained = opt_flag(r->opts, "retained");
    q->bytes = opt_flag(r->opts, "full") ? ALL_BYTES : BYTES;
    for (size_t i = 1; i < n && rc == 0; i++)
        rc = add_addr(r, args[i], q);
    if (rc == 0 && n == 1 && !s->class)
        return err_set(&r->err, -EINVAL, "`memwhy instances TARGET CLASS` lists addresses.",
                       "it is not said which object: give its address, or --class");
    return rc;
}

static void forget_spots(struct question *q) {
    for (size_t i = 0; i < q->spots.n; i++)
        spot_done(&q->spots.at[i]);
    vec_free(&q->spots);
}

/* Each address is asked of those who know its memory. */
static int see(void *question, const struct whole *whole, struct err *e) {
    struct question *q = question;
    struct places *places = NULL;
    int r = 0;
    forget_spots(q);
    q->objects.addrs.n = 0;
    for (size_t i = 0; i < q->addrs.n && r == 0; i++) {
        if (place_is_of_heap(whole, q->addrs.at[i])) {
            vec_push(&q->objects.addrs, q->addrs.at[i]);
            continue;
        }
        r = native_check_addr(whole, q->addrs.at[i], e);
        if (r < 0)
            break;
        places = places ? places : places_new(whole);
        struct spot spot;
        spot_look(places, q->addrs.at[i], q->bytes, &spot);
        vec_push(&q->spots, spot);
    }
    places_free(places);
    if (r == 0 && whole->heap && (q->objects.addrs.n || q->objects.class))
        r = inspection_see(&q->objects, whole->heap, e);
    return r;
}

/* What is asked by address may be anywhere, by class in V8's heap alone. */
static int look(struct run *r, const char *target, struct question *q, struct evidence *ev) {
    if (!q->addrs.n)
        return look_at_heap(r, target, &(struct v8_visit){&q->objects, inspection_see}, ev);
    int rc = look_at_whole(r, target, NATIVE_NEEDS, &(struct whole_visit){q, see}, ev);
    if (rc == 0 && q->objects.class && !ev->has_v8) {
        rc = look_explain_absence(r, ev);
        evidence_done(ev);
    }
    return rc;
}

static bool is_whole(struct evidence *ev, const struct question *q) {
    uint64_t unread = 0;
    for (size_t i = 0; i < q->spots.n; i++)
        unread += q->spots.at[i].keepers.unread_bytes;
    bool natives = !q->spots.n || native_note_gaps(ev, unread);
    return natives && !q->objects.is_cut && !ev->v8.unwalked_bytes && !ev->v8.in_collection;
}

static int run_inspect(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct question q = {0};
    size_t n = opt_args(r->opts, &args);
    int rc = ask(r, args, n, &q);
    if (rc == 0)
        rc = look(r, args[0], &q, &ev);
    if (rc == 0) {
        rc = is_whole(&ev, &q) ? 0 : 4;
        if (r->json)
            print_json(r, &ev, &q);
        else
            print_text(r, &ev, &q);
        evidence_done(&ev);
    }
    forget_spots(&q);
    vec_free(&q.addrs);
    inspection_done(&q.objects);
    return rc;
}

static const struct opt opts[] = {
    {"depth", 'd', OPT_U64, "N", "levels of members that are shown (1)"},
    {"limit", 'n', OPT_U64, "N", "members of each kind that are shown (50)"},
    {"full", 0, OPT_FLAG, NULL, "strings, the source of functions, and chunks in full"},
    {"raw", 0, OPT_FLAG, NULL, "word by word, as V8 laid them out"},
    {"retained", 0, OPT_FLAG, NULL, "its retained size and what dominates it: takes longer"},
    {"class", 'c', OPT_STRING, "NAME", "the live objects of this class"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_inspect = {
    .name = "inspect",
    .args = "TARGET [ADDR...]",
    .group = GROUP_HEAP,
    .summary = "what an object, or native memory at an address, is",
    .help =
        "Shows objects as the console of DevTools does: own properties (private #fields too),\n"
        "elements, entries of Maps and Sets, the variables that a function closes over with the\n"
        "scope each is of, and in double brackets what the language keeps inside: the state of a\n"
        "promise and who awaits it, where a generator is suspended, the buffer of a view, the\n"
        "C++ object behind one of Node's. Getters are named, not called. Addresses are those\n"
        "that `memwhy instances`, `refs` and `path` print; behind @ stands the address of each\n"
        "value, to go on with. V8 moves objects of a running process: take addresses from a core\n"
        "or a capture (`memwhy capture`), or name a class.\n"
        "\n"
        "  $ memwhy inspect app.core 0x3a3d0f5c1e39           one object\n"
        "  $ memwhy inspect app.core 0x3a3d0f5c1e39 --depth 3 and what it holds\n"
        "  $ memwhy inspect 4711 --class Session --limit 3    of a running process\n"
        "\n"
        "An address that is no object's is told as what it is: a chunk of malloc's (in use or "
        "free,\n"
        "and as what), a variable or function of a module, a stack, a mapping. Who refers to it,\n"
        "first of all the JavaScript object it belongs to, stands above its first 256 bytes; a "
        "word\n"
        "that is an address has beside it what lies there. Any word that could be an address is\n"
        "taken for one, so some may be numbers. [[NativeObject]], [[InternalField0]] and\n"
        "[[ArrayBufferData]] of objects are such addresses.\n"
        "\n"
        "In JSON these stand in \"native\", beside \"objects\".\n"
        "\n"
        "  $ memwhy inspect app.core 0x5581c0a3d2f0           as `memwhy leaks`, `chunks` print "
        "them\n"
        "\n"
        "Of an object, the second line says where it is: bytes of itself alone, live or garbage,\n"
        "the space and page, its map (the shape) and instance type.\n"
        "\n"
        "Exit code 4: part of the heap could not be walked, or there was more than can be shown.\n",
    .opts = opts,
    .run = run_inspect,
};
