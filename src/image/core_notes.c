#include "image/core_notes.h"
#include "base/limits.h"
#include "base/search.h"
#include "image/elf_note.h"
#include <elf.h>
#include <sys/procfs.h>

_Static_assert(sizeof(struct elf_prstatus) == 336, "struct elf_prstatus of x86-64");
_Static_assert(sizeof(elf_gregset_t) == IMAGE_REGS * 8, "struct user_regs_struct of x86-64");

static void take_prstatus(struct core_notes *n, const struct elf_note *note) {
    struct elf_prstatus s;
    if (note->desc_len < sizeof s || n->threads.n >= LIMIT_THREADS)
        return;
    memcpy(&s, note->desc, sizeof s);
    struct image_thread t = {.tid = s.pr_pid, .has_regs = true};
    memcpy(t.regs, &s.pr_reg, sizeof t.regs);
    vec_push(&n->threads, t);
}

/* Of the thread whose status came before it. */
static void take_fpregset(struct core_notes *n, const struct elf_note *note) {
    struct image_thread *t = n->threads.n ? &n->threads.at[n->threads.n - 1] : NULL;
    if (!t || t->has_fpregs || note->desc_len < sizeof t->fpregs)
        return;
    memcpy(t->fpregs, note->desc, sizeof t->fpregs);
    t->has_fpregs = true;
}

static void take_prpsinfo(struct core_notes *n, const struct elf_note *note) {
    struct elf_prpsinfo s;
    if (note->desc_len < sizeof s)
        return;
    memcpy(&s, note->desc, sizeof s);
    n->pid = s.pr_pid > 0 ? s.pr_pid : 0;
    memcpy(n->name, s.pr_fname, sizeof n->name - 1);
}

static void take_auxv(struct core_notes *n, const struct elf_note *note) {
    Elf64_auxv_t a;
    for (size_t at = 0; note->desc_len - at >= sizeof a; at += sizeof a) {
        memcpy(&a, note->desc + at, sizeof a);
        if (a.a_type == AT_NULL)
            break;
        if (a.a_type == AT_PHDR)
            n->at_phdr = a.a_un.a_val;
        if (a.a_type == AT_ENTRY)
            n->at_entry = a.a_un.a_val;
        if (a.a_type == AT_RANDOM)
            n->at_random = a.a_un.a_val;
        if (a.a_type == AT_SYSINFO_EHDR)
            n->at_vdso = a.a_un.a_val;
    }
}

/* long count, page_size; count times {start, end, offset in pages}; count names, each ended by a
 * NUL (fs/binfmt_elf.c, fill_files_note; since Linux 3.7). */
static void take_files(struct core_notes *n, const struct elf_note *note) {
    uint64_t head[2], entry[3], offset;
    if (note->desc_len < sizeof head)
        return;
    memcpy(head, note->desc, sizeof head);
    uint64_t most = (note->desc_len - sizeof head) / sizeof entry, count = head[0];
    if (count > most || count > LIMIT_REGIONS)
        return;
    n->has_files = true;
    const char *name = (const char *)note->desc + sizeof head + count * sizeof entry;
    const char *end = (const char *)note->desc + note->desc_len;
    for (uint64_t i = 0; i < count; i++) {
        size_t left = (size_t)(end - name), len = strnlen(name, left);
        if (len == left)
            return;
        memcpy(entry, note->desc + sizeof head + i * sizeof entry, sizeof entry);
        if (entry[0] < entry[1] && len < LIMIT_NAME && entry[0] % PAGE_BYTES == 0 &&
            entry[1] % PAGE_BYTES == 0 && !__builtin_mul_overflow(entry[2], head[1], &offset))
            vec_push(&n->files, (struct core_mapped){entry[0], entry[1], offset, name});
        name += len + 1;
    }
}

void core_notes_parse(struct core_notes *n, const uint8_t *p, size_t len, uint64_t align) {
    struct elf_note note;
    for (size_t pos = 0; elf_note_next(p, len, align, &pos, &note);) {
        if (elf_note_is(&note, "CORE", NT_PRSTATUS))
            take_prstatus(n, &note);
        else if (elf_note_is(&note, "CORE", NT_PRFPREG))
            take_fpregset(n, &note);
        else if (elf_note_is(&note, "CORE", NT_PRPSINFO))
            take_prpsinfo(n, &note);
        else if (elf_note_is(&note, "CORE", NT_AUXV))
            take_auxv(n, &note);
        else if (elf_note_is(&note, "CORE", NT_FILE) && !n->has_files)
            take_files(n, &note);
        else
            core_capture_parse(&n->capture, &note);
    }
}

static int by_start(const void *a, const void *b) {
    const struct core_mapped *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

void core_notes_settle(struct core_notes *n) {
    vec_sort(&n->files, by_start);
    size_t kept = 0;
    for (size_t i = 0; i < n->files.n; i++)
        if (!kept || n->files.at[i].start >= n->files.at[kept - 1].end)
            n->files.at[kept++] = n->files.at[i];
    n->files.n = kept;
    /* Names of threads are not in a core; the process's is its main thread's. */
    for (size_t i = 0; i < n->threads.n; i++)
        if (n->threads.at[i].tid == n->pid)
            memcpy(n->threads.at[i].name, n->name, sizeof n->name);
}

void core_notes_done(struct core_notes *n) {
    vec_free(&n->threads);
    vec_free(&n->files);
    core_capture_done(&n->capture);
}

const struct core_mapped *core_notes_file(const struct core_notes *n, uint64_t addr) {
    size_t lo = first_where(n->files.n, i, n->files.at[i].end > addr);
    return lo < n->files.n ? &n->files.at[lo] : NULL;
}
