/* ELF files: this test's own binary is the specimen. */
#include "unit.h"

#include "base/vec.h"
#include "image/elf_file.h"
#include "image/elf_note.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Found again in the file by name, by prefix and by address. */
extern const char elf_specimen_text[];
extern uint64_t elf_specimen_zeros[64];
extern __thread int elf_specimen_tls;
const char elf_specimen_text[] = "found in the file";
uint64_t elf_specimen_zeros[64];
__thread int elf_specimen_tls = 7;

static struct elf_file *open_self(void) {
    struct elf_file *f;
    struct err e = {0};
    assert_int_equal(elf_file_open(open("/proc/self/exe", O_RDONLY), "self", &f, &e), 0);
    return f;
}

static void symbols(void **state) {
    (void)state;
    struct elf_file *f = open_self();
    struct elf_symbol s, t;
    assert_false(elf_file_is_stripped(f));
    assert_int_equal(elf_file_symbol(f, "elf_specimen_text", &s), 0);
    assert_string_equal(s.name, "elf_specimen_text");
    assert_true(s.size >= sizeof elf_specimen_text); /* ASan pads */
    assert_string_equal(elf_file_string(f, s.value, 64), elf_specimen_text);
    assert_null(elf_file_string(f, s.value, strlen(elf_specimen_text)));
    assert_int_equal(elf_file_symbol(f, "elf_specimen_tex", &t), -ENODATA);
    assert_int_equal(elf_file_symbol(f, "elf_specimen_text_", &t), -ENODATA);
    assert_int_equal(elf_file_symbol(f, "", &t), -ENODATA);

    assert_int_equal(elf_file_symbol_prefix(f, "elf_specimen_te", &t), 0);
    assert_int_equal(t.value, s.value);
    assert_int_equal(elf_file_symbol_prefix(f, "elf_specimen_text", &t), 0);
    assert_int_equal(elf_file_symbol_prefix(f, "elf_specimen_nothing", &t), -ENODATA);
    assert_int_equal(elf_file_symbol_prefix(f, "", &t), -ENODATA);
    /* the lowest of those that begin so */
    assert_int_equal(elf_file_symbol_prefix(f, "elf_specimen_", &t), 0);
    assert_true(t.value <= s.value);
    const char *longest = "a_symbol_whose_name_is_longer_than_the_heads_kept";
    assert_int_equal(elf_file_symbol_prefix(f, longest, &t), -ENODATA);

    for (uint64_t i = 0; i < sizeof elf_specimen_text; i++) {
        assert_int_equal(elf_file_symbol_at(f, s.value + i, &t), 0);
        assert_string_equal(t.name, "elf_specimen_text");
    }
    assert_int_equal(elf_file_symbol_at(f, UINT64_MAX, &t), -ENODATA);
    elf_file_free(f);
}

static void bytes(void **state) {
    (void)state;
    struct elf_file *f = open_self();
    struct elf_symbol s;
    uint64_t memsz, align, vaddr;
    char buf[sizeof elf_specimen_text];
    assert_int_equal(elf_file_symbol(f, "elf_specimen_text", &s), 0);
    assert_int_equal(elf_file_read(f, s.value, buf, sizeof buf), 0);
    assert_memory_equal(buf, elf_specimen_text, sizeof buf);
    assert_int_equal(elf_file_read(f, UINT64_MAX - 3, buf, 8), -EFAULT);
    assert_false(elf_file_is_bss(f, s.value));
    assert_false(elf_file_segment_flags(f, s.value) & PF_W);

    assert_int_equal(elf_file_symbol(f, "elf_specimen_zeros", &s), 0);
    assert_true(elf_file_is_bss(f, s.value));
    assert_int_equal(elf_file_read(f, s.value, buf, 1), -EFAULT);
    assert_true(elf_file_segment_flags(f, s.value) & PF_W);
    assert_int_equal(elf_file_segment_flags(f, UINT64_MAX), 0);

    assert_int_equal(elf_file_tls(f, &memsz, &align), 0);
    assert_true(memsz >= sizeof(int) && align >= sizeof(int));
    assert_int_equal(elf_file_vaddr_of_offset(f, 0, &vaddr), 0);
    assert_int_equal(vaddr, elf_file_base(f));
    assert_int_equal(elf_file_vaddr_of_offset(f, UINT64_MAX, &vaddr), -EFAULT);
    elf_file_free(f);
    elf_file_free(NULL);
}

static void notes(void **state) {
    (void)state;
    /* name "GNU", type 3, four bytes; then one that promises more than there is */
    uint8_t p[] = {4,    0,    0,    0,    4,    0,    0,    0,    3,   0,   0,   0,
                   'G',  'N',  'U',  0,    0xde, 0xad, 0xbe, 0xef, 4,   0,   0,   0,
                   0xff, 0xff, 0xff, 0xff, 3,    0,    0,    0,    'G', 'N', 'U', 0};
    char hex[2 * BUILD_ID_MAX + 1];
    size_t pos = 0;
    struct elf_note n;
    assert_true(elf_note_build_id(p, sizeof p, 4, hex));
    assert_string_equal(hex, "deadbeef");
    assert_true(elf_note_next(p, sizeof p, 4, &pos, &n));
    assert_int_equal(pos, 20);
    assert_false(elf_note_next(p, sizeof p, 4, &pos, &n));
    for (size_t len = 0; len < 20; len++)
        assert_false(elf_note_build_id(p, len, 4, hex));
}

static int open_bytes(const uint8_t *p, size_t n, struct elf_file **ret, struct err *e) {
    int fd = memfd_create("elf", MFD_CLOEXEC);
    assert_int_equal(write(fd, p, n), n);
    return elf_file_open(fd, "bytes", ret, e);
}

static void use(struct elf_file *f) {
    struct elf_symbol s;
    uint8_t buf[64];
    uint64_t vaddr;
    elf_file_symbol(f, "main", &s);
    elf_file_symbol_prefix(f, "elf_", &s);
    for (uint64_t a = elf_file_base(f), i = 0; i < 64; i++, a += 999) {
        if (elf_file_symbol_at(f, a, &s) == 0)
            assert_true(strlen(s.name) > 0);
        elf_file_read(f, a, buf, sizeof buf);
        elf_file_string(f, a, 100);
        elf_file_vaddr_of_offset(f, a, &vaddr);
    }
}

static void cut_and_spoilt(void **state) {
    (void)state;
    struct elf_file *self = open_self(), *f;
    size_t n;
    const uint8_t *good = elf_file_bytes(self, &n);
    uint64_t seed = 88172645463325252ull;
    cleanup_free uint8_t *p = mem_alloc(n);
    for (int round = 0; round < 300; round++) {
        struct err e = {0};
        size_t len = n;
        memcpy(p, good, n);
        for (int k = 0; k < 8; k++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            if (round % 3 == 0)
                len = seed % n;
            else if (round % 3 == 1)
                p[seed % 1024] = (uint8_t)(seed >> 40);
            else /* section headers are at the end */
                p[n - 1 - seed % 2500] = (uint8_t)(seed >> 40);
        }
        int r = open_bytes(p, len, &f, &e);
        if (r == 0) {
            use(f);
            elf_file_free(f);
        } else {
            assert_true(e.what[0]);
        }
    }
    elf_file_free(self);
}

static void what_is_no_elf_file(void **state) {
    (void)state;
    static const struct {
        const char *path, *text;
        int code;
    } files[] = {
        {"/tmp", "not a regular file", -EBADMSG},
        {"/dev/null", "not a regular file", -EBADMSG},
        {"/proc/self/status", "too short", -EBADMSG},
        {"/etc/passwd", "not an ELF file", -EBADMSG},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct elf_file *f;
        struct err e = {0};
        int r = elf_file_open(open(files[i].path, O_RDONLY), files[i].path, &f, &e);
        assert_int_equal(r, files[i].code);
        assert_non_null(strstr(e.what, files[i].text));
    }
}

int main(void) {
    elf_specimen_zeros[0] = (uint64_t)elf_specimen_tls;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols),
        cmocka_unit_test(bytes),
        cmocka_unit_test(notes),
        cmocka_unit_test(cut_and_spoilt),
        cmocka_unit_test(what_is_no_elf_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
