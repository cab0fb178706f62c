-- The four roles of a B2B Orders database, and the database itself.
-- Run once as a superuser; give the log-in roles passwords of your own:
--     psql -f docs/roles.sql
--     ALTER ROLE b2b_owner PASSWORD '...';  (and b2b_web, b2b_worker)
-- See docs/decisions/0003-row-level-security.md for what each may do.
CREATE ROLE b2b_staff NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE b2b_web LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS;
CREATE ROLE b2b_worker LOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE b2b_owner LOGIN NOINHERIT CREATEDB NOSUPERUSER NOBYPASSRLS;
-- The web process becomes b2b_staff for number-first search; the owner takes on the
-- other roles in tests, to run behind the same wall.
GRANT b2b_staff TO b2b_web;
GRANT b2b_web, b2b_worker, b2b_staff TO b2b_owner;
CREATE DATABASE portal OWNER b2b_owner ENCODING 'UTF8' TEMPLATE template0;
