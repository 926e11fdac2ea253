-- A split is looked for by the id that others cite. Only our own sends have more than one, and of those the mail itself is always known.
create index on pin (tenant_id, (id_hashes[1])) where kind = 'split';
