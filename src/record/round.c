#include "record/round.h"

#include <errno.h>
#include <string.h>

/* The size before the numbers is that of the numbers: one byte mostly, and never three. */
void round_put_sample(struct packed *round, uint64_t process_key, const struct sample *s) {
    struct packed one = {0};
    packed_put(&one, s->known);
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
        if (s->known >> f & 1)
            packed_put(&one, s->value[f]);
    packed_put(round, process_key);
    packed_put(round, one.bytes.n);
    packed_put_bytes(round, one.bytes.at, one.bytes.n);
    packed_done(&one);
}

bool round_next(struct unpacking *u, struct round_entry *ret) {
    if (u->bad || u->at == u->end)
        return false;
    ret->process_key = unpack(u);
    uint64_t size = unpack(u);
    const uint8_t *bytes = unpack_bytes(u, size);
    if (!bytes)
        return false;
    ret->sample = unpacking_of(bytes, size);
    return true;
}

int round_read_sample(const struct round_entry *e, struct sample *ret) {
    struct unpacking u = e->sample;
    memset(ret, 0, sizeof *ret);
    uint64_t known = unpack(&u);
    for (unsigned f = 0; f < 64; f++) {
        if (!(known >> f & 1))
            continue;
        uint64_t value = unpack(&u);
        if (f < SAMPLE_FIELDS) /* else of a later memwhy */
            sample_set(ret, f, value);
    }
    return unpacking_ended(&u) ? 0 : -EBADMSG;
}
