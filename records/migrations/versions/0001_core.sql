-- The genealogy and its journal. Fact times are microseconds since 1970 UTC (exact, and read as
-- integer columns); record times are the database clock. A fact holds while rec_to is null; a
-- retraction sets rec_to and ended_by, and nothing is ever deleted.

create table party (
    id bigint generated always as identity primary key,
    key text not null unique,
    name text
);
create table location (
    id bigint generated always as identity primary key,
    key text not null unique,
    name text,
    party_id bigint references party
);
create table item_class (
    id bigint generated always as identity primary key,
    key text not null unique,
    name text,
    udi_di text,
    implantable boolean not null default false,
    tracked boolean not null default false,
    balance_tolerance numeric not null default 0,
    -- Classes declared interchangeable by a product structure share one alternate_of (ruling 10).
    alternate_of bigint references item_class
);
-- Every key under which a class is known: its own, and further device identifiers.
create table item_class_alias (
    key text primary key,
    class_id bigint not null references item_class
);
create index item_class_alias_class on item_class_alias (class_id);

create table item (
    id bigint generated always as identity primary key,
    key text not null unique,
    kind smallint not null check (kind between 0 and 2),
    class_id bigint references item_class,
    lot_no text,
    serial_no text,
    supplier_lot_no text,
    udi text,
    org_id text not null,
    site_id text not null,
    rec_from timestamptz not null default clock_timestamp()
);
create index item_lot on item (class_id, lot_no) where lot_no is not null;
create index item_serial on item (class_id, serial_no) where serial_no is not null;
create index item_lot_no on item (lot_no) where lot_no is not null;

create table activity (
    id bigint generated always as identity primary key,
    key text not null unique,
    kind smallint not null check (kind between 0 and 10),
    operation text,
    operator text,
    equipment text[] not null default '{}',
    parameters jsonb not null default '[]'
);

create table event (
    id bigint generated always as identity primary key,
    event_id text not null,
    is_declaration boolean not null,
    digest bytea not null check (length(digest) = 32),
    type text not null,
    action text,
    biz_step text,
    disposition text,
    persistent_set text[] not null default '{}',
    persistent_unset text[] not null default '{}',
    at bigint not null,
    quality smallint not null check (quality between 0 and 2),
    uncertainty bigint not null check (uncertainty >= 0),
    zone text not null,
    record_time timestamptz not null default clock_timestamp(),
    read_point_id bigint references location,
    biz_location_id bigint references location,
    activity_id bigint references activity,
    transactions jsonb not null default '[]',  -- [{type, id}]: orders, delivery notes, rma …
    source text,
    org_id text not null,
    site_id text not null,
    actor text not null,
    document jsonb not null,
    intent_id uuid not null unique,
    retracted_at timestamptz,
    retracted_by bigint references event,
    unique (event_id, is_declaration)
);

-- What an event is about; quantity as told. Roles: 0 named, 1 parent, 2 child, 3 input, 4 output.
create table event_item (
    item_id bigint not null references item,
    event_id bigint not null references event,
    role smallint not null check (role between 0 and 4),
    qty numeric,
    unit text,
    primary key (item_id, event_id, role)
);
create index event_item_event on event_item (event_id);

create table draw (
    id bigint generated always as identity primary key,
    item_id bigint not null references item,
    activity_id bigint not null references activity,
    at bigint not null,
    quality smallint not null,
    uncertainty bigint not null,
    pieces bigint not null default -1,
    qty numeric,
    unit text,
    event_id bigint not null references event,
    rec_from timestamptz not null,
    rec_to timestamptz,
    ended_by bigint references event
);
create index draw_item on draw (item_id);
create index draw_activity on draw (activity_id);
create index draw_event on draw (event_id);

create table production (like draw including all);
alter table production add foreign key (item_id) references item;
alter table production add foreign key (activity_id) references activity;
alter table production add foreign key (event_id) references event;

-- What flowed by class alone, without a lot: a gap in the genealogy, stated by every answer.
create table untracked_flow (
    event_id bigint not null references event,
    activity_id bigint not null references activity,
    class_id bigint not null references item_class,
    is_draw boolean not null,
    qty numeric,
    unit text
);
create index untracked_flow_activity on untracked_flow (activity_id);
create index untracked_flow_event on untracked_flow (event_id);

create table membership (
    id bigint generated always as identity primary key,
    lot_id bigint not null references item,
    serial_id bigint not null references item,
    event_id bigint not null references event,
    rec_from timestamptz not null,
    rec_to timestamptz,
    ended_by bigint references event
);
create index membership_lot on membership (lot_id);
create index membership_serial on membership (serial_id);
create index membership_event on membership (event_id);

-- What was told of containment: op 0 ADD, 1 DELETE, 2 DELETE of all children, 3 OBSERVE.
create table packing (
    id bigint generated always as identity primary key,
    parent_id bigint not null references item,
    child_id bigint references item,
    is_installation boolean not null,
    op smallint not null check (op between 0 and 3),
    at bigint not null,
    quality smallint not null,
    uncertainty bigint not null,
    qty numeric,
    unit text,
    event_id bigint not null references event,
    rec_from timestamptz not null,
    rec_to timestamptz,
    ended_by bigint references event
);
create index packing_child on packing (child_id);
create index packing_parent on packing (parent_id);
create index packing_event on packing (event_id);

-- Half-open stays derived from packing in event-time order; until = 2^63-1 while it lasts.
create table stay (
    id bigint generated always as identity primary key,
    child_id bigint not null references item,
    parent_id bigint not null references item,
    is_installation boolean not null,
    since bigint not null,
    since_quality smallint not null,
    since_uncertainty bigint not null,
    until bigint not null,
    until_quality smallint not null,
    until_uncertainty bigint not null,
    qty numeric,
    unit text,
    event_id bigint not null references event,
    rec_from timestamptz not null,
    rec_to timestamptz,
    ended_by bigint references event
);
create index stay_child on stay (child_id);
create index stay_parent on stay (parent_id);

-- Movements: kind 0 SHIP, 1 RECEIVE, 2 RETURN, 3 VOID.
create table movement (
    id bigint generated always as identity primary key,
    item_id bigint not null references item,
    kind smallint not null check (kind between 0 and 3),
    at bigint not null,
    quality smallint not null,
    uncertainty bigint not null,
    sender_id bigint references party,
    receiver_id bigint references party,
    qty numeric,
    unit text,
    event_id bigint not null references event,
    rec_from timestamptz not null,
    rec_to timestamptz,
    ended_by bigint references event
);
create index movement_item on movement (item_id);
create index movement_event on movement (event_id);

create table alert (
    id bigint generated always as identity primary key,
    code text not null,
    facts jsonb not null,
    event_id bigint references event,
    item_id bigint references item,
    raised_at timestamptz not null default clock_timestamp(),
    state text not null default 'OPEN' check (state in ('OPEN', 'ACK', 'RESOLVED'))
);

create table capture_job (
    id uuid primary key,
    actor text not null,
    created_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    success boolean,
    on_error text not null,
    errors jsonb not null default '[]',
    captured integer,
    last_intent uuid  -- its place in the journal is the job's position, once sequenced
);

-- One answer per idempotency key: the same document again gets the same answer.
create table capture_request (
    actor text not null,
    key text not null,
    digest bytea not null,
    answer jsonb not null,
    last_intent uuid,
    created_at timestamptz not null default clock_timestamp(),
    primary key (actor, key)
);

-- The journal (trust.md 8b): intents are written with the fact, the sequencer orders them.
create table journal_intent (
    id uuid primary key,
    xid xid8 not null default pg_current_xact_id(),
    entry bytea not null,
    body bytea not null,
    salt bytea not null
);
create index journal_intent_order on journal_intent (xid, id);

create table journal (
    seq bigint primary key check (seq > 0),
    leaf bytea not null check (length(leaf) = 32),
    intent_id uuid not null unique references journal_intent
);
create table journal_head (
    single boolean primary key default true check (single),
    size bigint not null,
    last_xid xid8 not null,
    last_id uuid not null
);
insert into journal_head values (true, 0, '0', '00000000-0000-0000-0000-000000000000');
