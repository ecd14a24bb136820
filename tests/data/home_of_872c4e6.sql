PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('0004');
CREATE TABLE products (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	internal_name VARCHAR(255), 
	display_name VARCHAR(255) NOT NULL, 
	product_type VARCHAR(64) NOT NULL, 
	release VARCHAR(255), 
	description TEXT, 
	status INTEGER NOT NULL, 
	owner VARCHAR(255), 
	official BOOLEAN NOT NULL, 
	created DATETIME NOT NULL, 
	updated DATETIME NOT NULL, 
	current_version INTEGER, 
	staging VARCHAR(255), pz_code VARCHAR(55), release_year INTEGER, data_url TEXT, failure TEXT, origin VARCHAR(255), process VARCHAR(64), 
	CONSTRAINT uq_products_internal_name UNIQUE (internal_name)
);
INSERT INTO products VALUES(1,'1_one','one','redshift_catalog',NULL,NULL,1,'operator',0,'2026-11-28 20:25:04.672442','2026-11-28 20:25:05.446758',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE product_versions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	product_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	file_name VARCHAR(1024) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	n_rows BIGINT NOT NULL, 
	relation VARCHAR(64) NOT NULL, 
	table_file VARCHAR(255) NOT NULL, 
	ra VARCHAR(16), 
	dec VARCHAR(16), 
	coverage TEXT, 
	description TEXT, 
	created DATETIME NOT NULL, 
	retired DATETIME, annotation INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT uq_product_versions_product_id UNIQUE (product_id, number), 
	CONSTRAINT uq_product_versions_relation UNIQUE (relation), 
	CONSTRAINT uq_product_versions_table_file UNIQUE (table_file), 
	CONSTRAINT fk_product_versions_product_id FOREIGN KEY(product_id) REFERENCES products (id)
);
INSERT INTO product_versions VALUES(1,1,1,'a.csv',17,'3480cd957a75e380c591d3e1d384e80c74c1528ae5627a94cce1e50fd8d95c76',1,'t1_v1','t1_v1.duckdb','c0','c1','10/4981950',NULL,'2026-11-28 20:25:05.446476',NULL,0);
CREATE TABLE product_columns (
	version_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	physical VARCHAR(16) NOT NULL, 
	datatype VARCHAR(16) NOT NULL, 
	arraysize VARCHAR(32), 
	xtype VARCHAR(64), 
	unit TEXT, 
	ucd TEXT, 
	utype TEXT, 
	description TEXT, 
	alias TEXT, 
	principal BOOLEAN NOT NULL, 
	"indexed" BOOLEAN NOT NULL, 
	file_type TEXT NOT NULL, 
	statistics JSON, 
	CONSTRAINT pk_product_columns PRIMARY KEY (version_id, position), 
	CONSTRAINT fk_product_columns_version_id FOREIGN KEY(version_id) REFERENCES product_versions (id)
);
INSERT INTO product_columns VALUES(1,0,'ra','c0','long',NULL,NULL,'deg','pos.eq.ra;meta.main',NULL,NULL,'RA',1,1,'int64','{"n_null": 0, "minimum": 1, "maximum": 1, "mean": 1.0, "n_distinct": 1}');
INSERT INTO product_columns VALUES(1,1,'dec','c1','long',NULL,NULL,'deg','pos.eq.dec;meta.main',NULL,NULL,'Dec',1,1,'int64','{"n_null": 0, "minimum": 2, "maximum": 2, "mean": 2.0, "n_distinct": 1}');
INSERT INTO product_columns VALUES(1,2,'z','c2','double',NULL,NULL,NULL,'src.redshift',NULL,NULL,'z',1,0,'double','{"n_null": 0, "minimum": 0.5, "maximum": 0.5, "mean": 0.5, "n_distinct": 1}');
CREATE TABLE schema_state (
	id INTEGER NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_schema_state PRIMARY KEY (id)
);
INSERT INTO schema_state VALUES(1,2);
CREATE TABLE users (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(150) NOT NULL, 
	display_name VARCHAR(255) NOT NULL, 
	first_name VARCHAR(150) NOT NULL, 
	last_name VARCHAR(150) NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	password_hash VARCHAR(255), 
	active BOOLEAN NOT NULL, 
	coordinator BOOLEAN NOT NULL, 
	operator BOOLEAN NOT NULL, 
	created DATETIME NOT NULL, 
	issuer VARCHAR(255), 
	subject VARCHAR(255), 
	CONSTRAINT uq_users_name UNIQUE (name), 
	CONSTRAINT uq_users_issuer UNIQUE (issuer, subject)
);
INSERT INTO users VALUES(1,'ada','ada','','','',NULL,1,0,0,'2026-11-28 20:25:25.779119',NULL,NULL);
CREATE TABLE groups (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(150) NOT NULL, 
	display_name VARCHAR(255) NOT NULL, 
	description TEXT NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT uq_groups_name UNIQUE (name)
);
CREATE TABLE memberships (
	user_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_memberships PRIMARY KEY (user_id, group_id), 
	CONSTRAINT fk_memberships_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT fk_memberships_group_id FOREIGN KEY(group_id) REFERENCES groups (id)
);
CREATE TABLE tokens (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	user_id INTEGER NOT NULL, 
	name VARCHAR(150) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	created DATETIME NOT NULL, 
	expires DATETIME, 
	last_used DATETIME, 
	CONSTRAINT uq_tokens_hash UNIQUE (hash), 
	CONSTRAINT fk_tokens_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE sessions (
	hash VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	created DATETIME NOT NULL, 
	expires DATETIME NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (hash), 
	CONSTRAINT fk_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE external_logins (
	hash VARCHAR(64) NOT NULL, 
	nonce VARCHAR(64) NOT NULL, 
	verifier VARCHAR(128) NOT NULL, 
	next TEXT NOT NULL, 
	expires DATETIME NOT NULL, 
	CONSTRAINT pk_external_logins PRIMARY KEY (hash)
);
CREATE TABLE releases (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(255) NOT NULL, 
	display_name VARCHAR(255) NOT NULL, 
	description TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	indexing_column VARCHAR(255) NOT NULL, 
	has_mag_hats BOOLEAN NOT NULL, 
	has_flux_hats BOOLEAN NOT NULL, 
	dereddening JSON, 
	fluxes JSON, 
	is_public BOOLEAN NOT NULL, 
	CONSTRAINT uq_releases_name UNIQUE (name)
);
CREATE TABLE release_groups (
	release_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	CONSTRAINT pk_release_groups PRIMARY KEY (release_id, group_id), 
	CONSTRAINT fk_release_groups_release_id FOREIGN KEY(release_id) REFERENCES releases (id), 
	CONSTRAINT fk_release_groups_group_id FOREIGN KEY(group_id) REFERENCES groups (id)
);
CREATE TABLE product_files (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	product_id INTEGER NOT NULL, 
	role INTEGER NOT NULL, 
	version INTEGER, 
	name VARCHAR(1024) NOT NULL, 
	media_type VARCHAR(255), 
	size_bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	crc32 BIGINT, 
	is_directory BOOLEAN NOT NULL, 
	n_rows BIGINT, 
	stored VARCHAR(1100) NOT NULL, 
	created DATETIME NOT NULL, 
	updated DATETIME NOT NULL, 
	registered DATETIME, 
	CONSTRAINT uq_product_files_product_id UNIQUE (product_id, version), 
	CONSTRAINT fk_product_files_product_id FOREIGN KEY(product_id) REFERENCES products (id)
);
INSERT INTO product_files VALUES(1,1,0,1,'a.csv',NULL,17,'3480cd957a75e380c591d3e1d384e80c74c1528ae5627a94cce1e50fd8d95c76',2386144630,0,1,'v1/a.csv','2026-11-28 20:25:05.446758','2026-11-28 20:25:05.446758','2026-11-28 20:25:05.446758');
CREATE TABLE product_file_members (
	file_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	crc32 BIGINT NOT NULL, 
	CONSTRAINT pk_product_file_members PRIMARY KEY (file_id, position), 
	CONSTRAINT fk_product_file_members_file_id FOREIGN KEY(file_id) REFERENCES product_files (id)
);
CREATE TABLE product_file_facts (
	file_id INTEGER NOT NULL, 
	facts JSON NOT NULL, 
	CONSTRAINT pk_product_file_facts PRIMARY KEY (file_id), 
	CONSTRAINT fk_product_file_facts_file_id FOREIGN KEY(file_id) REFERENCES product_files (id)
);
INSERT INTO product_file_facts VALUES(1,'{"preview": {"columns": ["ra", "dec", "z"], "rows": [[1, 2, 0.5]]}, "histogram": {"column": "z", "low": 0.5, "width": 0.01, "counts": [1], "outside": 0}, "footprint": {"order": 5, "cells": [4865], "counts": [1]}, "coverage": "10/4981950", "format": "CSV", "n_rows": 1, "layout": {"delimiter": ",", "has_header": true}, "warnings": []}');
CREATE TABLE product_contents (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	product_id INTEGER NOT NULL, 
	file_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	column_name TEXT NOT NULL, 
	file_type TEXT NOT NULL, 
	ucd TEXT, 
	alias TEXT, 
	unit TEXT, 
	description TEXT, 
	utype TEXT, 
	suggestion JSON, 
	statistics JSON, 
	CONSTRAINT uq_product_contents_file_id UNIQUE (file_id, position), 
	CONSTRAINT fk_product_contents_product_id FOREIGN KEY(product_id) REFERENCES products (id), 
	CONSTRAINT fk_product_contents_file_id FOREIGN KEY(file_id) REFERENCES product_files (id)
);
INSERT INTO product_contents VALUES(1,1,1,0,'ra','int64','pos.eq.ra;meta.main','RA','deg',NULL,NULL,'{"alias": "RA", "ucd": "pos.eq.ra", "unit": "deg", "reason": "a usual name of the right ascension in degrees"}','{"n_null": 0, "minimum": 1, "maximum": 1, "mean": 1.0, "n_distinct": 1}');
INSERT INTO product_contents VALUES(2,1,1,1,'dec','int64','pos.eq.dec;meta.main','Dec','deg',NULL,NULL,'{"alias": "Dec", "ucd": "pos.eq.dec", "unit": "deg", "reason": "a usual name of the declination in degrees"}','{"n_null": 0, "minimum": 2, "maximum": 2, "mean": 2.0, "n_distinct": 1}');
INSERT INTO product_contents VALUES(3,1,1,2,'z','double','src.redshift','z',NULL,NULL,NULL,'{"alias": "z", "ucd": "src.redshift", "unit": null, "reason": "a usual name of the redshift"}','{"n_null": 0, "minimum": 0.5, "maximum": 0.5, "mean": 0.5, "n_distinct": 1}');
CREATE TABLE product_inputs (
	product_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	input_id INTEGER NOT NULL, 
	internal_name VARCHAR(255) NOT NULL, 
	version INTEGER, 
	sha256 VARCHAR(64), 
	CONSTRAINT pk_product_inputs PRIMARY KEY (product_id, position), 
	CONSTRAINT fk_product_inputs_product_id FOREIGN KEY(product_id) REFERENCES products (id), 
	CONSTRAINT fk_product_inputs_input_id FOREIGN KEY(input_id) REFERENCES products (id)
);
CREATE TABLE product_provenance (
	product_id INTEGER NOT NULL, 
	pipeline VARCHAR(255) NOT NULL, 
	pipeline_version VARCHAR(255), 
	configuration JSON NOT NULL, 
	started DATETIME, 
	ended DATETIME, 
	CONSTRAINT pk_product_provenance PRIMARY KEY (product_id), 
	CONSTRAINT fk_product_provenance_product_id FOREIGN KEY(product_id) REFERENCES products (id)
);
CREATE TABLE user_tables (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	owner VARCHAR(150) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	name_key VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	relation VARCHAR(64) NOT NULL, 
	table_file VARCHAR(255) NOT NULL, 
	n_rows BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	ra VARCHAR(16), 
	dec VARCHAR(16), 
	description TEXT, 
	created DATETIME NOT NULL, 
	updated DATETIME NOT NULL, 
	last_used DATETIME NOT NULL, 
	CONSTRAINT uq_user_tables_owner UNIQUE (owner, name_key), 
	CONSTRAINT uq_user_tables_relation UNIQUE (relation), 
	CONSTRAINT uq_user_tables_table_file UNIQUE (table_file)
);
CREATE TABLE user_table_columns (
	table_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	physical VARCHAR(16) NOT NULL, 
	datatype VARCHAR(16) NOT NULL, 
	arraysize VARCHAR(32), 
	xtype VARCHAR(64), 
	unit TEXT, 
	ucd TEXT, 
	utype TEXT, 
	description TEXT, 
	"indexed" BOOLEAN NOT NULL, 
	is_unique BOOLEAN NOT NULL, 
	CONSTRAINT pk_user_table_columns PRIMARY KEY (table_id, position), 
	CONSTRAINT fk_user_table_columns_table_id FOREIGN KEY(table_id) REFERENCES user_tables (id) ON DELETE CASCADE
);
CREATE TABLE retired_user_tables (
	table_file VARCHAR(255) NOT NULL, 
	retired DATETIME NOT NULL, 
	CONSTRAINT pk_retired_user_tables PRIMARY KEY (table_file)
);
CREATE TABLE uws_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT uws_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO uws_alembic_version VALUES('0003');
CREATE TABLE uws_jobs (
	job_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	run_id TEXT, 
	phase VARCHAR(16) NOT NULL, 
	attempt INTEGER NOT NULL, 
	losses INTEGER NOT NULL, 
	creation_time DATETIME NOT NULL, 
	queue_time DATETIME, 
	start_time DATETIME, 
	end_time DATETIME, 
	execution_duration_s INTEGER NOT NULL, 
	deadline DATETIME, 
	destruction DATETIME, 
	quote DATETIME, 
	parameters JSON NOT NULL, 
	results JSON NOT NULL, 
	error JSON, 
	info JSON NOT NULL, 
	worker VARCHAR(255), 
	lease_expires DATETIME, irrevocable BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_uws_jobs PRIMARY KEY (job_id)
);
CREATE TABLE uws_state (
	id INTEGER NOT NULL, 
	changes BIGINT NOT NULL, 
	CONSTRAINT pk_uws_state PRIMARY KEY (id)
);
INSERT INTO uws_state VALUES(1,1);
CREATE TABLE uws_durations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(64) NOT NULL, 
	shape VARCHAR(255) NOT NULL, 
	ended DATETIME NOT NULL, 
	duration_s FLOAT NOT NULL
);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('product_files',1);
INSERT INTO sqlite_sequence VALUES('product_contents',3);
INSERT INTO sqlite_sequence VALUES('products',1);
INSERT INTO sqlite_sequence VALUES('product_versions',1);
INSERT INTO sqlite_sequence VALUES('users',1);
CREATE INDEX ix_products_status ON products (status);
CREATE INDEX ix_memberships_group_id ON memberships (group_id);
CREATE INDEX ix_tokens_user_id ON tokens (user_id);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX ix_release_groups_group_id ON release_groups (group_id);
CREATE UNIQUE INDEX ix_products_process ON products (process);
CREATE INDEX ix_product_files_product_id ON product_files (product_id);
CREATE UNIQUE INDEX ix_product_files_main ON product_files (product_id) WHERE role = 0 AND version IS NULL;
CREATE UNIQUE INDEX ix_product_files_name ON product_files (product_id, name) WHERE role <> 0;
CREATE INDEX ix_product_contents_product_id ON product_contents (product_id);
CREATE INDEX ix_product_inputs_input_id ON product_inputs (input_id);
CREATE INDEX ix_user_tables_last_used ON user_tables (last_used);
CREATE INDEX ix_retired_user_tables_retired ON retired_user_tables (retired);
CREATE INDEX ix_uws_jobs_phase ON uws_jobs (phase, owner, queue_time);
CREATE INDEX ix_uws_jobs_owner ON uws_jobs (owner, creation_time);
CREATE INDEX ix_uws_jobs_worker ON uws_jobs (worker);
CREATE INDEX ix_uws_jobs_destruction ON uws_jobs (destruction);
CREATE INDEX ix_uws_durations_shape ON uws_durations (kind, shape, id);
CREATE INDEX ix_uws_durations_ended ON uws_durations (ended);
COMMIT;
