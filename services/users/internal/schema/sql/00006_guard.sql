-- The guard also sees inserts that insert nothing, and truncations.
-- +goose Up

SELECT scalestack.adopt('public.users');
SELECT scalestack.adopt('public.products');
SELECT scalestack.adopt('public.activity');
SELECT scalestack.adopt('public.outbox', guarded => false);
SELECT scalestack.adopt('public.inbox', guarded => false);
