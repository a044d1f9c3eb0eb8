-- Images with a star. A row goes with its image.
CREATE TABLE favourites (
    request_id    TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    image_index   BIGINT NOT NULL CHECK (image_index >= 0),
    starred_at_ms BIGINT NOT NULL,
    PRIMARY KEY (request_id, image_index)
);
