-- The trace that a change belongs to goes with its event to Kafka: the W3C header
-- traceparent, two random numbers and a flag. NULL where nobody traces.
-- +goose Up

-- All three at once, and in the order in which readers of the view lock them: a reader
-- that has one would wait for us, and we for it.
LOCK TABLE public.outbox_all IN ACCESS EXCLUSIVE MODE;
ALTER TABLE public.outbox ADD COLUMN traceparent text;
ALTER TABLE public.outbox_spare ADD COLUMN traceparent text;
CREATE OR REPLACE VIEW public.outbox_all AS SELECT * FROM public.outbox UNION ALL SELECT * FROM public.outbox_spare;
