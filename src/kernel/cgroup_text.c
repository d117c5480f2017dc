#include "kernel/cgroup_text.h"

#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const limit_names[] = {"max", "high", "swap_max", "effective_max"};

static struct cgroup_limit *limit_at(struct cgroup *c, size_t i) {
    struct cgroup_limit *const limits[] = {&c->max, &c->high, &c->swap_max, &c->effective_max};
    return limits[i];
}

static void print_path(FILE *f, const char *key, const char *path) {
    if (path && !strchr(path, '\n'))
        fprintf(f, "%s %s\n", key, path);
}

static void print_pressure(FILE *f, const char *key, const struct pressure_line *p) {
    if (p->known)
        fprintf(f, "%s %.2f %.2f %.2f %llu\n", key, p->avg10_percent, p->avg60_percent,
                p->avg300_percent, (unsigned long long)p->total_ns);
}

char *cgroup_to_text(const struct cgroup *c, size_t *ret_len) {
    char *text = NULL;
    FILE *f = open_memstream(&text, ret_len);
    if (!f)
        return NULL;
    struct cgroup copy = *c;
    fprintf(f, "version %d\nancestors_hidden %d\n", c->version, c->ancestors_hidden);
    print_path(f, "path", c->path);
    print_path(f, "dir", c->dir);
    print_path(f, "effective_path", c->effective_path);
    for (size_t i = 0; i < sizeof limit_names / sizeof *limit_names; i++) {
        const struct cgroup_limit *l = limit_at(&copy, i);
        if (l->state == CGROUP_LIMIT_NONE)
            fprintf(f, "%s none\n", limit_names[i]);
        if (l->state == CGROUP_LIMIT_SET)
            fprintf(f, "%s %llu\n", limit_names[i], (unsigned long long)l->bytes);
    }
    for (int i = 0; i < CGROUP_FIELDS; i++) {
        uint64_t v;
        if (cgroup_get(c, (enum cgroup_field)i, &v))
            fprintf(f, "value.%s %llu\n", cgroup_field_name((enum cgroup_field)i),
                    (unsigned long long)v);
    }
    print_pressure(f, "pressure.some", &c->pressure.some);
    print_pressure(f, "pressure.full", &c->pressure.full);
    fclose(f);
    return text;
}

static void take_path(char **to, const char *value) {
    free(*to);
    *to = mem_strdup(value);
}

static void take_limit(struct cgroup_limit *l, const char *value) {
    unsigned long long v;
    if (!strcmp(value, "none"))
        l->state = CGROUP_LIMIT_NONE;
    else if (sscanf(value, "%llu", &v) == 1)
        *l = (struct cgroup_limit){.state = CGROUP_LIMIT_SET, .bytes = v};
}

static void take_pressure(struct pressure_line *p, const char *value) {
    unsigned long long total;
    if (sscanf(value, "%lf %lf %lf %llu", &p->avg10_percent, &p->avg60_percent, &p->avg300_percent,
               &total) != 4)
        return;
    p->known = true;
    p->total_ns = total;
}

static void take_value(struct cgroup *c, const char *name, const char *value) {
    unsigned long long v;
    for (int i = 0; i < CGROUP_FIELDS; i++)
        if (!strcmp(cgroup_field_name((enum cgroup_field)i), name) &&
            sscanf(value, "%llu", &v) == 1) {
            c->values[i] = v;
            c->known |= 1ull << i;
        }
}

static void take_line(struct cgroup *c, const char *key, const char *value) {
    if (!strcmp(key, "version"))
        c->version = value[0] == '1' ? 1 : value[0] == '2' ? 2 : 0;
    else if (!strcmp(key, "ancestors_hidden"))
        c->ancestors_hidden = value[0] == '1';
    else if (!strcmp(key, "path"))
        take_path(&c->path, value);
    else if (!strcmp(key, "dir"))
        take_path(&c->dir, value);
    else if (!strcmp(key, "effective_path"))
        take_path(&c->effective_path, value);
    else if (!strcmp(key, "pressure.some"))
        take_pressure(&c->pressure.some, value);
    else if (!strcmp(key, "pressure.full"))
        take_pressure(&c->pressure.full, value);
    else if (!strncmp(key, "value.", 6))
        take_value(c, key + 6, value);
    for (size_t i = 0; i < sizeof limit_names / sizeof *limit_names; i++)
        if (!strcmp(key, limit_names[i]))
            take_limit(limit_at(c, i), value);
}

int cgroup_of_text(const char *text, size_t len, struct cgroup *ret) {
    cleanup_free char *copy = mem_strndup(text, len);
    struct cgroup c = {0};
    for (char *line = copy; *line;) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
        *end = 0;
        char *space = strchr(line, ' ');
        if (space) {
            *space = 0;
            take_line(&c, line, space + 1);
        }
        line = next;
    }
    if (!c.version || !c.path || !c.dir) {
        cgroup_done(&c);
        return -EBADMSG;
    }
    *ret = c;
    return 0;
}
