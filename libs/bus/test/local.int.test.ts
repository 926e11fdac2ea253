// The conformance suites on PostgreSQL.
import { conformance } from './conformance.js';
import { outboxConformance } from './conformance-outbox.js';
import { localDriver } from './drivers.js';

conformance('PostgreSQL', localDriver);
outboxConformance('PostgreSQL', localDriver);
