-- Images with a star. A row goes with its image.
CREATE TABLE favourites (
    request_id    TEXT    NOT NULL REFERENCES requests (id),
    image_index   INTEGER NOT NULL CHECK (image_index >= 0),
    starred_at_ms INTEGER NOT NULL,
    PRIMARY KEY (request_id, image_index)
) STRICT;
