-- Which images the nodes keep, by what the first of them wrote there; NULL: none has joined since this is looked at.
ALTER TABLE cluster ADD COLUMN images TEXT COLLATE "C";
