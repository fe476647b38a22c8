-- Calls that were there before the projection (new ones have it from their insert on). Runs in the background.
ALTER TABLE cdrs MATERIALIZE PROJECTION vendor_days
