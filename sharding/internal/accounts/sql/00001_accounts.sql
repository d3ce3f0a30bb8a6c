-- +goose Up

CREATE TABLE public.accounts (
    user_id    bigint      PRIMARY KEY,
    name       text        NOT NULL,
    email      text        NOT NULL,
    version    bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The latest names of an account: a table whose key is more than the user's id.
CREATE TABLE public.notes (
    user_id bigint NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    name    text   NOT NULL,
    PRIMARY KEY (user_id, version)
);

SELECT scalestack.adopt('public.accounts');
SELECT scalestack.adopt('public.notes');

GRANT SELECT, INSERT, UPDATE, DELETE ON public.accounts, public.notes TO app;
