#include "model/budget.h"

#include "model/groups.h"

uint64_t v8_heap_limit(const struct v8_isolate_census *iso) {
    const struct v8_limits *l = &iso->limits;
    return l->semi_spaces ? l->old_bytes + l->semi_spaces * l->semi_space_bytes : 0;
}

struct v8_old_generation v8_old_generation_of(const struct v8_isolate_census *iso) {
    static const bool counts[V8_SPACES] = {
        [V8_OLD] = true,   [V8_CODE] = true,       [V8_MAP] = true,           [V8_TRUSTED] = true,
        [V8_LARGE] = true, [V8_CODE_LARGE] = true, [V8_TRUSTED_LARGE] = true,
    };
    struct v8_old_generation sum = {0};
    for (int s = 0; s < V8_SPACES; s++) {
        if (!counts[s])
            continue;
        sum.committed += iso->space[s].committed;
        sum.used += iso->space[s].used;
        sum.live += iso->space[s].live;
    }
    return sum;
}

bool budget_of(const struct evidence *ev, struct budget *ret) {
    struct budget b = {0};
    if (!ev->has_v8 || !ev->has_account || !ev->v8.isolates.n)
        return false;
    for (size_t i = 0; i < ev->v8.isolates.n; i++) {
        uint64_t limit = v8_heap_limit(&ev->v8.isolates.at[i]);
        if (!limit)
            return false;
        b.heap_bytes += limit;
    }
    struct account_groups g = account_groups_sum(&ev->account);
    uint64_t rss = ev->account.rss_bytes ? ev->account.rss_bytes : ev->account.attributed_bytes;
    uint64_t heap = g.resident[GROUP_V8_OBJECTS] + g.resident[GROUP_V8_FREE];
    b.outside_bytes = rss > heap ? rss - heap : 0;
    b.most_bytes = b.heap_bytes + b.outside_bytes;
    b.has_cgroup = ev->has_cgroup && ev->cgroup.effective_max.state == CGROUP_LIMIT_SET;
    b.cgroup_bytes = b.has_cgroup ? ev->cgroup.effective_max.bytes : 0;
    *ret = b;
    return true;
}
