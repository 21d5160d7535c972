-- The log that outsiders verify: who may read it, the log of all tenants' checkpoints, keys that take turns,
-- and receipts of a dx-agent that runs elsewhere.
ALTER TABLE data_controllers ADD COLUMN log_access TEXT NOT NULL DEFAULT 'public'
  CHECK (log_access IN ('public', 'key'));

-- How much of a tenant's log the installation's log speaks of; only those that grew since are looked at.
ALTER TABLE audit_heads ADD COLUMN covered_size {{bigint}} NOT NULL DEFAULT 0;
CREATE INDEX audit_heads_uncovered ON audit_heads (tenant_id) WHERE covered_size <> size;

-- What each leaf of the installation's log commits to: the checkpoint of one tenant.
CREATE TABLE covered_checkpoints (
  seq {{bigint}} PRIMARY KEY, tenant_id {{uuid}} NOT NULL, size {{bigint}} NOT NULL, checkpoint TEXT NOT NULL,
  covered_at {{moment}} NOT NULL DEFAULT {{now}}, UNIQUE (tenant_id, size)
);

-- A retired key signs nothing more and still verifies what it signed.
ALTER TABLE log_keys ADD COLUMN retired_at {{moment}};

-- What a dx-agent hears of an activity, made before it hears of it: the commitment, and its salt. Erasing
-- deletes both.
CREATE TABLE activity_salts (
  activity_id {{uuid}} PRIMARY KEY, tenant_id {{uuid}} NOT NULL, salt {{bytes}} NOT NULL,
  commitment TEXT NOT NULL
);

-- One index per log: '' is the tenant's own, another origin that of a dx-agent elsewhere, with its proof.
ALTER TABLE registrations RENAME TO registrations_before;
CREATE TABLE registrations (
  activity_id {{uuid}} PRIMARY KEY, tenant_id {{uuid}} NOT NULL, did TEXT NOT NULL,
  origin TEXT NOT NULL DEFAULT '', log_index {{bigint}} NOT NULL, tree_size {{bigint}} NOT NULL,
  commitment TEXT, proof TEXT, registered_at {{moment}} NOT NULL DEFAULT {{now}},
  CONSTRAINT registrations_one_did UNIQUE (did),
  CONSTRAINT registrations_one_leaf UNIQUE (tenant_id, origin, log_index)
);
INSERT INTO registrations (activity_id, tenant_id, did, log_index, tree_size, registered_at)
  SELECT activity_id, tenant_id, did, log_index, tree_size, registered_at FROM registrations_before;
DROP TABLE registrations_before;

-- The dx-agent's side: which engines may register, and whose log each tenant's DID names here.
CREATE TABLE agent_engines (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, name TEXT NOT NULL, public_key TEXT NOT NULL UNIQUE,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, revoked_at {{moment}}
);
CREATE TABLE agent_tenants (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, did TEXT NOT NULL UNIQUE,
  engine_id {{uuid}} NOT NULL REFERENCES agent_engines (id), created_at {{moment}} NOT NULL DEFAULT {{now}}
);

-- The engine's side: the last checkpoint of a tenant's log that it saw of a dx-agent, and the keys it trusts.
-- The one seen last is in use; those of agents before it stay, because receipts are proved under them.
CREATE TABLE agent_checkpoints (
  tenant_id {{uuid}} NOT NULL, origin TEXT NOT NULL, size {{bigint}} NOT NULL, checkpoint TEXT NOT NULL,
  vkeys {{json}} NOT NULL DEFAULT '[]', seen_at {{moment}} NOT NULL DEFAULT {{now}},
  PRIMARY KEY (tenant_id, origin)
);

-- Where each log speaks of a key that came or went; a rotation that was interrupted goes on from here.
CREATE TABLE log_key_leaves (
  public_key TEXT NOT NULL, tenant_id {{uuid}} NOT NULL, kind TEXT NOT NULL, seq {{bigint}} NOT NULL,
  PRIMARY KEY (public_key, kind, tenant_id)
);

-- What an administrative act changed, sealed: with it and the leaf's salt its commitment can be opened.
CREATE TABLE act_payloads (
  id {{uuid}} PRIMARY KEY, tenant_id {{uuid}} NOT NULL, payload_sealed {{bytes}} NOT NULL
);
