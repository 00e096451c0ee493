"""How tests empty a database whose tables refuse just that: the owner switches the triggers off."""

# The journal's head is one row that must be there.
EMPTY = """
do $$
declare
    kept record;
begin
    for kept in
        select tgrelid::regclass as tab, tgname as name from pg_trigger
        where not tgisinternal and tgtype & 32 <> 0 and tgenabled <> 'D'
    loop
        execute format('alter table %s disable trigger %I', kept.tab, kept.name);
    end loop;
    execute (
        select 'truncate ' || string_agg(quote_ident(tablename), ', ') || ' restart identity'
        from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'
    );
    insert into journal_head (size, last_xid, last_id)
    values (0, '0', '00000000-0000-0000-0000-000000000000');
    for kept in
        select tgrelid::regclass as tab, tgname as name from pg_trigger
        where not tgisinternal and tgtype & 32 <> 0
    loop
        execute format('alter table %s enable always trigger %I', kept.tab, kept.name);
    end loop;
end $$
"""
