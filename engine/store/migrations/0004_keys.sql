-- Keys that take turns, people who are forgotten for good, roots that a chain witnesses, logs that begin anew.

-- Which root keys there were; what was wrapped before this migration was so under the one of root_key_check.
-- ``sealed`` is the root key itself as a key service keeps it; null where the operator keeps it.
CREATE TABLE root_keys (
  id TEXT PRIMARY KEY, sealed TEXT, created_at {{moment}} NOT NULL DEFAULT {{now}}, retired_at {{moment}}
);

-- The keys of tenants and of the installation (00000000-0000-4000-8000-000000000000), each wrapped under a root
-- key. A retired version opens what it sealed, and makes nothing new.
CREATE TABLE wrapped_keys (
  owner_id {{uuid}} NOT NULL, purpose TEXT NOT NULL CHECK (purpose IN ('seal', 'link')),
  version INTEGER NOT NULL, root_id TEXT NOT NULL, wrapped {{bytes}} NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, retired_at {{moment}},
  PRIMARY KEY (owner_id, purpose, version)
);
INSERT INTO wrapped_keys (owner_id, purpose, version, root_id, wrapped, created_at)
  SELECT tenant_id, 'seal', version, '', wrapped, created_at FROM tenant_keys;
DROP TABLE tenant_keys;

-- The normalised identifier, sealed under its subject's own key: a new link key needs it.
ALTER TABLE data_subject_links ADD COLUMN value_sealed {{bytes}};
CREATE INDEX data_subject_links_version ON data_subject_links (tenant_id, key_version, id);

-- Whom the leaf of a salt concerns: erasing a person takes all of them.
CREATE TABLE audit_salt_subjects (
  subject_id {{uuid}} NOT NULL, tenant_id {{uuid}} NOT NULL, seq {{bigint}} NOT NULL,
  PRIMARY KEY (subject_id, tenant_id, seq)
) {{clustered}};
INSERT INTO audit_salt_subjects (subject_id, tenant_id, seq)
  SELECT e.subject_id, a.tenant_id, a.seq FROM audit_entries a JOIN events e ON e.id = {{leaf_event}}
  WHERE e.subject_id IS NOT NULL AND e.tenant_id = a.tenant_id;

-- Who was erased; the same list lies outside the database, for backups that are older.
CREATE TABLE erasures (
  subject_id {{uuid}} PRIMARY KEY, tenant_id {{uuid}} NOT NULL, log_index {{bigint}},
  erased_at {{moment}} NOT NULL DEFAULT {{now}}
);
CREATE INDEX erasures_tenant ON erasures (tenant_id, erased_at);

-- The installation's roots on a chain: the transaction is stored before it is sent. ``fee`` is in wei, decimal.
CREATE TABLE anchors (
  id {{serial}}, origin TEXT NOT NULL, size {{bigint}} NOT NULL, root TEXT NOT NULL, checkpoint TEXT NOT NULL,
  chain_id {{bigint}} NOT NULL, account TEXT NOT NULL, nonce {{bigint}} NOT NULL, raw {{bytes}} NOT NULL,
  tx_hash TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL DEFAULT 'signed' CHECK (state IN ('signed', 'sent', 'anchored', 'confirmed', 'lost')),
  block_number {{bigint}}, block_hash TEXT, block_time {{moment}}, confirmations {{bigint}} NOT NULL DEFAULT 0,
  gas_used {{bigint}}, fee TEXT, error TEXT, created_at {{moment}} NOT NULL DEFAULT {{now}},
  sent_at {{moment}}, anchored_at {{moment}}, confirmed_at {{moment}}
);
CREATE UNIQUE INDEX anchors_once ON anchors (chain_id, origin, size) WHERE state <> 'lost';
CREATE UNIQUE INDEX anchors_nonce ON anchors (chain_id, account, nonce) WHERE state <> 'lost';
CREATE INDEX anchors_mined ON anchors (size) WHERE state IN ('anchored', 'confirmed');
CREATE INDEX anchors_open ON anchors (id) WHERE state NOT IN ('confirmed', 'lost');

-- A log that was rolled back goes on under another origin; the leaf at ``seq`` says what is missing.
CREATE TABLE log_epochs (
  tenant_id {{uuid}} NOT NULL, epoch INTEGER NOT NULL CHECK (epoch > 1), origin TEXT NOT NULL UNIQUE,
  seq {{bigint}} NOT NULL, previous_origin TEXT NOT NULL, restored_checkpoint TEXT NOT NULL,
  published_size {{bigint}} NOT NULL, published_checkpoint TEXT NOT NULL,
  opened_at {{moment}} NOT NULL DEFAULT {{now}}, PRIMARY KEY (tenant_id, epoch)
);

-- Who was merged into a person goes with them.
CREATE INDEX data_subjects_merged ON data_subjects (merged_into) WHERE merged_into IS NOT NULL;
