// The conformance suites on Kafka.
import { conformance } from './conformance.js';
import { outboxConformance } from './conformance-outbox.js';
import { kafkaDriver } from './drivers.js';

conformance('Kafka', kafkaDriver);
outboxConformance('Kafka', kafkaDriver);
