-- The journal's tree, its checkpoints, and what keeps record and journal append-only.

-- What the audit trail is searched by. The entry's bytes are what is proved; `verify` holds these
-- columns to them.
alter table journal_intent
    add column at timestamptz not null default '-infinity',
    add column event text not null default '',
    add column actor text not null default '',
    add column subject text not null default '';  -- <type>/<id> of the entry's `ent`
create index journal_intent_subject on journal_intent (subject);
create index journal_intent_actor on journal_intent (actor);

-- RFC 6962 tree in tiles of 256 hashes: tile (level, index) holds the roots of complete subtrees of
-- 256^level leaves, from number 256 * index on. A tile only grows.
create table journal_tile (
    level smallint not null check (level between 0 and 7),
    index bigint not null check (index >= 0),
    hashes bytea not null check (length(hashes) % 32 = 0 and length(hashes) between 32 and 8192),
    primary key (level, index)
);
alter table journal_tile alter column hashes set storage external;  -- hashes do not compress
-- Roots of the complete subtrees that make up `size`, largest first.
alter table journal_head add column frontier bytea not null default '';

-- Public keys that signed checkpoints, oldest first. `endorsement`: the key before it signed this
-- one's verifier key, so that nobody puts a key of his own in between.
create table journal_key (
    number smallint primary key check (number > 0),
    vkey text not null unique,
    endorsement bytea,
    used_from timestamptz not null default clock_timestamp(),
    check ((number = 1) = (endorsement is null))
);
create table journal_checkpoint (
    size bigint primary key check (size > 0),
    root bytea not null check (length(root) = 32),
    note text not null,
    made_at timestamptz not null default clock_timestamp()
);
create table journal_cosignature (
    size bigint not null references journal_checkpoint,
    vkey text not null,
    line text not null,
    received_at timestamptz not null default clock_timestamp(),
    primary key (size, vkey)
);

-- Append-only by trigger as well as by grant. An owner can still switch a trigger off; what then
-- shows is the journal itself, checked against a witness.
create function kept() returns trigger language plpgsql as $$
begin
    raise exception '% on % is refused: rows are kept as they were written', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end $$;

-- A fact may only be ended, once; all else of it stays.
create function ended_only() returns trigger language plpgsql as $$
declare
    rest record := new;
begin
    rest.rec_to := old.rec_to;
    rest.ended_by := old.ended_by;
    if old.rec_to is not null or rest is distinct from old then
        raise exception 'UPDATE on % is refused: a fact can only be ended', tg_table_name
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;

create function retracted_only() returns trigger language plpgsql as $$
declare
    rest record := new;
begin
    rest.retracted_at := old.retracted_at;
    rest.retracted_by := old.retracted_by;
    if old.retracted_at is not null or rest is distinct from old then
        raise exception 'UPDATE on % is refused: an event can only be retracted', tg_table_name
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;

create function grows_only() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'journal_tile' then
        if (new.level, new.index) = (old.level, old.index)
            and substring(new.hashes from 1 for length(old.hashes)) = old.hashes then
            return new;
        end if;
    elsif new.size >= old.size then
        return new;
    end if;
    raise exception 'UPDATE on % is refused: it can only grow', tg_table_name
        using errcode = 'insufficient_privilege';
end $$;

do $$
declare
    kept_table text;
begin
    foreach kept_table in array array[
        'journal_intent', 'journal', 'journal_head', 'journal_tile', 'journal_key',
        'journal_checkpoint', 'journal_cosignature', 'event', 'event_item', 'untracked_flow',
        'draw', 'production', 'membership', 'packing', 'stay', 'movement'
    ] loop
        execute format(
            'create trigger kept_delete before delete on %I for each row execute function kept()',
            kept_table
        );
        execute format(
            'create trigger kept_truncate before truncate on %I execute function kept()', kept_table
        );
        execute format(
            'create trigger kept_update before update on %I for each row execute function %I()',
            kept_table,
            case
                when kept_table in ('journal_head', 'journal_tile') then 'grows_only'
                when kept_table = 'event' then 'retracted_only'
                when kept_table in ('draw', 'production', 'membership', 'packing', 'stay',
                    'movement') then 'ended_only'
                else 'kept'
            end
        );
        execute format('alter table %I enable always trigger kept_delete', kept_table);
        execute format('alter table %I enable always trigger kept_truncate', kept_table);
        execute format('alter table %I enable always trigger kept_update', kept_table);
    end loop;
end $$;
