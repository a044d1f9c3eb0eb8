-- What an answer says beside its pictures, so that it can be given again. NULL until the request is settled.
ALTER TABLE requests ADD COLUMN prompt_tokens INTEGER CHECK (prompt_tokens >= 0);
