-- Indexes on tables that are in use, without keeping writers waiting. A build that
-- was interrupted leaves an invalid index, which the next attempt replaces.
-- +goose NO TRANSACTION
-- +goose Up

-- A build waits for older transactions, and keeps nobody waiting meanwhile.
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS public.users_clearing;
CREATE INDEX CONCURRENTLY users_clearing ON public.users (user_id) WHERE clearing;

-- Each topic is published on its own: one that Kafka refuses holds up no other.
DROP INDEX CONCURRENTLY IF EXISTS public.outbox_waiting;
CREATE INDEX CONCURRENTLY outbox_waiting ON public.outbox (topic, user_id, sequence) WHERE parked IS NULL;

RESET lock_timeout;
