-- The function of 0001 called SQLite's date(): no key or tag could be assigned to a cost centre.
DROP TRIGGER cost_centre_members_are_after_the_closing ON cost_centre_members;
DROP FUNCTION cost_centre_members_are_after_the_closing();

CREATE FUNCTION cost_centre_members_are_after_the_closing() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM month_closings
       WHERE NEW.recorded_at_ms <= closed_at_ms
          OR NEW.first_day < to_char(to_date(month || '-01', 'YYYY-MM-DD') + interval '1 month', 'YYYY-MM-DD')) THEN
        RAISE EXCEPTION 'what is recorded now is recorded after all closings' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cost_centre_members_are_after_the_closing BEFORE INSERT ON cost_centre_members
    FOR EACH ROW EXECUTE FUNCTION cost_centre_members_are_after_the_closing();
