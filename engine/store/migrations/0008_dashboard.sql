-- What the dashboard asks of tables that grow.
CREATE INDEX events_received ON events (tenant_id, received_at);
CREATE INDEX events_finished ON events (tenant_id, updated_at, state) WHERE state IN ('done', 'failed');
CREATE INDEX events_connector ON events (tenant_id, connector_id, seq) WHERE connector_id IS NOT NULL;
CREATE INDEX link_conflicts_open ON link_conflicts (tenant_id, created_at) WHERE state = 'open';
CREATE INDEX obligations_open ON obligations (tenant_id, created_at) WHERE finished_at IS NULL;

-- The rights desk: what was done about one request, as its log says. What platforms deliver isn't indexed: nobody
-- looks for it so.
CREATE INDEX audit_entries_request ON audit_entries (tenant_id, {{leaf_request}}, seq)
  WHERE kind NOT IN ('workflow.step', 'activity.registered', 'workflow.failed');
CREATE INDEX suppressions_tenant ON suppressions (tenant_id, created_at, id);
CREATE INDEX obligations_tenant ON obligations (tenant_id, created_at, id);
-- A form at the desk is one request too, however often it is sent.
DROP INDEX rights_requests_reference;
CREATE UNIQUE INDEX rights_requests_reference ON rights_requests (tenant_id, source, reference)
  WHERE reference <> '' AND source IN ('form', 'csv', 'email', 'drp', 'desk');

-- Who took up an order to erase that a key of nobody's proposed.
ALTER TABLE erasure_orders ADD COLUMN adopted_by TEXT;
ALTER TABLE erasure_orders ADD COLUMN adopted_at {{moment}};

-- Since when a tenant's events rest, and who said so.
ALTER TABLE data_controllers ADD COLUMN paused_at {{moment}};
ALTER TABLE data_controllers ADD COLUMN paused_by TEXT;
CREATE INDEX data_controllers_paused ON data_controllers (id) WHERE paused_at IS NOT NULL;
-- What goes while they rest: mail about an account, and its event (services/traffic/pausing.py).
CREATE INDEX messages_pending ON messages (tenant_id, kind) WHERE state = 'pending';
CREATE INDEX events_mail ON events (entity_id) WHERE workflow = 'message' AND due_at IS NOT NULL;

-- Failed events by their cause, and all that a page asks of them in the index itself: a failed event's own row is
-- as long as its body. Errors have 500 characters at most (``engine.faults``), which fits into an index row.
DROP INDEX events_failed;
CREATE INDEX events_failed ON events (tenant_id, workflow, step, error, seq, received_at, updated_at, state)
  WHERE state = 'failed';

-- Many failed events decided about together: those of one cause, or since a time; tried again, or given up for a
-- reason. ``until_seq`` is the newest event that there was when somebody asked: what fails later isn't meant.
CREATE TABLE bulk_replays (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  actor TEXT NOT NULL, workflow TEXT, step TEXT, error TEXT, since {{moment}}, discard_reason TEXT,
  from_seq {{bigint}} NOT NULL, after_seq {{bigint}} NOT NULL, until_seq {{bigint}} NOT NULL, chosen INTEGER NOT NULL,
  decided INTEGER NOT NULL DEFAULT 0, created_at {{moment}} NOT NULL DEFAULT {{now}}, finished_at {{moment}}
);
CREATE INDEX bulk_replays_tenant ON bulk_replays (tenant_id, created_at);

-- What an auditor or a regulator may look at, and until when; the link's token is kept as its hash.
CREATE TABLE auditor_links (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  name TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE, created_by TEXT NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}} NOT NULL, revoked_at {{moment}},
  last_seen_at {{moment}}
);
CREATE INDEX auditor_links_tenant ON auditor_links (tenant_id, created_at);

-- The log by kind. Most entries are of two kinds, which any stretch of it is full of: for those appending pays
-- nothing (services/audit_search.py says the same condition).
CREATE INDEX audit_entries_kind ON audit_entries (tenant_id, kind, seq)
  WHERE kind <> 'workflow.step' AND kind <> 'activity.registered';

-- A link by which somebody who forgot their password chooses another; kept as its hash, and gone once used. Of one
-- that a colleague made: at which data controller (maker_id), and what its owner was there then.
CREATE TABLE password_resets (
  token_hash TEXT PRIMARY KEY, user_id {{uuid}} NOT NULL REFERENCES users (id),
  created_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}} NOT NULL, maker_id {{uuid}}, role TEXT
);
CREATE INDEX password_resets_user ON password_resets (user_id);

-- Deliveries that weren't authentic, by connector and day (UTC): how many, the last one's fault and time. They leave
-- no event; that somebody tries, or that a secret was changed at the platform, has to be seen all the same.
CREATE TABLE refused_deliveries (
  connector_id {{uuid}} NOT NULL, day TEXT NOT NULL, tenant_id {{uuid}} NOT NULL, count INTEGER NOT NULL,
  reason TEXT NOT NULL, first_at {{moment}} NOT NULL, last_at {{moment}} NOT NULL, PRIMARY KEY (connector_id, day)
);
CREATE INDEX refused_deliveries_tenant ON refused_deliveries (tenant_id, day);

-- Data subjects and processing activities.
-- How a conflict ended, and by which merge. A decision holds for the same two and the same kind of identifier.
ALTER TABLE link_conflicts ADD COLUMN decided_by TEXT;
ALTER TABLE link_conflicts ADD COLUMN decided_at {{moment}};
ALTER TABLE link_conflicts ADD COLUMN reason_sealed {{bytes}};
ALTER TABLE link_conflicts ADD COLUMN merge_id {{uuid}};
CREATE INDEX link_conflicts_pair ON link_conflicts (subject_id, other_subject_id, field);

-- Merges that a person made, with what they moved: so that they can be taken back.
CREATE TABLE subject_merges (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  kept_id {{uuid}} NOT NULL REFERENCES data_subjects (id), gone_id {{uuid}} NOT NULL REFERENCES data_subjects (id),
  reason_sealed {{bytes}} NOT NULL, moved_sealed {{bytes}} NOT NULL,
  merged_by TEXT NOT NULL, merged_at {{moment}} NOT NULL DEFAULT {{now}}, undone_by TEXT, undone_at {{moment}}
);
CREATE INDEX subject_merges_kept ON subject_merges (kept_id);
CREATE UNIQUE INDEX subject_merges_standing ON subject_merges (gone_id) WHERE undone_at IS NULL;
-- Whose a limit was before a merge: what the survivor says by themselves is put beside it, and outlives the merge.
ALTER TABLE subject_limits ADD COLUMN carried_from {{uuid}};

-- All consents of a tenant, newest first: the view ranks whatever it is asked about.
CREATE INDEX consents_tenant ON consents (tenant_id, seq);

-- Consents are append-only. Those that a merge restated for the one it kept, and that was taken back, hold no more.
CREATE TABLE undone_consents (
  consent_id {{uuid}} PRIMARY KEY, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  merge_id {{uuid}} NOT NULL, undone_at {{moment}} NOT NULL DEFAULT {{now}}
);
{{new_consents_current}} AS
  SELECT seq, id, tenant_id, subject_id, purpose, channel, state, source, evidence, event_id, occurred_at,
         recorded_at
  FROM (SELECT c.*, ROW_NUMBER() OVER (PARTITION BY tenant_id, subject_id, purpose, channel
                                       ORDER BY occurred_at DESC, seq DESC) AS rank
        FROM consents c WHERE NOT EXISTS (SELECT 1 FROM undone_consents u WHERE u.consent_id = c.id)) ranked
  WHERE rank = 1;

-- One person's rows in the order of their time. Without statistics SQLite takes an index on the tenant over one on
-- the person alone, and looks through all there is.
DROP INDEX events_subject;
CREATE INDEX events_subject ON events (subject_id, tenant_id, received_at) WHERE subject_id IS NOT NULL;
DROP INDEX activities_subject;
CREATE INDEX activities_subject ON data_processing_activities (subject_id, tenant_id, occurred_at);
DROP INDEX data_subject_links_subject;
CREATE INDEX data_subject_links_subject ON data_subject_links (subject_id, tenant_id, field);

-- What isn't in the log yet: few rows among many, looked at by state.
CREATE INDEX activities_unregistered ON data_processing_activities (tenant_id, registration_state, created_at, id)
  WHERE registration_state <> 'registered';

-- When a directory last changed anything.
CREATE INDEX scim_users_updated ON scim_users (tenant_id, updated_at);

-- How an agent (Data Rights Protocol) calls a request of its own and where it is told of its status, and what it was
-- told last: a status names nobody.
ALTER TABLE rights_requests ADD COLUMN agent_sealed {{bytes}};
ALTER TABLE rights_requests ADD COLUMN agent_told {{json}};
CREATE INDEX rights_requests_followed ON rights_requests (state) WHERE agent_sealed IS NOT NULL;
-- One word to an agent: which request's status, the how manieth of it, and what became of it.
CREATE TABLE status_callbacks (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  request_id {{uuid}} NOT NULL REFERENCES rights_requests (id), number INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending', status INTEGER, created_at {{moment}} NOT NULL DEFAULT {{now}},
  ended_at {{moment}}, UNIQUE (request_id, number)
);
