#include "cmd/path_rows.h"

#include "base/fmt.h"
#include "base/text.h"

enum { ENDS_SHOWN = 20 }; /* steps of a long way, at each end */

static void print_path(FILE *out, const struct path *p, enum object_ref how) {
    char ref[OBJECT_REF_MAX];
    cleanup_free char *line = text_printable(p->line);
    fprintf(out, "%s\n", line);
    for (size_t i = 0; i < p->steps.n; i++) {
        const struct path_step *s = &p->steps.at[i];
        if (i == ENDS_SHOWN && p->steps.n > 2 * ENDS_SHOWN + 1) {
            char left_out[FMT_MAX];
            size_t more = p->steps.n - 2 * ENDS_SHOWN;
            fprintf(out, "  ... %s steps (--json has them)\n", fmt_count(left_out, more));
            i += more - 1;
            continue;
        }
        cleanup_free char *name = text_printable(s->name), *summary = text_printable(s->summary);
        fprintf(out, "  %-16s %s%s%s\n", object_ref_text(how, s->addr, ref), name,
                *name ? "  " : "", summary);
    }
    fputs("\n", out);
}

static json_t *path_json(const struct path *p, enum object_ref how) {
    json_t *steps = json_array();
    for (size_t i = 0; i < p->steps.n; i++) {
        const struct path_step *s = &p->steps.at[i];
        json_array_append_new(steps,
                              json_pack("{s:o, s:o, s:s, s:o}", object_ref_key(how),
                                        object_ref_json(how, s->addr), "name", text_json(s->name),
                                        "kind", s->kind, "summary", text_json(s->summary)));
    }
    return json_pack("{s:o, s:o}", "line", text_json(p->line), "steps", steps);
}

json_t *path_rows_json(const struct paths *p, enum object_ref how) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->list.n; i++)
        json_array_append_new(list, path_json(&p->list.at[i], how));
    return list;
}

void path_rows_print(struct run *r, const struct paths *p, enum object_ref how) {
    cleanup_free char *summary = text_printable(p->summary);
    if (!p->live)
        fprintf(r->out, "%s is garbage: no way leads to it, and a collection would free it.\n\n",
                summary);
    else if (!p->list.n)
        fprintf(r->out, "%s lives, but only by itself or by what is not known.\n\n", summary);
    for (size_t i = 0; i < p->list.n; i++)
        print_path(r->out, &p->list.at[i], how);
}
