-- vendor_calls has all that it had. It is gone from new calls at once, and from the others when they have vendor_calls.
ALTER TABLE cdrs DROP PROJECTION IF EXISTS by_vendor SETTINGS alter_sync = 0
