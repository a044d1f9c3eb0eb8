-- The LoRAs that a key may use, beside its models (0003).
ALTER TABLE keys ADD COLUMN loras TEXT
    CHECK (json_array_length(loras) > 0) /* JSON array of names; NULL: every LoRA */;
