#include "base/opt.h"
#include "base/text.h"
#include "base/vec.h"
#include <errno.h>
#include <string.h>

struct value {
    const struct opt *opt;
    const char *text; /* of argv; NULL for flags */
    uint64_t number;
};

struct opt_values {
    VEC(struct value) values;
    VEC(const char *) args;
    size_t n_before_dashes; /* of them */
};

struct suffix {
    const char *name;
    uint64_t factor;
};

static const struct suffix byte_suffixes[] = {
    {"", 1},
    {"b", 1},
    {"k", 1ull << 10},
    {"kb", 1ull << 10},
    {"kib", 1ull << 10},
    {"m", 1ull << 20},
    {"mb", 1ull << 20},
    {"mib", 1ull << 20},
    {"g", 1ull << 30},
    {"gb", 1ull << 30},
    {"gib", 1ull << 30},
    {"t", 1ull << 40},
    {"tb", 1ull << 40},
    {"tib", 1ull << 40},
    {NULL, 0},
};

static const struct suffix duration_suffixes[] = {
    {"", 1000000000ull},
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", 1000000000ull},
    {"m", 60000000000ull},
    {"min", 60000000000ull},
    {"h", 3600000000000ull},
    {"d", 86400000000000ull},
    {NULL, 0},
};

static const struct suffix no_suffixes[] = {{"", 1}, {NULL, 0}};

/* "1.5M" as 1.5 times the suffix's factor; decimals only where there is a factor. */
static bool parse_scaled(const char *s, const struct suffix *suffixes, uint64_t *ret) {
    if (s[0] < '0' || s[0] > '9')
        return false;
    char *end;
    errno = 0;
    uint64_t whole = strtoull(s, &end, 10), tenths = 0, scale = 1;
    if (errno)
        return false;
    if (*end == '.') {
        for (end++; *end >= '0' && *end <= '9'; end++)
            if (scale < 1000000) {
                tenths = tenths * 10 + (uint64_t)(*end - '0');
                scale *= 10;
            }
        if (scale == 1)
            return false;
    }
    for (; suffixes->name; suffixes++)
        if (!strcasecmp(end, suffixes->name))
            break;
    if (!suffixes->name || (scale > 1 && suffixes->factor == 1))
        return false;
    unsigned __int128 v = (unsigned __int128)whole * suffixes->factor +
                          (unsigned __int128)tenths * suffixes->factor / scale;
    if (v > UINT64_MAX)
        return false;
    *ret = (uint64_t)v;
    return true;
}

bool opt_parse_bytes(const char *s, uint64_t *ret) {
    return parse_scaled(s, byte_suffixes, ret);
}

bool opt_parse_duration(const char *s, uint64_t *ret_ns) {
    return parse_scaled(s, duration_suffixes, ret_ns);
}

static bool parse_number(enum opt_kind kind, const char *s, uint64_t *ret) {
    switch (kind) {
    case OPT_U64:
        return parse_scaled(s, no_suffixes, ret);
    case OPT_BYTES:
        return opt_parse_bytes(s, ret);
    case OPT_DURATION:
        return opt_parse_duration(s, ret);
    default:
        *ret = 0;
        return true;
    }
}

static const char *expected(enum opt_kind kind) {
    switch (kind) {
    case OPT_BYTES:
        return "Give a size such as 512k, 64M or 1G.";
    case OPT_DURATION:
        return "Give a duration such as 500ms, 30s or 5min.";
    default:
        return "Give a whole number.";
    }
}

static int unknown_option(const struct opt *table, const char *arg, struct err *e) {
    char hint[128] = "";
    cleanup_free char *shown = text_printable(arg);
    cleanup_free char *word = mem_strndup(arg + 2 * (arg[1] == '-'), strcspn(arg, "="));
    word[strcspn(word, "=")] = '\0';
    for (const struct opt *o = table; arg[1] == '-' && o->name; o++)
        if (text_resembles(word, o->name)) {
            snprintf(hint, sizeof hint, "Did you mean --%s?", o->name);
            break;
        }
    return err_set(e, -EINVAL, hint, "There is no option %s here.", shown);
}

static const struct opt *find_long(const struct opt *table, const char *name, size_t len) {
    for (const struct opt *o = table; o->name; o++)
        if (strlen(o->name) == len && !memcmp(o->name, name, len))
            return o;
    return NULL;
}

static const struct opt *find_short(const struct opt *table, char letter) {
    for (const struct opt *o = table; o->name; o++)
        if (letter && o->letter == letter)
            return o;
    return NULL;
}

/* One argument that starts with '-': finds its option and the text glued to it (NULL if none). */
static const struct opt *match(const struct opt *table, const char *arg, const char **ret_glued) {
    const char *glued = NULL;
    const struct opt *o;
    if (arg[1] == '-') {
        size_t len = strcspn(arg + 2, "=");
        o = find_long(table, arg + 2, len);
        if (arg[2 + len])
            glued = arg + 2 + len + 1;
    } else {
        o = find_short(table, arg[1]);
        if (arg[2])
            glued = arg + 2;
        if (o && o->kind == OPT_FLAG && glued)
            o = NULL; /* flags are not clustered: "-xy" is no option */
    }
    *ret_glued = glued;
    return o;
}

static int set_value(struct opt_values *v, const struct opt *o, const char *text, struct err *e) {
    struct value value = {.opt = o, .text = text};
    if (!parse_number(o->kind, text ? text : "", &value.number)) {
        cleanup_free char *shown = text_printable(text);
        return err_set(e, -EINVAL, expected(o->kind), "--%s cannot be \"%s\".", o->name, shown);
    }
    vec_push(&v->values, value);
    return 0;
}

/* The option at argv[*i], which moves on over a value of its own. */
static int parse_one(const struct opt *table, int argc, char **argv, int *i, struct opt_values *v,
                     struct err *e) {
    const char *glued;
    const struct opt *o = match(table, argv[*i], &glued);
    if (!o)
        return unknown_option(table, argv[*i], e);
    if (o->kind == OPT_FLAG) {
        if (glued)
            return err_set(e, -EINVAL, "", "--%s takes no value.", o->name);
        return set_value(v, o, NULL, e);
    }
    if (!glued) {
        if (*i + 1 >= argc)
            return err_set(e, -EINVAL, "", "--%s needs a value: --%s=%s.", o->name, o->name,
                           o->arg ? o->arg : "VALUE");
        glued = argv[++*i];
    }
    return set_value(v, o, glued, e);
}

int opt_parse(const struct opt *table, int argc, char **argv, struct opt_values **ret,
              struct err *e) {
    struct opt_values *v = mem_zalloc(sizeof *v);
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!ended && !strcmp(arg, "--")) {
            ended = true;
            v->n_before_dashes = v->args.n;
        } else if (ended || arg[0] != '-' || !arg[1]) {
            vec_push(&v->args, arg);
        } else {
            int rc = parse_one(table, argc, argv, &i, v, e);
            if (rc < 0) {
                opt_free(v);
                return rc;
            }
        }
    }
    vec_reserve(&v->args, v->args.n + 1);
    v->args.at[v->args.n] = NULL;
    if (!ended)
        v->n_before_dashes = v->args.n;
    *ret = v;
    return 0;
}

void opt_free(struct opt_values *v) {
    if (!v)
        return;
    vec_free(&v->values);
    vec_free(&v->args);
    free(v);
}

/* The last one given counts. */
static const struct value *find_value(const struct opt_values *v, const char *name) {
    for (size_t i = v->values.n; i > 0; i--)
        if (!strcmp(v->values.at[i - 1].opt->name, name))
            return &v->values.at[i - 1];
    return NULL;
}

bool opt_flag(const struct opt_values *v, const char *name) {
    return find_value(v, name) != NULL;
}

const char *opt_string(const struct opt_values *v, const char *name, const char *otherwise) {
    const struct value *value = find_value(v, name);
    return value ? value->text : otherwise;
}

uint64_t opt_u64(const struct opt_values *v, const char *name, uint64_t otherwise) {
    const struct value *value = find_value(v, name);
    return value ? value->number : otherwise;
}

bool opt_nth(const struct opt_values *v, size_t i, const char **ret_name, const char **ret_text) {
    if (i >= v->values.n)
        return false;
    *ret_name = v->values.at[i].opt->name;
    *ret_text = v->values.at[i].text;
    return true;
}

size_t opt_args_before_dashes(const struct opt_values *v) {
    return v->n_before_dashes;
}

size_t opt_args(const struct opt_values *v, const char *const **ret) {
    *ret = v->args.at;
    return v->args.n;
}

/* "-o, --output=FILE" */
static int print_usage(const struct opt *o, FILE *out) {
    char letter[8] = "    ";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    return fprintf(out, "  %s--%s%s%s", letter, o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
}

void opt_print_help(const struct opt *table, FILE *out) {
    for (const struct opt *o = table; o->name; o++) {
        int n = print_usage(o, out);
        fprintf(out, "%*s%s\n", n < 28 ? 28 - n : 1, "", o->help);
    }
}
