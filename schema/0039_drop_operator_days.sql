-- vendor_days has all that it had. It is gone from new calls at once, and from the others when they have vendor_days.
ALTER TABLE cdrs DROP PROJECTION IF EXISTS operator_days SETTINGS alter_sync = 0
