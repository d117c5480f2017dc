/* The tables that lead from code to source, of any content; and strings and functions of a heap
 * that is spoilt as in fuzz_v8.c. */
#include "../unit/v8_fake_objects.h"
#include "v8/names.h"
#include "v8/positions.h"
#include "v8/strings.h"
#include "v8/translation.h"
#include "v8/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tables(const uint8_t *data, size_t size) {
    static const int flavours[] = {94, 113, 124, 136};
    static const uint8_t lengths[3 * 8] = {1, 1, 1, 1, 1, 2, 3, 4, 1, 1, 1, 1,
                                           1, 3, 5, 7, 1, 1, 1, 1, 1, 5, 9, 13};
    const struct v8_bytecode_sizes sizes = {lengths, 8};
    struct v8_translated_frame frames[V8_TRANSLATED_MAX];
    uint32_t position;
    int32_t offset;
    size_t half = size / 2;
    for (int i = 0; i < 4; i++)
        for (size_t at = 0; at < size && at < 8; at++)
            v8_translation_read(data, size, at, flavours[i], frames);
    v8_position_at(data, size, 94, 1000, &position);
    v8_position_at(data, size, 146, 1000, &position);
    v8_positions_fit(data, half, 94, &sizes, data + half, size - half);
    v8_positions_fit(data, half, 146, &sizes, data + half, size - half);
    v8_baseline_offset(&sizes, data, half, data + half, size - half, 500, &offset);
    v8_safepoint_find(data, size, 7, 94, false);
    v8_safepoint_find(data, size, 7, 102, false);
    v8_safepoint_find(data, size, 7, 136, false);
    v8_safepoint_find(data, size, 7, 136, true);
}

static void objects(const uint8_t *data, size_t size) {
    struct v8_fake *f = fake_new();
    uint64_t text = fake_one_byte(f, "text"), all[6];
    all[0] = fake_string_of(f, TYPE_CONS_ONE, 8, text, text);
    all[1] = fake_string_of(f, TYPE_SLICED_ONE, 2, all[0], 1ull << 32);
    all[2] = fake_string_of(f, TYPE_THIN_ONE, 8, all[0], 0);
    all[3] = fake_object(f, fake_own_map(f, TYPE_SHARED), (uint64_t[]){0, text, 0, 0, 0, 0}, 6);
    all[4] = fake_object(f, fake_own_map(f, TYPE_FUNCTION), (uint64_t[]){0, 0, all[3], 0, 0, 0}, 6);
    all[5] = fake_put(f, FAKE_OBJECT, 32, 0) + 1;
    fake_fill(f);
    for (; size >= 10; data += 10, size -= 10) {
        uint16_t at;
        memcpy(&at, data, 2);
        memcpy(f->old + FAKE_AREA + at % 1200, data + 2, 8);
    }
    struct fake_reader r;
    fake_reader_open(f, &r);
    for (int i = 0; i < 6; i++) {
        struct v8_call call = {.function = all[i], .receiver = all[5], .has_receiver = true};
        free(v8_string_utf8(&r.o, all[i], 100));
        free(v8_value_summary(&r.o, all[i]));
        if (v8_shared_read(&r.o, all[3], &call.shared) == 0)
            free(v8_call_name(&r.o, &call));
    }
    fake_reader_done(&r);
    fake_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tables(data, size);
    objects(data, size);
    return 0;
}
