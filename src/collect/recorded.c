#include "collect/recorded.h"

#include "model/evidence_keep.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define DAY_SECONDS 86400

/* --- "FILE.db:PID@WHEN" --- */

struct place {
    char *file;
    pid_t pid;        /* 0: the only one */
    const char *when; /* within the target; "last" when nothing is said */
};

/* The longest beginning of the target, up to an '@' or a ':', that is a recording. */
static bool place_of(const char *target, struct place *ret) {
    size_t n = strlen(target);
    const char *at = strrchr(target, '@'), *colon;
    *ret = (struct place){.when = "last"};
    if (at) {
        ret->when = at + 1;
        n = (size_t)(at - target);
    }
    ret->file = mem_strndup(target, n);
    if (store_is_one(ret->file))
        return true;
    colon = strrchr(ret->file, ':');
    if (colon && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")] && strlen(colon) < 10) {
        ret->pid = (pid_t)strtol(colon + 1, NULL, 10);
        ret->file[colon - ret->file] = '\0';
        if (store_is_one(ret->file))
            return true;
    }
    free(ret->file);
    return false;
}

bool recorded_is(const char *target) {
    struct place p;
    if (!place_of(target, &p))
        return false;
    free(p.file);
    return true;
}

bool recorded_split(const char *target, char **ret_a, char **ret_b) {
    const char *at = strrchr(target, '@'), *dots = at ? strstr(at, "..") : NULL;
    if (!dots || !recorded_is(target))
        return false;
    *ret_a = mem_strndup(target, (size_t)(dots - target));
    *ret_b = mem_printf("%.*s@%s", (int)(at - target), target, dots + 2);
    return true;
}

/* --- when --- */

static bool date_of(const char *word, const char *form, uint64_t *ret_ns) {
    struct tm t = {.tm_isdst = -1};
    const char *end = strptime(word, form, &t);
    if (!end || (*end && strcmp(end, "Z") != 0))
        return false;
    time_t seconds = *end ? timegm(&t) : mktime(&t);
    *ret_ns = (uint64_t)seconds * SECOND_NS;
    return seconds > 0;
}

/* The last such time of day that is not after the recording's end. */
static bool time_of_day(const char *word, const char *form, uint64_t last_ns, uint64_t *ret_ns) {
    struct tm t = {0}, day;
    time_t end = (time_t)(last_ns / SECOND_NS);
    const char *rest = strptime(word, form, &t);
    if (!rest || *rest || !localtime_r(&end, &day))
        return false;
    day.tm_hour = t.tm_hour;
    day.tm_min = t.tm_min;
    day.tm_sec = t.tm_sec;
    time_t seconds = mktime(&day);
    if (seconds > end)
        seconds -= DAY_SECONDS;
    *ret_ns = (uint64_t)seconds * SECOND_NS;
    return seconds > 0;
}

static bool before_the_end(const char *word, uint64_t last_ns, uint64_t *ret_ns) {
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", DAY_SECONDS}};
    char *end;
    if (word[0] != '-')
        return false;
    errno = 0;
    unsigned long long n = strtoull(word + 1, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        uint64_t ns;
        if (strcmp(end, units[i].unit) != 0 || end == word + 1 || errno ||
            __builtin_mul_overflow(n, units[i].seconds * SECOND_NS, &ns))
            continue;
        *ret_ns = last_ns > ns ? last_ns - ns : 0;
        return true;
    }
    return false;
}

int recorded_when(const char *word, uint64_t first_ns, uint64_t last_ns, uint64_t *ret_ns) {
    static const char *const dates[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"};
    static const char *const times[] = {"%H:%M:%S", "%H:%M"};
    if (strcmp(word, "first") == 0 || strcmp(word, "last") == 0) {
        *ret_ns = word[0] == 'f' ? first_ns : last_ns;
        return 0;
    }
    if (before_the_end(word, last_ns, ret_ns))
        return 0;
    for (size_t i = 0; i < 2; i++)
        if (date_of(word, dates[i], ret_ns) || time_of_day(word, times[i], last_ns, ret_ns))
            return 0;
    size_t digits = strspn(word, "0123456789");
    if (!digits || word[digits] || digits > 10)
        return -EINVAL;
    *ret_ns = strtoull(word, NULL, 10) * SECOND_NS;
    return 0;
}

/* --- what was kept --- */

struct moment {
    char text[32]; /* "2026-11-22 14:05:30" */
};

static struct moment moment_of(uint64_t wall_ns) {
    struct moment m = {""};
    time_t seconds = (time_t)(wall_ns / SECOND_NS);
    struct tm t;
    if (localtime_r(&seconds, &t))
        strftime(m.text, sizeof m.text, "%Y-%m-%d %H:%M:%S", &t);
    return m;
}

/* The one process meant, of all; of those with one pid the last. -EINVAL when there are several. */
static int choose_process(const struct place *p, const struct store_processes *all, size_t *ret,
                          struct err *e) {
    size_t fit = 0;
    for (size_t i = 0; i < all->list.n; i++) {
        if (p->pid && all->list.at[i].id.pid != p->pid)
            continue;
        *ret = i;
        fit++;
    }
    if (!fit)
        return err_set(e, -ESRCH, "`memwhy history` lists the processes of a recording.",
                       p->pid ? "There is no process %d in this recording"
                              : "There is no process in this recording yet",
                       (int)p->pid);
    if (fit > 1 && !p->pid)
        return err_set(e, -EINVAL, "Name one with FILE:PID; `memwhy history` lists them.",
                       "There are %zu processes in %s", fit, p->file);
    return 0;
}

static int choose_key(struct store *s, const struct place *p, uint64_t *ret_key, struct err *e) {
    struct store_processes all = {0};
    size_t process;
    int r = store_processes(s, &all, e);
    if (r == 0)
        r = choose_process(p, &all, &process, e);
    if (r == 0)
        *ret_key = all.list.at[process].key;
    store_processes_done(&all);
    return r;
}

/* A time of the store. */
static int choose_time(struct store *s, const char *word, uint64_t *ret, struct err *e) {
    uint64_t first, last, wall;
    int r = store_span(s, &first, &last, e);
    if (r < 0)
        return r;
    if (recorded_when(word, store_wall_ns(s, first), store_wall_ns(s, last), &wall) < 0)
        return err_set(e, -EINVAL,
                       "For example FILE@14:05, FILE@-10m, FILE@last or FILE@2026-11-22T14:05:30.",
                       "\"%s\" is no time", word);
    *ret = store_time_ns(s, wall);
    return 0;
}

/* The last look of this kind at that time or before it. */
static int choose_look(struct store *s, const struct place *p, uint64_t process, const char *kind,
                       struct store_deep *ret, struct err *e) {
    struct store_deeps looks = {0};
    uint64_t until;
    int r = choose_time(s, p->when, &until, e);
    if (r == 0)
        r = store_deeps(s, process, kind, 0, UINT64_MAX, &looks, e);
    if (r < 0)
        return r;
    until += SECOND_NS - 1; /* who says 14:05:30 means all of it */
    size_t n = 0;
    while (n < looks.list.n && looks.list.at[n].time_ns <= until)
        n++;
    if (strcmp(p->when, "first") == 0 && looks.list.n)
        n = 1;
    if (n) {
        *ret = looks.list.at[n - 1];
    } else if (looks.list.n) {
        r = err_set(e, -ENODATA, "Give that time or a later one.",
                    "The first deep look at this process was at %s",
                    moment_of(store_wall_ns(s, looks.list.at[0].time_ns)).text);
    } else {
        r = err_set(e, -ENODATA,
                    "`memwhy record --deep-every=1h` takes them; `memwhy history` shows what was "
                    "sampled.",
                    "There is no deep look at this process in %s", p->file);
    }
    store_deeps_done(&looks);
    return r;
}

static int parse(struct store *s, const struct store_deep *look, json_t **ret, struct err *e) {
    char *text;
    size_t n;
    int r = store_read_deep(s, look->key, &text, &n, e);
    if (r < 0)
        return r;
    *ret = json_loadb(text, n, 0, NULL);
    free(text);
    return *ret ? 0
                : err_set(e, -EBADMSG, "Other moments of the recording may be whole.",
                          "A deep look of the recording is damaged");
}

static int read_kept(const char *target, const char *kind, json_t **ret, uint64_t *ret_wall_ns,
                     struct err *e) {
    struct place p;
    struct store *s;
    struct store_deep look = {0};
    uint64_t process = 0;
    if (!place_of(target, &p))
        return err_set(e, -EINVAL, "", "%s is no recording", target);
    int r = store_open(p.file, &s, e);
    if (r == 0) {
        r = choose_key(s, &p, &process, e);
        if (r == 0)
            r = choose_look(s, &p, process, kind, &look, e);
        if (r == 0)
            r = parse(s, &look, ret, e);
        if (r == 0 && ret_wall_ns)
            *ret_wall_ns = store_wall_ns(s, look.time_ns);
        store_free(s);
    }
    free(p.file);
    return r;
}

int recorded_heap(const char *target, json_t **ret, uint64_t *ret_wall_ns, struct err *e) {
    return read_kept(target, RECORDED_HEAP, ret, ret_wall_ns, e);
}

int recorded_evidence(const char *target, struct evidence *ret, struct err *e) {
    json_t *j;
    uint64_t wall_ns;
    int r = read_kept(target, RECORDED_EVIDENCE, &j, &wall_ns, e);
    if (r < 0)
        return r;
    r = evidence_of_json(j, ret, e);
    json_decref(j);
    if (r == 0) {
        ret->target.kind = "recorded";
        evidence_note(ret, "as it was recorded at %s; of its memory nothing is left",
                      moment_of(wall_ns).text);
    }
    return r;
}

int recorded_range_open(const char *target, struct recorded_range *ret, struct err *e) {
    struct place p;
    struct recorded_range range = {0};
    const char *dots;
    if (!place_of(target, &p))
        return err_set(e, -EINVAL, "", "%s is no recording", target);
    int r = store_open(p.file, &range.store, e);
    if (r == 0)
        r = store_processes(range.store, &range.all, e);
    if (r == 0)
        r = choose_process(&p, &range.all, &range.process, e);
    dots = strstr(p.when, "..");
    cleanup_free char *from = mem_strndup(p.when, dots ? (size_t)(dots - p.when) : strlen(p.when));
    if (r == 0)
        r = choose_time(range.store, from, &range.from_ns, e);
    if (r == 0)
        r = choose_time(range.store, dots ? dots + 2 : "last", &range.to_ns, e);
    free(p.file);
    if (r < 0)
        recorded_range_close(&range);
    else
        *ret = range;
    return r;
}

void recorded_range_close(struct recorded_range *r) {
    store_processes_done(&r->all);
    store_free(r->store);
    *r = (struct recorded_range){0};
}
