/* Cores that are right, cut, spoilt, packed, and files that are none. */
#include "unit.h"

#include "base/limits.h"
#include "tiny_core.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zstd.h>

enum { RX = PF_R | PF_X, RW = PF_R | PF_W };

static const uint8_t zeros[PAGE_BYTES];

/* The binary with bss, a heap, a library that is not in the core, a vdso, a stack. */
static struct tiny_core typical(void) {
    struct tiny_core t = {.at_phdr = 0x400040,
                          .at_entry = 0x400100,
                          .at_random = 0x7ffe1800,
                          .at_vdso = 0x7f0000200000};
    vec_push(&t.loads, (struct tiny_load){0x400000, 4096, 4096, RX, NULL});
    vec_push(&t.loads, (struct tiny_load){0x401000, 4096, 0, RW, NULL}); /* bss, untouched */
    vec_push(&t.loads, (struct tiny_load){0x900000, 8192, 4096, RW, NULL});
    vec_push(&t.loads, (struct tiny_load){0x7ffe1000, 4096, 4096, RW, NULL});
    vec_push(&t.loads, (struct tiny_load){0x7f0000000000, 4096, 4096, PF_R, zeros});
    vec_push(&t.loads, (struct tiny_load){0x7f00001ff000, 4096, 0, PF_R, NULL});
    vec_push(&t.loads, (struct tiny_load){0x7f0000200000, 4096, 4096, RX, NULL});
    vec_push(&t.files, (struct tiny_file){0x400000, 0x401000, 0, "/opt/tiny"});
    vec_push(&t.files, (struct tiny_file){0x7f0000000000, 0x7f0000001000, 0, "/lib/a (deleted)"});
    vec_push(&t.files, (struct tiny_file){0x7f0000001000, 0x7f0000003000, 1, "/lib/a (deleted)"});
    tiny_build(&t);
    return t;
}

static bool noted(const struct image *img, const char *text) {
    size_t n;
    const char *const *notes = image_notes(img, &n);
    for (size_t i = 0; i < n; i++)
        if (strstr(notes[i], text))
            return true;
    return false;
}

/* Every byte that can be read is what was written there. */
static size_t check_content(const struct image *img) {
    size_t pages = 0;
    const struct region_list *l = image_regions(img);
    for (size_t i = 0; i < l->n; i++) {
        for (uint64_t a = l->at[i].start; a < l->at[i].end && a - l->at[i].start < 8192; a += 512) {
            uint8_t buf[512];
            size_t got = image_read_prefix(img, a, buf, sizeof buf);
            assert_int_equal(image_read(img, a, buf, sizeof buf), got == 512 ? 0 : -EFAULT);
            for (size_t k = 0; k < got; k++)
                assert_int_equal(buf[k], l->at[i].start == 0x7f0000000000 ? 0 : tiny_byte(a));
            pages += got == 512;
        }
    }
    return pages;
}

static void check_regions(const struct image *img) {
    static const struct {
        uint64_t start, end;
        enum region_kind kind;
        uint8_t prot;
        const char *name;
    } want[] = {
        {0x400000, 0x401000, REGION_FILE, REGION_R | REGION_X, "/opt/tiny"},
        {0x401000, 0x402000, REGION_ANON, REGION_R | REGION_W, ""},
        {0x900000, 0x902000, REGION_HEAP, REGION_R | REGION_W, "[heap]"},
        {0x7ffe1000, 0x7ffe2000, REGION_STACK, REGION_R | REGION_W, "[stack]"},
        {0x7f0000000000, 0x7f0000001000, REGION_FILE, REGION_R, "/lib/a"},
        {0x7f0000001000, 0x7f0000003000, REGION_FILE, REGION_R, "/lib/a"},
        {0x7f00001ff000, 0x7f0000200000, REGION_KERNEL, REGION_R, "[vvar]"},
        {0x7f0000200000, 0x7f0000201000, REGION_KERNEL, REGION_R | REGION_X, "[vdso]"},
    };
    const struct region_list *l = image_regions(img);
    assert_int_equal(l->n, sizeof want / sizeof *want);
    for (size_t i = 0; i < l->n; i++) {
        assert_int_equal(l->at[i].start, want[i].start);
        assert_int_equal(l->at[i].end, want[i].end);
        assert_int_equal(l->at[i].kind, want[i].kind);
        assert_int_equal(l->at[i].prot, want[i].prot);
        assert_string_equal(l->at[i].name, want[i].name);
        assert_int_equal(l->at[i].inode, 0);
    }
    assert_true(l->at[5].deleted);
    assert_int_equal(l->at[5].offset, 4096);
}

static void a_whole_core(void **state) {
    (void)state;
    struct tiny_core t = typical();
    struct image *img;
    struct err e = {0};
    assert_int_equal(tiny_open(&t, t.bytes.n, &img, &e), 0);
    assert_int_equal(image_kind(img), IMAGE_CORE);
    assert_int_equal(image_pid(img), 100);
    assert_string_equal(image_exe(img), "/opt/tiny");
    check_regions(img);
    size_t n;
    const struct image_thread *threads = image_threads(img, &n);
    assert_int_equal(n, 2);
    assert_int_equal(threads[0].tid, 101);
    assert_string_equal(threads[0].name, "");
    assert_int_equal(threads[1].tid, 100);
    assert_string_equal(threads[1].name, "tiny");
    assert_true(threads[1].has_regs);
    assert_int_equal(threads[1].regs[IMAGE_RIP], 0x401234);
    /* five pages, seen in steps of 512 bytes */
    assert_int_equal(check_content(img), 5 * 8);
    /* what the core does not hold is no zero */
    uint8_t b;
    assert_int_equal(image_read(img, 0x401000, &b, 1), -EFAULT);
    assert_int_equal(image_read(img, 0x901000, &b, 1), -EFAULT);
    assert_int_equal(image_read(img, 0x7f0000001000, &b, 1), -EFAULT);
    const struct residency *r = image_residency(img);
    assert_true(r->estimated);
    assert_int_equal(r->total_bytes, 3 * PAGE_BYTES); /* not the page of zeros, not the vdso */
    assert_int_equal(r->file_bytes, PAGE_BYTES);
    assert_int_equal(image_kernel_rss(img), 0);
    assert_false(noted(img, "truncated"));
    assert_true(noted(img, "pages with content are counted"));
    assert_true(noted(img, "8.0 KiB of writable anonymous memory"));
    image_free(img);
    tiny_free(&t);
}

static void cut_at_every_length(void **state) {
    (void)state;
    struct tiny_core t = typical();
    size_t headers = sizeof(Elf64_Ehdr) + (t.loads.n + 1) * sizeof(Elf64_Phdr);
    for (size_t len = 0; len < t.bytes.n; len += len < 8192 ? 1 : 61) {
        struct image *img;
        struct err e = {0};
        int r = tiny_open(&t, len, &img, &e);
        if (len < headers) {
            assert_int_equal(r, -EBADMSG);
            assert_true(strstr(e.what, "not a core file: ") && e.hint[0]);
            continue;
        }
        assert_int_equal(r, 0);
        assert_true(noted(img, "the core is truncated: "));
        check_content(img);
        image_free(img);
    }
    tiny_free(&t);
}

static uint64_t next_random(uint64_t *s) {
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static void use(struct image *img) {
    const struct region_list *l = image_regions(img);
    uint8_t buf[64];
    size_t n;
    for (size_t i = 0; i < l->n; i++) {
        assert_true(l->at[i].start < l->at[i].end);
        assert_true(i == 0 || l->at[i - 1].end <= l->at[i].start);
        assert_true(l->at[i].start % PAGE_BYTES == 0 && l->at[i].end % PAGE_BYTES == 0);
        image_read_prefix(img, l->at[i].start, buf, sizeof buf);
        image_read(img, l->at[i].end - 32, buf, sizeof buf);
    }
    image_modules(img, &n);
    for (size_t i = 0; i < n; i++) {
        struct elf_file *f;
        image_module_elf(img, i, &f, NULL);
    }
}

static void spoilt_at_random(void **state) {
    (void)state;
    static const uint64_t nasty[] = {0,          1,          0xffff,         0x7fffffff, UINT32_MAX,
                                     1ull << 47, UINT64_MAX, UINT64_MAX - 7, 1ull << 63};
    struct tiny_core good = typical();
    size_t interesting = 4096; /* headers and notes */
    uint64_t seed = 0x6d656d776879;
    for (int round = 0; round < 6000; round++) {
        struct tiny_core t = {0};
        tiny_put(&t, good.bytes.at, good.bytes.n);
        for (uint64_t k = next_random(&seed) % 4 + 1; k; k--) {
            uint64_t what = next_random(&seed), at = next_random(&seed) % interesting & ~7ull;
            if (what % 3 == 0)
                t.bytes.at[at] ^= (uint8_t)(what >> 8);
            else
                memcpy(t.bytes.at + at, &nasty[(what >> 8) % 9], what % 3 == 1 ? 8 : 4);
        }
        struct image *img;
        struct err e = {0};
        int r = tiny_open(&t, t.bytes.n, &img, &e);
        if (r == 0) {
            use(img);
            image_free(img);
        } else {
            assert_true(e.what[0]);
        }
        vec_free(&t.bytes);
    }
    tiny_free(&good);
}

static void segments_that_overlap(void **state) {
    (void)state;
    struct tiny_core t = {0};
    vec_push(&t.loads, (struct tiny_load){0x3000, 8192, 8192, RW, NULL});
    vec_push(&t.loads, (struct tiny_load){0x1000, 12288, 12288, RW, NULL});
    vec_push(&t.loads, (struct tiny_load){0x2000, 4096, 4096, RW, NULL});
    vec_push(&t.loads, (struct tiny_load){UINT64_MAX - 4095, 8192, 4096, RW, NULL});
    tiny_build(&t);
    struct image *img;
    assert_int_equal(tiny_open(&t, t.bytes.n, &img, NULL), 0);
    assert_true(noted(img, "2 segments of the core overlap"));
    uint8_t buf[16384];
    assert_int_equal(image_read(img, 0x1000, buf, sizeof buf), 0); /* over the seam */
    for (size_t i = 0; i < sizeof buf; i++)
        assert_int_equal(buf[i], tiny_byte(0x1000 + i));
    assert_int_equal(image_residency(img)->total_bytes, sizeof buf);
    use(img);
    image_free(img);
    tiny_free(&t);
}

/* Many segments that are all the same bytes of the file would be read for ever. */
static void segments_that_share_bytes(void **state) {
    (void)state;
    struct tiny_core t = {0};
    for (uint64_t i = 0; i < 40; i++)
        vec_push(&t.loads, (struct tiny_load){(i + 1) << 20, 8192, i ? 0 : 8192, RW, NULL});
    tiny_build(&t);
    Elf64_Phdr *ph = (Elf64_Phdr *)(t.bytes.at + sizeof(Elf64_Ehdr)) + 1;
    for (size_t i = 1; i < 40; i++) {
        ph[i].p_offset = ph[0].p_offset;
        ph[i].p_filesz = ph[0].p_filesz;
    }
    struct image *img;
    uint8_t b;
    assert_int_equal(tiny_open(&t, t.bytes.n, &img, NULL), 0);
    assert_true(noted(img, "claim bytes of others"));
    assert_int_equal(image_read(img, 1 << 20, &b, 1), 0);
    assert_int_equal(image_read(img, 40 << 20, &b, 1), -EFAULT);
    assert_true(image_residency(img)->total_bytes <= t.bytes.n);
    image_free(img);
    tiny_free(&t);
}

/* More segments than fit a program header count; cut, their number is found by the notes' place. */
static void very_many_segments(void **state) {
    (void)state;
    struct tiny_core t = {.xnum = true};
    for (uint64_t i = 0; i < 66000; i++)
        vec_push(&t.loads, (struct tiny_load){(i + 1) << 14, 4096, 0, RW, NULL});
    vec_push(&t.loads, (struct tiny_load){1ull << 40, 4096, 4096, RW, NULL});
    tiny_build(&t);
    for (size_t cut = 0; cut <= 100; cut += 100) {
        struct image *img;
        uint8_t b;
        assert_int_equal(tiny_open(&t, t.bytes.n - cut, &img, NULL), 0);
        assert_int_equal(image_regions(img)->n, 66001);
        assert_int_equal(image_read(img, 1ull << 40, &b, 1), 0);
        assert_int_equal(noted(img, "the core is truncated: 1 of 66001 segments are cut"), cut > 0);
        image_free(img);
    }
    tiny_free(&t);
}

static size_t pack(const struct tiny_core *t, size_t frame, uint8_t *out, size_t room) {
    size_t n = 0;
    for (size_t at = 0; at < t->bytes.n; at += frame) {
        size_t part = t->bytes.n - at < frame ? t->bytes.n - at : frame;
        n += ZSTD_compress(out + n, room - n, t->bytes.at + at, part, 3);
    }
    /* a seek table is a frame to skip */
    memcpy(out + n, "\x5e\x2a\x4d\x18\x04\0\0\0seek", 12);
    return n + 12;
}

static void packed_with_zstd(void **state) {
    (void)state;
    struct tiny_core t = typical();
    uint8_t out[65536];
    size_t frames[] = {1 << 20, 5000, 777};
    for (size_t i = 0; i < 3; i++) {
        size_t n = pack(&t, frames[i], out, sizeof out);
        struct image *img;
        struct err e = {0};
        assert_int_equal(image_open_core_fd(tiny_fd(out, n), "z", &img, &e), 0);
        check_regions(img);
        assert_int_equal(check_content(img), 5 * 8);
        assert_int_equal(image_residency(img)->total_bytes, 3 * PAGE_BYTES);
        assert_true(noted(img, "unpacked into a temporary file"));
        assert_false(noted(img, "cut short"));
        image_free(img);
        for (size_t len = 0; len + 12 < n; len += 3) {
            int r = image_open_core_fd(tiny_fd(out, len), "z", &img, &e);
            if (r < 0) {
                assert_int_equal(r, -EBADMSG);
                assert_true(strstr(e.what, "not a core file"));
                continue;
            }
            assert_true(noted(img, "truncated"));
            check_content(img);
            image_free(img);
        }
    }
    tiny_free(&t);
}

static void no_room_to_unpack(void **state) {
    (void)state;
    struct tiny_core t = typical();
    uint8_t out[65536];
    size_t n = pack(&t, 1 << 20, out, sizeof out);
    struct image *img;
    struct err e = {0};
    char *had = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
    setenv("TMPDIR", "/nowhere", 1);
    assert_int_equal(image_open_core_fd(tiny_fd(out, n), "z", &img, &e), -ENOENT);
    assert_true(strstr(e.what, "/nowhere") && strstr(e.hint, "TMPDIR"));
    if (had)
        setenv("TMPDIR", had, 1);
    else
        unsetenv("TMPDIR");
    free(had);
    tiny_free(&t);
}

static void expect_refusal(const char *path, int code, const char *text) {
    struct image *img;
    struct err e = {0};
    assert_int_equal(image_open_core(path, &img, &e), code);
    assert_non_null(strstr(e.what, text));
}

static void what_is_no_core(void **state) {
    (void)state;
    char folder[] = "/tmp/memwhy-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x", folder);
    expect_refusal(path, -ENOENT, "cannot be opened");
    expect_refusal(folder, -EBADMSG, "is a folder");
    expect_refusal("/dev/null", -EBADMSG, "device");
    expect_refusal("/proc/self/exe", -EBADMSG, "is a program");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal(path, -EBADMSG, "is a pipe");
    unlink(path);
    static const struct {
        const char *bytes, *text;
        size_t len;
    } files[] = {
        {"", "is empty", 0},
        {"hello, world", "is not ELF", 12},
        {"\x7f", "is not ELF", 1},
        {"\x7f"
         "ELF\x02\x01\x01",
         "ends inside its ELF header", 7},
        {"\x1f\x8b\x08\0\0\0\0\0", "gzip", 8},
        {"\x28\xb5\x2f\xfdgarbage", "nothing can be unpacked", 11},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        assert_int_equal(write(fd, files[i].bytes, files[i].len), files[i].len);
        close(fd);
        expect_refusal(path, -EBADMSG, files[i].text);
    }
    unlink(path);
    rmdir(folder);
}

/* This test's own binary plays the one that was running: the core holds its first page, the rest is
 * read from the file, but not once the build id in the core is another. */
static void left_out_pages_come_from_the_file(void **state) {
    (void)state;
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    assert_true(n > 0);
    exe[n] = 0;
    struct elf_file *f;
    assert_int_equal(elf_file_open(open(exe, O_RDONLY), exe, &f, NULL), 0);
    size_t len;
    const uint8_t *file = elf_file_bytes(f, &len);
    char id[129];
    Elf64_Ehdr h;
    memcpy(&h, file, sizeof h);
    const Elf64_Phdr *ph = (const Elf64_Phdr *)(file + h.e_phoff);
    while (ph->p_type != PT_LOAD)
        ph++;
    uint64_t size = (ph->p_memsz + 4095) & ~4095ull, base = 0x5500000000;
    if (!elf_file_build_id(f)[0] || !elf_file_is_pie(f) || size <= 4096)
        skip();
    uint8_t page[4096];
    memcpy(page, file, sizeof page);
    for (int same = 1; same >= 0; same--) {
        struct tiny_core t = {.at_phdr = base + 64, .at_entry = base + 256};
        vec_push(&t.loads, (struct tiny_load){base, size, 4096, RX, page});
        vec_push(&t.files, (struct tiny_file){base, base + size, 0, exe});
        tiny_build(&t);
        struct image *img;
        uint8_t got[256];
        assert_int_equal(tiny_open(&t, t.bytes.n, &img, NULL), 0);
        int r = image_read(img, base + 4096 - 128, got, sizeof got);
        assert_int_equal(r, same ? 0 : -EFAULT);
        if (same)
            assert_memory_equal(got, file + 4096 - 128, sizeof got);
        assert_int_equal(noted(img, "are read from files of this host"), same);
        assert_int_equal(noted(img, "is not the one that is mapped"), !same);
        assert_int_equal(image_residency(img)->total_bytes, 4096);
        struct elf_file *m;
        struct err e = {0};
        assert_int_equal(image_module_elf(img, 0, &m, &e), same ? 0 : -EBADMSG);
        size_t modules;
        assert_int_equal(image_modules(img, &modules)->bias, same ? base : 0);
        assert_int_equal(modules, 1);
        image_free(img);
        tiny_free(&t);
        /* spoil the build id for the second round */
        snprintf(id, sizeof id, "%s", elf_file_build_id(f));
        uint8_t first = (uint8_t)strtoul((char[]){id[0], id[1], 0}, NULL, 16);
        uint8_t second = (uint8_t)strtoul((char[]){id[2], id[3], 0}, NULL, 16);
        for (size_t i = 0; i + 1 < sizeof page; i++)
            if (page[i] == first && page[i + 1] == second)
                page[i] ^= 0xff;
    }
    elf_file_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_core),
        cmocka_unit_test(cut_at_every_length),
        cmocka_unit_test(spoilt_at_random),
        cmocka_unit_test(segments_that_overlap),
        cmocka_unit_test(segments_that_share_bytes),
        cmocka_unit_test(very_many_segments),
        cmocka_unit_test(packed_with_zstd),
        cmocka_unit_test(no_room_to_unpack),
        cmocka_unit_test(what_is_no_core),
        cmocka_unit_test(left_out_pages_come_from_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
