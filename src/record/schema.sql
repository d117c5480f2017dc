-- A recording of memwhy. PRAGMA application_id says that it is one, user_version which of these.
-- Times are milliseconds of the store (record/store.h): they only rise, and `clock` says what the
-- wall clock showed. Blobs: record/points.c, record/round.c, record/gcs.c.

CREATE TABLE recordings (
    id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,     -- of its rounds
    last INTEGER NOT NULL,      -- brought up to date each minute; newer ones may be in rounds
    every INTEGER NOT NULL,     -- milliseconds between two rounds
    closed INTEGER NOT NULL,    -- 1: it ended by itself
    version TEXT NOT NULL,      -- memwhy's
    what TEXT NOT NULL          -- its arguments
);

CREATE TABLE clock (            -- wall clock minus time, from that time on
    time INTEGER PRIMARY KEY,
    ahead INTEGER NOT NULL
);

CREATE TABLE processes (
    key INTEGER PRIMARY KEY,
    boot TEXT NOT NULL,         -- the kernel's boot_id
    pid INTEGER NOT NULL,
    started INTEGER NOT NULL,   -- nanoseconds since boot
    ppid INTEGER NOT NULL,
    name TEXT NOT NULL,
    version TEXT,               -- of Node
    command TEXT,
    cgroup TEXT,
    no_v8 TEXT,                 -- why V8's counters could not be had
    began INTEGER,              -- `started` as a time of the store
    first INTEGER NOT NULL,     -- of its samples
    last INTEGER NOT NULL,      -- brought up to date each minute, and at its end
    end INTEGER NOT NULL,       -- enum store_end
    status INTEGER NOT NULL,    -- exit status or signal, by `end`
    oom_kills INTEGER NOT NULL, -- counted in its cgroup about its end
    UNIQUE (boot, pid, started)
);

CREATE TABLE rounds (           -- of the minute under way
    time INTEGER PRIMARY KEY,
    samples BLOB NOT NULL,
    collections BLOB
);

CREATE TABLE samples (          -- a minute, ten minutes, an hour of a process
    id INTEGER PRIMARY KEY,
    process INTEGER NOT NULL,
    tier INTEGER NOT NULL,      -- 0: as taken, 1: sums of 10 s, 2: sums of a minute
    start INTEGER NOT NULL,
    keep INTEGER NOT NULL,      -- 1: the end of a process, kept as taken
    data BLOB NOT NULL,
    UNIQUE (process, tier, start)
);
CREATE INDEX samples_by_time ON samples (tier, keep, start);

CREATE TABLE collections (      -- tier 0: a minute of a process; 1: an hour, in sums
    id INTEGER PRIMARY KEY,
    process INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    start INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (process, tier, start)
);
CREATE INDEX collections_by_time ON collections (tier, start);

CREATE TABLE reasons (          -- of collections, in V8's words
    number INTEGER PRIMARY KEY,
    text TEXT NOT NULL
);

CREATE TABLE gaps (
    first INTEGER PRIMARY KEY,  -- the last round before it
    last INTEGER NOT NULL,      -- the first after it
    why INTEGER NOT NULL        -- enum store_gap_why
);

CREATE TABLE costs (            -- memwhy's own
    time INTEGER PRIMARY KEY,
    span INTEGER NOT NULL,
    cpu INTEGER NOT NULL,       -- nanoseconds
    rss INTEGER NOT NULL,       -- bytes
    rounds INTEGER NOT NULL,
    longest INTEGER NOT NULL    -- nanoseconds of CPU
);

CREATE TABLE deep_looks (
    id INTEGER PRIMARY KEY,
    process INTEGER NOT NULL,
    kind TEXT NOT NULL,
    time INTEGER NOT NULL,
    data BLOB NOT NULL          -- JSON, packed by zstd
);
CREATE INDEX deep_looks_by_time ON deep_looks (time);
