-- When a node last looked for nodes that are gone: of all of them, one looks at a time.
ALTER TABLE cluster ADD COLUMN looked_at TIMESTAMPTZ;
