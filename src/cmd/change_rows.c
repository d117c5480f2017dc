#include "cmd/change_rows.h"

#include "model/account_diff.h"

static void add_owner(struct table *t, const char *path, uint64_t before, uint64_t after) {
    table_row(t);
    table_text(t, 0, path);
    table_u64(t, 1, before);
    table_u64(t, 2, after);
    table_i64(t, 3, (int64_t)(after - before));
}

struct table *change_rows(const struct evidence *before, const struct evidence *after) {
    static const struct column columns[] = {
        {"path", "OWNER", COL_TEXT},
        {"before", "BEFORE", COL_BYTES},
        {"after", "AFTER", COL_BYTES},
        {"delta", "CHANGE", COL_DELTA},
    };
    enum { SHOWN = 12 };
    struct table *t = table_new(columns, 4);
    struct account_diff d = {0};
    account_diff(&before->account, &after->account, &d);
    add_owner(t, "all that is resident", before->account.attributed_bytes,
              after->account.attributed_bytes);
    for (size_t i = 0; i < d.owners.n && i < SHOWN && d.owners.at[i].a != d.owners.at[i].b; i++)
        add_owner(t, d.owners.at[i].path, d.owners.at[i].a, d.owners.at[i].b);
    account_diff_done(&d);
    return t;
}
