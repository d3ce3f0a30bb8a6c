-- What a move carries and who wanted it, and the exact text of rows that were set aside.
-- +goose Up

-- The tables that the move's copy brings, by oid on either side: the rows of no others are
-- deleted when it ends. NULL for moves that an earlier release began.
ALTER TABLE scalestack.move
    ADD COLUMN source_tables oid[],
    ADD COLUMN target_tables oid[],
    -- A hash of the map that the move is made for. When a person has taken the move back, a
    -- mover with the same map ends over it once and sets this to NULL.
    ADD COLUMN map text;

-- as_text::<table> is the row as it was, for as long as the table has the same columns.
-- content says less: a null in jsonb and the first index of an array are not in it. NULL for
-- rows that an earlier release has set aside.
ALTER TABLE scalestack.set_aside ADD COLUMN as_text text;
