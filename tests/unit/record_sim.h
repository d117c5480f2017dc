/* Node processes as a recording sees them, made up second by second: heaps that saw, RSS that
 * wanders, counters that rise by amounts no two of which are alike. */
#ifndef MEMWHY_TESTS_RECORD_SIM_H
#define MEMWHY_TESTS_RECORD_SIM_H

#include "model/sample.h"
#include <stdio.h>

struct sim_process {
    uint64_t random; /* its generator's state */
    uint64_t heap, floor, rss, total, minor, major, cpu, system, faults, switches, forced, arenas;
    uint64_t pressure;
};

static inline uint64_t sim_random(struct sim_process *p, uint64_t below) {
    p->random = p->random * 6364136223846793005u + 1442695040888963407u;
    return (p->random >> 20) % below;
}

static inline struct sim_process sim_process_new(uint64_t seed) {
    struct sim_process p = {.random = seed * 2654435761u + 1};
    p.floor = (30u << 20) + sim_random(&p, 64u << 20);
    p.heap = p.floor;
    p.rss = p.floor * 2;
    p.total = p.floor + (20u << 20);
    p.arenas = 8u << 20;
    return p;
}

/* `step_s` seconds go by. */
static inline void sim_process_step(struct sim_process *p, uint64_t step_s) {
    p->heap += step_s * sim_random(p, 3u << 20) & ~UINT64_C(7);
    p->minor += step_s * (1 + sim_random(p, 4));
    if (p->heap > p->floor + (50u << 20)) {
        p->heap = p->floor + (sim_random(p, 1u << 20) & ~UINT64_C(7));
        p->major++;
        p->total = p->floor + (20u << 20) + (sim_random(p, 80) << 18);
    }
    p->rss = p->floor * 2 + (sim_random(p, 4096) << 12);
    p->arenas += sim_random(p, 8) == 0 ? 135168 : 0;
    p->cpu += step_s * sim_random(p, 400000000);
    p->system += step_s * sim_random(p, 60000000);
    p->faults += step_s * sim_random(p, 700);
    p->switches += step_s * sim_random(p, 3000);
    p->forced += step_s * sim_random(p, 40);
    p->pressure += sim_random(p, 4) == 0 ? sim_random(p, 900000) : 0;
}

static inline void sim_process_sample(struct sim_process *p, struct sample *ret) {
    *ret = (struct sample){0};
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++) /* what never changes */
        sample_set(ret, f, (uint64_t)f << 16);
    sample_set(ret, SAMPLE_RSS, p->rss);
    sample_set(ret, SAMPLE_RSS_ANON, p->rss - (50u << 20));
    sample_set(ret, SAMPLE_VM_DATA, p->rss * 3);
    sample_set(ret, SAMPLE_PAGE_TABLES, p->rss >> 9 & ~UINT64_C(4095));
    sample_set(ret, SAMPLE_HEAP_USED, p->heap);
    sample_set(ret, SAMPLE_HEAP_TOTAL, p->total);
    sample_set(ret, SAMPLE_EXTERNAL, (2u << 20) + sim_random(p, 1u << 20));
    sample_set(ret, SAMPLE_ARRAY_BUFFERS, sim_random(p, 1u << 20));
    sample_set(ret, SAMPLE_NEW_USED, sim_random(p, 16u << 20) & ~UINT64_C(7));
    sample_set(ret, SAMPLE_OLD_USED, p->heap - (p->heap >> 3));
    sample_set(ret, SAMPLE_LARGE_USED, p->floor >> 4);
    sample_set(ret, SAMPLE_MALLOC_ARENAS, p->arenas);
    sample_set(ret, SAMPLE_GC_MAJOR, p->major);
    sample_set(ret, SAMPLE_GC_MINOR, p->minor);
    sample_set(ret, SAMPLE_GC_PAUSE_NS, p->minor * 1234567 + p->major * 23456789);
    sample_set(ret, SAMPLE_LIVE_AFTER_GC, p->floor);
    sample_set(ret, SAMPLE_FAULTS_MINOR, p->faults);
    sample_set(ret, SAMPLE_CPU_USER_NS, p->cpu);
    sample_set(ret, SAMPLE_CPU_SYSTEM_NS, p->system);
    sample_set(ret, SAMPLE_SWITCHES_VOLUNTARY, p->switches);
    sample_set(ret, SAMPLE_SWITCHES_FORCED, p->forced);
    sample_set(ret, SAMPLE_THREADS, 11);
    sample_set(ret, SAMPLE_FDS, 20 + sim_random(p, 12));
    sample_set(ret, SAMPLE_CGROUP_CURRENT, p->rss + (sim_random(p, 4096) << 12));
    sample_set(ret, SAMPLE_CGROUP_OOM_KILLS, 0);
    sample_set(ret, SAMPLE_PRESSURE_SOME_NS, p->pressure);
    sample_set(ret, SAMPLE_PRESSURE_FULL_NS, p->pressure / 2);
}

#endif
