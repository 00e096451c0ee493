-- Access grants, database roles and row-level security.
select 1;
