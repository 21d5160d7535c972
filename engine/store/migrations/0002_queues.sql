-- Taking work fairly: whose turn it is, and what is due of whom, without reading anybody's backlog.
ALTER TABLE data_controllers ADD COLUMN queue_weight INTEGER NOT NULL DEFAULT 1
  CHECK (queue_weight BETWEEN 1 AND 100);
CREATE INDEX data_controllers_weighted ON data_controllers (id) WHERE queue_weight <> 1;

DROP INDEX events_due;
CREATE INDEX events_due ON events (due_at, tenant_id) WHERE due_at IS NOT NULL;
CREATE INDEX events_waiting ON events (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- What was given up, of everybody; nothing that succeeds ever touches it.
CREATE INDEX events_failed ON events (tenant_id, workflow, step) WHERE state = 'failed';
