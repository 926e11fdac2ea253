-- API keys are ended and stay in the list. The hash of an ended one is hashed once more: no release lets it in, also one that knows nothing of
-- ends, and the key of the first start does not come back with the next.
alter table api_key add column ended_at timestamptz;
