// What the roles of this process count for whoever watches the house (libs/runtime/src/count.ts), by the counter's name.
import { metrics, type Counter, type Meter, type MeterProvider } from '@opentelemetry/api';

/** From now on; before anything is counted, since a counter is made at its first use and kept. */
export function hearCounters(): Map<string, number> {
  const totals = new Map<string, number>();
  const counter = (name: string): Counter => ({ add: (more) => void totals.set(name, (totals.get(name) ?? 0) + more) });
  const meter = Object.assign(Object.create(metrics.getMeter('none')) as Meter, { createCounter: counter });
  metrics.setGlobalMeterProvider({ getMeter: () => meter } satisfies MeterProvider);
  return totals;
}
