-- Lot disposition, changes, challenges, signatures and signing factors.

-- What quality decided of a lot; no row = PENDING at version 1. READY is not stored: it follows
-- from the facts of the moment. last_intent: the journal entry that tells this very version.
create table lot_disposition (
    item_id bigint primary key references item,
    state text not null default 'PENDING'
        check (state in ('PENDING', 'REVIEWED', 'RELEASED', 'REJECTED', 'REVOKED')),
    version integer not null default 1 check (version > 0),
    changed_at timestamptz not null default clock_timestamp(),
    changed_by text,
    last_intent uuid
);

-- Why an item may not be used. OPEN_RECORD: a record in another system blocks it (`reference`).
create table quality_hold (
    id bigint generated always as identity primary key,
    item_id bigint not null references item,
    kind text not null check (kind in ('HOLD', 'OPEN_RECORD')),
    reason text not null,
    reference text,
    state text not null default 'ACTIVE' check (state in ('ACTIVE', 'LIFTED')),
    version integer not null default 1,
    placed_by text not null,
    placed_name text not null,
    placed_at timestamptz not null default clock_timestamp(),
    lifted_at timestamptz,
    last_intent uuid,
    check ((state = 'LIFTED') = (lifted_at is not null))
);
create index quality_hold_item on quality_hold (item_id);

-- How many accepted inspections a lot of a class needs before it can be released.
create table inspection_requirement (
    class_id bigint primary key references item_class,
    accepted integer not null check (accepted between 0 and 100),
    set_by text not null,
    set_at timestamptz not null default clock_timestamp()
);

create table change (
    id bigint generated always as identity primary key,
    title text not null,
    kind text not null,
    risk text not null check (risk in ('LOW', 'MEDIUM', 'HIGH')),
    content text not null,
    state text not null default 'DRAFT' check (state in ('DRAFT', 'SUBMITTED', 'APPROVED')),
    version integer not null default 1,
    author text not null,
    author_name text not null,
    created_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    last_intent uuid
);
-- Every content a change ever had, with who wrote it: editors are authors too.
create table change_version (
    change_id bigint not null references change,
    version integer not null,
    title text not null,
    kind text not null,
    risk text not null,
    content text not null,
    editor text not null,
    edited_at timestamptz not null default clock_timestamp(),
    primary key (change_id, version)
);

create table signature_challenge (
    id bigint generated always as identity primary key,
    cid uuid not null unique,
    signer text not null,
    session_id text,
    jkt text,
    user_agent bytea not null,  -- SHA-256: compared, never shown
    action text not null,
    entity_type text not null,
    entity_id bigint not null,
    entity_ver integer not null,
    meaning text not null,
    payload bytea not null,
    digest bytea not null unique check (length(digest) = 32),
    state text not null default 'PENDING'
        check (state in ('PENDING', 'CONSUMED', 'EXPIRED', 'REVOKED')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    consumed_at timestamptz
);
create index signature_challenge_pending on signature_challenge (signer) where state = 'PENDING';

create table signature (
    id bigint generated always as identity primary key,
    challenge_id bigint not null unique references signature_challenge,
    signer text not null,
    printed_name text not null,
    signed_at timestamptz not null,
    tz text not null,
    meaning text not null,
    reason text,
    action text not null,
    entity_type text not null,
    entity_id bigint not null,
    entity_ver integer not null,
    payload bytea not null,
    digest bytea not null check (length(digest) = 32),
    evidence jsonb not null,
    assurance text not null check (assurance in ('USER_KEY', 'IDP_ATTESTED', 'SERVER_ATTESTED')),
    intent_id uuid not null unique,
    unique (entity_type, entity_id, entity_ver, meaning, signer)
);
-- A signature row never changes; what voids it is a row of its own.
create table signature_void (
    signature_id bigint primary key references signature,
    voided_at timestamptz not null default clock_timestamp(),
    reason text not null,
    intent_id uuid not null
);

-- One row a try, committed before anything is checked. outcome: TRYING and WRONG count.
create table signature_attempt (
    id bigint generated always as identity primary key,
    challenge_id bigint,
    signer text not null,
    at timestamptz not null default clock_timestamp(),
    outcome text not null,
    factor text not null,
    ip_hash bytea
);
create index signature_attempt_recent on signature_attempt (signer, at);

create table signing_factor (
    id bigint generated always as identity primary key,
    signer text not null,
    kind text not null check (kind in ('WEBAUTHN', 'TOTP')),
    label text not null,
    credential_id bytea unique,  -- WEBAUTHN
    public_key bytea,            -- WEBAUTHN: COSE
    sign_count bigint not null default 0,
    seed bytea,                  -- TOTP: sealed with a key outside the database
    last_totp bigint not null default 0,
    enrolled_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    enrolled_by text not null,
    approved_by text,
    check ((kind = 'WEBAUTHN') = (public_key is not null and credential_id is not null)),
    check ((kind = 'TOTP') = (seed is not null))
);
create index signing_factor_signer on signing_factor (signer) where revoked_at is null;
create unique index signing_factor_totp on signing_factor (signer)
    where kind = 'TOTP' and revoked_at is null;

create table factor_enrolment (
    id uuid primary key,
    signer text not null,
    session_id text,
    kind text not null check (kind in ('WEBAUTHN', 'TOTP')),
    secret bytea not null,  -- WEBAUTHN: the challenge; TOTP: the sealed seed
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz
);

-- Two administrators take away a person's factors; signing waits for enrolment by the person.
create table factor_reset (
    id bigint generated always as identity primary key,
    subject text not null,
    reason text not null,
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    approved_by text,
    approved_at timestamptz,
    enrolled_at timestamptz,
    check (approved_by is null or approved_by <> requested_by)
);
create unique index factor_reset_open on factor_reset (subject) where approved_at is null;

create table signing_period (
    id bigint generated always as identity primary key,
    signer text not null,
    session_id text,
    jkt text,
    user_agent bytea not null,
    roles text[] not null,
    opened_by bigint not null references signature,
    opened_at timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    reason text
);
create unique index signing_period_open on signing_period (signer) where ended_at is null;

-- Signatures are kept as they were made, whoever asks.
do $$
declare
    kept_table text;
begin
    foreach kept_table in array array['signature', 'signature_void', 'change_version'] loop
        execute format(
            'create trigger kept before update or delete on %I for each row '
            'execute function kept()', kept_table
        );
        execute format('alter table %I enable always trigger kept', kept_table);
    end loop;
end $$;
