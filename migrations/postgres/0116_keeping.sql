-- What a gateway keeps beside the books, by its configuration: each of them deletes for all. NULL: a worker, or an older program.
ALTER TABLE nodes ADD COLUMN keep_days BIGINT;
ALTER TABLE nodes ADD COLUMN keep_favourites BIGINT CHECK (keep_favourites IN (0, 1));
ALTER TABLE nodes ADD COLUMN keep_prompts BIGINT CHECK (keep_prompts IN (0, 1));
