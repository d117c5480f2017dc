/* samples INTERVAL_MS ROUNDS [PID...]: samples of these processes, or of all Node processes, a line
 * of JSON each; at the end, and after each round where MEMWHY_SAMPLES_COST is set, what the rounds
 * cost. */
#include "base/clock.h"
#include "collect/sampler.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_line(json_t *o) {
    json_dumpf(o, stdout, JSON_COMPACT);
    puts("");
    fflush(stdout);
    json_decref(o);
}

static void print_row(const struct sampler_row *row, uint64_t done_ns) {
    const struct sample *s = &row->sample;
    json_t *o = json_pack("{s:i s:s s:s s:b s:I s:I s:I}", "pid", row->process->id.pid, "name",
                          row->process->name, "version", row->process->version, "came", row->came,
                          "time_ns", (json_int_t)s->time_ns, "at_ns", (json_int_t)s->at_ns,
                          "done_ns", (json_int_t)done_ns);
    uint64_t v;
    if (row->process->no_v8)
        json_object_set_new(o, "no_v8", json_string(row->process->no_v8));
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        if (sample_get(s, (enum sample_field)f, &v))
            json_object_set_new(o, sample_field_info((enum sample_field)f)->name,
                                json_integer((json_int_t)v));
    json_t *spaces = json_object();
    for (int i = 0; i < V8_SPACES; i++)
        if (s->known_spaces >> i & 1)
            json_object_set_new(spaces, v8_space_name((enum v8_space)i),
                                json_pack("{s:I s:I}", "used", (json_int_t)s->space[i].used,
                                          "total", (json_int_t)s->space[i].total));
    json_object_set_new(o, "spaces", spaces);
    print_line(o);
}

static void print_cost(const struct sampler *s) {
    struct sampler_cost c;
    sampler_cost(s, &c);
    print_line(json_pack("{s:{s:I s:I s:I}}", "cost", "rounds", (json_int_t)c.rounds, "cpu_ns",
                         (json_int_t)c.cpu_ns, "longest_ns", (json_int_t)c.longest_ns));
}

int main(int argc, char **argv) {
    enum { PIDS_MAX = 1000 };
    pid_t pids[PIDS_MAX];
    struct sampler_query q = {.root = "", .pids = pids};
    struct sampler *s;
    struct sampler_round round = {0};
    struct err e = {0};
    if (argc < 3)
        return 2;
    uint64_t interval_ns = strtoull(argv[1], NULL, 10) * 1000000u, n = strtoull(argv[2], NULL, 10);
    for (int i = 3; i < argc && q.n_pids < PIDS_MAX; i++)
        pids[q.n_pids++] = (pid_t)atoi(argv[i]);
    if (sampler_new(&q, &s, &e) < 0) {
        fprintf(stderr, "%s\n", e.what);
        return 3;
    }
    bool costs = getenv("MEMWHY_SAMPLES_COST");
    for (uint64_t i = 0, next = clock_ns(); i < n; i++, next += interval_ns) {
        struct timespec until = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        if (sampler_take(s, &round, &e) < 0) {
            fprintf(stderr, "%s\n", e.what);
            return 3;
        }
        uint64_t done_ns = clock_ns();
        for (size_t k = 0; k < round.rows.n && !costs; k++)
            print_row(&round.rows.at[k], done_ns);
        for (size_t k = 0; k < round.gone.n; k++)
            print_line(json_pack("{s:i}", "gone", round.gone.at[k].process->id.pid));
        if (costs)
            print_cost(s);
    }
    print_cost(s);
    sampler_round_done(&round);
    sampler_free(s);
    return 0;
}
