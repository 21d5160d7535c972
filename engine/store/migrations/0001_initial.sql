-- The tables. {{words}} in double braces become the dialect's own (see migrations/__init__.py).
CREATE TABLE installation (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE log_keys (
  id {{serial}}, name TEXT NOT NULL, vkey TEXT NOT NULL UNIQUE, seed_sealed {{bytes}} NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}
);

CREATE TABLE data_controllers (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, did TEXT UNIQUE, name TEXT NOT NULL CHECK (name <> ''),
  jurisdiction TEXT NOT NULL DEFAULT 'EU', region TEXT, created_at {{moment}} NOT NULL DEFAULT {{now}}
);

CREATE TABLE tenant_keys (
  tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id), version INTEGER NOT NULL,
  wrapped {{bytes}} NOT NULL, created_at {{moment}} NOT NULL DEFAULT {{now}}, PRIMARY KEY (tenant_id, version)
);

CREATE TABLE dids (
  did TEXT PRIMARY KEY, kind TEXT NOT NULL, entity_id {{uuid}} NOT NULL, tenant_id {{uuid}} NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, deactivated_at {{moment}}
);

CREATE TABLE users (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  did TEXT UNIQUE, email_sealed {{bytes}}, email_link TEXT UNIQUE, password_hash TEXT, one_time_hash TEXT,
  subject_id {{uuid}}, active {{boolean}} NOT NULL DEFAULT {{true}},
  created_at {{moment}} NOT NULL DEFAULT {{now}}
);

CREATE TABLE memberships (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, user_id {{uuid}} NOT NULL REFERENCES users (id),
  tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id), role TEXT NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, UNIQUE (user_id, tenant_id)
);

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY, user_id {{uuid}} NOT NULL REFERENCES users (id), tenant_id {{uuid}} NOT NULL,
  csrf TEXT NOT NULL, created_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}} NOT NULL
);

CREATE TABLE api_keys (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  name TEXT NOT NULL, prefix TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, scopes {{json}} NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, revoked_at {{moment}}
);

CREATE TABLE connectors (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  platform TEXT NOT NULL, name TEXT NOT NULL, options {{json}} NOT NULL DEFAULT '{}',
  created_at {{moment}} NOT NULL DEFAULT {{now}}, disabled_at {{moment}}
);

CREATE TABLE connector_secrets (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, connector_id {{uuid}} NOT NULL REFERENCES connectors (id),
  tenant_id {{uuid}} NOT NULL, secret_sealed {{bytes}} NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}}
);
CREATE INDEX connector_secrets_connector ON connector_secrets (connector_id);

CREATE TABLE data_subjects (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  did TEXT UNIQUE, key_wrapped {{bytes}}, profile_sealed {{bytes}}, intake {{json}},
  sources {{json}} NOT NULL DEFAULT '{}', state TEXT NOT NULL DEFAULT 'active', merged_into {{uuid}},
  created_at {{moment}} NOT NULL DEFAULT {{now}}, updated_at {{moment}} NOT NULL DEFAULT {{now}}
);
CREATE INDEX data_subjects_tenant ON data_subjects (tenant_id, created_at, id);

CREATE TABLE data_subject_links (
  id {{serial}}, tenant_id {{uuid}} NOT NULL, subject_id {{uuid}} NOT NULL REFERENCES data_subjects (id),
  field TEXT NOT NULL, scope TEXT NOT NULL DEFAULT '', key_version INTEGER NOT NULL, link TEXT NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, UNIQUE (tenant_id, field, key_version, link)
);
CREATE INDEX data_subject_links_subject ON data_subject_links (subject_id);

CREATE TABLE link_history (
  id {{serial}}, tenant_id {{uuid}} NOT NULL, field TEXT NOT NULL, scope TEXT NOT NULL DEFAULT '',
  from_subject_id {{uuid}}, to_subject_id {{uuid}}, event_id {{uuid}}, reason TEXT NOT NULL,
  moved_at {{moment}} NOT NULL DEFAULT {{now}}
);
CREATE INDEX link_history_tenant ON link_history (tenant_id, id);

CREATE TABLE link_conflicts (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL, event_id {{uuid}},
  subject_id {{uuid}} NOT NULL, other_subject_id {{uuid}} NOT NULL, field TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open', created_at {{moment}} NOT NULL DEFAULT {{now}},
  UNIQUE (event_id, subject_id, other_subject_id)
);

CREATE TABLE consents (
  seq {{serial}}, id {{uuid}} NOT NULL UNIQUE DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL,
  subject_id {{uuid}} NOT NULL REFERENCES data_subjects (id), purpose TEXT NOT NULL, channel TEXT NOT NULL,
  state TEXT NOT NULL, source TEXT NOT NULL, evidence {{json}} NOT NULL DEFAULT '{}', event_id {{uuid}},
  occurred_at {{moment}} NOT NULL DEFAULT {{now}}, recorded_at {{moment}} NOT NULL DEFAULT {{now}},
  UNIQUE (event_id, subject_id, purpose, channel)
);
CREATE INDEX consents_subject ON consents (tenant_id, subject_id, purpose, channel, occurred_at);

CREATE VIEW consents_current AS
  SELECT seq, id, tenant_id, subject_id, purpose, channel, state, source, evidence, event_id, occurred_at,
         recorded_at
  FROM (SELECT c.*, ROW_NUMBER() OVER (PARTITION BY tenant_id, subject_id, purpose, channel
                                       ORDER BY occurred_at DESC, seq DESC) AS rank FROM consents c) ranked
  WHERE rank = 1;

CREATE TABLE data_processing_activities (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  did TEXT UNIQUE, subject_id {{uuid}}, activity_type TEXT NOT NULL CHECK (activity_type <> ''),
  legal_basis TEXT NOT NULL, purpose TEXT NOT NULL, fields {{json}} NOT NULL DEFAULT '[]',
  source TEXT NOT NULL DEFAULT 'sql', event_id {{uuid}} UNIQUE,
  occurred_at {{moment}} NOT NULL DEFAULT {{now}}, created_at {{moment}} NOT NULL DEFAULT {{now}},
  registration_state TEXT NOT NULL DEFAULT 'pending', log_index {{bigint}}, tree_size {{bigint}},
  registered_at {{moment}}
);
CREATE INDEX activities_tenant ON data_processing_activities (tenant_id, created_at, id);
CREATE INDEX activities_subject ON data_processing_activities (subject_id);

CREATE TABLE rights_requests (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  subject_id {{uuid}}, type TEXT NOT NULL, regime TEXT NOT NULL DEFAULT 'gdpr',
  jurisdiction TEXT NOT NULL DEFAULT 'EU', state TEXT NOT NULL DEFAULT 'received',
  source TEXT NOT NULL DEFAULT 'sql', reference TEXT NOT NULL DEFAULT '', requester_sealed {{bytes}},
  details_sealed {{bytes}}, event_id {{uuid}} UNIQUE, received_at {{moment}} NOT NULL DEFAULT {{now}},
  acknowledge_by TEXT, due TEXT, clock {{json}} NOT NULL DEFAULT '[]',
  created_at {{moment}} NOT NULL DEFAULT {{now}}
);
CREATE INDEX rights_requests_tenant ON rights_requests (tenant_id, created_at, id);

CREATE TABLE notifications (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL, kind TEXT NOT NULL,
  severity TEXT NOT NULL DEFAULT 'info', title TEXT NOT NULL, body TEXT NOT NULL DEFAULT '',
  entity_kind TEXT, entity_id {{uuid}}, created_at {{moment}} NOT NULL DEFAULT {{now}}, read_at {{moment}},
  read_by {{uuid}}
);
CREATE INDEX notifications_tenant ON notifications (tenant_id, created_at, id);

CREATE TABLE events (
  seq {{serial}}, id {{uuid}} NOT NULL UNIQUE DEFAULT {{new_id}},
  tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id), connector_id {{uuid}}, source TEXT NOT NULL,
  topic TEXT NOT NULL, workflow TEXT NOT NULL, step TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'received',
  version INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, error TEXT,
  trust TEXT NOT NULL DEFAULT 'internal', dedup_key TEXT, body_mac TEXT, payload_sealed {{bytes}},
  meta {{json}} NOT NULL DEFAULT '{}', result {{json}} NOT NULL DEFAULT '{}',
  history {{json}} NOT NULL DEFAULT '[]', entity_id {{uuid}}, subject_id {{uuid}},
  due_at {{moment}} DEFAULT {{now}}, message_id TEXT, received_at {{moment}} NOT NULL DEFAULT {{now}},
  updated_at {{moment}} NOT NULL DEFAULT {{now}}, UNIQUE (connector_id, dedup_key)
);
CREATE INDEX events_due ON events (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX events_tenant ON events (tenant_id, seq);
CREATE INDEX events_state ON events (tenant_id, state, seq);
CREATE INDEX events_body ON events (tenant_id, body_mac) WHERE body_mac IS NOT NULL;
CREATE INDEX events_subject ON events (subject_id) WHERE subject_id IS NOT NULL;

CREATE TABLE audit_entries (
  tenant_id {{uuid}} NOT NULL, seq {{bigint}} NOT NULL CHECK (seq >= 0), kind TEXT NOT NULL,
  leaf TEXT NOT NULL, recorded_at {{moment}} NOT NULL DEFAULT {{now}}, PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE audit_heads (
  tenant_id {{uuid}} PRIMARY KEY, origin TEXT NOT NULL UNIQUE, size {{bigint}} NOT NULL DEFAULT 0,
  root TEXT NOT NULL, frontier {{bytes}} NOT NULL, fence {{bigint}} NOT NULL DEFAULT 0,
  checkpoint TEXT NOT NULL, updated_at {{moment}} NOT NULL DEFAULT {{now}}
);

CREATE TABLE audit_tiles (
  tenant_id {{uuid}} NOT NULL, level INTEGER NOT NULL, idx {{bigint}} NOT NULL, hashes {{bytes}} NOT NULL,
  PRIMARY KEY (tenant_id, level, idx)
);

CREATE TABLE audit_salts (
  tenant_id {{uuid}} NOT NULL, seq {{bigint}} NOT NULL, salt {{bytes}} NOT NULL, PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE registrations (
  activity_id {{uuid}} PRIMARY KEY, tenant_id {{uuid}} NOT NULL, did TEXT NOT NULL UNIQUE,
  log_index {{bigint}} NOT NULL, tree_size {{bigint}} NOT NULL,
  registered_at {{moment}} NOT NULL DEFAULT {{now}}, UNIQUE (tenant_id, log_index)
);

CREATE TABLE idempotency_keys (
  tenant_id {{uuid}} NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
  response_sealed {{bytes}} NOT NULL, created_at {{moment}} NOT NULL DEFAULT {{now}},
  PRIMARY KEY (tenant_id, key)
);
