-- What a store holds, and of what: every object that was read, the parts its records are in, the
-- intervals that they start in. Times are whole seconds since 1970, UTC.

create table if not exists about (
    key text primary key,
    value text not null
) without rowid;

-- An object as it was when it was read. `state` is read, truncated or unreadable; `again` is 1 where
-- the next run reads it once more whatever its stamp says.
create table if not exists objects (
    id integer primary key,
    name text not null unique,
    size integer not null,
    stamp text not null,
    state text not null,
    why text not null default '',
    again integer not null default 0,
    lines integer not null,
    headers integer not null,
    blanks integer not null,
    malformed integer not null,
    repeats integer not null,
    ok integer not null,
    nodata integer not null,
    skipdata integer not null,
    reasons text not null default '{}'
);

-- The runs that published something: what names another run was not published from this store.
create table if not exists publishers (
    run text primary key
) without rowid;

create index if not exists objects_by_stamp on objects (stamp);

create index if not exists objects_again on objects (again) where again = 1;

create table if not exists parts (
    id integer primary key,
    day text not null,
    path text not null unique,
    rows integer not null,
    bytes integer not null,
    sha256 text not null default ''
);

-- The rows of a part lie object by object, in the order of `place`.
create table if not exists runs (
    part integer not null references parts (id) on delete cascade,
    place integer not null,
    object integer not null references objects (id) on delete cascade,
    rows integer not null,
    primary key (part, place)
) without rowid;

create index if not exists runs_of_objects on runs (object);

create table if not exists touches (
    object integer not null references objects (id) on delete cascade,
    start integer not null,
    records integer not null,
    primary key (object, start)
) without rowid;

create index if not exists touches_of_intervals on touches (start, object, records);

-- `changed` is 0 once what is published of the interval tells of all its records, and 2 where it
-- couldn't be made, and those after it have been published meanwhile; `judged` is 1 if
-- its alarms, which the intervals after it build on, do so; `owed` is 1 until the hook has been told
-- of what is published.
create table if not exists intervals (
    start integer primary key,
    changed integer not null default 1,
    judged integer not null default 0,
    new_scanners integer,
    published integer not null default 0,
    owed integer not null default 0
);

-- `changed` is 1 until the summaries of the day tell of all its records. Records of a day that was
-- `pruned` are gone, and its summaries stay what they are.
create table if not exists days (
    day text primary key,
    changed integer not null default 1,
    pruned integer not null default 0
) without rowid;
