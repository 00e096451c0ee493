-- Lot disposition, changes, challenges, signatures and signing factors.
select 1;
