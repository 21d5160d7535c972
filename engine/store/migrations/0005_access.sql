-- Who may come in: memberships that can be switched off, invitations, second factors, single sign-on, SCIM.

ALTER TABLE users ADD COLUMN totp_sealed {{bytes}};
ALTER TABLE users ADD COLUMN totp_confirmed_at {{moment}};
-- The newest time step whose code was used: none works twice.
ALTER TABLE users ADD COLUMN totp_step {{bigint}} NOT NULL DEFAULT 0;

-- ``source`` says who decides about the membership: dxflow, invitation, hasura, oidc or scim.
ALTER TABLE memberships ADD COLUMN active {{boolean}} NOT NULL DEFAULT {{true}};
ALTER TABLE memberships ADD COLUMN source TEXT NOT NULL DEFAULT 'dxflow';
ALTER TABLE memberships ADD COLUMN subject_id {{uuid}};
-- Vouched for by this data controller's provider or directory alone: no session by password leads here.
ALTER TABLE memberships ADD COLUMN vouched {{boolean}} NOT NULL DEFAULT {{false}};
-- Whoever was let go stays known, so that nothing that is still under way brings them back.
ALTER TABLE memberships ADD COLUMN removed_at {{moment}};
CREATE INDEX memberships_tenant ON memberships (tenant_id, created_at, id);

-- A user's key does what its scopes and the user's role both allow, and dies with the membership.
ALTER TABLE api_keys ADD COLUMN user_id {{uuid}} REFERENCES users (id);
ALTER TABLE api_keys ADD COLUMN expires_at {{moment}};
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, created_at, id);

-- Sessions are made anew: everybody signs in once more. ``stage`` is ``second_factor`` until a code was given.
DROP TABLE sessions;
CREATE TABLE sessions (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, token_hash TEXT NOT NULL UNIQUE,
  user_id {{uuid}} NOT NULL REFERENCES users (id), tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  csrf TEXT NOT NULL, stage TEXT NOT NULL DEFAULT 'open' CHECK (stage IN ('second_factor', 'open')),
  method TEXT NOT NULL DEFAULT 'password' CHECK (method IN ('password', 'one_time_password', 'oidc')),
  client_sealed {{bytes}}, created_at {{moment}} NOT NULL DEFAULT {{now}},
  seen_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}} NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE recovery_codes (
  user_id {{uuid}} NOT NULL REFERENCES users (id), hash TEXT NOT NULL, used_at {{moment}},
  PRIMARY KEY (user_id, hash)
);

CREATE TABLE invitations (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  email_link TEXT NOT NULL, email_sealed {{bytes}} NOT NULL, role TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE,
  invited_by TEXT NOT NULL, created_at {{moment}} NOT NULL DEFAULT {{now}}, expires_at {{moment}} NOT NULL,
  accepted_at {{moment}}, revoked_at {{moment}}, user_id {{uuid}} REFERENCES users (id)
);
CREATE INDEX invitations_tenant ON invitations (tenant_id, created_at, id);
CREATE INDEX invitations_pending ON invitations (tenant_id, email_link)
  WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- Failures of an account or of a client address, each known by a keyed index only; shared by all processes.
CREATE TABLE attempts (
  name TEXT PRIMARY KEY, failures INTEGER NOT NULL, since {{moment}} NOT NULL, blocked_until {{moment}}
);

-- Where a data controller's people sign in (OpenID Connect). ``role`` is what a newcomer becomes; null: nobody does.
CREATE TABLE sso_providers (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL UNIQUE REFERENCES data_controllers (id),
  issuer TEXT NOT NULL, client_id TEXT NOT NULL, secret_sealed {{bytes}} NOT NULL, role TEXT,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, disabled_at {{moment}}
);

CREATE TABLE sso_identities (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, provider_id {{uuid}} NOT NULL REFERENCES sso_providers (id),
  tenant_id {{uuid}} NOT NULL, user_id {{uuid}} NOT NULL REFERENCES users (id),
  subject_link TEXT NOT NULL UNIQUE, subject_sealed {{bytes}} NOT NULL,
  created_at {{moment}} NOT NULL DEFAULT {{now}}, UNIQUE (provider_id, user_id)
);
CREATE INDEX sso_identities_user ON sso_identities (user_id);

-- A browser on its way through a provider: state, nonce and verifier, for ten minutes.
CREATE TABLE sso_flows (
  state_hash TEXT PRIMARY KEY, provider_id {{uuid}} NOT NULL REFERENCES sso_providers (id),
  tenant_id {{uuid}} NOT NULL, browser_hash TEXT NOT NULL, flow_sealed {{bytes}} NOT NULL,
  expires_at {{moment}} NOT NULL
);

-- What a data controller's directory says of its people (RFC 7643).
CREATE TABLE scim_users (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  user_id {{uuid}} REFERENCES users (id), user_name_link TEXT NOT NULL UNIQUE, external_id_link TEXT,
  resource_sealed {{bytes}} NOT NULL, active {{boolean}} NOT NULL DEFAULT {{true}},
  -- What its own attribute ``roles`` gives; and whether it is the directory that shut a member out.
  role TEXT, shut_out {{boolean}} NOT NULL DEFAULT {{false}},
  version INTEGER NOT NULL DEFAULT 1, created_at {{moment}} NOT NULL DEFAULT {{now}},
  updated_at {{moment}} NOT NULL DEFAULT {{now}}
);
CREATE INDEX scim_users_tenant ON scim_users (tenant_id, created_at, id);
CREATE INDEX scim_users_external ON scim_users (external_id_link) WHERE external_id_link IS NOT NULL;
CREATE UNIQUE INDEX scim_users_user ON scim_users (tenant_id, user_id) WHERE user_id IS NOT NULL;

-- A group whose ``role`` is set gives it to its members. ``name_key`` is the display name without its case.
CREATE TABLE scim_groups (
  id {{uuid}} PRIMARY KEY DEFAULT {{new_id}}, tenant_id {{uuid}} NOT NULL REFERENCES data_controllers (id),
  display_name TEXT NOT NULL, name_key TEXT NOT NULL, external_id TEXT, role TEXT,
  version INTEGER NOT NULL DEFAULT 1, created_at {{moment}} NOT NULL DEFAULT {{now}},
  updated_at {{moment}} NOT NULL DEFAULT {{now}}, UNIQUE (tenant_id, name_key)
);

CREATE TABLE scim_group_members (
  group_id {{uuid}} NOT NULL REFERENCES scim_groups (id), scim_user_id {{uuid}} NOT NULL REFERENCES scim_users (id),
  tenant_id {{uuid}} NOT NULL, PRIMARY KEY (group_id, scim_user_id)
) {{clustered}};
CREATE INDEX scim_group_members_user ON scim_group_members (scim_user_id);
