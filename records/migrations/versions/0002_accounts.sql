-- Accounts, clients and tokens of the built-in authorization server. Of what opens a door (a
-- password, a code, a refresh token, a cookie, a client's secret) only a hash is kept; times are
-- the database clock's. Rows of codes and tokens are removed a day after their end.

create table account (
    id uuid primary key,
    login text not null unique check (login = lower(login)),
    name text not null,
    organisation text,
    roles text[] not null default '{}',
    password_hash text not null,
    -- Set by somebody else: no token is given out before the person chose another.
    password_is_temporary boolean not null default true,
    totp_seed bytea,     -- sealed with a key outside the database
    totp_last bigint not null default 0,
    totp_pending bytea,  -- until the first code shows that the phone has it
    locked_at timestamptz,
    locked_reason text,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null
);

-- One row a try, committed before anything is checked; a right one removes its login's rows.
create table sign_in_attempt (
    id bigint generated always as identity primary key,
    login text not null,
    at timestamptz not null default clock_timestamp()
);
create index sign_in_attempt_login on sign_in_attempt (login, at);

-- A signed-in browser. id is the `sid` of its tokens; the cookie's secret is known by its hash.
create table sign_in (
    id uuid primary key,
    secret_sha256 bytea not null unique,
    account_id uuid not null references account,
    auth_time timestamptz not null default clock_timestamp(),
    acr text not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
create index sign_in_account on sign_in (account_id) where ended_at is null;

create table oauth_client (
    id text primary key,
    name text not null,
    secret_sha256 bytea,  -- null: a public client, known by its redirect addresses alone
    redirect_uris text[] not null default '{}',
    grants text[] not null,
    roles text[] not null default '{}',  -- of its own tokens (client_credentials)
    organisation text,
    needs_dpop boolean not null default false,
    introspects boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    disabled_at timestamptz
);

-- A family is all that one consent led to: the code, its refresh tokens, their access tokens.
create table oauth_code (
    code_sha256 bytea primary key,
    family uuid not null,
    client_id text not null references oauth_client,
    account_id uuid not null references account,
    sign_in_id uuid not null references sign_in,
    redirect_uri text not null,
    scope text not null,
    nonce text,
    challenge text not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create table refresh_token (
    token_sha256 bytea primary key,
    family uuid not null,
    client_id text not null references oauth_client,
    account_id uuid not null references account,
    sign_in_id uuid not null references sign_in,
    scope text not null,
    jkt text,
    expires_at timestamptz not null,
    used_at timestamptz,
    revoked_at timestamptz
);
create index refresh_token_family on refresh_token (family);

create table access_token (
    jti text primary key,
    family uuid,
    client_id text not null,
    account_id uuid references account,
    sign_in_id uuid references sign_in,
    expires_at timestamptz not null
);
create index access_token_family on access_token (family);
create index access_token_account on access_token (account_id);

-- Tokens called back before their end, of any issuer; what every process reads each second.
create table revoked_token (
    issuer text not null,
    jti text not null,
    until timestamptz not null,
    primary key (issuer, jti)
);
create index revoked_token_until on revoked_token (until);

-- Proofs of possession seen (RFC 9449), so that one used here is not good for another process.
create table dpop_proof (
    digest bytea primary key,
    until timestamptz not null
);
create index dpop_proof_until on dpop_proof (until);
