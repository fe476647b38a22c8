-- As for cdrs: a DELETE FROM would leave live calls in by_vendor.
ALTER TABLE active_calls MODIFY SETTING lightweight_mutation_projection_mode = 'throw'
