-- Checkpoints, cosignatures and what keeps the journal append-only.
select 1;
