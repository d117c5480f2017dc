#include "cmd/query_opts.h"

#include "base/limits.h"
#include "base/text.h"
#include <errno.h>

int query_addr(struct run *r, const char *text, uint64_t *ret) {
    char *end;
    errno = 0;
    uint64_t addr = strtoull(text, &end, 16);
    if (text[0] >= '0' && end != text && !*end && !errno && addr && addr < LIMIT_USER_ADDR) {
        *ret = addr;
        return 0;
    }
    cleanup_free char *shown = text_printable(text);
    return err_set(&r->err, -EINVAL, "Give it as `memwhy instances` prints it: 0x2c2cdf7e6391.",
                   "\"%s\" is no address of an object", shown);
}

static int addr_option(struct run *r, const char *name, uint64_t *ret) {
    const char *text = opt_string(r->opts, name, NULL);
    return text ? query_addr(r, text, ret) : 0;
}

int query_from_opts(struct run *r, enum query_which which, struct query *ret) {
    struct query q = {
        .which = opt_flag(r->opts, "all")       ? QUERY_ALL
                 : opt_flag(r->opts, "garbage") ? QUERY_GARBAGE
                 : opt_flag(r->opts, "live")    ? QUERY_LIVE
                                                : which,
        .class = opt_string(r->opts, "class", NULL),
        .script = opt_string(r->opts, "script", NULL),
    };
    const char *where = opt_string(r->opts, "where", NULL);
    int rc = addr_option(r, "shape", &q.shape);
    if (rc == 0)
        rc = addr_option(r, "retained-by", &q.retained_by);
    if (rc == 0 && where)
        rc = query_where(&q, where, &r->err);
    if (rc == 0)
        *ret = q;
    return rc;
}
