-- How an edit ran and what it left as it was; NULL for an image from noise.
ALTER TABLE requests ADD COLUMN edit_steps_run INTEGER CHECK (edit_steps_run > 0);
ALTER TABLE requests ADD COLUMN edit_sigma_ppm INTEGER CHECK (edit_sigma_ppm BETWEEN 0 AND 1000000) /* first noise level */;
ALTER TABLE requests ADD COLUMN edit_pixels INTEGER CHECK (edit_pixels >= 0) /* that were repainted */;
ALTER TABLE requests ADD COLUMN edit_unchanged INTEGER
    CHECK (edit_unchanged IN (0, 1)) /* outside the mask, in the files; NULL: not promised */;
