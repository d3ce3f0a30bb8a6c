-- The guard of statements that meet no row (docs/client.md), beside the fence.
-- +goose Up

SELECT scalestack.adopt('public.users');
SELECT scalestack.adopt('public.products');
SELECT scalestack.adopt('public.activity');
-- The relay deletes whatever lies here, row by row with try_hold.
SELECT scalestack.adopt('public.outbox', guarded => false);
SELECT scalestack.adopt('public.inbox', guarded => false);
