#include "cmd/record_loop.h"

#include "base/clock.h"
#include "base/fmt.h"
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define SLICE_NS (SECOND_NS / 10)       /* after which an end of the command is seen */
#define CHILD_GRACE_NS (10 * SECOND_NS) /* for the command, once it was asked to end */

static uint64_t clock_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* Resident memory of memwhy by now; 0 when it cannot be told. */
static uint64_t own_rss(void) {
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * 4096;
}

static bool same(struct process_id a, struct process_id b) {
    return a.pid == b.pid && a.started_ns == b.started_ns;
}

/* With a command, its processes alone; whose child a process is, is asked once. */
static bool is_ours(struct record_loop *l, const struct sampler_row *row) {
    if (!l->child.pid)
        return true;
    for (size_t i = 0; i < l->family.list.n; i++)
        if (same(l->family.list.at[i], row->process->id))
            return true;
    if (!row->came || !record_child_has(&l->child, row->process->id.pid))
        return false;
    vec_push(&l->family.list, row->process->id);
    return true;
}

static void put_row(struct record_loop *l, const struct sampler_row *row) {
    const struct sampled_process *p = row->process;
    if (!is_ours(l, row))
        return;
    struct sample sample = row->sample;
    record_gcs_add_to(&l->gcs, p->id, &sample);
    if (row->came) {
        record_oom_came(&l->oom, p->id);
        record_gcs_came(&l->gcs, p->id);
        record_deep_came(&l->deep, p->id, clock_ns());
    }
    uint64_t now = clock_of(CLOCK_BOOTTIME);
    l->running++;
    writer_sample(l->writer,
                  &(struct writer_process){
                      .id = p->id,
                      .ppid = p->ppid,
                      .name = p->name,
                      .command = p->command,
                      .version = p->version,
                      .cgroup = p->cgroup,
                      .no_v8 = p->no_v8,
                      .age_ns = now > p->id.started_ns ? now - p->id.started_ns : 0,
                  },
                  &sample);
}

/* The child's parent knows more of its end than anybody. */
static void put_gone(struct record_loop *l, struct process_id id) {
    uint64_t kills = 0;
    bool known = record_oom_went(&l->oom, id, &kills);
    record_gcs_went(&l->gcs, id);
    record_deep_went(&l->deep, id);
    if (id.pid == l->child.pid && record_child_ended(&l->child)) {
        int status = l->child.wait_status;
        bool killed = WIFSIGNALED(status);
        writer_ended(l->writer, id, killed ? STORE_END_SIGNAL : STORE_END_EXIT,
                     killed ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    writer_gone(l->writer, id, known, kills);
}

/* When writing begins to fail, and when it works again. */
static void tell_failing(struct record_loop *l, int rc, const struct err *e) {
    struct writer_state s;
    if ((rc == -EAGAIN) == l->failing)
        return;
    l->failing = rc == -EAGAIN;
    progress_done(&l->line);
    writer_state(l->writer, &s);
    if (l->failing)
        fprintf(stderr, "memwhy: %s; it goes on being tried, and the last minute is held.\n",
                e->what);
    else
        fprintf(stderr, "memwhy: %s can be written again%s.\n", l->path,
                s.lost ? "; what was not held is a gap in it" : ", and nothing is missing");
}

static int take_round(struct record_loop *l, struct err *e) {
    uint64_t before = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    int rc = sampler_take(l->sampler, &l->round, e);
    if (rc == 0)
        rc = writer_begin(l->writer, l->round.time_ns, l->round.at_ns, e);
    if (rc < 0)
        return rc;
    l->running = 0;
    record_gcs_take(&l->gcs, l->writer);
    for (size_t i = 0; i < l->round.rows.n; i++)
        put_row(l, &l->round.rows.at[i]);
    for (size_t i = 0; i < l->round.gone.n; i++)
        put_gone(l, l->round.gone.at[i].process->id);
    l->cpu_ns = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    writer_cost(l->writer, l->cpu_ns, own_rss(), l->cpu_ns - before);
    rc = writer_commit(l->writer, e);
    if (rc == 0)
        record_deep_step(&l->deep, l->writer, clock_ns());
    tell_failing(l, rc, e);
    l->cpu_ns = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    l->longest_ns = l->cpu_ns - before > l->longest_ns ? l->cpu_ns - before : l->longest_ns;
    return rc == -EAGAIN ? 0 : rc;
}

static void tell_progress(struct record_loop *l) {
    struct writer_state s;
    char size[FMT_MAX], rounds[FMT_MAX];
    if (!l->line.on)
        return;
    writer_state(l->writer, &s);
    cleanup_free char *text = mem_printf("recording %zu processes, %s rounds, %s%s", l->running,
                                         fmt_count(rounds, s.rounds), fmt_bytes(size, s.bytes),
                                         l->for_ns    ? ","
                                         : l->failing ? ", which cannot be written now"
                                                      : "");
    progress_say(&l->line, text, l->for_ns ? clock_ns() - l->began_ns : 0, l->for_ns);
}

/* Until the clock shows that, or something is to be seen to. */
static void wait_until(struct record_loop *l, uint64_t until_ns) {
    for (uint64_t now; (now = clock_ns()) < until_ns;) {
        uint64_t left = until_ns - now;
        uint64_t slice = l->child.pid && left > SLICE_NS ? SLICE_NS : left;
        if (l->stop == RECORD_STOP_NONE && atomic_load(l->interrupted))
            return;
        if (record_child_ended(&l->child))
            return;
        nanosleep(&(struct timespec){(time_t)(slice / SECOND_NS), (long)(slice % SECOND_NS)}, NULL);
    }
}

static enum record_stop why_stop(struct record_loop *l, uint64_t now_ns) {
    if (atomic_load(l->interrupted))
        return RECORD_STOP_INTERRUPTED;
    if (l->for_ns && now_ns - l->began_ns >= l->for_ns)
        return RECORD_STOP_TIME;
    if (l->ends_with_targets && !l->running)
        return RECORD_STOP_GONE;
    return RECORD_STOP_NONE;
}

/* True when no more rounds are to be taken. A command is asked to end, and recorded until it has.
 */
static bool is_over(struct record_loop *l, bool command_ended, uint64_t *stopping_ns) {
    uint64_t now = clock_ns();
    if (command_ended) {
        l->stop = l->stop ? l->stop : RECORD_STOP_COMMAND;
        return true;
    }
    if (l->stop == RECORD_STOP_NONE) {
        l->stop = why_stop(l, now);
        *stopping_ns = now;
        if (l->stop)
            record_child_stop(&l->child);
    }
    return l->stop && (!l->child.pid || now - *stopping_ns > CHILD_GRACE_NS);
}

int record_loop_run(struct record_loop *l, struct err *e) {
    uint64_t next = l->began_ns = clock_ns(), stopping_ns = 0;
    int rc;
    for (;;) {
        bool command_ended = record_child_ended(&l->child); /* the round sees that it is gone */
        rc = take_round(l, e);
        if (rc < 0 || is_over(l, command_ended, &stopping_ns))
            break;
        tell_progress(l);
        uint64_t now = clock_ns();
        next += l->every_ns;
        if (next < now) /* rounds that were missed are not made up for */
            next = now + l->every_ns - (now - next) % l->every_ns;
        if (l->for_ns && next > l->began_ns + l->for_ns && l->stop == RECORD_STOP_NONE)
            next = l->began_ns + l->for_ns;
        wait_until(l, next);
    }
    l->ended_ns = clock_ns();
    progress_done(&l->line);
    return rc;
}

void record_loop_done(struct record_loop *l) {
    sampler_round_done(&l->round);
    record_gcs_close(&l->gcs);
    record_oom_done(&l->oom);
    record_deep_done(&l->deep);
    vec_free(&l->family.list);
}
