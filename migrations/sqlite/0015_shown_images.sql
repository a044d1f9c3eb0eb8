-- Images of failed work of which a partial image was shown: a client has seen them, so image budgets count them. Negative in a
-- reversal.
ALTER TABLE entries ADD COLUMN images_shown INTEGER NOT NULL DEFAULT 0;
