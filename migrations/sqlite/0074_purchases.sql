-- Rents by the hour, and how a part, a line of cost or a price was invoiced: in another currency, or with a VAT. What counts
-- is the amount of the row itself; the invoice says how it comes about. SQLite keeps a comment before the semicolon.
ALTER TABLE cost_lines ADD COLUMN hours_a_day INTEGER CHECK (hours_a_day BETWEEN 1 AND 24) /* of a rent; NULL: no rent */;
ALTER TABLE cost_lines ADD COLUMN minimum_hours INTEGER CHECK (minimum_hours BETWEEN 0 AND 744) /* of a month */;
ALTER TABLE cost_lines ADD COLUMN invoice TEXT CHECK (json_valid(invoice)) /* NULL: as amount_nano says */;
ALTER TABLE assets ADD COLUMN invoice TEXT CHECK (json_valid(invoice)) /* NULL: as price_nano says */;
ALTER TABLE terms ADD COLUMN invoice TEXT CHECK (json_valid(invoice)) /* NULL: as term says */;
ALTER TABLE assets ADD COLUMN planned_years INTEGER CHECK (planned_years BETWEEN 1 AND 100) /* by units; NULL: it waits for its images */;
