/* A small heap, spoilt: the input is a list of {u32 offset, u64 value} writes over its native
 * memory, its maps and its object page. */
#include "../unit/v8_fake.h"
#include "collect/histogram.h"
#include "collect/paths.h"
#include "collect/referrers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void spoil(struct v8_fake *f, uint32_t offset, uint64_t value) {
    uint8_t *parts[3] = {f->native, f->ro, f->old};
    size_t part = offset % 3, at = offset / 3 % (FAKE_PAGE - 8);
    memcpy(parts[part] + at, &value, 8);
}

/* Everything that asks of single objects, of the first. */
static int see(void *arg, const struct v8_view *view, struct err *e) {
    uint64_t addr = v8_nodes_count(view->nodes) ? v8_node_addr(view->nodes, 0) : 0;
    struct referrers in = {
        .of = REFERRERS_OF_OBJECT, .addrs = &addr, .n_addrs = 1, .garbage = true};
    struct referrers out = {.of = REFERRERS_FROM, .addrs = &addr, .n_addrs = 1, .garbage = true};
    struct referrers named = {.of = REFERRERS_BY_NAME, .text = "name", .garbage = true};
    struct referrers number = {.of = REFERRERS_OF_NUMBER, .number = 7, .garbage = true};
    struct referrers *all[] = {&in, &out, &named, &number};
    struct paths paths = {.addr = addr, .most = 3};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        referrers_see(all[i], view, e);
        referrers_done(all[i]);
    }
    paths_see(&paths, view, e);
    paths_done(&paths);
    return histogram_see(arg, view, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct v8_fake *f = fake_new();
    fake_put(f, FAKE_OBJECT, 32, 0);
    fake_put(f, FAKE_FIXED_ARRAY, 56, 5ull << 32);
    fake_put(f, FAKE_BUFFER, 72, 0);
    fake_fill(f);
    for (; size >= 12; data += 12, size -= 12) {
        uint32_t offset;
        uint64_t value;
        memcpy(&offset, data, 4);
        memcpy(&value, data + 4, 8);
        spoil(f, offset, value);
    }
    struct v8_census c = {0};
    struct err e = {0};
    struct image *img = fake_image(f);
    struct histogram h = {.with_retained = true};
    struct v8_visit visit = {&h, see};
    v8_census_take(img, &f->layout, V8_ACCEPT_COLLECTION | V8_ACCEPT_UNWALKED | V8_LIVENESS, &visit,
                   &c, &e);
    histogram_done(&h);
    v8_census_done(&c);
    image_free(img);
    fake_free(f);
    return 0;
}
