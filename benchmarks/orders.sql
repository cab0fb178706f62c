-- %(orders)s orders of 500 companies, a tenth of them in the first; three numbers each.
-- Run as the owner of an empty, migrated database.
INSERT INTO companies_company (public_id, name, is_active, created_at)
SELECT gen_random_uuid(), 'Company ' || n, true, now() FROM generate_series(1, 500) n;

INSERT INTO orders_order (public_id, company_id, origins, title, fulfilment, status_raw,
    status_system, placed_on, sorted_at, placed_by_name, placed_by_code, currency, total,
    line_count, divergence_count, facts, provenance, draft_hash, created_at, changed_at)
SELECT gen_random_uuid(), c.company, 'erp+vtex', n || '-01', 'invoiced', 'invoiced', 'vtex',
    (timestamptz '2026-01-01' - n * interval '200 seconds')::date,
    timestamptz '2026-01-01' - n * interval '200 seconds', 'Buyer', '', 'BRL',
    (n %% 100000)::numeric / 7, 5, 0, '{}', '{}', md5(n::text), now(), now()
FROM generate_series(1, %(orders)s) n,
    LATERAL (SELECT CASE WHEN n %% 10 = 0 THEN 1 ELSE 2 + n %% 499 END AS company) c;

INSERT INTO orders_ordernumber (company_id, value, kind, order_id, written)
SELECT company_id, '11' || lpad(id::text, 11, '0') || '01', 'web', id, '11' || lpad(id::text, 11, '0') || '-01' FROM orders_order
UNION ALL
SELECT company_id, (40000000 + id)::text, 'erp', id, '00' || (40000000 + id) FROM orders_order
UNION ALL
SELECT company_id, 'PO' || id, 'customer', id, 'PO-' || id FROM orders_order;

ANALYZE;
