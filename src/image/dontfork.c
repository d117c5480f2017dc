#include "image/dontfork.h"

#include <errno.h>
#include <string.h>

enum { MARK_DONTFORK = 1, MARK_SPECIAL = 2, MARK_WIPE = 4 };

/* Documentation/filesystems/proc.rst, VmFlags. Device memory must stay out of a fork: madvise
 * refuses VM_SPECIAL (io, de, pf, mm) with -EINVAL (mm/madvise.c, MADV_DOFORK). */
static uint8_t parse_marks(const char *flags) {
    uint8_t m = 0;
    if (strstr(flags, " dc"))
        m |= MARK_DONTFORK;
    if (strstr(flags, " wf"))
        m |= MARK_WIPE;
    if (strstr(flags, " io") || strstr(flags, " de") || strstr(flags, " pf") ||
        strstr(flags, " mm"))
        m |= MARK_SPECIAL;
    return m;
}

static bool is_left_out(const struct region *r, const struct image_range *leave_out, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (leave_out[i].start == r->start && leave_out[i].end == r->end)
            return r->kind == REGION_ANON;
    return false;
}

/* Neighbours become one range: madvise walks over the holes between them. */
static void make_ranges(struct dontfork *d, const struct image_range *leave_out, size_t n) {
    bool last = false;
    for (size_t i = 0; i < d->regions.n; i++) {
        const struct region *r = &d->regions.at[i];
        uint8_t m = d->marks.at[i];
        bool out = !(m & MARK_SPECIAL) && is_left_out(r, leave_out, n);
        bool wanted = (m & MARK_DONTFORK) && !(m & MARK_SPECIAL) && !out;
        if (wanted && last)
            d->ranges.at[d->ranges.n - 1].end = r->end;
        else if (wanted || (out && !(m & MARK_DONTFORK)))
            vec_push(&d->ranges, (struct guard_range){r->start, r->end, .leave_out = out});
        last = wanted;
        if (out || (m & MARK_WIPE) || ((m & MARK_DONTFORK) && (m & MARK_SPECIAL)))
            vec_push(&d->lacking, (struct image_range){r->start, r->end});
    }
}

int dontfork_read(FILE *smaps, const struct image_range *leave_out, size_t n,
                  struct dontfork *ret) {
    struct dontfork d = {0};
    cleanup_free char *line = NULL;
    size_t cap = 0;
    bool any = false;
    int r = 0;
    while (r != -E2BIG && getline(&line, &cap, smaps) > 0) {
        if (strncmp(line, "VmFlags:", 8) == 0 && d.regions.n) {
            d.marks.at[d.regions.n - 1] = parse_marks(line + 8);
            any = true;
        } else if (line[0] < 'A' || line[0] > 'Z') { /* addresses are lower-case hexadecimal */
            r = region_list_parse(&d.regions, line);
            if (r == 0)
                vec_push(&d.marks, 0);
        }
    }
    r = r == -E2BIG ? r : ferror(smaps) ? -EIO : any ? 0 : -ENODATA;
    if (r < 0) {
        dontfork_done(&d);
        return r;
    }
    make_ranges(&d, leave_out, n);
    *ret = d;
    return 0;
}

bool dontfork_fits(const struct dontfork *d, const struct region_list *now) {
    if (d->regions.n != now->n)
        return false;
    for (size_t i = 0; i < now->n; i++) {
        const struct region *a = &d->regions.at[i], *b = &now->at[i];
        if (a->start != b->start || a->end != b->end || a->prot != b->prot ||
            a->shared != b->shared || a->inode != b->inode || a->offset != b->offset)
            return false;
    }
    return true;
}

void dontfork_done(struct dontfork *d) {
    region_list_done(&d->regions);
    vec_free(&d->marks);
    vec_free(&d->ranges);
    vec_free(&d->lacking);
    *d = (struct dontfork){0};
}
