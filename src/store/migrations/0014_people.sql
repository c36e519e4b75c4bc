-- The jobs that a token is limited to: JSON arrays of patterns of job ids and of tags; null where it is not limited.
ALTER TABLE tokens ADD COLUMN jobs TEXT CHECK (json_type(jobs) = 'array');
ALTER TABLE tokens ADD COLUMN tags TEXT CHECK (json_type(tags) = 'array');

-- Requests with a token that were refused because it has expired, written at most once a minute.
ALTER TABLE tokens ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN refused_at INTEGER;
ALTER TABLE tokens ADD COLUMN refused_from TEXT;

-- The boot of the machine in which petit has started last; null where it is not known.
ALTER TABLE identity ADD COLUMN boot TEXT;

-- Logins through an OpenID provider.
CREATE TABLE provider_sessions (
  -- The SHA-256 of the cookie, in hexadecimal.
  id TEXT PRIMARY KEY CHECK (length(id) = 64),
  -- Who has logged in: the provider, and what it calls the person.
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  -- JSON array of the groups that the provider named at the login.
  groups TEXT NOT NULL CHECK (json_type(groups) = 'array'),
  -- The SHA-256 of the settings by which the person was let in, in hexadecimal: others end the session.
  basis TEXT NOT NULL CHECK (length(basis) = 64),
  began_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL CHECK (expires_at >= began_at),
  -- 1 if no role was left for the person at some time: other settings do not bring the session back.
  is_refused INTEGER NOT NULL DEFAULT 0 CHECK (is_refused IN (0, 1))
) STRICT;

-- Who did what. Rows are only added, and deleted when they are older than the retention.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  -- The person's name; null if it is not known.
  who TEXT,
  -- Null if nobody was identified.
  role TEXT CHECK (role IN ('viewer', 'operator', 'admin')),
  -- How the person came in, or what caused it instead of a person.
  how TEXT NOT NULL,
  -- Null if it came from no network.
  address TEXT,
  action TEXT NOT NULL,
  -- What it was done to; null for petit itself.
  target TEXT,
  -- The job that it concerns; null if it concerns none or several.
  job_id TEXT,
  run_id TEXT,
  allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
  -- How many requests the row stands for.
  count INTEGER NOT NULL DEFAULT 1 CHECK (count >= 1),
  -- JSON object: what else is to be said, such as the files and the commit of changed jobs.
  details TEXT CHECK (json_type(details) = 'object'),
  -- The answer's X-Request-Id; null if no request caused it.
  request_id TEXT
) STRICT;
CREATE INDEX audit_at ON audit (at);
