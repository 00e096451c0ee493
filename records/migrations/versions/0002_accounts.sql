-- Accounts, clients and tokens of the built-in authorization server.
select 1;
