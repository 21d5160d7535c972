-- The rights desk: states and their history, proof of identity, messages, packages, erasure and its recipients.
ALTER TABLE rights_requests ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rights_requests ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
ALTER TABLE rights_requests ADD COLUMN held_from TEXT;
ALTER TABLE rights_requests ADD COLUMN verified_at {{moment}};
ALTER TABLE rights_requests ADD COLUMN verified_by TEXT;
ALTER TABLE rights_requests ADD COLUMN acknowledged_at {{moment}};
ALTER TABLE rights_requests ADD COLUMN extended_at {{moment}};
ALTER TABLE rights_requests ADD COLUMN fulfilled_at {{moment}};
ALTER TABLE rights_requests ADD COLUMN responded_at {{moment}};
ALTER TABLE rights_requests ADD COLUMN closed_at {{moment}};
ALTER TABLE rights_requests ADD COLUMN decision TEXT;
ALTER TABLE rights_requests ADD COLUMN denial_reason TEXT;
ALTER TABLE rights_requests ADD COLUMN duplicate_of {{uuid}};
ALTER TABLE rights_requests ADD COLUMN privacy_agent_id {{uuid}};
-- When the next warning is due, and the share of the time (percent) that the last one told of.
ALTER TABLE rights_requests ADD COLUMN warn_at {{moment}};
ALTER TABLE rights_requests ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;
-- When the privacy team was told that receipt isn't confirmed, on the day by which it must be.
ALTER TABLE rights_requests ADD COLUMN acknowledge_warned_at {{moment}};
UPDATE rights_requests SET closed_at = created_at WHERE state IN ('completed', 'rejected', 'cancelled', 'duplicate');
CREATE INDEX rights_requests_open ON rights_requests (tenant_id, COALESCE(due, '9999-12-31'), id)
  WHERE closed_at IS NULL;
CREATE INDEX rights_requests_closed ON rights_requests (tenant_id, closed_at, id) WHERE closed_at IS NOT NULL;
-- Those whose requester is still known, for the chore that forgets them after two years.
CREATE INDEX rights_requests_kept ON rights_requests (closed_at)
  WHERE closed_at IS NOT NULL AND requester_sealed IS NOT NULL;
-- Those that come back when the request that they repeat ends without an answer.
CREATE INDEX rights_requests_repeated ON rights_requests (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX rights_requests_counted ON rights_requests (tenant_id, state, due);
CREATE INDEX notifications_unread ON notifications (tenant_id) WHERE read_at IS NULL;
CREATE INDEX rights_requests_warn ON rights_requests (warn_at) WHERE warn_at IS NOT NULL;
CREATE INDEX rights_requests_unconfirmed ON rights_requests (acknowledge_by)
  WHERE acknowledged_at IS NULL AND closed_at IS NULL AND acknowledge_warned_at IS NULL;
CREATE INDEX rights_requests_subject ON rights_requests (subject_id) WHERE subject_id IS NOT NULL;
-- The same form, row of a file, message or agent's request is recorded once. Platforms' references may repeat.
CREATE UNIQUE INDEX rights_requests_reference ON rights_requests (tenant_id, source, reference)
  WHERE reference <> '' AND source IN ('form', 'csv', 'email', 'drp');
CREATE INDEX rights_requests_known ON rights_requests (tenant_id, reference);

-- How a data controller's desk works: who hears of requests, in which words people are answered.
CREATE TABLE rights_desks (
  tenant_id {{uuid}} PRIMARY KEY REFERENCES data_controllers (id), team_email_sealed {{bytes}},
  zone TEXT NOT NULL DEFAULT 'UTC', languages {{json}} NOT NULL DEFAULT '["en", "de", "fr", "es", "it", "nl"]',
  embed_origins {{json}} NOT NULL DEFAULT '[]',
  form_open {{boolean}} NOT NULL DEFAULT {{true}}, privacy_url TEXT, authority TEXT, package_days INTEGER NOT NULL DEFAULT 14,
  updated_at {{moment}} NOT NULL DEFAULT {{now}}
);

-- Waits for the person: where the regime says so, its clock stands still meanwhile.
CREATE TABLE request_holds (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  request_id {{uuid}} NOT NULL REFERENCES rights_requests (id), reason TEXT NOT NULL,
  began_at {{moment}} NOT NULL DEFAULT {{now}}, ended_at {{moment}}
);
CREATE INDEX request_holds_request ON request_holds (request_id);

-- A legal hold keeps a person from being erased, whoever asks.
CREATE TABLE legal_holds (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  subject_id {{uuid}} NOT NULL REFERENCES data_subjects (id), reason_sealed {{bytes}} NOT NULL,
  placed_by TEXT NOT NULL, placed_at {{moment}} NOT NULL DEFAULT {{now}}, lifted_by TEXT, lifted_at {{moment}}
);
CREATE INDEX legal_holds_subject ON legal_holds (subject_id);

-- A code or link sent to somebody who says who they are. ``on_file``: to a channel known before the request.
CREATE TABLE identity_checks (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  request_id {{uuid}} NOT NULL REFERENCES rights_requests (id), purpose TEXT NOT NULL, channel TEXT NOT NULL,
  on_file {{boolean}} NOT NULL, code_mac TEXT NOT NULL, link_hash TEXT UNIQUE, failures INTEGER NOT NULL DEFAULT 0,
  sent_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}} NOT NULL, passed_at {{moment}}, ended_at {{moment}}
);
CREATE INDEX identity_checks_request ON identity_checks (request_id);

-- A message to a person or to the privacy team, sent by a workflow of its own.
CREATE TABLE messages (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL, request_id {{uuid}}, subject_id {{uuid}},
  kind TEXT NOT NULL, language TEXT NOT NULL DEFAULT 'en', to_sealed {{bytes}}, text_sealed {{bytes}},
  state TEXT NOT NULL DEFAULT 'pending', created_at {{moment}} NOT NULL DEFAULT {{now}}, sent_at {{moment}},
  claimed_until {{moment}}
);
CREATE INDEX messages_unsent ON messages (created_at) WHERE state = 'unsent';
CREATE INDEX messages_request ON messages (request_id) WHERE request_id IS NOT NULL;

-- What a person was given: encrypted as a whole, gone when it expires.
CREATE TABLE packages (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  request_id {{uuid}} NOT NULL REFERENCES rights_requests (id), subject_id {{uuid}}, content {{bytes}}, size {{bigint}} NOT NULL,
  digest TEXT NOT NULL, manifest {{json}} NOT NULL, passphrase_sealed {{bytes}},
  made_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}} NOT NULL, fetched_at {{moment}},
  fetches INTEGER NOT NULL DEFAULT 0, gone_at {{moment}}
);
CREATE INDEX packages_request ON packages (request_id);
CREATE INDEX packages_expiring ON packages (expires_at) WHERE gone_at IS NULL;

-- What may not be done with a person's data any more: an objection, a restriction, an opt-out. The column tells
-- whoever has locked the person's row anyway that there is something to look up.
ALTER TABLE data_subjects ADD COLUMN limited {{boolean}} NOT NULL DEFAULT {{false}};
CREATE TABLE subject_limits (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  subject_id {{uuid}} NOT NULL REFERENCES data_subjects (id), kind TEXT NOT NULL, purpose TEXT NOT NULL DEFAULT '',
  request_id {{uuid}}, began_at {{moment}} NOT NULL DEFAULT {{now}}, lifted_at {{moment}}, lifted_by TEXT
);
CREATE INDEX subject_limits_subject ON subject_limits (subject_id) WHERE lifted_at IS NULL;

-- Erasure takes two people: who proposes it never approves it.
CREATE TABLE erasure_orders (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL, request_id {{uuid}},
  subject_id {{uuid}} NOT NULL, state TEXT NOT NULL DEFAULT 'proposed', reason TEXT NOT NULL, plan {{json}} NOT NULL,
  proposed_by TEXT NOT NULL, proposed_at {{moment}} NOT NULL DEFAULT {{now}}, decided_by TEXT, decided_at {{moment}},
  executed_at {{moment}}, log_index {{bigint}}, receipt_sealed {{bytes}}, certificate TEXT, certified TEXT,
  with_account {{boolean}} NOT NULL DEFAULT {{false}}, by_command_line {{boolean}} NOT NULL DEFAULT {{false}}
);
CREATE INDEX erasure_orders_request ON erasure_orders (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX erasure_orders_subject ON erasure_orders (subject_id);
CREATE UNIQUE INDEX erasure_orders_one ON erasure_orders (subject_id) WHERE state IN ('proposed', 'approved');

-- What a recipient still has to be told or asked (GDPR Art. 19), one row each.
CREATE TABLE obligations (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL, request_id {{uuid}}, order_id {{uuid}},
  subject_id {{uuid}}, kind TEXT NOT NULL, recipient TEXT NOT NULL, connector_id {{uuid}}, target_sealed {{bytes}},
  state TEXT NOT NULL DEFAULT 'pending', not_before {{moment}}, receipt {{json}} NOT NULL DEFAULT '{}', remains TEXT,
  reason TEXT, closed_by TEXT, created_at {{moment}} NOT NULL DEFAULT {{now}}, finished_at {{moment}}
);
CREATE INDEX obligations_request ON obligations (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX obligations_order ON obligations (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX obligations_waiting ON obligations (not_before) WHERE state = 'waiting';

-- By what somebody who was erased would be known again: keyed marks, no identifiers.
CREATE TABLE suppressions (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL, field TEXT NOT NULL, mark TEXT NOT NULL,
  key_version INTEGER NOT NULL, order_id {{uuid}}, reason TEXT NOT NULL, created_at {{moment}} NOT NULL DEFAULT {{now}}, lifted_at {{moment}}, lifted_by TEXT,
  hits INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX suppressions_mark ON suppressions (tenant_id, mark) WHERE lifted_at IS NULL;

-- How a platform's API is called for a connector.
CREATE TABLE connector_apis (
  connector_id {{uuid}} PRIMARY KEY REFERENCES connectors (id), tenant_id {{uuid}} NOT NULL, base_url TEXT NOT NULL,
  credentials_sealed {{bytes}} NOT NULL, created_at {{moment}} NOT NULL DEFAULT {{now}}, checked_at {{moment}}, fault TEXT
);

-- A consent on its way to a platform. What comes back as an echo of it is known by when the platform was called.
CREATE TABLE consent_pushes (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL, subject_id {{uuid}} NOT NULL,
  connector_id {{uuid}} NOT NULL, purpose TEXT NOT NULL, channel TEXT NOT NULL, consent TEXT NOT NULL, stated_at {{moment}} NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending', reason TEXT, receipt {{json}} NOT NULL DEFAULT '{}', calls {{json}} NOT NULL DEFAULT '[]',
  created_at {{moment}} NOT NULL DEFAULT {{now}}, finished_at {{moment}}
);
CREATE INDEX consent_pushes_subject ON consent_pushes (subject_id, purpose, channel);

-- Who is told of what happens at the desk (Standard Webhooks), and each telling.
CREATE TABLE webhook_endpoints (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id), url TEXT NOT NULL,
  secret_sealed {{bytes}} NOT NULL, former_sealed {{bytes}}, former_until {{moment}}, topics {{json}} NOT NULL DEFAULT '[]',
  created_at {{moment}} NOT NULL DEFAULT {{now}}, disabled_at {{moment}}, disabled_because TEXT
);
CREATE INDEX webhook_endpoints_tenant ON webhook_endpoints (tenant_id);
CREATE TABLE announcements (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  endpoint_id {{uuid}} NOT NULL REFERENCES webhook_endpoints (id), topic TEXT NOT NULL, body {{json}} NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending', created_at {{moment}} NOT NULL DEFAULT {{now}}, delivered_at {{moment}}, status INTEGER
);
CREATE INDEX announcements_endpoint ON announcements (endpoint_id, created_at);

-- Authorised agents (Data Rights Protocol 1.0), known by their Ed25519 keys. ``business`` is how they name the data
-- controller, ``token_issued_at`` when the message was issued that brought the token: an older one brings none.
CREATE TABLE privacy_agents (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  agent TEXT NOT NULL, name TEXT NOT NULL, business TEXT NOT NULL DEFAULT '', verify_key TEXT NOT NULL,
  token_hash TEXT UNIQUE, token_issued_at {{moment}},
  created_at {{moment}} NOT NULL DEFAULT {{now}}, disabled_at {{moment}}, UNIQUE (tenant_id, agent)
);
