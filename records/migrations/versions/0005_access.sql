-- Access grants, database roles and row-level security.
--
-- Six roles without a log-in; every pool takes one of them. `lotkin_owner` owns all tables,
-- `lotkin_app` reads and writes for people inside, `lotkin_seq` orders the journal, `lotkin_proj`
-- follows it, `lotkin_supplier` and `lotkin_regulator` read what lies in a scope. A partner's pool
-- finds the views of the schema `partner` before the tables: same names, same columns, blank where
-- a partner may not look, so that no query needs to know who asks.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['lotkin_owner', 'lotkin_app', 'lotkin_supplier',
        'lotkin_regulator', 'lotkin_seq', 'lotkin_proj'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception
                -- Another database of the same server is being migrated.
                when duplicate_object or unique_violation then null;
            end;
        end if;
        if not pg_has_role(current_user, wanted, 'member') then
            execute format('grant %I to current_user', wanted);
        end if;
    end loop;
end $$;

-- What a regulator may see, why, and until when. Asked for by one administrator, in force once
-- another one agreed. EXPIRED is not stored: it follows from the clock. `items`: the lots and
-- serials it is about; none = all items of `products` made or named in the period.
create table access_grant (
    id bigint generated always as identity primary key,
    organisation text,
    subject text,
    products bigint[] not null default '{}',
    markets text[] not null default '{}',
    items bigint[] not null default '{}',
    case_reference text,
    since bigint not null,
    until bigint not null check (until > since),
    purpose text not null check (length(purpose) between 1 and 500),
    state text not null default 'REQUESTED' check (state in ('REQUESTED', 'ACTIVE', 'REVOKED')),
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    approved_by text,
    approved_at timestamptz,
    revoked_by text,
    revoked_at timestamptz,
    expires_at timestamptz not null,
    check (organisation is not null or subject is not null),
    check (cardinality(products) > 0 or cardinality(items) > 0),
    check (expires_at > requested_at and expires_at <= requested_at + interval '90 days'),
    check (approved_by is null or approved_by <> requested_by),
    check (state <> 'ACTIVE' or approved_by is not null and approved_at is not null),
    check ((state = 'REVOKED') = (revoked_by is not null and revoked_at is not null))
);
create index access_grant_open on access_grant (expires_at) where state = 'ACTIVE';
create index movement_sender on movement (sender_id) where rec_to is null;
create index item_org on item (org_id);

-- Who may do what to which table. A table that is not named here is the application's alone, with
-- every row its to change; nobody truncates.
grant usage, create on schema public to lotkin_owner;
grant usage on schema public to lotkin_app, lotkin_seq, lotkin_proj, lotkin_supplier,
    lotkin_regulator;
do $$
declare
    found text;
begin
    for found in select tablename from pg_tables where schemaname = 'public' loop
        execute format('alter table %I owner to lotkin_owner', found);
        execute format('revoke all on %I from public', found);
        execute format('grant select on %I to lotkin_app', found);
        if found in ('alembic_version', 'journal', 'journal_head', 'journal_tile', 'journal_key',
            'journal_checkpoint') then
            continue;
        end if;
        execute format('grant insert on %I to lotkin_app', found);
        if found in ('journal_intent', 'journal_cosignature', 'event_item', 'untracked_flow',
            'signature', 'signature_void', 'change_version') then
            continue;  -- rows are kept as they were written
        elsif found in ('draw', 'production', 'membership', 'packing', 'stay', 'movement') then
            execute format('grant update (rec_to, ended_by) on %I to lotkin_app', found);
        elsif found = 'event' then
            grant update (retracted_at, retracted_by) on event to lotkin_app;
        elsif found = 'access_grant' then
            grant update (state, approved_by, approved_at, revoked_by, revoked_at) on access_grant
                to lotkin_app;
        elsif found in ('party', 'location', 'item_class', 'item_class_alias', 'item', 'activity',
            'alert') then
            execute format('grant update on %I to lotkin_app', found);
        else
            execute format('grant update, delete on %I to lotkin_app', found);
        end if;
    end loop;
end $$;
grant usage on all sequences in schema public to lotkin_app;
grant select on journal_intent, journal, journal_head, journal_tile, journal_key,
    journal_checkpoint, journal_cosignature to lotkin_seq, lotkin_proj;
grant insert on journal, journal_tile, journal_key, journal_checkpoint, journal_cosignature
    to lotkin_seq;
grant update on journal_head, journal_tile to lotkin_seq;
grant insert on alert to lotkin_proj;
grant usage on sequence alert_id_seq to lotkin_proj;

-- The scope of a partner's transaction: ids that `partner.*_scope` computed, held in settings that
-- end with the transaction. After it a setting reads '', not null; either means: nothing.
create schema partner;
grant usage on schema partner to lotkin_supplier, lotkin_regulator;
grant usage, create on schema partner to lotkin_owner;
create function partner.ids(name text) returns bigint[] language sql stable
    return nullif(current_setting(name, true), '')::bigint[];

-- Rows a partner can ask for, columns it can read; the rest of each view is blank.
do $$
declare
    internal constant text := 'lotkin_owner, lotkin_app, lotkin_seq, lotkin_proj';
    partners constant text := 'lotkin_supplier, lotkin_regulator';
    of_items constant text := '((select partner.ids(''app.items''))::bigint[])';
    of_activities constant text := '((select partner.ids(''app.activities''))::bigint[])';
    rule record;
    picked text;
begin
    for rule in select * from (values
        ('item', partners, 'id = any ' || of_items,
            '{id,key,kind,class_id,lot_no,serial_no,supplier_lot_no,udi}'),
        ('item_class', partners, 'id in (select class_id from public.item)',
            '{id,key,name,udi_di,implantable,tracked,balance_tolerance}'),
        ('item_class_alias', partners, 'class_id in (select class_id from public.item)',
            '{key,class_id}'),
        ('activity', partners, 'id = any ' || of_activities, '{id,key,kind}'),
        ('draw', partners, 'item_id = any ' || of_items || ' and activity_id = any '
            || of_activities,
            '{id,item_id,activity_id,at,quality,uncertainty,pieces,qty,unit,rec_from,rec_to}'),
        ('production', partners, 'item_id = any ' || of_items || ' and activity_id = any '
            || of_activities,
            '{id,item_id,activity_id,at,quality,uncertainty,pieces,qty,unit,rec_from,rec_to}'),
        ('membership', partners, 'lot_id = any ' || of_items || ' and serial_id = any '
            || of_items, '{id,lot_id,serial_id,rec_from,rec_to}'),
        ('stay', partners, 'child_id = any ' || of_items || ' and parent_id = any '
            || of_items,
            '{id,child_id,parent_id,is_installation,since,since_quality,since_uncertainty,until,'
            || 'until_quality,until_uncertainty,qty,unit,rec_from,rec_to}'),
        ('movement', 'lotkin_regulator', 'item_id = any ' || of_items,
            '{id,item_id,kind,at,quality,uncertainty,sender_id,receiver_id,event_id,rec_from,'
            || 'rec_to}'),
        ('event_item', 'lotkin_regulator', 'item_id = any ' || of_items,
            '{item_id,event_id,role,qty,unit}'),
        ('event', 'lotkin_regulator', 'id in (select event_id from public.event_item)',
            '{id,event_id,is_declaration,type,action,biz_step,disposition,persistent_set,'
            || 'persistent_unset,at,quality,uncertainty,zone,record_time,activity_id,retracted_at,'
            || 'retracted_by}'),
        ('lot_disposition', 'lotkin_regulator', 'item_id = any ' || of_items,
            '{item_id,state,version,changed_at}'),
        ('quality_hold', 'lotkin_regulator', 'item_id = any ' || of_items,
            '{id,item_id,kind,reason,state,version,placed_at,lifted_at}')
    ) as known (name, readers, visible, columns) loop
        execute format('alter table %I enable row level security', rule.name);
        execute format('alter table %I force row level security', rule.name);
        execute format('create policy inside on %I to %s using (true) with check (true)',
            rule.name, internal);
        execute format('create policy scope on %I for select to %s using (%s)',
            rule.name, rule.readers, rule.visible);
        select string_agg(quote_ident(each), ', ') into picked from unnest(rule.columns::text[]) each;
        execute format('grant select (%s) on %I to %s', picked, rule.name, rule.readers);
        select string_agg(
            case when column_name = any (rule.columns::text[]) then quote_ident(column_name)
            else case data_type when 'ARRAY' then '''{}''' when 'jsonb' then '''[]'''
                    else 'null' end
                || '::' || case data_type when 'ARRAY' then substr(udt_name, 2) || '[]'
                    else data_type end || ' as ' || quote_ident(column_name) end,
            ', ' order by ordinal_position) into picked
        from information_schema.columns
        where table_schema = 'public' and table_name = rule.name;
        execute format('create view partner.%I with (security_invoker = true) as '
            'select %s from public.%I', rule.name, picked, rule.name);
        execute format('alter view partner.%I owner to lotkin_owner', rule.name);
        execute format('grant select on partner.%I to %s', rule.name, rule.readers);
    end loop;
    -- Everything else is there by name and holds nothing; for suppliers also what only regulators
    -- may ask for.
    create schema supplier;
    grant usage on schema supplier to lotkin_supplier;
    grant usage, create on schema supplier to lotkin_owner;
    for rule in select tablename as name from pg_tables where schemaname = 'public' loop
        picked := case
            when to_regclass('partner.' || quote_ident(rule.name)) is null then 'partner'
            when not has_table_privilege('lotkin_supplier', 'partner.' || quote_ident(rule.name),
                'select') then 'supplier'
        end;
        if picked is not null then
            execute format('create view %I.%I as select * from public.%I where false',
                picked, rule.name, rule.name);
            execute format('alter view %I.%I owner to lotkin_owner', picked, rule.name);
            execute format('grant select on %I.%I to lotkin_supplier', picked, rule.name);
            if picked = 'partner' then
                execute format('grant select on partner.%I to lotkin_regulator', rule.name);
            end if;
        end if;
    end loop;
end $$;

-- A scope is computed by the owner, who sees everything, and told as ids alone. More than 200,000
-- items are no scope but a copy: the grant must be narrowed.
create function partner.bounded(ids bigint[]) returns bigint[] language plpgsql immutable as $$
begin
    if cardinality(ids) > 200000 then
        raise exception 'the scope is too large' using errcode = 'program_limit_exceeded';
    end if;
    return coalesce(ids, '{}');
end $$;

-- A supplier's own items: what it sent (as a receipt or its shipment tells), what lay in the
-- containers it sent, and what it told itself.
create function partner.supplier_scope(own text, out items bigint[], out activities bigint[])
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    with recursive inside (item, at) as (
        select m.item_id, m.at from movement m join party p on p.id = m.sender_id
        where p.key = own and m.kind in (0, 1) and m.rec_to is null
        union
        select s.child_id, i.at from inside i join stay s on s.parent_id = i.item
        where not s.is_installation and s.since <= i.at and s.until > i.at and s.rec_to is null
    ), known as (
        select item from inside union select id from item where org_id = own limit 200001
    )
    select partner.bounded(array_agg(item)) into items from known;
    -- What it did itself: nothing else went in, nothing else came out.
    select coalesce(array_agg(distinct p.activity_id), '{}') into activities
    from production p where p.item_id = any (items) and p.rec_to is null
      and not exists (select from production o where o.activity_id = p.activity_id
          and o.rec_to is null and o.item_id <> all (items))
      and not exists (select from draw d where d.activity_id = p.activity_id
          and d.rec_to is null and d.item_id <> all (items));
end $$;

-- A regulator's dossier: granted items, what they became as far as the granted products go, all
-- that any of these came from, so that every visible activity is visible with all its inputs, and
-- the containers that any of them was in.
create function partner.regulator_scope(
    own text, who text, out items bigint[], out activities bigint[], out grants bigint[],
    out purposes text[]
) language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    select coalesce(array_agg(g.id order by g.id), '{}'),
        coalesce(array_agg(g.purpose order by g.id), '{}') into grants, purposes
    from access_grant g
    where g.state = 'ACTIVE' and g.expires_at > clock_timestamp()
      and (g.organisation is null or g.organisation = own)
      and (g.subject is null or g.subject = who);
    with recursive granted as (
        select g.products, named as item from access_grant g, unnest(g.items) named
        where g.id = any (grants)
        union
        select g.products, i.id from access_grant g
        join item i on i.class_id = any (g.products)
        where g.id = any (grants) and cardinality(g.items) = 0 and exists (
            select from event_item about join event e on e.id = about.event_id
            where about.item_id = i.id and e.at >= g.since and e.at < g.until
              and e.retracted_at is null)
    ), forward (products, node) as (
        select products, item from granted
        union
        select f.products, step.node from forward f cross join lateral (
            select -d.activity_id from draw d
            where d.item_id = f.node and f.node > 0 and d.rec_to is null
            union all
            select p.item_id from production p join item i on i.id = p.item_id
            where p.activity_id = -f.node and f.node < 0 and p.rec_to is null
              and i.class_id = any (f.products)
            union all
            select m.serial_id from membership m
            where m.lot_id = f.node and f.node > 0 and m.rec_to is null
            union all
            select s.parent_id from stay s join item i on i.id = s.parent_id
            where s.child_id = f.node and f.node > 0 and s.is_installation and s.rec_to is null
              and i.class_id = any (f.products)
        ) as step (node)
    ), backward (node) as (
        select node from forward where node > 0
        union
        select step.node from backward b cross join lateral (
            select -p.activity_id from production p
            where p.item_id = b.node and b.node > 0 and p.rec_to is null
            union all
            select d.item_id from draw d
            where d.activity_id = -b.node and b.node < 0 and d.rec_to is null
            union all
            select m.lot_id from membership m
            where m.serial_id = b.node and b.node > 0 and m.rec_to is null
            union all
            select s.child_id from stay s
            where s.parent_id = b.node and b.node > 0 and s.is_installation and s.rec_to is null
        ) as step (node)
    ), held (node) as (
        -- What an item was packed in tells where it went.
        select node from backward
        union
        select s.parent_id from held h join stay s on s.child_id = h.node
        where h.node > 0 and not s.is_installation and s.rec_to is null
    ), reached as (select node from held limit 400001)
    select partner.bounded(array_agg(node) filter (where node > 0)),
        coalesce(array_agg(-node) filter (where node < 0), '{}') into items, activities
    from reached;
end $$;

-- Where a scope ends: one row an edge from a visible item to one beyond it. What lies beyond is
-- told by its kind and by a name that only this request's secret explains.
create function partner.boundary(starts bigint[], at_most bigint, secret text, rows_max integer)
returns table (source bigint, stub text, kind smallint, relation smallint)
language sql stable security definer set search_path = public, pg_temp as $$
    with scope as (select partner.ids('app.items') as ids), visible as (
        select unnest(starts) as id intersect select unnest(ids) from scope
    ), beyond as (
        select d.item_id as source, p.item_id as target, 0 as relation from visible v
        join draw d on d.item_id = v.id and d.rec_to is null and d.at <= at_most
        join production p on p.activity_id = d.activity_id and p.rec_to is null and p.at <= at_most
        union
        select m.lot_id, m.serial_id, 1 from visible v
        join membership m on m.lot_id = v.id and m.rec_to is null
        union
        select s.child_id, s.parent_id, 2 from visible v
        join stay s on s.child_id = v.id and s.is_installation and s.rec_to is null
            and s.since <= at_most
    )
    select b.source, left(encode(sha256(convert_to(secret || ':' || b.target, 'UTF8')), 'hex'), 32),
        i.kind, b.relation::smallint
    from beyond b join item i on i.id = b.target
    where b.target <> all (select unnest(ids) from scope)
    order by 1, 2 limit rows_max
$$;

revoke all on all functions in schema partner from public;
do $$
declare
    made regprocedure;
begin
    for made in select oid from pg_proc where pronamespace = 'partner'::regnamespace loop
        execute format('alter function %s owner to lotkin_owner', made);
    end loop;
end $$;
grant execute on function partner.ids(text), partner.boundary(bigint[], bigint, text, integer)
    to lotkin_supplier, lotkin_regulator;
grant execute on function partner.supplier_scope(text) to lotkin_supplier;
grant execute on function partner.regulator_scope(text, text) to lotkin_regulator;
