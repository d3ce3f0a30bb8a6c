-- What one deployment leaves for the next to know.
-- +goose Up

-- Description is of the services' roles, without passwords, as they were applied last:
-- who has another takes nothing back. Retired is the last rotation whose credentials are
-- known to be with their users. NULL says that neither is known.
ALTER TABLE scalestack.rotation ADD COLUMN description text, ADD COLUMN retired integer;

-- Whether all initial shards were shards at once. One that is none any more was lost.
ALTER TABLE scalestack.shard ADD COLUMN founded boolean NOT NULL DEFAULT false;
